"""Rewrites imports of the original at the places where they stand."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final, cast

THEIRS: Final = "agentscope_runtime"
OURS: Final = "agentscope_runtime_nb"
NOTE: Final = "# agentscope-nb migrate:"
_MODULE: Final = "never: it is a module; import the names that you use from it"
_UNKNOWN: Final = "never: it is no public name of the original"


@dataclass(frozen=True)
class Missing:
    """A name that is not available here, or a place that needs a person."""

    line: int
    text: str
    counts: bool = True
    place: str = ""

    @property
    def where(self) -> str:
        """Its place for a message."""
        return self.place or str(self.line)

    def at(self, place: str) -> Missing:
        """The same, with a place in words."""
        return replace(self, place=place)

    def shifted(self, lines: int) -> Missing:
        """The same, some lines further down."""
        return replace(self, line=self.line + lines)


@dataclass
class Change:
    """A rewritten text and what could not be rewritten."""

    text: str
    missing: list[Missing] = field(default_factory=list[Missing])

    def restored(self, masked: list[str], lines: list[str]) -> Change:
        """Put masked lines back where they stood; the rewriter leaves them in their order."""
        waiting = [(m, line) for m, line in zip(masked, lines, strict=False) if m != line]
        out: list[str] = []
        for line in self.text.split("\n"):
            if waiting and line == waiting[0][0]:
                out.append(waiting.pop(0)[1])
            else:
                out.append(line)
        return Change("\n".join(out), self.missing)


@dataclass(frozen=True)
class Entry:
    """What became of a public name of the original."""

    ours: str = ""
    why: str = ""

    @property
    def told(self) -> str:
        """Why it is not available, as the end of a sentence."""
        kind, _, reason = self.why.partition(": ")
        return f"{'not available yet' if kind == 'later' else 'not available'}: {reason}"


@cache
def table() -> dict[str, dict[str, str]]:
    """The migration table: module → name → what it is here."""
    text = Path(__file__).with_name("migration.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def look_up(module: str, name: str) -> Entry:
    """Find a public name; a module inside a public package answers for the package."""
    known = table()
    here = module
    while here:
        value = known.get(here, {}).get(name)
        if value is not None:
            return Entry(why=value[2:]) if value.startswith("- ") else Entry(ours=value)
        here = here.rpartition(".")[0]
    if f"{module}.{name}" in known or any(m.startswith(f"{module}.{name}.") for m in known):
        return Entry(why=_MODULE)
    return Entry(why=_UNKNOWN)


def rewrite(code: str) -> Change:
    """Rewrite the imports in Python code.

    Raises:
        SyntaxError: when the code is not valid Python.
    """
    if THEIRS not in code:
        return Change(code)
    return _Rewriter(code).run()


class _Rewriter:
    def __init__(self, code: str) -> None:
        self.code = code
        self.tree = ast.parse(code)
        self.missing: list[Missing] = []
        self.edits: list[tuple[int, int, str]] = []
        self.lines = code.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def run(self) -> Change:
        for node in ast.walk(self.tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    parts = cast("list[ast.AST]", block)
                    self._block([part for part in parts if isinstance(part, ast.stmt)])
        self._strings()
        text = self.code
        for start, end, new in sorted(set(self.edits), reverse=True):
            text = text[:start] + new + text[end:]
        return Change(text, sorted(set(self.missing), key=lambda m: (m.line, m.text)))

    # -- places ----------------------------------------------------------------------------

    def _offset(self, line: int, column: int) -> int:
        """A place of the syntax tree (columns in bytes) as an index into the text."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return self.starts[line - 1] + len(text.encode()[:column].decode(errors="ignore"))

    def _span(self, node: ast.stmt | ast.expr | ast.alias) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    # -- statements ------------------------------------------------------------------------

    def _block(self, block: list[ast.stmt]) -> None:
        gone = 0
        for node in block:
            if isinstance(node, ast.ImportFrom) and _is_theirs(node.module, node.level):
                gone += self._from(node, block, last=gone == len(block) - 1)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if _is_theirs(alias.name, 0):
                        self._module(alias)

    def _from(self, node: ast.ImportFrom, block: list[ast.stmt], *, last: bool) -> bool:
        """Rewrite `from … import …`; says whether nothing of it is left."""
        module = node.module or ""
        if any(alias.name == "*" for alias in node.names):
            text = f"`from {module} import *`: name what you need, and migrate again"
            self.missing.append(Missing(node.lineno, text))
            return False
        found = {alias: look_up(module, alias.name) for alias in node.names}
        lost = [alias for alias, entry in found.items() if not entry.ours]
        for alias in lost:
            self.missing.append(
                Missing(alias.lineno, f"{module}.{alias.name} is {found[alias].told}")
            )
        if lost and self._shares_a_line(node, block):
            return False
        if len(lost) == len(node.names):
            self._comment_out(node, [f"{a.name} is {found[a].told}" for a in lost], last=last)
            return True
        start, _ = self._span(node)
        first = self.code.index(THEIRS, start)
        self.edits.append((first, first + len(module), OURS))
        if lost:
            self._take_out(node, lost, found)
        for alias in node.names:
            ours = found[alias].ours
            if ours and ours != alias.name:
                start, _ = self._span(alias)
                text = ours if alias.asname else f"{ours} as {alias.name}"
                self.edits.append((start, start + len(alias.name), text))
        return False

    def _shares_a_line(self, node: ast.stmt, block: list[ast.stmt]) -> bool:
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        start, _ = self._span(node)
        before = self.code[self.starts[node.lineno - 1] : start].strip()
        return bool(before) or any(
            other is not node and (other.lineno in lines or other.end_lineno in lines)
            for other in block
        )

    def _comment_out(self, node: ast.stmt, reasons: list[str], *, last: bool) -> None:
        """Turn an import of which nothing is available into comments."""
        start, end = self._span(node)
        line_start = self.starts[node.lineno - 1]
        indent = self.code[line_start:start]
        was = self.code[start:end].split("\n")
        text = "".join(f"{NOTE} {reason}\n{indent}" for reason in reasons)
        text += "\n".join([f"# {was[0]}", *(f"{indent}# {line.strip()}" for line in was[1:])])
        if last and indent:
            text += f"\n{indent}pass"
        self.edits.append((start, end, text))

    def _take_out(
        self, node: ast.ImportFrom, lost: list[ast.alias], found: dict[ast.alias, Entry]
    ) -> None:
        """Take some names out of an import that goes on, and say so above it."""
        start, _ = self._span(node)
        indent = self.code[self.starts[node.lineno - 1] : start]
        notes = "".join(f"{NOTE} {a.name} is {found[a].told}\n{indent}" for a in lost)
        self.edits.append((start, start, notes))
        names = node.names
        remaining = [alias for alias in names if alias not in lost]
        for alias in lost:
            position = names.index(alias)
            begin, end = self._span(alias)
            later = [a for a in names[position + 1 :] if a in remaining]
            if later and names[position + 1 :]:
                end = self._span(names[position + 1])[0]
            else:
                begin = self._span(names[position - 1])[1]
            self.edits.append((begin, end, ""))

    # -- modules ---------------------------------------------------------------------------

    def _module(self, alias: ast.alias) -> None:
        """Rewrite `import agentscope_runtime.…` if every use of it can be rewritten too."""
        bound = alias.asname or THEIRS
        base = alias.name if alias.asname else THEIRS
        edits: list[tuple[int, int, str]] = []
        lost: list[Missing] = []
        uses = {id(node): node for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}
        inner = {id(node.value) for node in uses.values()}
        for key, node in uses.items():
            chain = _chain(node)
            if key in inner or not chain or chain[0] != bound:
                continue
            prefix = self._resolve(node, base, chain[1:])
            if prefix is None:
                text = f"{'.'.join(chain)} is {_why(base, chain[1:])}"
                lost.append(Missing(node.lineno, text))
            else:
                name = alias.asname or OURS
                edits.append((*prefix[0], f"{name}.{prefix[1]}"))
        if lost:
            self.missing += lost
            return
        start, _ = self._span(alias)
        self.edits += [(start, start + len(alias.name), OURS), *edits]

    def _resolve(
        self, node: ast.Attribute, base: str, attributes: list[str]
    ) -> tuple[tuple[int, int], str] | None:
        """The part of a dotted use that is a public name: its place, and our name for it."""
        for length in range(1, len(attributes) + 1):
            module = ".".join([base, *attributes[: length - 1]])
            entry = look_up(module, attributes[length - 1])
            if entry.ours:
                part: ast.expr = node
                for _ in range(len(attributes) - length):
                    part = part.value if isinstance(part, ast.Attribute) else part
                return self._span(part), entry.ours
        return None

    def _strings(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                head = node.value.split(".", 1)[0]
                if head == THEIRS and " " not in node.value:
                    text = f"the text {node.value!r} names the original; look at it yourself"
                    self.missing.append(Missing(node.lineno, text, counts=False))


def _is_theirs(module: str | None, level: int) -> bool:
    return not level and bool(module) and str(module).partition(".")[0] == THEIRS


def _chain(node: ast.expr) -> list[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def _why(base: str, attributes: list[str]) -> str:
    for length in range(len(attributes), 0, -1):
        entry = look_up(".".join([base, *attributes[: length - 1]]), attributes[length - 1])
        if entry.why not in {_MODULE, _UNKNOWN}:
            return entry.told
    return Entry(why=_UNKNOWN).told
