"""Compares what was run in the kernel with what stands in the document.

The exported module runs the document from top to bottom, once. That gives what the kernel has
only if, for every name that is needed, the runs that set or changed it were those cells, with
that text, in that order. Runs that a later assignment made void do not count.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentscope_runtime_nb.notebook.export.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agentscope_runtime_nb.notebook.export.document import Cell
    from agentscope_runtime_nb.notebook.export.facts import Facts
    from agentscope_runtime_nb.notebook.export.recorder import Execution

RUN_AGAIN = "Save the notebook and run the cell again, or restart the kernel and run all cells."


@dataclass(frozen=True)
class Step:
    """One run of a cell, or its place in the document."""

    key: str
    """The cell's identity: its number in the document, or the run's for a cell that is gone."""
    source: str
    label: str
    order: int


class History:
    """The runs of a kernel, matched with a document's cells."""

    def __init__(
        self,
        cells: Sequence[Cell],
        executions: Iterable[Execution],
        facts_of: Callable[[str], list[Facts]],
    ) -> None:
        self.cells = cells
        self._facts_of = facts_of
        self._facts: dict[str, list[Facts]] = {}
        by_id = {cell.id: cell for cell in cells if cell.id}
        by_source = {_plain(cell.source): cell for cell in reversed(cells)}
        self.runs: defaultdict[int, list[Execution]] = defaultdict(list)
        self.steps: list[Step] = []
        for execution in executions:
            cell = by_id.get(execution.cell_id or "") or by_source.get(_plain(execution.source))
            if cell is not None:
                self.runs[cell.number].append(execution)
                key, label = str(cell.number), cell.label
            else:
                key = f"run {execution.order}"
                count = f"In [{execution.count}]" if execution.count else "a run"
                label = f"{count}, a cell that is no longer in the document"
            if execution.ok is not False:
                self.steps.append(Step(key, _plain(execution.source), label, execution.order))
        self.document = [
            Step(str(cell.number), _plain(cell.source), cell.label, cell.number) for cell in cells
        ]

    def _facts_in(self, source: str) -> list[Facts]:
        if source not in self._facts:
            self._facts[source] = self._facts_of(source)
        return self._facts[source]

    def _effect(self, step: Step, name: str) -> str:
        """What a cell does to a name: `set` it anew, `change` it, or nothing."""
        effect = ""
        for facts in self._facts_in(step.source):
            if name in facts.kills and name not in facts.reads:
                effect = "set"
            elif name in facts.binds | facts.deletes | facts.writes:
                effect = effect or "change"
        return effect

    def sequence(self, steps: Iterable[Step], name: str) -> list[Step]:
        """The steps that made a name what it is, void ones left out."""
        found: list[Step] = []
        for step in steps:
            effect = self._effect(step, name)
            if effect == "set":
                found = [step]
            elif effect:
                found.append(step)
        return found

    def check_cells(self, numbers: Iterable[int]) -> list[Problem]:
        """Problems of single cells: never run, failed, changed since."""
        problems: list[Problem] = []
        for cell in self.cells:
            if cell.number not in numbers:
                continue
            runs = self.runs.get(cell.number)
            if not runs:
                problems.append(
                    problem(
                        "not-executed",
                        f"{cell.label} is needed but was not run in this kernel.",
                        "Run it, or begin it with `#| no-export` if the app is to do without it.",
                        cell=cell.where,
                    )
                )
            elif _plain(runs[-1].source) != _plain(cell.source):
                problems.append(
                    problem(
                        "text-differs",
                        f"{cell.label} in the saved document is not what was run.",
                        RUN_AGAIN,
                        cell=cell.where,
                    )
                )
            elif runs[-1].ok is False:
                problems.append(
                    problem(
                        "cell-failed",
                        f"{cell.label} is needed but failed when it last ran.",
                        "Mend it and run it again.",
                        cell=cell.where,
                    )
                )
        return problems

    def check_names(self, names: Iterable[str], explained: set[int]) -> list[Problem]:
        """Problems of order: names that other runs, or another order, made what they are."""
        problems: list[Problem] = []
        for name in sorted(names):
            here = self.sequence(self.document, name)
            ran = self.sequence(self.steps, name)
            if _same(here, ran) or _touches({*here, *ran}, explained):
                continue
            problems.append(self._order_problem(name, here, ran))
        return problems

    def check_stale(
        self, reads: Iterable[tuple[int, set[str]]], explained: set[int]
    ) -> list[Problem]:
        """Problems of order: cells that ran before what they read was what it now is."""
        problems: list[Problem] = []
        for number, names in reads:
            if number in explained or not self.runs.get(number):
                continue
            last = self.runs[number][-1].order
            cell = next(cell for cell in self.cells if cell.number == number)
            for name in sorted(names):
                here = self.sequence([s for s in self.document if s.order < number], name)
                ran = self.sequence([s for s in self.steps if s.order < last], name)
                ran = [step for step in ran if step.key != str(number)]
                if not here or _same(here, ran) or _touches({*here, *ran}, explained):
                    continue
                problems.append(
                    problem(
                        "out-of-order",
                        f"{cell.label} used `{name}` before {here[-1].label} gave it "
                        "the value that the document gives it.",
                        f"Run cell {number} again, or restart the kernel and run all cells.",
                        cell=cell.where,
                        name=name,
                    )
                )
                break
        return problems

    def _order_problem(self, name: str, here: list[Step], ran: list[Step]) -> Problem:
        number = next((int(s.key) for s in reversed(ran) if s.key.isdigit()), None)
        gone = next((step for step in ran if not step.key.isdigit()), None)
        where = (number, None) if number else None
        if gone is not None:
            return problem(
                "text-differs",
                f"`{name}` was set or changed by {gone.label}.",
                "Put that cell back, or restart the kernel and run all cells.",
                cell=where,
                name=name,
            )
        order, document = _named(ran), _named(here)
        return problem(
            "out-of-order",
            f"`{name}` is what running {order} made of it; from top to bottom the document runs "
            f"{document}.",
            "Restart the kernel and run all cells, or move the cells into the order that is meant.",
            cell=where,
            name=name,
        )


def _named(steps: list[Step]) -> str:
    """The cells in a sentence, each with its beginning, since pages show no numbers of cells."""
    return ", then ".join(step.label for step in steps) or "no cell"


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _same(one: list[Step], other: list[Step]) -> bool:
    return [(s.key, s.source) for s in one] == [(s.key, s.source) for s in other]


def _touches(steps: Iterable[Step], explained: set[int]) -> bool:
    return any(step.key.isdigit() and int(step.key) in explained for step in steps)
