"""The kernel's front door: an ASGI server on the control thread, in front of every app.

It listens on a unix socket that only this user can reach, and on loopback ports that were asked
for. What must work while the agent is blocked (Stop, health, a run's status, chat messages) is
answered here; everything else is handed to the app on the agent thread.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from agentscope_runtime_nb.app.bridge import across
from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.app.gate import LOCAL, OPEN_PATHS, PRINCIPAL, Gate, answer
from agentscope_runtime_nb.events import encode

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from agentscope_runtime_nb.app import AgentApp
    from agentscope_runtime_nb.notebook.host import Host

_BODY = 1 << 20
_CHAT_BODY = 12 << 20  # what `contents.MOST_BYTES` are in base64, and room for the text


class Listener:
    """A uvicorn server on the control loop.

    Args:
        app: The ASGI application.
        sock: A bound socket.
    """

    def __init__(self, app: Any, sock: socket.socket) -> None:
        self.address = sock.getsockname()
        self._socket = sock
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. A failure is raised here, not on some other thread's stderr."""
        self._task = asyncio.create_task(self._serve(), name="agentscope listener")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.005)

    async def _serve(self) -> None:
        try:
            await self._server.serve(sockets=[self._socket])
        except SystemExit as error:  # uvicorn's way to say that it could not start
            raise RuntimeError("the server could not start") from error

    async def stop(self) -> None:
        """Close the socket and the connections."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=3)
        self._socket.close()


def unix_listener(host: Host, path: Path) -> Listener:
    """All apps of the kernel under `/<app>/`, on a unix socket.

    Args:
        host: Has the apps.
        path: Where the socket is made; its folder says who may come.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    path.chmod(0o600)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        name, slash, rest = scope["path"].lstrip("/").partition("/")
        if not slash and not name:
            await _json(send, 200, {"apps": host.names()})
            return
        prefix = _header(scope, b"x-forwarded-prefix")
        under = f"{prefix}/{name}" if prefix else f"/{name}"
        inner = _mounted(scope, under, "/" + rest)
        await _serve_app(host, name, inner, receive, send, owner=True)

    return Listener(dispatch, sock)


def tcp_listener(host: Host, name: str, sock: socket.socket) -> Listener:
    """One app at the root of a loopback port.

    Args:
        host: Has the apps.
        name: The app; whatever version of it is current when a call comes.
        sock: The bound socket.
    """

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await _serve_app(host, name, scope, receive, send, owner=False)

    return Listener(dispatch, sock)


async def _serve_app(
    host: Host, name: str, scope: Scope, receive: Receive, send: Send, *, owner: bool
) -> None:
    served = host.current(name)
    if served is None:
        known = ", ".join(host.names()) or "none"
        text = f"No app named {name} serves here. There is: {known}. Run its cell."
        await answer(AppError("RESOURCE_NOT_FOUND", text), send)
        return
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if owner and path.startswith("/chat/") and scope["method"] == "POST":
        await _chat(host, path.removeprefix("/chat/"), receive, send)
        return
    quick = Quick(host, name, served.app)
    if quick.knows(scope["method"], path):
        if owner and not _header(scope, b"authorization"):
            # Whoever reaches the socket owns the kernel, and with it the chat's runs.
            scope[PRINCIPAL] = LOCAL
            await quick(scope, receive, send)
        else:
            await _gate(served.app, quick)(scope, receive, send)
        return
    await across(host.agent.loop, _Current(host, name), scope, receive, send)


class _Current:
    """Looks the app up on its own thread, so that a swap never leaves a call between two."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = self._host.current(self._name)
        if served is None:
            text = f"{self._name} serves no more."
            await answer(AppError("RESOURCE_NOT_FOUND", text), send)
            return
        await served(scope, receive, send)


class Quick:
    """What has to be answered whatever the agent thread does.

    The routes are the app's own, and so are the answers.

    Args:
        host: Has the apps and their runs.
        name: The app's name.
        app: Its current version.
    """

    def __init__(self, host: Host, name: str, app: AgentApp) -> None:
        self._host = host
        self._name = name
        self._app = app
        self._stop_path = f"{app.endpoint_path}/stop"
        self._runs_path = f"{app.endpoint_path}/runs/"

    def knows(self, method: str, path: str) -> bool:
        """Whether a call is answered here."""
        if method == "POST":
            return path == self._stop_path
        run_id = path.removeprefix(self._runs_path)
        return method == "GET" and (path in OPEN_PATHS or (run_id != path and "/" not in run_id))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        principal: str = scope[PRINCIPAL]
        try:
            if path in OPEN_PATHS:
                runs = len(self._app.runs.active())
                await _json(send, 200, {"status": "healthy", "runs": runs})
            elif path == self._stop_path:
                await _json(send, 200, self._stop(await _body(receive), principal))
            else:
                await _json(send, 200, self._read(path.rpartition("/")[2], principal))
        except AppError as error:
            await answer(error, send)

    def _read(self, run_id: str, principal: str) -> dict[str, Any]:
        run = self._host.find_run(self._name, run_id, principal)
        if run is None:
            raise AppError("RESOURCE_NOT_FOUND", f"There is no run {run_id} here, or no longer.")
        return run.snapshot()

    def _stop(self, asked: dict[str, Any], principal: str) -> dict[str, Any]:
        run_id, session_id = asked.get("run_id"), asked.get("session_id")
        if run_id is None and session_id is None:
            raise AppError("PARAMETER_VALIDATION", "Give a run_id or a session_id.", field="run_id")
        run = self._host.stop_run(
            self._name,
            run_id=run_id,
            session_id=session_id,
            user_id=asked.get("user_id"),
            principal=principal,
        )
        if run is None:
            return {"stopped": False, "run_id": run_id}
        return {"stopped": True, "run_id": run.id, "where": run.where()}


async def _chat(host: Host, widget_id: str, receive: Receive, send: Send) -> None:
    try:
        message = await _body(receive, _CHAT_BODY)
    except AppError as error:
        await answer(error, send)
        return
    if host.chat_message(widget_id, message):
        await _json(send, 200, {"ok": True})
    else:
        text = "This chat is not in the kernel any more: run its cell again."
        await answer(AppError("RESOURCE_NOT_FOUND", text), send)


def _gate(app: Any, inner: Any) -> Gate:
    for middleware in app.user_middleware:
        if middleware.cls is Gate:
            return Gate(inner, **middleware.kwargs)
    return Gate(inner, keys={})


def _mounted(scope: Scope, root: str, path: str) -> Scope:
    full = root + path
    raw = scope.get("raw_path") or scope["path"].encode()
    below = raw.lstrip(b"/").partition(b"/")[2]
    return dict(scope) | {
        "root_path": root,
        "path": full,
        "raw_path": root.encode() + b"/" + below,
    }


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1").rstrip("/")
    return ""


async def _body(receive: Receive, most: int = _BODY) -> dict[str, Any]:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise AppError("INVALID_PARAMETER", "The request ended early.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise AppError("BODY_TOO_LARGE", f"The message is larger than {most >> 20} MB.")
    try:
        parsed: Any = json.loads(bytes(body) or b"{}")
    except ValueError as error:
        raise AppError("INVALID_PARAMETER", "The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise AppError("PARAMETER_VALIDATION", "The body has to be a JSON object.")
    return cast("dict[str, Any]", parsed)


async def _json(send: Send, status: int, value: Any) -> None:
    body = encode(value)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
