"""`agentscope-nb migrate`: code written for agentscope_runtime, to import from here instead.

Only import lines (and dotted uses of an imported module) are touched, at the places that the
syntax tree gives, so formatting and comments stay. A name that is not available is taken out
and a comment says why. `migration.toml` has the whole table.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

import typer

from agentscope_runtime_nb.cli.import_rewriter import Change, Missing, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

EXIT_PROBLEM = 1
EXIT_MISSING = 3


def run_migrate(files: Sequence[Path], *, check: bool, diff: bool) -> None:
    """Rewrite files, or say what would be rewritten."""
    missing = changed = failed = 0
    for file in files:
        try:
            before = file.read_text(encoding="utf-8")
            after, found = migrate_text(before, file.suffix)
        except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
            failed += 1
            typer.echo(f"{file}: {_reason(error)}", err=True)
            continue
        for item in found:
            typer.echo(f"{file}:{item.where}: {item.text}", err=True)
        missing += sum(item.counts for item in found)
        if after == before:
            continue
        changed += 1
        if diff:
            typer.echo("".join(_diff(before, after, file)), nl=False)
        elif check:
            typer.echo(f"{file} would be rewritten.")
        else:
            file.write_text(after, encoding="utf-8")
            typer.echo(f"{file} is rewritten.")
    if missing:
        raise typer.Exit(EXIT_MISSING)
    if failed or (check and changed):
        raise typer.Exit(EXIT_PROBLEM)


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"not valid Python, line {error.lineno}: {error.msg}; nothing was changed"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"cannot be read as text: {type(error).__name__}"


def _diff(before: str, after: str, file: Path) -> list[str]:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{file.as_posix()}",
        f"b/{file.as_posix()}",
    )
    return [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    ]


def migrate_text(text: str, suffix: str) -> tuple[str, list[Missing]]:
    """Rewrite a file's text; gives the names that are not available, by place.

    Raises:
        SyntaxError: when a script is not valid Python.
        ValueError: when a notebook is not one.
    """
    if suffix == ".ipynb":
        return _notebook(text)
    if suffix == ".md":
        return _markdown(text)
    change = rewrite(text)
    return change.text, change.missing


# -- notebooks -----------------------------------------------------------------------------


def _notebook(text: str) -> tuple[str, list[Missing]]:
    content: dict[str, Any] = json.loads(text)
    missing: list[Missing] = []
    changed = False
    for number, cell in enumerate(content["cells"], 1):
        source: str | list[str] = cell.get("source", "")
        code = source if isinstance(source, str) else "".join(source)
        if "agentscope_runtime" not in code:
            continue
        by_kind: dict[str, Callable[[str], tuple[str, list[Missing]]]] = {
            "code": _code_cell,
            "markdown": _markdown,
        }
        rewriter = by_kind.get(cell.get("cell_type"))
        if rewriter is None:
            continue
        new, found = rewriter(code)
        missing += [item.at(f"cell {number}, line {item.line}") for item in found]
        if new != code:
            changed = True
            cell["source"] = new if isinstance(source, str) else new.splitlines(keepends=True)
    if not changed:
        return text, missing
    indent = re.match(r"\{\s*\n( +|\t+)", text)
    width: int | str | None = None
    if indent:
        width = indent[1] if indent[1].startswith("\t") else len(indent[1])
    ascii_only = text.isascii() and "\\u" in text
    written = json.dumps(content, indent=width, ensure_ascii=ascii_only)
    return written + ("\n" if text.endswith("\n") else ""), missing


def _code_cell(code: str) -> tuple[str, list[Missing]]:
    """Rewrite a cell; magics and shell commands are looked past."""
    first, newline, body = code.partition("\n")
    if first.lstrip().startswith("%%"):
        magic = first.lstrip()[2:].split()[:1]
        if magic not in (["agent_app"], ["time"], ["timeit"], ["capture"]) or "--prompt" in first:
            return code, []
        new, found = _code_cell(body)
        return first + newline + new, [item.shifted(1) for item in found]
    try:
        change = rewrite(code)
    except SyntaxError:
        change = _past_magics(code)
    return change.text, change.missing


def _past_magics(code: str) -> Change:
    """Rewrite with every line that IPython would transform masked by a comment of equal place."""
    from agentscope_runtime_nb.notebook.export.document import Cell

    lines = code.split("\n")
    transformed = Cell(0, None, code).code.split("\n")
    masked = [
        line if line == new else f"{line[: len(line) - len(line.lstrip())]}pass"
        for line, new in zip(lines, transformed, strict=False)
    ]
    if len(transformed) - len(lines) not in {0, 1}:  # a magic over several lines
        return Change(code, [Missing(1, "its magics hide its imports; rewrite them by hand")])
    try:
        change = rewrite("\n".join(masked))
    except SyntaxError as error:
        reason = f"not valid Python ({error.msg}); left as it is"
        return Change(code, [Missing(error.lineno or 1, reason)])
    return change.restored(masked, lines)


# -- Markdown ------------------------------------------------------------------------------

_FENCE = re.compile(
    r"(?P<open>^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*"
    r"\{?(?:python|py|python3|ipython)\b[^\n]*\n)"
    r"(?P<code>.*?)(?P<close>^[ \t]*(?P=mark)[ \t]*$)",
    re.MULTILINE | re.DOTALL,
)


def _markdown(text: str) -> tuple[str, list[Missing]]:
    missing: list[Missing] = []

    def fence(match: re.Match[str]) -> str:
        indent, code = match["indent"], match["code"]
        lines = code.split("\n")
        if "agentscope_runtime" not in code or any(
            line.strip() and not line.startswith(indent) for line in lines
        ):
            return match[0]
        plain = "\n".join(line.removeprefix(indent) for line in lines)
        new, found = _code_cell(plain)
        start = text.count("\n", 0, match.start("code"))
        missing.extend(item.shifted(start) for item in found)
        back = "\n".join(indent + line if line.strip() else line for line in new.split("\n"))
        return match["open"] + (back if new != plain else code) + match["close"]

    return _FENCE.sub(fence, text), missing
