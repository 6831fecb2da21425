"""What the doctor says: a table in a notebook, lines in a terminal, JSON for programs."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import agentscope_runtime_nb

if TYPE_CHECKING:
    from agentscope_runtime_nb.doctor.findings import Finding, State

_MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "broken": "✗"}
_PLAIN: dict[State, str] = {"ok": "ok", "warning": "!", "broken": "X"}
_STYLES: dict[State, str] = {"ok": "green", "warning": "yellow", "broken": "bold red"}
_COLOURS: dict[State, str] = {
    "ok": "var(--jp-success-color1, #2e8b57)",
    "warning": "var(--jp-warn-color1, #d97706)",
    "broken": "var(--jp-error-color1, #d33)",
}


class Line(NamedTuple):
    """A line for a terminal.

    Attributes:
        text: What it says.
        style: How its beginning looks.
        styled: How many characters that is.
    """

    text: str
    style: str
    styled: int


@dataclass(frozen=True)
class Report:
    """Everything that was found.

    Attributes:
        groups: The findings by what they are about.
        seconds: How long it took to look.
    """

    groups: dict[str, list[Finding]]
    seconds: float

    @property
    def findings(self) -> list[Finding]:
        """All of them, in order."""
        return [finding for group in self.groups.values() for finding in group]

    @property
    def broken(self) -> list[Finding]:
        """What has to be mended before agents work."""
        return [finding for finding in self.findings if finding.state == "broken"]

    @property
    def verdict(self) -> str:
        """The whole in a sentence."""
        remarks = sum(finding.state == "warning" for finding in self.findings)
        noted = {0: "", 1: " One thing could be better (!)."}.get(
            remarks, f" {remarks} things could be better (!)."
        )
        bad = [finding.topic for finding in self.broken]
        if not bad:
            return f"Ready: agents can be defined, asked and shipped here.{noted}"
        return f"Not ready: see {', '.join(dict.fromkeys(bad))} (✗).{noted}"

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        findings = [
            {"group": group, "id": f.id, "state": f.state, "text": f.text, "fix": f.fix}
            for group, found in self.groups.items()
            for f in found
        ]
        return {
            "schema": 1,
            "version": agentscope_runtime_nb.__version__,
            "ready": not self.broken,
            "seconds": round(self.seconds, 3),
            "findings": findings,
        }

    def __str__(self) -> str:
        return "\n".join(line.text for line in self.lines())

    __repr__ = __str__

    def lines(self) -> list[Line]:
        """The report as lines of text."""
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        marks = _MARKS if encoding.lower().replace("-", "") == "utf8" else _PLAIN
        width = max((len(finding.topic) for finding in self.findings), default=0)
        lines: list[Line] = []
        for group, found in self.groups.items():
            lines += [Line(group, "bold", len(group))] if found else []
            for one in found:
                mark = f"  {marks[one.state]}"
                text = f"{mark} {one.topic:<{width}}  {one.text}"
                lines.append(Line(text, _STYLES[one.state], len(mark)))
                if one.fix:
                    fix = f"{'':{width + 8}}{one.fix}"
                    lines.append(Line(fix, "cyan", len(fix)))
        return [*lines, Line("", "", 0), Line(self.verdict, "bold", len(self.verdict))]

    def _repr_html_(self) -> str:
        rows = "".join(
            _heading(group) + "".join(map(_row, found))
            for group, found in self.groups.items()
            if found
        )
        return (
            "<div style='color:var(--jp-content-font-color1, inherit)'>"
            f"<p><b>{html.escape(self.verdict)}</b></p>"
            f"<table style='width:100%;table-layout:auto'><tbody>{rows}</tbody></table></div>"
        )


_LEFT = "text-align:left;vertical-align:top;white-space:normal;padding:.25em .6em"


def _heading(group: str) -> str:
    style = f"{_LEFT};padding-top:.8em"
    cell = f"<th colspan='3' style='{style}'>{html.escape(group)}</th>"
    return f"<tr style='background:none'>{cell}</tr>"


def _row(finding: Finding) -> str:
    mark = f"{_LEFT};font-weight:bold;color:{_COLOURS[finding.state]}"
    return (
        f"<tr><td style='{mark}' title='{finding.state}'>{_MARKS[finding.state]}</td>"
        f"<td style='{_LEFT};white-space:nowrap'>{html.escape(finding.topic)}</td>"
        f"<td style='{_LEFT};width:100%;overflow-wrap:anywhere'>{_said(finding.text)}"
        f"{_fix(finding)}</td></tr>"
    )


def _said(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code style='color:inherit'>\1</code>", html.escape(text))


def _fix(finding: Finding) -> str:
    if not finding.fix:
        return ""
    style = (
        "display:block;margin-top:.25em;user-select:all;white-space:pre-wrap;"
        "color:inherit;background:none;padding:0"
    )
    return f"<code style='{style}'>{html.escape(finding.fix)}</code>"
