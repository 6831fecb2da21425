"""A server that hands its port over: it takes no more calls and finishes those under way."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app.serving import DrainingServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from agentscope_runtime_nb.app import AgentApp

_LAST_RUNS = 3600.0  # how long a replaced version may go on answering what it was asked
_GRACE = 1.0  # a connection that was taken just before the swap has its question on the way
_REST = 0.2  # one that has been silent for so long is at rest
_LOOK_EVERY = 0.05


class RetiringServer(DrainingServer):
    """A server that can be replaced without a caller noticing.

    Args:
        options: Uvicorn's settings.
        app: The app that it serves.
        say: Tells the command something.
        ready: What it is told when the app serves; `closed` follows when it takes no more calls.
    """

    def __init__(
        self, options: Any, app: AgentApp, say: Callable[..., None], ready: dict[str, Any]
    ) -> None:
        super().__init__(options, app)
        self._say = say
        self._ready = ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retirement: asyncio.Task[None] | None = None

    def order(self, word: str) -> None:
        """Take an order of the command, in any thread: `retire` or `end`."""
        if word == "end" or self._loop is None:
            self.should_exit = True
        elif word == "retire":
            self._loop.call_soon_threadsafe(self._retire)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._say(**self._ready)

    def _retire(self) -> None:
        if self._retirement is None:
            self._retirement = asyncio.get_running_loop().create_task(self._finish())

    async def _finish(self) -> None:
        """Take no more connections, let those there are have their answers, then end."""
        for server in self.servers:
            server.close()
        app = self._agent_app
        self._say(closed=True, runs=len(app.runs.active()))
        began, idle, waited = time.monotonic(), _Idle(), 0.0
        # Not at once even when there is nobody: who was taken last may not be among them yet.
        while waited < _REST or self.server_state.connections or app.runs.active():
            waited = time.monotonic() - began
            if waited > _LAST_RUNS:
                break
            for connection in list(self.server_state.connections):
                if not (idle.stays(connection) and waited < _GRACE) and not _closing(connection):
                    connection.shutdown()  # one that is being answered closes after its answer
            await asyncio.sleep(_LOOK_EVERY)
        self.should_exit = True


class _Idle:
    """Tells connections that the next question may just be on its way over from those at rest."""

    def __init__(self) -> None:
        self._answered: dict[Any, tuple[Any, float]] = {}

    def stays(self, connection: Any) -> bool:
        """Whether closing it now might cut a question off."""
        cycle = getattr(connection, "cycle", self)
        if cycle is None:
            return True
        if not getattr(cycle, "response_complete", False):
            return False  # it is told with its answer that no more are taken
        now = time.monotonic()
        last, since = self._answered.get(connection, (None, now))
        if last is not cycle:
            self._answered[connection] = cycle, now
        return last is not cycle or now - since < _REST


def _closing(connection: Any) -> bool:
    transport = getattr(connection, "transport", None)
    return transport is not None and transport.is_closing()
