"""What can keep a notebook from being exported, told all at once.

A `Problem` names the cell, the cause and the next step, and has a code that stays the same
while its words may improve. `ExportError` carries every problem that was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CODES: Final = {
    "no-such-app": "the document defines no app of that name",
    "no-app": "the document defines no app at all",
    "app-not-chosen": "the document defines several apps and none was named",
    "app-defined-twice": "two cells define one app",
    "bad-app-cell": "the %%agent_app line cannot be read",
    "bad-syntax": "a cell that is needed is not valid Python",
    "undefined-name": "a name that is needed is defined nowhere",
    "defined-later": "a name is used above the cell that defines it",
    "deleted-name": "a name that is needed is deleted again",
    "memory-only": "a value exists in the kernel's memory alone",
    "keyboard-input": "a value is typed in by hand",
    "shell-magic": "a value comes from a magic or a shell command",
    "other-app": "an app uses another app's handle",
    "name-clash": "another cell uses the name `app` for something else",
    "literal-secret": "a secret stands in the code",
    "not-executed": "a cell that is needed was never run",
    "cell-failed": "a cell that is needed failed when it last ran",
    "text-differs": "a cell was changed after it ran, or ran elsewhere",
    "out-of-order": "the cells ran in an order that gives other values",
    "not-saved": "the notebook on disk lacks the app's cell",
    "no-document": "the notebook's file is not known",
    "unreadable-document": "the notebook's file cannot be read",
    "target-exists": "the target folder holds something else",
    "target-edited": "files of the earlier export were changed by hand",
    "target-unwritable": "the target folder cannot be written",
    "import-failed": "the exported app does not start in a fresh process",
    "values-differ": "the exported app's values are not those of the kernel",
    "module-clash": "a local module has the name of a file of the export",
}
"""Every code and what it means; the docs list them from here."""


@dataclass(frozen=True)
class Problem:
    """One reason why an export was refused."""

    code: str
    text: str
    fix: str
    cell: int | None = None
    cell_id: str | None = None
    name: str | None = None
    line: int | None = None
    """The line of the cell, where one can be named."""

    def __str__(self) -> str:
        return f"{self.text} {self.fix} [{self.code}]"


class ExportError(Exception):
    """The notebook cannot be exported as it is; nothing was written."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda p: (p.cell or 0, p.code, p.name or ""))
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        head = "Not exported: " + (
            "one thing to put right." if count == 1 else f"{count} things to put right."
        )
        return "\n".join([head, *(f"  {n}. {p}" for n, p in enumerate(self.problems, 1))])

    @property
    def codes(self) -> list[str]:
        """The codes of the problems, in the order in which they are told."""
        return [problem.code for problem in self.problems]

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the reader's code is not at fault."""
        return [str(self)]


def problem(
    code: str,
    text: str,
    fix: str,
    *,
    cell: tuple[int, str | None] | None = None,
    name: str | None = None,
    line: int | None = None,
) -> Problem:
    """Make a problem; an unknown code is a mistake of ours."""
    if code not in CODES:
        raise KeyError(code)
    number, cell_id = cell or (None, None)
    return Problem(code, text[:1].upper() + text[1:], fix, number, cell_id, name, line)
