"""A run: one request being answered. It owns its id, session, status, cancellation and events."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import traceback
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app import whereabouts
from agentscope_runtime_nb.app.errors import wire_error
from agentscope_runtime_nb.app.log import RunLog
from agentscope_runtime_nb.events import Emitter, RunStoppedError, fresh_id
from agentscope_runtime_nb.sessions import StoredTurn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from agentscope_runtime_nb.app.query import Worker
    from agentscope_runtime_nb.events import AgentRequest
    from agentscope_runtime_nb.sessions import SessionKey

    Reader = Callable[[int, bytes], Awaitable[None]]
    Adapter = Callable[[AsyncIterator[Any], Emitter], Awaitable[None]]

current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)
"""The run whose handler is executing, in its tasks and threads; None outside."""

BREATH = 64
"""Events after which a run lets others on its loop act: a Stop, a disconnect, other runs."""

_KEPT = ("status", "usage", "created_at", "completed_at")
PRINTED = 1_000_000
"""Characters of its handler's prints that a run keeps."""

_FULL = "… It printed more than is kept.\n"
_log = logging.getLogger("agentscope_runtime_nb.run")


class Run:
    """One request being answered; made by `AgentApp.start_run`.

    Either `drive` it with a reader, which it then waits for before each step, or `start` it in the
    background and follow its `log`.

    Attributes:
        id: `response_…`.
        key: Whose conversation it belongs to.
        request: What was asked.
        created_at: Unix seconds.
        log: Its events; in a driven run without the deltas.
        prints: What the handler printed, when something collects prints.
        failure: The traceback of the agent's exception, for its owner's eyes.
        done: Whether it has ended, and its session is free.
    """

    def __init__(
        self,
        request: AgentRequest,
        key: SessionKey,
        *,
        stream: Callable[[Run], AsyncIterator[Any]],
        adapter: Adapter,
        ended: Callable[[Run], None],
    ) -> None:
        self.id = request.id or f"response_{fresh_id()}"
        self.key = key
        self.request = request
        self.created_at = int(time.time())
        self.began_at = time.monotonic()
        self.log = RunLog()
        self.prints: list[str] = []
        self._room = PRINTED
        self.failure: str | None = None
        self.done = False
        self.ended_at: float | None = None
        self.stop_reason: str | None = None
        self._stream = stream
        self._adapter = adapter
        self._on_end = ended
        self._reader: Reader | None = None
        self._workers: list[Worker] = []
        self._natives: AsyncIterator[Any] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._finishing = False
        self._forced = False
        self._end_lock = threading.Lock()
        self._emitter = Emitter(
            {"id": self.id, "session_id": key.session, "created_at": self.created_at}, self._sink
        )

    @property
    def session_id(self) -> str:
        """The conversation."""
        return self.key.session

    @property
    def principal(self) -> str:
        """Who asked."""
        return self.key.principal

    @property
    def user_id(self) -> str:
        """The caller's own subdivision."""
        return self.key.user

    @property
    def status(self) -> str:
        """`created`, `in_progress`, `stopping`, or how it ended."""
        if self._emitter.final is not None:
            return self._emitter.final["status"]
        if self.stop_reason is not None:
            return "stopping"
        return "created" if self._task is None else "in_progress"

    def snapshot(self) -> dict[str, Any]:
        """The response object as it is now; the final one when done."""
        if self._emitter.final is not None:
            return self._emitter.final
        return {
            "sequence_number": None,
            "object": "response",
            "status": "in_progress",
            "error": None,
            "id": self.id,
            "created_at": self.created_at,
            "completed_at": None,
            "output": list(self._emitter.output),
            "usage": None,
            "session_id": self.session_id,
        }

    def start(self) -> asyncio.Task[None]:
        """Drive it in the background of the running loop, with every event in its `log`."""
        self._task = asyncio.get_running_loop().create_task(self.drive(), name=self.id)
        return self._task

    async def drive(self, reader: Reader | None = None) -> None:
        """Answer the request, in the current task.

        Args:
            reader: Awaited with each event's number and JSON; the agent waits meanwhile.

        Raises:
            asyncio.CancelledError: Cancelled from outside, not by `stop`. The run has ended.
        """
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._thread = threading.get_ident()
        token = current_run.set(self)
        status, error, cancelled = "completed", None, False
        try:
            await self._emitter.start()
            await self._answer()
        except RunStoppedError:
            status = "canceled"
        except asyncio.CancelledError:
            status, cancelled = "canceled", self.stop_reason is None
        except Exception as exception:  # noqa: BLE001 - becomes the response's error
            status, error = "failed", self._report(exception)
        finally:
            current_run.reset(token)
        if self.stop_reason is not None:
            status, error = "canceled", None
            while self._task is not None and self._task.cancelling():
                self._task.uncancel()
        cancelled = await self._finish(status, error) or cancelled
        # A run that is kept for reading back must not keep its connection, task and generator.
        self._reader = self._task = self._natives = None
        if cancelled:
            raise asyncio.CancelledError

    def stop(self, reason: str = "user") -> bool:
        """End it as `canceled`. May be called from any thread; returns at once.

        Returns:
            Whether there was something to stop.
        """
        if self.done or self._finishing:
            return False
        self.stop_reason = reason
        self._emitter.stopped = True
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._cancel)
            except RuntimeError:  # its loop has closed: nothing runs any more
                self._end()
        return True

    def force(self) -> None:
        """Free its session now although its code still runs; whatever that says is dropped."""
        self.stop("force")
        self._forced = True
        self._reader = None
        for worker in self._workers:
            worker.force()
        with self._end_lock:
            if not self.done:
                # Without a reader nothing in here suspends, so it can be stepped by hand.
                with suppress(StopIteration):
                    self._emitter.finish("canceled").send(None)
        self._end()

    def abandon(self) -> None:
        """Free its session when it was admitted and then never driven."""
        if self._task is None:
            self.stop("abandoned")
            self._end()

    def where(self) -> str | None:
        """The user code that runs or waits right now: `f(), line 3 of …`; None when none does."""
        if self.done or self._task is None or self._loop is None:
            return None
        for worker in self._workers:
            if worker.busy and (place := whereabouts.of_thread(worker.ident)) is not None:
                return place
        if asyncio.current_task(self._loop) is self._task:
            return whereabouts.of_thread(self._thread)
        return whereabouts.of_awaitable(self._natives)

    def printed(self, text: str) -> None:
        """Take what the handler printed, as long as there is room."""
        if self._room > 0:
            whole = len(text) <= self._room
            self.prints.append(text if whole else f"{text[: self._room]}\n{_FULL}")
        self._room -= len(text)

    async def _answer(self) -> None:
        natives = self._natives = self._stream(self)
        try:
            await self._adapter(natives, self._emitter)
        finally:
            self._finishing = True
            close = getattr(natives, "aclose", None)
            if close is not None:
                await close()

    async def _finish(self, status: str, error: dict[str, str] | None) -> bool:
        """Write the end, also when cancelled meanwhile; whether it was."""
        cancelled = False
        try:
            while self._emitter.final is None:
                try:
                    await self._emitter.finish(status, error)
                except asyncio.CancelledError:
                    # The reader gets one more chance; without it nothing in here waits.
                    self._reader = None if cancelled else self._reader
                    cancelled = True
        finally:
            self._end()
        return cancelled

    def on_worker(self, worker: Worker) -> None:
        """Told of a thread that sync code of the run is executed in."""
        self._workers.append(worker)

    def _cancel(self) -> None:
        if not self._finishing and not self.done and self._task is not None:
            self._task.cancel()

    def _report(self, exception: Exception) -> dict[str, str]:
        self.failure = "".join(traceback.format_exception(exception))
        _log.error("Run %s failed", self.id, exc_info=exception)
        return wire_error(exception, self.id)

    def _sink(
        self, seq: int, frame: bytes, message: str | None, passing: bool
    ) -> Awaitable[None] | None:
        reader = self._reader
        if reader is None or not passing:
            self.log.add(seq, frame, message, passing)
        if not seq % BREATH and not self._forced:
            return self._breathe(reader, seq, frame)
        return reader(seq, frame) if reader is not None else None

    @staticmethod
    async def _breathe(reader: Reader | None, seq: int, frame: bytes) -> None:
        if reader is not None:
            await reader(seq, frame)
        await asyncio.sleep(0)  # neither an agent nor a socket with room gives the loop back

    def _end(self) -> None:
        with self._end_lock:
            if self.done:
                return
            self.done = True
            self.ended_at = time.monotonic()
        try:
            self._on_end(self)
        finally:
            # Last: who sees that it is over may begin the next one, or take this one back.
            self.log.closed = True

    def turn(self) -> StoredTurn:
        """What is kept of it in the session."""
        final = self.snapshot()
        response = {name: final[name] for name in _KEPT}
        return StoredTurn(self.id, time.time(), self.request.input, self.output, response)

    @property
    def displays(self) -> dict[str, dict[str, Any]]:
        """Rich forms of what it showed, by the id in a message's `metadata.display`."""
        return self._emitter.displays

    @property
    def size(self) -> int:
        """About how many bytes it takes to keep."""
        return self.log.size + PRINTED - max(self._room, 0)

    @property
    def output(self) -> list[dict[str, Any]]:
        """The messages finished so far."""
        return self._emitter.output
