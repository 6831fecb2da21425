"""A kernel's own threads: each runs one event loop, and none keeps the process alive.

*Control* serves sockets, Stop and what the widgets show, and runs no user code; *agent* runs user
coroutines. Both are a `LoopThread`; the `Watchdog` lets the one notice when the other is blocked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import queue
import sys
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agentscope_runtime_nb.app import whereabouts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
logger = logging.getLogger(__name__)


class DaemonExecutor(ThreadPoolExecutor):
    """A pool whose threads are daemons, so that a handler that never ends cannot stop an exit.

    The standard pool's threads are joined when Python ends: a kernel with one stuck in
    `time.sleep(3600)` could only be killed. An event loop insists on its class, hence the parent.
    """

    def __init__(self, max_workers: int = 40) -> None:
        super().__init__(max_workers)
        self._most = max_workers
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._workers = 0
        self._idle = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run `fn` in a thread of the pool."""
        future: Future[T] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                    future.set_exception(error)

        self._jobs.put(job)
        with self._guard:
            if self._idle > 0:
                self._idle -= 1
            elif self._workers < self._most:
                self._workers += 1
                threading.Thread(target=self._work, name="agentscope-worker", daemon=True).start()
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or the last job's result lives until the next one
            with self._guard:
                self._idle += 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Let the threads end when they are done; never waits for them."""
        with self._guard:
            for _ in range(self._workers):
                self._jobs.put(None)
            self._workers = 0


class LoopThread:
    """A daemon thread that runs one event loop until it is closed.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(DaemonExecutor())
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def ident(self) -> int:
        """The thread's id."""
        return self._thread.ident or 0

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def is_current(self) -> bool:
        """Whether the caller runs in this thread."""
        return threading.get_ident() == self._thread.ident

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have the loop call `function` soon, in the caller's context; nothing once closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(function, *args)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, in a copy of the caller's context.

        Args:
            coroutine: What to run.

        Returns:
            A future for its result; cancelling it cancels the coroutine.

        Raises:
            RuntimeError: The loop is closed.
        """
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it; an interrupt of the waiter cancels it."""
        task = _Cancellable(self, coroutine)
        return task.wait()

    def close(self, timeout: float = 2.0) -> None:
        """Cancel what runs, stop the loop and end the thread; a blocked one is broken off."""
        if not self._thread.is_alive():
            return
        self._closing = True
        self.call(lambda: self.loop.create_task(self._wind_up()))
        self._thread.join(timeout)
        if self._thread.is_alive():
            # Blocked in user code: the loop can only be broken from outside, and only if that
            # code is Python. What sits in a C call ends with the process, being a daemon.
            raise_in_thread(self.ident, SystemExit)
            self._thread.join(timeout)

    async def _wind_up(self) -> None:
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)
        await self.loop.shutdown_asyncgens()
        self.loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        # A task that calls sys.exit(), or code broken off by force, ends run_forever, not the loop.
        while True:
            try:
                self.loop.run_forever()
            except BaseException:
                if not self._closing:
                    logger.warning("a task left its event loop; it goes on", exc_info=True)
            if self._closing:
                break
        executor: Any = getattr(self.loop, "_default_executor", None)
        if executor is not None:
            executor.shutdown(wait=False)
        with contextlib.suppress(RuntimeError):
            self.loop.close()


class _Cancellable:
    """A coroutine on a loop whose waiter may be interrupted, which then cancels and awaits it."""

    def __init__(self, thread: LoopThread, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._thread = thread

        async def main() -> Any:
            self._task = asyncio.current_task()
            return await coroutine

        self._future = thread.submit(main())

    def wait(self) -> Any:
        try:
            return self._future.result()
        except KeyboardInterrupt:
            self._thread.call(self._cancel)
            # Its `finally` blocks may run; a second interrupt stops waiting for them.
            with contextlib.suppress(BaseException):
                self._future.result(timeout=5)
            raise

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def raise_in_thread(ident: int, error: type[BaseException]) -> None:
    """Have a thread raise `error` when it next runs Python code."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(error))


@dataclass(frozen=True, slots=True)
class Blockage:
    """An event loop that does not answer.

    Attributes:
        seconds: For how long so far.
        where: The user's function and line, if it is user code.
        stack: The thread's stack, for the log.
    """

    seconds: float
    where: str | None
    stack: str


class Watchdog:
    """Notices that a loop is blocked, from another loop.

    Args:
        watched: The thread whose loop is asked for signs of life.
        report: Called on the watching loop with a `Blockage` when it is blocked for longer than
            `patience`, and with None when it answers again.
        patience: Seconds without an answer.
    """

    def __init__(
        self,
        watched: LoopThread,
        report: Callable[[Blockage | None], None],
        *,
        patience: float = 1.0,
    ) -> None:
        self._watched = watched
        self._report = report
        self._patience = patience

    async def watch(self) -> None:
        """Watch until cancelled."""
        here = asyncio.get_running_loop()
        while True:
            answer = asyncio.Event()
            asked = time.monotonic()
            self._watched.call(here.call_soon_threadsafe, answer.set)
            if not await _within(answer, self._patience):
                self._report(self._examine(time.monotonic() - asked))
                await answer.wait()
                self._report(None)
            await asyncio.sleep(self._patience / 2)

    def _examine(self, seconds: float) -> Blockage:
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        frame = frames.get(self._watched.ident)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
        return Blockage(seconds, whereabouts.of_thread(self._watched.ident), stack)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
