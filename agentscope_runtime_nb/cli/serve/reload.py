"""Serves a notebook's app, and swaps a new version in whenever the notebook is saved.

This process holds the socket and serves nothing itself; each version has a process of its own,
which shares the socket. So the port never refuses a connection, whichever version takes it.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.cli.serve.version import Version, env_file
from agentscope_runtime_nb.cli.serve.watch import LOOK_EVERY, Watch
from agentscope_runtime_nb.notebook.export.problems import ExportError
from agentscope_runtime_nb.notebook.export.secret_scan import redact
from agentscope_runtime_nb.progress import steps

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator, Iterable

    from agentscope_runtime_nb.cli.serve.voice import Voice

_HALF_WRITTEN = 2.0  # how long a file that is no notebook may yet become one
_LAST_SECONDS = 30.0  # how long the versions may take to end; they give their runs 20
_CRASHES = 3
_CRASH_SECONDS = 60.0


class Reloader:
    """The command's loop.

    Args:
        notebook: What is served.
        app: Which app of it; None if there is one.
        sock: Bound; shared by all versions.
        settings: For the versions' processes: `host` and `open`.
        voice: Says what happens.
        reload: Whether to look for changes.
    """

    def __init__(
        self,
        notebook: Path,
        app: str | None,
        sock: socket.socket,
        settings: dict[str, Any],
        voice: Voice,
        *,
        reload: bool,
    ) -> None:
        self._notebook = notebook
        self._app = app
        self._socket = sock
        self._voice = voice
        self._reload = reload
        self._root = Path()
        self._settings = settings
        self._said: queue.SimpleQueue[tuple[Version | None, dict[str, Any]]] = queue.SimpleQueue()
        self._watch = Watch()
        self._built = 0
        self._began = 0.0
        self._current: Version | None = None
        self._next: Version | None = None
        self._old: set[Version] = set()
        self._crashes: list[float] = []
        self._doubt: tuple[float, ExportError] | None = None
        self._progress = ExitStack()
        self._step: Callable[[str], object] = str
        self._failed = False
        self._ending = 0.0

    def run(self) -> int:
        """Serve until interrupted; gives the exit code."""
        with _signals(lambda: self._said.put((None, {}))):
            self._root = Path(tempfile.mkdtemp(prefix="agentscope-nb-serve-"))
            self._settings |= {"root": str(self._root), "home": str(self._notebook.parent)}
            try:
                self._start_next()
                while self._current or self._next or self._old:
                    self._turn()
            finally:
                self._progress.close()
                for version in self._versions():
                    version.kill()
                    version.remove()
                shutil.rmtree(self._root, ignore_errors=True)
        return int(self._failed and not self._ending)

    def _turn(self) -> None:
        """Hear one thing, or look at the files."""
        try:
            version, words = self._said.get(timeout=LOOK_EVERY)
        except queue.Empty:
            if not self._ending:
                self._look()
            elif time.monotonic() > self._ending:
                self._kill()
            return
        if version is None:
            self._interrupted()
        elif "step" in words:
            self._step(words["step"])
        elif "failed" in words:
            self._not_started(version, words["failed"], words["line"])
        elif "ready" in words:
            self._ready(version, words)
        elif "closed" in words:
            version.closed = True
            self._voice.reloaded(time.monotonic() - self._began, words["runs"])
        elif "ended" in words:
            self._ended(version, words["ended"])

    def _versions(self) -> list[Version]:
        return [v for v in (self._current, self._next, *self._old) if v is not None]

    # -- a new version ---------------------------------------------------------------------

    def _look(self) -> None:
        if not self._reload:
            return
        if self._watch.changed():
            self._start_next()
        elif self._doubt is not None and time.monotonic() > self._doubt[0]:
            self._voice.refused(self._doubt[1])
            self._doubt = None

    def _start_next(self) -> None:
        """Build the notebook as it is now, and start its process unless nothing is new."""
        self._began, read_at, self._doubt = time.monotonic(), time.time(), None
        self._built += 1
        self._progress.close()
        self._step = self._progress.enter_context(steps(f"Starting {self._notebook.name}", 3))
        self._step("reads it")
        folder = self._root / f"v{self._built}"
        try:
            new = Version.build(self._notebook, self._app, folder, self._hear)
        except ExportError as error:
            self._progress.close()
            # What is missing may be a module that is about to be written.
            self._follow(self._notebook.parent.glob("*.py"), read_at)
            self._not_built(error)
            return
        self._follow(new.report.sources, read_at)
        latest = self._next or self._current
        if latest is not None and latest.digest == new.digest and not self._failed:
            self._progress.close()
            new.remove()  # outputs, text, or a cell that the app does not need
            return
        self._drop_next()
        self._failed = False
        self._begin(new)

    def _begin(self, version: Version) -> None:
        self._next = version
        self._step("imports it")
        version.start(self._socket, self._settings)

    def _drop_next(self) -> None:
        """Let go of a version that nobody has called yet."""
        if self._next is not None:
            self._next.kill()
            self._old.add(self._next)
            self._next = None

    def _follow(self, files: Iterable[Path], read_at: float) -> None:
        self._watch.follow([self._notebook, env_file(self._notebook), *files], read_at)

    def _hear(self, version: Version, words: dict[str, Any]) -> None:
        self._said.put((version, words))

    # -- what became of it -----------------------------------------------------------------

    def _not_built(self, error: ExportError) -> None:
        self._failed = True
        if "unreadable-document" in error.codes and self._current is not None:
            self._doubt = time.monotonic() + _HALF_WRITTEN, error
        else:
            self._voice.refused(error)

    def _not_started(self, version: Version, why: str, line: int | None = None) -> None:
        if version is not self._next:
            return
        self._progress.close()
        self._failed = True
        self._drop_next()
        self._voice.failed(redact(why), *(version.report.place(line) if line else (None, None)))

    def _ready(self, version: Version, facts: dict[str, Any]) -> None:
        if version is not self._next:
            return
        self._progress.close()
        version.facts = facts
        before, self._current, self._next = self._current, version, None
        if before is None:
            self._voice.serving(facts)
        else:
            self._old.add(before)
            before.retire()

    def _ended(self, version: Version, code: int) -> None:
        if version is self._current:
            self._current = None
            if not self._ending:
                self._crashed(version, code)
                return
        elif version is self._next:
            self._not_started(version, f"its process ended with code {code}")
        self._old.discard(version)
        version.remove()

    def _crashed(self, version: Version, code: int) -> None:
        """The serving process has gone by itself: calls wait at the socket for the next one."""
        now = time.monotonic()
        self._crashes = [t for t in self._crashes if now - t < _CRASH_SECONDS] + [now]
        again = len(self._crashes) <= _CRASHES
        self._voice.crashed(code, again=again)
        if self._next is not None:
            version.remove()
        elif again:
            self._began = now
            self._begin(version)
        else:
            self._failed = True
            version.remove()

    # -- the end ---------------------------------------------------------------------------

    def _interrupted(self) -> None:
        if self._ending:
            self._kill()
            return
        self._ending = time.monotonic() + _LAST_SECONDS
        self._voice.ending()
        self._socket.close()
        self._drop_next()
        for version in self._versions():
            version.end()

    def _kill(self) -> None:
        for version in self._versions():
            version.kill()


@contextlib.contextmanager
def _signals(interrupted: Callable[[], None]) -> Generator[None]:
    """Have the signals that end a command call a function instead."""

    def heard(_number: int, _frame: object) -> None:
        interrupted()

    before = {
        number: signal.signal(number, heard)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
