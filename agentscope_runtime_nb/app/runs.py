"""The runs of one app: who is busy, what can still be read back, how many may run at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from agentscope_runtime_nb.app.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentscope_runtime_nb.app.run import Run
    from agentscope_runtime_nb.sessions import SessionKey

KEPT_SECONDS = 600
KEPT_RUNS = 1000
KEPT_BYTES = 64 * 1024 * 1024
MOST_WAITING = 8
"""How many runs may wait for one session."""


class _Waiting(NamedTuple):
    """A run that waits for its session."""

    run: Run
    told: Callable[[AppError | None], None]
    urgent: bool


class Runs:
    """Admits runs and keeps finished ones for ten minutes, 1,000 runs or 64 MB.

    Args:
        limit: How many may run at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.draining = False
        self._lock = threading.Lock()
        self._busy: dict[SessionKey, Run] = {}
        self._finished: dict[str, tuple[Run, int]] = {}
        self._bytes = 0
        self._by_id: dict[str, Run] = {}
        self._waiting: dict[SessionKey, deque[_Waiting]] = {}

    def admit(self, run: Run) -> None:
        """Take a run in.

        Raises:
            AppError: SHUTTING_DOWN, RATE_LIMIT_EXCEEDED, SESSION_BUSY or ID_IN_USE.
        """
        with self._lock:
            self._check_open()
            busy = self._busy.get(run.key)
            if busy is not None:
                raise AppError(
                    "SESSION_BUSY",
                    f"Session {run.session_id} already has a run under way ({busy.id}). Wait for "
                    "it, or stop it with POST /process/stop.",
                    run_id=busy.id,
                )
            self._take(run)

    def wait(
        self, run: Run, told: Callable[[AppError | None], None], *, urgent: bool = False
    ) -> Run | None:
        """Put a run in its session's line; the end of the one before it takes it in.

        Args:
            run: The run.
            told: Called, in whatever thread, when it has been taken in, or never will be.
            urgent: It goes before the others, and takes the place of an urgent one before it.

        Returns:
            The run that the session is busy with; None when it was free, and this one is in.

        Raises:
            AppError: SHUTTING_DOWN, RATE_LIMIT_EXCEEDED or ID_IN_USE.
        """
        with self._lock:
            self._check_open()
            busy = self._busy.get(run.key)
            if busy is None:
                self._take(run)
                return None
            self._check_id(run)
            line = self._waiting.setdefault(run.key, deque())
            if urgent and line and line[0].urgent:
                overtaken = line.popleft()
                self._by_id.pop(overtaken.run.id, None)
                overtaken.told(AppError("INTERRUPTED", "A later request interrupted this one."))
            if len(line) >= MOST_WAITING:
                raise AppError(
                    "RATE_LIMIT_EXCEEDED",
                    f"{MOST_WAITING} requests wait for session {run.session_id} already.",
                    headers={"Retry-After": "1"},
                )
            (line.appendleft if urgent else line.append)(_Waiting(run, told, urgent))
            self._by_id[run.id] = run
            return busy

    def leave(self, run: Run) -> bool:
        """Take a run out of the line; whether it was still in it."""
        with self._lock:
            line = self._waiting.get(run.key, deque())
            found = next((waiting for waiting in line if waiting.run is run), None)
            if found is None:
                return False
            line.remove(found)
            self._by_id.pop(run.id, None)
            if not line:
                del self._waiting[run.key]
            return True

    def ended(self, run: Run) -> None:
        """Free its session, or give it to who waits; keep the run to be read back for a while."""
        with self._lock:
            if self._busy.get(run.key) is run:
                del self._busy[run.key]
                self._let_in(run.key)
            size = run.size
            self._finished[run.id] = run, size
            self._bytes += size
            self._sweep()

    def get(self, run_id: str, principal: str | None = None) -> Run | None:
        """A run by id; another principal's is not found."""
        run = self._by_id.get(run_id)
        if run is None or (principal is not None and run.principal != principal):
            return None
        return run

    def of_session(
        self, session_id: str, user_id: str | None = None, principal: str | None = None
    ) -> Run | None:
        """The session's run under way."""
        for run in self.active():
            if (
                run.session_id == session_id
                and (user_id is None or run.user_id == user_id)
                and (principal is None or run.principal == principal)
            ):
                return run
        return None

    def active(self) -> list[Run]:
        """The runs under way."""
        with self._lock:
            return list(self._busy.values())

    def recent(self) -> list[Run]:
        """The runs that can still be read back, oldest first, then those under way."""
        with self._lock:
            return [*(run for run, _ in self._finished.values()), *self._busy.values()]

    async def drain(self, seconds: float) -> None:
        """Refuse new runs, give those under way `seconds`, then stop the rest.

        Args:
            seconds: How long they may go on. Stopped, they get two seconds more to end.
        """
        with self._lock:
            self.draining = True
            waiting = [one for line in self._waiting.values() for one in line]
            self._waiting.clear()
            for one in waiting:
                self._by_id.pop(one.run.id, None)
                one.told(_shutting_down())
        await self._wait(seconds)
        for run in self.active():
            run.stop("shutdown")
        await self._wait(2)

    async def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.active() and time.monotonic() < deadline:  # noqa: ASYNC110 - ends in any thread
            await asyncio.sleep(0.02)

    def _check_open(self) -> None:
        if self.draining:
            raise _shutting_down()

    def _take(self, run: Run) -> None:
        if len(self._busy) >= self.limit:
            raise AppError(
                "RATE_LIMIT_EXCEEDED",
                f"{self.limit} runs are under way, which is the limit. Try again in a moment.",
                headers={"Retry-After": "1"},
            )
        self._check_id(run)
        self._busy[run.key] = self._by_id[run.id] = run

    def _check_id(self, run: Run) -> None:
        if run.id in self._by_id:
            raise AppError("ID_IN_USE", f"The id {run.id} is in use; leave it out or renew it.")

    def _let_in(self, key: SessionKey) -> None:
        """Take in who is first in a session's line, at once: nobody comes in between."""
        line = self._waiting.get(key)
        if not line:
            return
        first = line.popleft()
        if not line:
            del self._waiting[key]
        self._busy[key] = first.run
        first.told(None)

    def _sweep(self) -> None:
        now = time.monotonic()
        while self._finished:
            run, size = next(iter(self._finished.values()))
            fresh = now - (run.ended_at or now) < KEPT_SECONDS
            if fresh and len(self._finished) <= KEPT_RUNS and self._bytes <= KEPT_BYTES:
                return
            del self._finished[run.id]
            self._by_id.pop(run.id, None)
            self._bytes -= size


def _shutting_down() -> AppError:
    return AppError("SHUTTING_DOWN", "The service is shutting down; ask another.")
