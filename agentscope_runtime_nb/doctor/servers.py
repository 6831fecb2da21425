"""Looks at the Jupyter servers that run, and at what kernels tell them.

A server and a kernel may be two environments with two versions of this package. Tokens are read to
ask with, and never shown.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
from jupyter_core.paths import jupyter_runtime_dir

import agentscope_runtime_nb
from agentscope_runtime_nb.doctor.environment import reinstall
from agentscope_runtime_nb.doctor.findings import (
    DISTRIBUTION,
    Finding,
    as_root,
    broken,
    command,
    fine,
    pip,
    warning,
)
from agentscope_runtime_nb.doctor.jupyter import read_json
from agentscope_runtime_nb.server_extension import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 3.0
_OK, _LOGIN, _MISSING = 200, {301, 302, 401, 403}, 404
_CONFIG = re.compile(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', re.DOTALL)
_WIDGETS = "@jupyter-widgets/jupyterlab-manager"


@dataclass(frozen=True, slots=True)
class Server:
    """A Jupyter server of this user that runs, as its runtime file tells.

    Attributes:
        pid: Its process.
        url: Its address, without a token.
        token: What it wants as one; empty when it goes by a password.
        socket: Its unix socket, if it has no port.
    """

    pid: int
    url: str
    token: str
    socket: str

    @property
    def python(self) -> str | None:
        """The interpreter that runs it, if the system tells."""
        try:
            first = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        except (OSError, UnicodeDecodeError):
            asked = ["ps", "-o", "command=", "-p", str(self.pid)]  # macOS has no /proc
            try:
                done = subprocess.run(asked, capture_output=True, text=True, timeout=3, check=False)  # noqa: S603
            except (OSError, subprocess.SubprocessError):
                return None
            first = done.stdout.split(" ")[0].strip()
        return first if Path(first).name.startswith("python") and os.sep in first else None

    def client(self) -> httpx2.Client:
        """An HTTP client that may ask it; no proxy stands between, certificates are its own."""
        return httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"token {self.token}"} if self.token else {},
            transport=httpx2.HTTPTransport(verify=False, uds=self.socket or None),
            timeout=_SECONDS,
            trust_env=False,
        )


def running() -> list[Server]:
    """The Jupyter servers of this user that run on this machine."""
    found: list[Server] = []
    for path in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        info = read_json(path)
        pid, url = info.get("pid"), info.get("url")
        if isinstance(pid, int) and isinstance(url, str) and _lives(pid):
            token, socket = str(info.get("token") or ""), str(info.get("sock") or "")
            url = f"http://localhost{info.get('base_url', '/')}" if socket else url
            found.append(Server(pid, url, token, socket))
    return found


def of_here(server: Server) -> bool:
    """Whether a server runs in this process's environment."""
    python = server.python
    return python is not None and Path(python).parent == Path(sys.executable).parent


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return pid > 0


def jupyter_server() -> Iterator[Finding]:
    """Both sides: this environment, and the servers. In a kernel, the server that started it."""
    found = running()
    parent = os.environ.get("JPY_PARENT_PID", "")
    if parent and "ipykernel" in sys.modules:
        own = [server for server in found if str(server.pid) == parent]
        if not own:
            text = "The server of this kernel is not on this machine, or hides; it was not asked."
            yield fine("jupyter-server", text)
        found = own
    elif not found:
        yield fine("jupyter-server", "None of yours runs now; start one and look again.")
    for server in found:
        yield from _asked(server)


def _asked(server: Server) -> Iterator[Finding]:
    about = "jupyter-server"
    try:
        with server.client() as client:
            answer = client.get("agentscope-nb/status")
            if answer.status_code == _OK:
                yield _compared(server, json.loads(answer.text))
            elif answer.status_code == _MISSING:
                yield _lacking(server)
            elif answer.status_code in _LOGIN:
                text = f"{server.url} wants a login that is not known here; it was not asked."
                yield warning(about, text)
                return
            else:
                text = f"{server.url} answers HTTP {answer.status_code} for our part."
                yield warning(about, text)
            yield from _front_end(client)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        text = (
            f"{server.url} does not answer ({type(error).__name__}), but process {server.pid} runs."
        )
        yield warning(about, text)
    except (ValueError, KeyError, TypeError):
        yield warning(about, f"{server.url} has something else at our address.")


def _compared(server: Server, said: dict[str, Any]) -> Finding:
    ours, theirs = agentscope_runtime_nb.__version__, str(said["version"])
    if said["schema"] != registry.SCHEMA:
        newer = said["schema"] < registry.SCHEMA
        text = f"{server.url} has {theirs}, which does not understand {ours} here."
        python = server.python or "python" if newer else sys.executable
        version = ours if newer else theirs
        return warning("jupyter-server", text, pip(f"{DISTRIBUTION}=={version}", python=python))
    if theirs != ours:
        text = f"{server.url} has {theirs}, this environment {ours}: they get on, but upgrade it."
        fix = pip(f"{DISTRIBUTION}=={ours}", python=server.python or "python")
        return warning("jupyter-server", text, fix)
    return fine("jupyter-server", f"{server.url} has {theirs} too.")


def _lacking(server: Server) -> Finding:
    """It runs without our part: not installed in its environment, or not enabled."""
    text = (
        f"{server.url} runs without our part: the chat works, but a Stop waits while a cell runs. "
        "Restart it after this:"
    )
    if of_here(server):
        return warning("jupyter-server", text, reinstall())
    wanted = f"{DISTRIBUTION}[lab]=={agentscope_runtime_nb.__version__}"
    return warning("jupyter-server", text, pip(wanted, python=server.python or "python"))


def _front_end(client: httpx2.Client) -> Iterator[Finding]:
    """What the server's pages load: the widget manager, and our plugin."""
    page = client.get("lab")
    page = client.get("tree") if page.status_code == _MISSING else page
    found = _CONFIG.search(page.text)
    if page.status_code != _OK or found is None:
        return
    config: dict[str, Any] = json.loads(found[1])
    loaded = {str(one["name"]) for one in config.get("federated_extensions", [])}
    if _WIDGETS not in loaded:
        text = f"The pages of {client.base_url} have no widget manager, so no chat shows."
        yield broken(
            "server-widgets", text, command("python", "-m", "pip", "install", "ipywidgets")
        )
    elif DISTRIBUTION in loaded:
        yield fine("server-widgets", "Its pages load the widget manager and our plugin.")
    else:
        yield fine("server-widgets", "Its pages load the widget manager; the chat brings its code.")


def kernels() -> Iterator[Finding]:
    """The files by which kernels tell the server where their agents are."""
    folder = registry.folder()
    if not folder.exists():
        yield fine("kernels", "None serves agents now.")
        return
    good = 0
    for path in sorted(folder.glob("*.json")):
        try:
            entry = registry.read(path.stem)
        except registry.RegistryError as error:
            gone = error.code in {"KERNEL_GONE", "KERNEL_NOT_FOUND"}
            text = f"{path.name} is of no use: {error.message}."
            if not gone:
                yield warning("kernels", text, command("rm", path))
        else:
            good += registry.is_alive(entry)
    status = folder.stat()
    if status.st_uid != os.getuid():
        text = f"{folder} belongs to another user: no page reaches this user's kernels by HTTP."
        yield warning("kernels", text, as_root(command("rm", "-r", folder)))
    serve = {0: "None serves", 1: "One serves"}.get(good, f"{good} serve")
    yield fine("kernels", f"{serve} agents now.")
