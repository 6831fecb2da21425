"""How a fetch shows itself: a bar in a terminal, a line in a notebook, two lines in a log."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Progress = Callable[[int, int], None]

_LINE_EVERY = 0.5


@contextmanager
def reporter(title: str) -> Generator[Progress]:
    """Give a function to tell the progress of a fetch to; nothing shows until it is called.

    Args:
        title: What is being fetched.

    Yields:
        The function, which takes the bytes done and the bytes in all.
    """
    if "ipykernel" in sys.modules:
        with _lines(title) as told:
            yield told
        return
    from rich.console import Console

    console = Console(stderr=True)
    with _bar(title, console) if console.is_terminal else _log(title) as told:
        yield told


@contextmanager
def _bar(title: str, console: object) -> Generator[Progress]:
    from rich import progress as rich_progress
    from rich.console import Console

    bar = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
        console=console if isinstance(console, Console) else None,
    )
    task: rich_progress.TaskID | None = None

    def tell(done: int, total: int) -> None:
        nonlocal task
        if task is None:
            bar.start()
            task = bar.add_task(title, total=total)
        bar.update(task, completed=done)

    try:
        yield tell
    finally:
        bar.stop()


@contextmanager
def _lines(title: str) -> Generator[Progress]:
    """One line that is written over; a notebook's saved output keeps its last state."""
    last = -1.0
    told = False

    def tell(done: int, total: int) -> None:
        nonlocal last, told
        now = time.monotonic()
        if done >= total or now - last >= _LINE_EVERY:
            last, told = now, True
            sys.stdout.write(f"\r{title}: {_mb(done)} of {_mb(total)} MB")
            sys.stdout.flush()

    try:
        yield tell
    finally:
        if told:
            sys.stdout.write("\n")


@contextmanager
def _log(title: str) -> Generator[Progress]:
    told = False

    def tell(done: int, total: int) -> None:
        nonlocal told
        if not told:
            told = True
            sys.stderr.write(f"{title} ({_mb(total)} MB, once) …\n")
        if done >= total:
            sys.stderr.write(f"{title}: done\n")

    yield tell


def _mb(size: int) -> int:
    return round(size / 1_000_000)
