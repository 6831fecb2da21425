"""What went wrong inside a run, told to the one who wrote the agent.

The wire says little of an agent's exception. Its author, in the notebook, gets the traceback of the
cells alone, and for an object that belongs to another event loop its name and the way out.
"""

from __future__ import annotations

import ast
import linecache
import logging
import traceback
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app import current_run
from agentscope_runtime_nb.app.whereabouts import is_library
from agentscope_runtime_nb.notebook.places import cell_names

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

_FOREIGN = ("attached to a different loop", "bound to a different event loop")
_LOGGER = logging.getLogger("agentscope_runtime_nb.run")


class FailureHandler(logging.Handler):
    """Sees each run's exception as it is logged.

    Args:
        loop: The agents' loop.
        notice: Called with a run's id and a text when there is more to say.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, notice: Callable[[str, str], None]) -> None:
        super().__init__(logging.ERROR)
        self._loop = loop
        self._notice = notice

    def install(self) -> None:
        """Listen to the runs' logger."""
        _LOGGER.addHandler(self)

    def remove(self) -> None:
        """Listen no more."""
        _LOGGER.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Rewrite the run's failure for its author."""
        run = current_run.get()
        error = record.exc_info[1] if record.exc_info else None
        if run is None or error is None:
            return
        try:
            run.failure = cells_traceback(error)
            if any(mark in str(error) for mark in _FOREIGN):
                self._notice(run.id, foreign_object(error, self._loop))
        except Exception:  # noqa: BLE001 - a handler must not raise
            self.handleError(record)


def cells_traceback(error: BaseException) -> str:
    """A traceback without the frames of this package, its files told as cells."""
    names = cell_names()
    lines = ["Traceback (most recent call last):\n"]
    for frame, number in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if is_library(filename) and "agentscope_runtime_nb" in filename:
            continue
        place = names.get(filename.rpartition("/")[2], f'File "{filename}"')
        lines.append(f"  {place}, line {number}, in {frame.f_code.co_name}\n")
        source = linecache.getline(filename, number).strip()
        if source:
            lines.append(f"    {source}\n")
    return "".join([*lines, *traceback.format_exception_only(error)])


def foreign_object(error: BaseException, loop: asyncio.AbstractEventLoop) -> str:
    """Which object belongs to another loop, and what to do about it."""
    frame, number = _innermost_user_frame(error)
    if frame is None:
        return _advice("an object", "")
    filename = frame.f_code.co_filename
    line = linecache.getline(filename, number).strip()
    place = names if (names := cell_names().get(filename.rpartition("/")[2])) else filename
    where = f" in {frame.f_code.co_name}(), line {number} of {place} (`{line}`)"
    return _advice(_foreign_name(line, frame, loop) or "an object", where)


def _advice(name: str, where: str) -> str:
    return (
        f"{name} belongs to another event loop{where}: it was made or first used with `await` in "
        "an ordinary cell, while agents run on a loop of their own. Make it in the agent's cell, "
        "where `await` runs on that loop, in the handler, or in `lifespan=`."
    )


def _innermost_user_frame(error: BaseException) -> tuple[FrameType | None, int]:
    found: tuple[FrameType | None, int] = (None, 0)
    for frame, number in traceback.walk_tb(error.__traceback__):
        if not is_library(frame.f_code.co_filename):
            found = frame, number
    return found


def _foreign_name(line: str, frame: FrameType, loop: asyncio.AbstractEventLoop) -> str | None:
    """The name on the line whose object is tied to another loop; else the first known one."""
    try:
        tree = ast.parse(line.rstrip(":") if not line.endswith(":") else line + " pass")
    except SyntaxError:
        return None
    candidates: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Name, ast.Attribute)):
            continue
        text = ast.unparse(node)
        found, value = _look_up(node, frame)
        if not found or (callable(value) and not hasattr(value, "_loop")):
            continue
        tied: Any = getattr(value, "_loop", None)
        if tied is not None and tied is not loop:
            return f"`{text}` ({type(value).__name__})"
        if isinstance(node, ast.Name) and not hasattr(value, "__path__"):
            candidates.append(f"`{text}` ({type(value).__name__})")
    return candidates[0] if candidates else None


def _look_up(node: ast.AST, frame: FrameType) -> tuple[bool, Any]:
    if isinstance(node, ast.Name):
        for scope in (frame.f_locals, frame.f_globals):
            if node.id in scope:
                return True, scope[node.id]
    elif isinstance(node, ast.Attribute):
        found, value = _look_up(node.value, frame)
        if found and node.attr in getattr(value, "__dict__", {}):  # no property is run for this
            return True, value.__dict__[node.attr]
    return False, None
