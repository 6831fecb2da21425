"""Where a run's code stands: the function and line that a Stop is waiting for."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_OURS = str(Path(__file__).resolve().parent.parent)
_PATHS = sysconfig.get_paths()
_LIBRARIES = (
    *{_PATHS[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")},
    _OURS,
    "<frozen",
)


def is_library(filename: str) -> bool:
    """Whether a file is the standard library's, an installed package's or ours."""
    return filename.startswith(_LIBRARIES)


def of_thread(thread_id: int) -> str | None:
    """The innermost user code that a thread runs right now."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the documented way
    return _describe(frame)


def of_awaitable(waiting: Any) -> str | None:
    """The innermost user code that a suspended coroutine or asynchronous generator waits in.

    What an `async for` inside it waits for cannot be seen from outside; the loop's line is named.
    """
    found: FrameType | None = None
    for _ in range(200):  # bounded: an awaitable may lead back to itself
        frame = (
            getattr(waiting, "cr_frame", None)
            or getattr(waiting, "ag_frame", None)
            or getattr(waiting, "gi_frame", None)
        )
        if frame is not None and not is_library(frame.f_code.co_filename):
            found = frame
        following = (
            getattr(waiting, "cr_await", None)
            or getattr(waiting, "ag_await", None)
            or getattr(waiting, "gi_yieldfrom", None)
        )
        if following is None:
            break
        waiting = following
    return _describe(found)


def _describe(frame: FrameType | None) -> str | None:
    while frame is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return None
    name = Path(frame.f_code.co_filename).name
    return f"{frame.f_code.co_name}(), line {frame.f_lineno} of {name}"
