"""The runs of one app: who is busy, what can still be read back, how many may run at once."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from agentscope_runtime_nb.app.errors import AppError

if TYPE_CHECKING:
    from agentscope_runtime_nb.app.run import Run
    from agentscope_runtime_nb.sessions import SessionKey

KEPT_SECONDS = 600
KEPT_RUNS = 1000
KEPT_BYTES = 64 * 1024 * 1024


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
        self._finished: dict[str, Run] = {}
        self._bytes = 0
        self._by_id: dict[str, Run] = {}

    def admit(self, run: Run) -> None:
        """Take a run in.

        Raises:
            AppError: SHUTTING_DOWN, RATE_LIMIT_EXCEEDED, SESSION_BUSY or ID_IN_USE.
        """
        with self._lock:
            if self.draining:
                raise AppError("SHUTTING_DOWN", "The service is shutting down; ask another.")
            if len(self._busy) >= self.limit:
                raise AppError(
                    "RATE_LIMIT_EXCEEDED",
                    f"{self.limit} runs are under way, which is the limit. Try again in a moment.",
                    headers={"Retry-After": "1"},
                )
            busy = self._busy.get(run.key)
            if busy is not None:
                raise AppError(
                    "SESSION_BUSY",
                    f"Session {run.session_id} already has a run under way ({busy.id}). Wait for "
                    "it, or stop it with POST /process/stop.",
                    run_id=busy.id,
                )
            if run.id in self._by_id:
                raise AppError("ID_IN_USE", f"The id {run.id} is in use; leave it out or renew it.")
            self._busy[run.key] = run
            self._by_id[run.id] = run

    def ended(self, run: Run) -> None:
        """Free its session; keep it to be read back for a while."""
        with self._lock:
            if self._busy.get(run.key) is run:
                del self._busy[run.key]
            self._finished[run.id] = run
            self._bytes += run.log.size
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
            return [*self._finished.values(), *self._busy.values()]

    async def drain(self, seconds: float) -> None:
        """Refuse new runs, give those under way `seconds`, then stop the rest.

        Args:
            seconds: How long they may go on. Stopped, they get two seconds more to end.
        """
        self.draining = True
        await self._wait(seconds)
        for run in self.active():
            run.stop("shutdown")
        await self._wait(2)

    async def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.active() and time.monotonic() < deadline:  # noqa: ASYNC110 - ends in any thread
            await asyncio.sleep(0.02)

    def _sweep(self) -> None:
        now = time.monotonic()
        while self._finished:
            run = next(iter(self._finished.values()))
            fresh = now - (run.ended_at or now) < KEPT_SECONDS
            if fresh and len(self._finished) <= KEPT_RUNS and self._bytes <= KEPT_BYTES:
                return
            del self._finished[run.id]
            self._by_id.pop(run.id, None)
            self._bytes -= run.log.size
