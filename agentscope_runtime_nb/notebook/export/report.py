"""What an export did, for people: shown in a notebook, printed by the command line."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Decision:
    """What became of one statement, and why; its text is cut short and holds no secret."""

    cell: int
    text: str
    kept: bool
    why: str


@dataclass
class ExportReport:
    """The outcome of an export.

    Attributes:
        app: The app's name.
        path: Where the service was written.
        files: The files in it.
        requirements: Its pinned requirements.
        decisions: Every statement of the notebook, kept or not, and why.
        notes: What the reader should know.
        environment: Environment variables that it reads.
        seconds: How long the parts took.
        fingerprint: What the fresh process found in the app.
        sources: The files that it was made from, the notebook's own first.
        given: What the notebook's %env lines set; shown nowhere.
        place: Tells the cell, and the line in it, that a line of `app.py` comes from.
    """

    app: str
    path: Path
    files: list[str] = field(default_factory=list[str])
    requirements: list[str] = field(default_factory=list[str])
    decisions: list[Decision] = field(default_factory=list[Decision])
    notes: list[str] = field(default_factory=list[str])
    environment: list[str] = field(default_factory=list[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    fingerprint: dict[str, Any] | None = None
    sources: list[Path] = field(default_factory=list["Path"])
    given: dict[str, str] = field(default_factory=dict[str, str])
    place: Callable[[int], tuple[int | None, int | None]] = lambda _: (None, None)

    @property
    def kept(self) -> list[Decision]:
        """The statements that were kept."""
        return [decision for decision in self.decisions if decision.kept]

    @property
    def dropped(self) -> list[Decision]:
        """The statements that were left out."""
        return [decision for decision in self.decisions if not decision.kept]

    @property
    def run_command(self) -> str:
        """What serves the export."""
        return f"agentscope-nb run {self.path}"

    def __str__(self) -> str:
        cells = {d.cell for d in self.kept}
        lines = [
            f"{self.app} is exported to {self.path}",
            (
                f"  {len(self.kept)} statements of {len(cells)} cells kept, "
                f"{len(self.dropped)} left out"
            ),
            f"  files: {', '.join(self.files)}",
            f"  needs: {', '.join(self.requirements)}",
            *(f"  note: {note}" for note in self.notes),
            f"Serve it: {self.run_command}",
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def explain(self) -> str:
        """Every decision, one a line."""
        return "\n".join(
            f"{'+' if d.kept else '-'} cell {d.cell:>3}  {d.text:<50}  {d.why}"
            for d in self.decisions
        )

    def _repr_markdown_(self) -> str:
        rows = "\n".join(
            f"| {d.cell} | `{d.text.replace('|', '¦').replace('`', chr(39))}` "
            f"| {'kept' if d.kept else 'left out'} | {d.why.replace('|', '¦')} |"
            for d in self.decisions
        )
        notes = "".join(f"\n- {note}" for note in self.notes)
        return (
            f"**{self.app}** is exported to `{self.path}`. Serve it: `{self.run_command}`\n"
            f"{notes}\n\n"
            f"| cell | statement | | why |\n|---|---|---|---|\n{rows}\n"
        )

    def _repr_html_(self) -> str:
        def cell(text: object) -> str:
            return f"<td style='text-align:left'>{html.escape(str(text))}</td>"

        rows = "".join(
            f"<tr style='opacity:{1 if d.kept else 0.55}'>{cell(d.cell)}"
            f"<td style='text-align:left'><code>{html.escape(d.text)}</code></td>"
            f"{cell('kept' if d.kept else 'left out')}{cell(d.why)}</tr>"
            for d in self.decisions
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return (
            f"<div><p><b>{html.escape(self.app)}</b> is exported to "
            f"<code>{html.escape(str(self.path))}</code>: {len(self.files)} files. Serve it: "
            f"<code>{html.escape(self.run_command)}</code></p>"
            + (f"<ul>{notes}</ul>" if notes else "")
            + f"<details><summary>{len(self.kept)} statements kept, {len(self.dropped)} left out"
            f"</summary><table><tr><th>cell</th><th>statement</th><th></th><th>why</th></tr>{rows}"
            f"</table></details><details><summary>{len(self.requirements)} requirement"
            f"{'' if len(self.requirements) == 1 else 's'}</summary>"
            f"<pre>{html.escape(chr(10).join(self.requirements))}</pre></details></div>"
        )
