"""Writes `app.py`: the kept statements, cell by cell, as a person would have written the file."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentscope_runtime_nb.notebook.export.app_cell import HIDDEN, head_code, prompt_code, string

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.export.document import Cell
    from agentscope_runtime_nb.notebook.export.plan import Plan
    from agentscope_runtime_nb.notebook.export.slicer import Statement

HEADER = '''\
"""{name}: exported from {source} by agentscope-runtime-nb {version}.

The notebook's cells in its order, without what the app does not need. Change the
notebook and export again rather than this file. Serve it: agentscope-nb run .
"""
'''

SETTING = '''\
def _setting(name, default):
    """A setting's value: the environment's, read as JSON unless the default is a text."""
    text = _os.environ.get(name)
    if text is None:
        return default
    return text if isinstance(default, str) else _json.loads(text)
'''

FINISH = '''\
def _finish(work):
    """Run what a cell awaited at the top level to its end, in a loop of its own."""
    with _ThreadPoolExecutor(1) as pool:
        return pool.submit(_asyncio.run, work).result()
'''


@dataclass
class Module:
    """The text of `app.py` and where its lines come from."""

    text: str = ""
    cells: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(first line, cell number), ascending."""
    settings: list[str] = field(default_factory=list[str])
    """Environment variables that override `parameters` cells."""

    def cell_at(self, line: int) -> int | None:
        """The cell that a line of the module comes from."""
        found = [number for first, number in self.cells if first <= line]
        return found[-1] if found else None


def write_module(plan: Plan, name: str, version: str) -> Module:
    """Write the module; the same plan gives the same bytes."""
    return _Writer(plan, name, version).write()


class _Writer:
    def __init__(self, plan: Plan, name: str, version: str) -> None:
        self.plan = plan
        self.name = name
        self.version = version
        self.module = Module()
        self.lines: list[str] = []
        self.awaits = False
        self.future: list[str] = []
        own = plan.app.cell.number if plan.app else 0
        others = [s for s in plan.kept if s.cell != own]
        self.taken = {n for s in plan.kept for n in s.facts.binds | s.facts.reads | s.facts.later}
        self.elsewhere = {n for s in others for n in s.facts.binds | s.facts.reads | s.facts.later}

    def write(self) -> Module:
        blocks: list[tuple[Cell, str]] = []
        by_cell: dict[int, list[Statement]] = {}
        for statement in self.plan.kept:
            by_cell.setdefault(statement.cell, []).append(statement)
        for number, statements in by_cell.items():
            cell = self.plan.cell(number)
            text = self._cell(cell, statements)
            if text.strip():
                blocks.append((cell, text))
        self._add(self._top())
        for cell, text in blocks:
            marker = f' id="{cell.id}"' if cell.id else ""
            tag = " parameters" if self._is_settings(cell) else ""
            self._add(f"\n# %%{tag}{marker}")
            self.module.cells.append((len(self.lines) + 1, cell.number))
            self._add(text)
        self._add(self._bottom())
        self.module.text = "\n".join(self.lines).rstrip() + "\n"
        return self.module

    def _add(self, text: str) -> None:
        self.lines += text.split("\n")

    # -- the frame -------------------------------------------------------------------------

    def _top(self) -> str:
        source = self.plan.document.name
        parts = [HEADER.format(name=self.name, source=source, version=self.version)]
        if self.future:
            parts.append(f"from __future__ import {', '.join(sorted(set(self.future)))}\n")
        imports: list[str] = []
        if self.awaits:
            imports += ["import asyncio as _asyncio"]
        if self.module.settings:
            imports += ["import json as _json", "import os as _os"]
        if self.awaits:
            imports += ["from concurrent.futures import ThreadPoolExecutor as _ThreadPoolExecutor"]
        if imports:
            parts.append("\n".join(imports) + "\n")
        if self.plan.app is not None:
            names = [self._imported("AgentApp")]
            if self.plan.app.prompt:
                names.insert(0, self._imported("Agent"))
            parts.append(f"from agentscope_runtime_nb import {', '.join(names)}\n")
        parts += [f"\n{SETTING}"] * bool(self.module.settings)
        parts += [f"\n{FINISH}"] * self.awaits
        return "\n".join(parts).rstrip("\n")

    def _bottom(self) -> str:
        alias = f"app = {self.plan.variable}\n\n" if self.plan.variable not in {"", "app"} else ""
        return f'\n# %%\n{alias}if __name__ == "__main__":\n    app.run()'

    def _class(self, name: str) -> str:
        """How one of our classes is called in the module: another thing may have its name."""
        return f"_{name}" if name in self.taken and not self._is_ours(name) else name

    def _imported(self, name: str) -> str:
        used = self._class(name)
        return name if used == name else f"{name} as {used}"

    def _is_ours(self, name: str) -> bool:
        slicer = self.plan.slicer
        targets: set[str] = slicer.imports.get(name, set[str]()) if slicer else set[str]()
        return bool(targets) and all(t.startswith("agentscope_runtime_nb.") for t in targets)

    # -- cells -----------------------------------------------------------------------------

    def _is_settings(self, cell: Cell) -> bool:
        return bool(cell.tags & {"parameters", "injected-parameters"})

    def _cell(self, cell: Cell, statements: list[Statement]) -> str:
        app = self.plan.app
        if app is not None and cell.number == app.cell.number:
            return self._app_cell(statements)
        return self._statements(cell, statements)

    def _app_cell(self, statements: list[Statement]) -> str:
        app = self.plan.app
        if app is None:  # pragma: no cover - the caller has looked
            return ""
        head = head_code(app, self._class("AgentApp"))
        if app.prompt:
            variable = "agent" if "agent" not in self.elsewhere else f"{self.name}_agent"
            return f"{head}\n\n{prompt_code(app, self._class('Agent'), variable)}"
        body = self._statements(app.cell, [s for s in statements if s.text])
        gap = (
            "\n\n\n" if body.lstrip().startswith(("@", "def ", "async def ", "class ")) else "\n\n"
        )
        return f"{head}{gap}{body}"

    def _statements(self, cell: Cell, statements: list[Statement]) -> str:
        """The text of kept statements, with the comments above them and the blank lines between."""
        source = self.plan.bodies.get(cell.number, "").splitlines()
        every = [s for s in self.plan.statements if s.cell == cell.number and s.text]
        whole = len(every) == len(statements)
        out: list[str] = []
        end = 0
        for statement in statements:
            first = statement.first_line
            while first - 1 > end and source[first - 2].lstrip().startswith("#"):
                first -= 1
            before = every[every.index(statement) - 1].last_line if statement in every[1:] else 0
            first = max(first, before + 1)
            if whole:
                first = end + 1
            elif out:
                blank = sum(1 for line in source[before : first - 1] if not line.strip())
                out += [""] * min(2, blank)
            text = self._text(cell, statement)
            if text:
                out += [*source[first - 1 : statement.first_line - 1], *text.split("\n")]
            end = statement.last_line
        if whole:
            out += source[end:]
        return "\n".join(out).strip("\n").rstrip()

    def _text(self, cell: Cell, statement: Statement) -> str:
        facts = statement.facts
        if any(target.startswith("__future__.") for target in facts.imports.values()):
            self.future += [t.partition(".")[2] for t in facts.imports.values()]
            return ""
        if facts.awaits:
            return self._awaited(cell, statement)
        if self._is_settings(cell) and (text := self._setting(statement)):
            return text
        return statement.text

    def _awaited(self, cell: Cell, statement: Statement) -> str:
        """A statement that awaits at the top level, as a coroutine that is run to its end."""
        self.awaits = True
        name = f"_cell_{cell.number}_{statement.first_line}"
        body = ast.unparse(ast.parse(statement.text))
        names = sorted("app" if n == HIDDEN else n for n in statement.facts.binds)
        lines = [f"async def {name}():"]
        lines += [f"    global {', '.join(names)}"] if names else []
        lines += [*_indent(body), "", "", f"_finish({name}())"]
        return "\n".join(lines)

    def _setting(self, statement: Statement) -> str:
        """`name = literal` of a parameters cell, with the environment allowed to say otherwise."""
        node = ast.parse(statement.text).body[0]
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                head = name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                head = f"{name}: {ast.unparse(node.annotation)}"
            case _:
                return ""
        try:
            ast.literal_eval(value)
        except ValueError:
            return ""
        variable = f"{self.name}_{name}".upper()
        self.module.settings.append(variable)
        written = ast.get_source_segment(statement.text, value) or ast.unparse(value)
        return f"{head} = _setting({string(variable)}, {written})"


def _indent(code: str) -> list[str]:
    """Indent unparsed code; its strings have no line breaks of their own but in docstrings."""
    return textwrap.indent(code, "    ").split("\n")
