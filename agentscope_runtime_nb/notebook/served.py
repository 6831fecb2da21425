"""One version of an app while it serves: its life, the calls under way in it, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message, Receive, Scope, Send

    from agentscope_runtime_nb.app import AgentApp

_LAST_RUNS = 3600.0  # how long a replaced version may go on answering what it was asked

logger = logging.getLogger(__name__)


class Served:
    """An app whose lifespan is driven here, since nobody runs that of an app that is mounted.

    Everything but the constructor belongs on the agent thread.

    Args:
        app: The app.
    """

    def __init__(self, app: AgentApp) -> None:
        self.app = app
        self.calls = 0
        self._task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    async def start(self) -> None:
        """Run the app's start-up; what it raises is raised here.

        The lifespan's both halves run in one task, as its `async with` blocks expect.
        """
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.get_running_loop().create_task(self._live(started))
        try:
            await started
        except asyncio.CancelledError:
            self._task.cancel()
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an ASGI call."""
        self.calls += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.calls -= 1

    async def retire(self, seconds: float = _LAST_RUNS) -> None:
        """Let what is under way finish, then end the app's life."""
        waiting = seconds
        while self.calls and waiting > 0:
            await asyncio.sleep(0.05)
            waiting -= 0.05
        await self.app.drain(max(waiting, 0))
        await self.finish()

    async def finish(self, seconds: float = 10.0) -> None:
        """Run the app's shut-down."""
        self._end.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def _live(self, started: asyncio.Future[None]) -> None:
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "lifespan.startup"}
            await self._end.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and not started.done():
                started.set_result(None)

        scope: dict[str, Any] = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": {},
        }
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if started.done():
                logger.exception("%s did not shut down cleanly", self.app.name)
            else:
                started.set_exception(error)
        finally:
            if not started.done():
                started.set_exception(RuntimeError("the app's lifespan ended before it began"))


async def settle(*awaitables: Awaitable[Any], seconds: float) -> None:
    """Wait for all of them, together no longer than `seconds`; failures are theirs alone."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*awaitables, return_exceptions=True)
