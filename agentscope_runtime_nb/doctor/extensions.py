"""Looks at what a Jupyter server of this environment would load of ours, while none runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_core.paths import jupyter_config_path, jupyter_path

import agentscope_runtime_nb
from agentscope_runtime_nb.doctor.environment import reinstall
from agentscope_runtime_nb.doctor.findings import (
    DISTRIBUTION,
    Finding,
    command,
    fine,
    warning,
)
from agentscope_runtime_nb.doctor.jupyter import read_json, version_of
from agentscope_runtime_nb.doctor.servers import of_here, running

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "agentscope_runtime_nb"


def jupyter_extensions() -> Iterator[Finding]:
    """Whether a Jupyter server of this environment would load our two parts."""
    if not (version_of("jupyterlab") or version_of("notebook")):
        text = "No JupyterLab in this environment: it is for kernels alone, which is fine."
        yield fine("server-extension", text)
        return
    if any(of_here(server) for server in running()):
        return  # they themselves tell what they have loaded
    yield _server_extension()
    yield _lab_extension()


def _server_extension() -> Finding:
    enabled: object = None
    for folder in reversed(jupyter_config_path()):  # later ones win
        base = Path(folder)
        files = sorted((base / "jupyter_server_config.d").glob("*.json"))
        for file in [*files, base / "jupyter_server_config.json"]:
            said = _inside(_inside(read_json(file), "ServerApp"), "jpserver_extensions")
            enabled = said.get(MODULE, enabled)
    if enabled:
        return fine("server-extension", "Enabled in this environment.")
    text = (
        "Not enabled in this environment: with a server from here, a Stop waits while a cell "
        "runs, and an agent has no address in the browser."
    )
    switch = Path(sys.executable).with_name("jupyter-server")
    again = command(switch, "extension", "enable", MODULE, "--sys-prefix")
    return warning("server-extension", text, reinstall() if enabled is None else again)


def _inside(loaded: dict[str, Any], name: str) -> dict[str, Any]:
    value = loaded.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _lab_extension() -> Finding:
    installed = agentscope_runtime_nb.__version__
    for folder in jupyter_path("labextensions"):
        package = Path(folder) / DISTRIBUTION / "package.json"
        if package.is_file():
            version = str(read_json(package).get("version", "?"))
            if _is_disabled():
                text = "Installed and disabled: the chat's code comes with each page instead."
                switch = Path(sys.executable).with_name("jupyter-labextension")
                fix = command(switch, "enable", DISTRIBUTION)
                return warning("lab-extension", text, fix)
            if version != installed or not _same_build(package.parent):
                text = f"{version} in {folder} was not built with the package's {installed}."
                return warning("lab-extension", text, reinstall())
            return fine("lab-extension", f"{version}, in {folder}.")
    text = "Not installed for JupyterLab here: the chat's code comes with each page instead."
    return warning("lab-extension", text, reinstall())


def _same_build(folder: Path) -> bool:
    """Whether the chat that it carries is the one that the package sends; names have digests."""
    static = Path(agentscope_runtime_nb.__file__).parent / "widgets" / "static"
    chat = read_json(static / "manifest.json").get("chat", "")
    return (folder / "static" / str(chat)).exists()


def _is_disabled() -> bool:
    answer = False
    for folder in reversed(jupyter_config_path()):
        said = read_json(Path(folder) / "labconfig" / "page_config.json").get("disabledExtensions")
        if isinstance(said, dict):
            answer = bool(cast("dict[str, Any]", said).get(DISTRIBUTION, answer))
        elif isinstance(said, list):
            answer = DISTRIBUTION in cast("list[Any]", said) or answer
    return answer
