"""The process in which one version of a notebook's app is imported and serves.

It is told on its stdin where the app is and which socket it shares, and later to retire or to end.
When that pipe closes the command has been killed, and this process goes too. What it has to say
goes through a pipe of its own, since the app may print.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import shutil
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from agentscope_runtime_nb.app import AgentApp
from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.app.gate import open_gate
from agentscope_runtime_nb.app.serving import check_exposure, config, keep_loaded
from agentscope_runtime_nb.cli.run import load_env
from agentscope_runtime_nb.cli.serve.retiring import RetiringServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


_LINE = re.compile(r'File ".*?[\\/]app\.py", line (\d+)')


def main() -> None:
    """Serve until told to end."""
    control = _take_stdin()
    settings: dict[str, Any] = json.loads(control.readline())
    home, folder = Path(settings["home"]), Path(settings["folder"])
    for descriptor in (settings["socket"], settings["status"]):
        os.set_inheritable(descriptor, False)
    status = _Status(settings["status"])
    orders = threading.Thread(
        target=_obey, args=(control, status, Path(settings["root"])), daemon=True
    )
    orders.start()
    load_env(home / ".env")
    os.environ.update(settings["variables"])
    os.chdir(home)
    # The version's own copies of the notebook's modules come first; what the notebook imports in
    # ways that cannot be seen is found beside it, as in Jupyter.
    sys.path[:0] = [str(folder), str(home)]
    try:
        app = _import(folder, settings)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the command has to tell it
        status.say(failed=_told(error, folder), line=_line(error, folder))
        os._exit(1)
    status.step("its start-up")
    _serve(app, socket.socket(fileno=settings["socket"]), status)


def _take_stdin() -> Any:
    """The pipe to the command; the app's own stdin is empty."""
    control = os.fdopen(os.dup(0), "rb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


class _Status:
    """What the command is told, a JSON object a line."""

    def __init__(self, descriptor: int) -> None:
        self.server: RetiringServer | None = None
        self._descriptor = descriptor

    def say(self, **words: Any) -> None:
        """Tell something; nobody listens any more when the command has gone."""
        try:
            os.write(self._descriptor, json.dumps(words).encode() + b"\n")
        except OSError:
            return

    def step(self, words: str) -> None:
        """Tell what begins now."""
        self.say(step=words)


def _obey(control: Any, status: _Status, root: Path) -> NoReturn:
    """Do what the command says; when it has gone, leave nothing behind."""
    for line in control:
        server = status.server
        if server is not None:
            server.order(line.decode().strip())
    shutil.rmtree(root, ignore_errors=True)
    os._exit(1)


def _import(folder: Path, settings: dict[str, Any]) -> AgentApp:
    module = importlib.import_module("app")
    found = Path(module.__file__ or "").parent
    if found != folder:
        raise ImportError(f"another module called app was imported, from {found}")
    app: AgentApp = module.app
    app.check()
    if settings["open"]:
        open_gate(app)
    check_exposure(app, settings["host"])
    return app


def _serve(app: AgentApp, sock: socket.socket, status: _Status) -> None:
    life = _Life(app)
    # The command says where it serves; of uvicorn's own words only warnings and calls are of use.
    options = config(life, lifespan="on")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = status.server = RetiringServer(options, app, status.say, _facts(app))
    keep_loaded()
    try:
        server.run(sockets=[sock])
    except SystemExit:  # uvicorn's word for a failed start
        line = _LINE.findall(life.failure)
        last = (life.failure.strip().splitlines() or ["it ended at its start"])[-1]
        status.say(failed=last, line=int(line[-1]) if line else None)
        os._exit(1)


class _Life:
    """The app, and why it did not start."""

    def __init__(self, app: ASGIApp) -> None:
        self.failure = ""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def heard(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                self.failure = message.get("message", "")
            await send(message)

        await self._app(scope, receive, heard)


def _facts(app: AgentApp) -> dict[str, Any]:
    """What the command wants to know of an app that serves."""
    plain = AgentApp(endpoint_path=app.endpoint_path)
    return {
        "ready": True,
        "name": app.name,
        "description": app.description,
        "keyed": bool(app.keys or app.identified),
        "path": app.endpoint_path,
        "own": sorted(_routes(app) - _routes(plain)),
        "docs": app.docs_url,
    }


def _routes(app: AgentApp) -> set[tuple[str, str]]:
    """Method and path of what can be called."""
    found: set[tuple[str, str]] = set()
    for route in app.routes:
        methods: set[str] = getattr(route, "methods", None) or {"GET"}
        found |= {(method, getattr(route, "path", "")) for method in methods - {"HEAD"}}
    return found


def _told(error: BaseException, folder: Path) -> str:
    """The error as a sentence, with its place when that is a module of the notebook's folder."""
    if isinstance(error, DefinitionError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"{error}. Install what brings it into {sys.prefix}, or put that module beside the "
            "notebook."
        )
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if Path(f.filename).is_relative_to(folder)]
    place = ""
    if inside and Path(inside[-1].filename).name != "app.py":
        place = f" ({Path(inside[-1].filename).relative_to(folder)}, line {inside[-1].lineno})"
    return f"{type(error).__name__}: {error}{place}"


def _line(error: BaseException, folder: Path) -> int | None:
    own = str(folder / "app.py")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == own]
    if isinstance(error, SyntaxError) and error.filename == own:
        lines.append(error.lineno)
    return lines[-1] if lines else None


if __name__ == "__main__":
    main()
