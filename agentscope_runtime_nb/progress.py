"""How something that takes a while shows itself: one place for downloads, exports, checks, starts.

A terminal gets a bar, a cell a display that is written over, a thread of a kernel a line, a log two
lines. What is over in half a second shows nothing. This room imports nothing of ours.
"""

from __future__ import annotations

import contextvars
import html
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Transfer = Callable[[int, int], None]
    Step = Callable[[str], None]

PATIENCE = 0.5
"""Seconds that steps may take before they are shown."""
_terminal = threading.Lock()


@dataclass(frozen=True, slots=True)
class _State:
    """How far it is: a part of a whole, and that in words."""

    done: float
    total: float
    words: str

    @property
    def share(self) -> float:
        return min(self.done / self.total, 1.0) if self.total else 0.0


class _Face(Protocol):
    """Where progress is shown; `rest` is how many seconds a transfer leaves between two shows."""

    rest: float

    def show(self, state: _State) -> None: ...

    def end(self) -> None: ...


@contextmanager
def transfer(title: str) -> Generator[Transfer]:
    """Give a function to tell the progress of a transfer to; nothing shows until it is called.

    Args:
        title: What is being fetched.

    Yields:
        The function, which takes the bytes done and the bytes in all.
    """
    face = _face(title, quiet=False)

    last = -1.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < face.rest:
            return
        last = now
        face.show(_State(done, total, f"{_mb(done)} of {_mb(total)} MB"))

    try:
        yield tell
    finally:
        face.end()


@contextmanager
def steps(title: str, total: int) -> Generator[Step]:
    """Give a function to name each step to, as it begins; the quick ones are never seen.

    Args:
        title: What is being done.
        total: How many steps there will be.

    Yields:
        The function.
    """
    face = _face(title, quiet=True)
    lock = threading.Lock()
    state = _State(0, total, "")
    shown = over = False

    def appear() -> None:
        nonlocal shown
        with lock:
            if not over:
                shown = True
                face.show(state)

    def step(words: str) -> None:
        nonlocal state, number
        with lock:
            state = _State(number, total, words)
            number += 1
            if shown:
                face.show(state)

    number = 0
    # With the cell's context, which tells a kernel under which cell the display belongs.
    timer = threading.Timer(PATIENCE, contextvars.copy_context().run, [appear])
    timer.daemon = True
    timer.start()
    try:
        yield step
    finally:
        timer.cancel()
        with lock:
            over = True
            if shown:
                face.end()


def _face(title: str, *, quiet: bool) -> _Face:
    if "ipykernel" in sys.modules:
        from IPython import get_ipython

        kernel = getattr(get_ipython(), "kernel", None) is not None
        if kernel and threading.current_thread() is threading.main_thread():
            return _Cell(title)
        return _Silence() if quiet else _Line(title)
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        return _Bar(title, console, transient=quiet)
    return _Silence() if quiet else _Log(title)


class _Silence:
    """Nobody looks: what is said at the end is enough."""

    rest = 0.0

    def show(self, state: _State) -> None:
        pass

    def end(self) -> None:
        pass


class _Bar:
    """A bar in a terminal."""

    rest = 0.0

    def __init__(self, title: str, console: Any, *, transient: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}")
        self._bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=transient)
        self._title = title
        self._task: Any = None

    def show(self, state: _State) -> None:
        if self._task is None:
            if not _terminal.acquire(blocking=False):
                return  # another bar is there, and two would write over each other
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=1.0, words="")
        self._bar.update(self._task, completed=state.share, words=state.words)

    def end(self) -> None:
        if self._task is not None:
            self._bar.stop()
            _terminal.release()


class _Cell:
    """A display under a cell; in the end it is one line with the time it took."""

    rest = 0.1

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = time.monotonic()
        self._display: Any = None

    def show(self, state: _State) -> None:
        self._put({
            "text/plain": f"{self._title}: {state.words}",
            "text/html": (
                "<div style='display:flex;gap:.8em;align-items:center'>"
                f"<span>{html.escape(self._title)}</span>"
                f"<progress value='{state.share:.3f}' max='1' style='width:12em'></progress>"
                f"<span style='opacity:.75'>{html.escape(state.words)}</span></div>"
            ),
        })  # fmt: skip

    def end(self) -> None:
        if self._display is not None:
            self._put({"text/plain": f"{self._title} · {time.monotonic() - self._began:.1f} s"})

    def _put(self, bundle: dict[str, str]) -> None:
        from IPython.display import display  # pyright: ignore[reportUnknownVariableType]

        if self._display is None:
            self._display = display(bundle, raw=True, display_id=True)
        else:
            self._display.update(bundle, raw=True)


class _Line:
    """One line that is written over, from a thread of a kernel: it goes to the run's log."""

    rest = 0.5

    def __init__(self, title: str) -> None:
        self._title = title
        self._told = False

    def show(self, state: _State) -> None:
        self._told = True
        sys.stdout.write(f"\r{self._title}: {state.words}")
        sys.stdout.flush()

    def end(self) -> None:
        if self._told:
            sys.stdout.write("\n")


class _Log:
    """Two lines in a file."""

    rest = 0.0

    def __init__(self, title: str) -> None:
        self._title = title
        self._told = False

    def show(self, state: _State) -> None:
        if not self._told:
            self._told = True
            sys.stderr.write(f"{self._title} ({_mb(state.total)} MB, once) …\n")
        if state.share >= 1:
            sys.stderr.write(f"{self._title}: done\n")

    def end(self) -> None:
        pass


def _mb(size: float) -> int:
    return round(size / 1_000_000)
