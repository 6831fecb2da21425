"""Serving an app with uvicorn: until interrupted, or in a thread."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.app.gate import is_loopback

if TYPE_CHECKING:
    from agentscope_runtime_nb.app.agent_app import AgentApp

DRAIN_SECONDS = 20
GC_THRESHOLD = (20_000, 10, 10)


class AddressError(OSError):
    """An address that cannot be listened on; the text names it and the way out."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence; the frames above it are not the user's."""
        return [f"{type(self).__name__}: {self.strerror}"]


class DrainingServer(uvicorn.Server):
    """A uvicorn server that, told to end, lets the app finish its runs first."""

    def __init__(self, config: uvicorn.Config, app: AgentApp) -> None:
        super().__init__(config)
        self._agent_app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new runs and drain, while uvicorn waits for its connections."""
        drain = asyncio.ensure_future(self._agent_app.drain(DRAIN_SECONDS))
        try:
            await super().shutdown(sockets)
        finally:
            drain.cancel()


def check_exposure(app: AgentApp, host: str) -> None:
    """Refuse to serve strangers without keys.

    Raises:
        DefinitionError: The host is not this machine alone and nobody would have to identify.
    """
    if is_loopback(host) or app.keys or app.identified or app.open_to_all:
        return
    raise DefinitionError(
        f"{app.name} has no API keys, so it will not serve on {host}, where strangers can reach "
        "it. Set AGENTSCOPE_NB_API_KEY (or api_keys=…), or pass open_to_all=True (--open)."
    )


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; 0 chooses a free port.

    Raises:
        AddressError: It is in use, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise AddressError(
            error.errno,
            f"{host}:{port} cannot be used ({error.strerror}). Choose another port, or port=0 for "
            "a free one.",
        ) from error
    return sock


def config(app: Any, **options: Any) -> uvicorn.Config:
    """Uvicorn's settings for serving an app."""
    defaults: dict[str, Any] = {
        "log_level": "info",
        "timeout_graceful_shutdown": DRAIN_SECONDS + 5,
        "server_header": False,
    }
    return uvicorn.Config(app, **(defaults | options))


def serve(app: AgentApp, host: str, port: int, **options: Any) -> None:
    """Serve until interrupted.

    Raises:
        RuntimeError: In a notebook, where a loop runs already.
        DefinitionError: See `AgentApp.run`.
        OSError: The port is in use.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError(
            "app.run() blocks, and an event loop is running here already, as in a notebook. Use "
            f"`%agent_app serve {app.name}`, or "
            f"`await app.deploy(LocalDeployManager(port={port}))`."
        )
    app.check()
    check_exposure(app, host)
    sock = listen(host, port)
    server = DrainingServer(config(app, **options), app)
    # With a socket that is bound already, uvicorn does not say where it listens.
    address = f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"
    logging.getLogger("uvicorn.error").info("%s: %s (CTRL+C to stop)", app.name, address)
    keep_loaded()
    server.run(sockets=[sock])


def keep_loaded() -> None:
    """Tell the garbage collector that this process is an app's.

    What it has loaded stays, and need not be searched: each search took 70 ms, in which nobody was
    answered. A token's way makes a dozen objects and no cycle, so the young are looked at less
    often: a tenth of an answer's CPU at 500 tokens.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
