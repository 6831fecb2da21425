"""The table that `%agent_app list` gives."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.handle import AgentHandle

_HEAD = ("Agent", "Model", "Runs", "Address", "About")


class Listing:
    """The agents of a kernel, as a table.

    Args:
        handles: The agents.
    """

    def __init__(self, handles: list[AgentHandle]) -> None:
        self.rows = [
            (h.name, h.model_label, str(len(h.app.runs.active())), h.url or "", h.description)
            for h in handles
        ]

    def __repr__(self) -> str:
        if not self.rows:
            return "No agents yet. A cell that begins with %%agent_app NAME defines one."
        widths = [max(map(len, column)) for column in zip(_HEAD, *self.rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (_HEAD, *self.rows)
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return html.escape(repr(self))
        head = "".join(f"<th>{name}</th>" for name in _HEAD)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
