"""Notebooks for the tests, made by nbformat, and short ways to look at what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from agentscope_runtime_nb.notebook.export.document import Document
from agentscope_runtime_nb.notebook.export.plan import Plan, make_plan
from agentscope_runtime_nb.notebook.export.writer import write_module

if TYPE_CHECKING:
    from pathlib import Path

ECHO = """%%agent_app friday
@app.query
async def reply(msgs, request):
    yield {}
"""


def app_cell(uses: str = "'hello'", options: str = "") -> str:
    """An app's cell whose handler uses an expression."""
    return ECHO.format(uses).replace("friday", f"friday {options}".rstrip(), 1)


def save(path: Path, *cells: str | tuple[str, list[str]], title: str = "A notebook") -> Path:
    """Write a real .ipynb of code cells (source, or source and tags) under a heading."""
    made = [new_markdown_cell(f"# {title}", id="title")]
    for number, cell in enumerate(cells, 2):
        source, tags = (cell, []) if isinstance(cell, str) else cell
        made.append(new_code_cell(source, id=f"cell-{number}", metadata={"tags": tags}))
    nbformat.write(new_notebook(cells=made), path)
    return path


def plan(*cells: str, name: str | None = None, namespace: dict[str, object] | None = None) -> Plan:
    """The decision about cells that are saved nowhere."""
    return make_plan(Document.from_sources(cells), name, namespace)


def kept(*cells: str, name: str | None = None) -> list[str]:
    """The first lines of the kept statements, the app's own cell left out."""
    made = plan(*cells, name=name)
    own = made.app.cell.number if made.app else 0
    return [s.text.splitlines()[0] for s in made.kept if s.cell != own]


def codes(
    *cells: str, name: str | None = None, namespace: dict[str, object] | None = None
) -> list[str]:
    """The codes of the problems that the decision found."""
    return [p.code for p in plan(*cells, name=name, namespace=namespace).problems]


def module(*cells: str) -> str:
    """The text of `app.py`."""
    return write_module(plan(*cells), "friday", "0.1.0").text
