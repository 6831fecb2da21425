"""Keeps what was run in this kernel: which cell, what text, in which order, and how it ended.

Hooks of IPython's own are used; nothing is patched. Cells that ran before the extension was
loaded are taken from IPython's history, where only their text is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MAX_EXECUTIONS: Final = 20_000


@dataclass
class Execution:
    """One run of a cell.

    Attributes:
        order: Its place among all runs, from 1.
        cell_id: The notebook cell's id; None when the front end does not send one.
        source: The cell as it was typed.
        ok: Whether it ended without an error; None while it runs, or when that is not known.
        count: The number in `In [n]`.
    """

    order: int
    cell_id: str | None
    source: str
    ok: bool | None = None
    count: int | None = None


class Recorder:
    """Records the cells that a shell runs.

    Args:
        shell: The IPython shell; None for a record that is filled by hand.
    """

    def __init__(self, shell: Any = None) -> None:
        self.executions: list[Execution] = []
        self._shell = shell
        self._running: list[Execution] = []

    def install(self) -> None:
        """Begin to record; what IPython's history holds already is taken over."""
        shell = self._shell
        if shell is None:
            return
        history = getattr(shell, "history_manager", None)
        raw: list[str] = list(getattr(history, "input_hist_raw", ()))
        for count, source in enumerate(raw[1:], 1):
            if source.strip():
                self.add(source, ok=None, count=count)
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def remove(self) -> None:
        """Stop recording."""
        for event, hook in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            try:
                self._shell.events.unregister(event, hook)
            except (AttributeError, ValueError):
                continue

    def add(
        self,
        source: str,
        *,
        cell_id: str | None = None,
        ok: bool | None = True,
        count: int | None = None,
    ) -> Execution:
        """Record a run."""
        order = self.executions[-1].order + 1 if self.executions else 1
        execution = Execution(order, cell_id, source, ok, count)
        self.executions.append(execution)
        del self.executions[:-MAX_EXECUTIONS]
        return execution

    def _before(self, info: Any) -> None:
        if getattr(info, "silent", False):
            return
        source, cell_id = str(info.raw_cell), getattr(info, "cell_id", None)
        last = self.executions[-1] if self.executions else None
        if (
            last
            and last.ok is None
            and last.cell_id is None
            and last.source.rstrip() == source.rstrip()
        ):
            last.cell_id = cell_id  # IPython's history had the running cell already
            self._running.append(last)
            return
        count = getattr(self._shell, "execution_count", None)
        self._running.append(self.add(source, cell_id=cell_id, ok=None, count=count))

    def _after(self, result: Any) -> None:
        info = getattr(result, "info", None)
        if info is None or getattr(info, "silent", False):
            return
        if self._running:
            execution = self._running.pop()
        else:  # the cell that loaded the extension began before the hooks were there
            execution = self._adopt(str(info.raw_cell), getattr(info, "cell_id", None))
        execution.ok = bool(result.success)

    def _adopt(self, source: str, cell_id: str | None) -> Execution:
        for execution in reversed(self.executions):
            if execution.ok is None and execution.source.rstrip() == source.rstrip():
                execution.cell_id = execution.cell_id or cell_id
                return execution
        return self.add(source, cell_id=cell_id, ok=None)
