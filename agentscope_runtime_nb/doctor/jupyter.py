"""Looks at this environment's part in Jupyter: packages, built front end, what is enabled."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import agentscope_runtime_nb
from agentscope_runtime_nb.doctor.environment import checkout, reinstall
from agentscope_runtime_nb.doctor.findings import (
    Finding,
    broken,
    command,
    fine,
    pip,
    release,
    warning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = ("ipykernel", "ipywidgets", "anywidget", "jupyterlab", "notebook", "jupyterlab-widgets")
# From where on a package is known to work, and whether nothing works before.
_FROM: dict[str, tuple[tuple[int, ...], bool, str]] = {
    "ipykernel": ((6, 31), False, "older ones are not tested"),
    "ipywidgets": ((8,), True, "the chat needs the widgets of JupyterLab 4"),
    "anywidget": ((0, 9, 18), True, "the chat is made with newer ones"),
    "jupyterlab": ((4, 4), False, "our plugin is made for 4.4 and newer"),
    "notebook": ((7,), False, "the chat's plugin is made for Notebook 7"),
}


def packages() -> Iterator[Finding]:
    """The versions of what we build on, and those that are known not to go together."""
    found = {name: version for name in _PACKAGES if (version := version_of(name))}
    shown = ", ".join(f"{name} {version}" for name, version in found.items())
    complaints = list(_complaints(found))
    if not complaints:
        yield fine("packages", f"{shown}.")
    yield from complaints


def _complaints(found: dict[str, str]) -> Iterator[Finding]:
    for name, (oldest, needed, why) in _FROM.items():
        version = found.get(name)
        if version is not None and release(version) < oldest:
            wanted = f"{name}>={'.'.join(map(str, oldest))}"
            text = f"{name} {version} is too old: {why}."
            yield (broken if needed else warning)(name, text, pip("--upgrade", wanted))
    server = {"jupyterlab", "notebook"} & found.keys()
    if server and "jupyterlab-widgets" not in found:
        text = "No widget shows: JupyterLab's part of ipywidgets is missing beside it."
        yield broken("jupyterlab-widgets", text, pip("jupyterlab_widgets"))
    if "ipykernel" not in found:
        text = "There is no ipykernel: this environment runs no notebook's kernel."
        yield warning("ipykernel", text, pip("ipykernel"))


def version_of(name: str) -> str | None:
    """The installed version of a package, if it is installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def front_end() -> Iterator[Finding]:
    """The built chat, which wheels bring and checkouts build."""
    static = Path(agentscope_runtime_nb.__file__).parent / "widgets" / "static"
    named = read_json(static / "manifest.json")
    missing = [name for name in _names(named) if not (static / name).is_file()]
    if named and not missing:
        yield fine("front-end", f"The chat is built: {named.get('chat', 'chat')}.")
        return
    text = "The chat is not built" + (f": {missing[0]} is missing." if missing else ".")
    root = checkout()
    again = command("make", "-C", root, "setup") if root else reinstall()
    yield broken("front-end", text, again)


def _names(entry: Any) -> Iterator[str]:
    """Every file that the manifest names, however deep."""
    if isinstance(entry, dict):
        for inner in cast("dict[str, Any]", entry).values():
            yield from _names(inner)
    elif isinstance(entry, str):
        yield entry


def read_json(path: Path) -> dict[str, Any]:
    """An object in a file; an empty one when there is none."""
    try:
        loaded: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}
