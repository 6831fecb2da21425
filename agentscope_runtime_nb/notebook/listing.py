"""The tables that `%agent_app list` and `%agent_app sessions` give."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentscope_runtime_nb.notebook.handle import AgentHandle
    from agentscope_runtime_nb.sessions import SessionInfo

_WIDE = 40
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Table:
    """Rows that show as HTML and as text.

    Args:
        head: What the columns are called.
        rows: Text, a cell a column.
        empty: What stands in their place when there are none.
    """

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
        self.head = head
        self.rows = rows
        self._empty = empty

    def __repr__(self) -> str:
        if not self.rows:
            return self._empty
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.head, *self.rows)
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return html.escape(self._empty)
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in self.head)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Listing(Table):
    """The agents of a kernel.

    Args:
        handles: The agents.
    """

    def __init__(self, handles: list[AgentHandle]) -> None:
        rows = [
            (h.name, h.model_label, str(len(h.app.runs.active())), h.url or "", h.description)
            for h in handles
        ]
        empty = "No agents yet. A cell that begins with %%agent_app NAME defines one."
        super().__init__(("Agent", "Model", "Runs", "Address", "About"), rows, empty)


class SessionListing(Table):
    """An agent's sessions, the latest first; iterating gives what is known of each.

    Args:
        sessions: The sessions.
        current: The one that the chat shows.
    """

    def __init__(self, sessions: list[SessionInfo], current: str = "") -> None:
        self.sessions = sessions
        now = time.time()
        rows = [
            (
                _short(info.title),
                str(info.turns),
                "now open" if info.session == current else _when(info.updated, now),
                info.session,
            )
            for info in sessions
        ]
        super().__init__(("Title", "Turns", "When", "Id"), rows, "No sessions.")

    def __iter__(self) -> Iterator[SessionInfo]:
        return iter(self.sessions)

    def __len__(self) -> int:
        return len(self.sessions)

    def __getitem__(self, number: int) -> SessionInfo:
        return self.sessions[number]


def _cell(text: str) -> str:
    wide = "" if len(text) > _WIDE else "; white-space:nowrap"
    return f"<td style='text-align:left{wide}'>{html.escape(text)}</td>"


def _short(title: str, most: int = 60) -> str:
    # Control characters could move the cursor of a terminal.
    line = "".join(c if c.isprintable() else " " for c in title)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _when(then: float, now: float) -> str:
    """How long ago, in the largest unit that fits; a date when it is more than a week."""
    ago = max(now - then, 0)
    if ago < _MINUTE:
        return "just now"
    if ago < _HOUR:
        return f"{ago // _MINUTE:.0f} min ago"
    if ago < _DAY:
        return f"{ago // _HOUR:.0f} h ago"
    if ago < 7 * _DAY:
        days = ago // _DAY
        return f"{days:.0f} day{'s' if days > 1 else ''} ago"
    return time.strftime("%Y-%m-%d", time.localtime(then))
