"""A notebook as a list of code cells, whatever file it comes from.

Reads `.ipynb` by nbformat, and percent-format `.py` and Markdown (as jupytext writes them) by
itself, so jupytext need not be installed. Magics are recognised by IPython's own transformer,
never by looking at lines, so a `%` inside a string is a `%` inside a string.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.notebook.export.markdown import read_markdown
from agentscope_runtime_nb.notebook.export.problems import ExportError, problem
from agentscope_runtime_nb.notebook.export.secret_scan import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.inputtransformer2 import TransformerManager

LABEL_WIDTH = 48

PYTHON_CELL_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
"""Cell magics whose body is ordinary Python, run in the notebook's namespace."""


@dataclass(frozen=True)
class Magic:
    """A cell magic: `%%name line` and what stands under it."""

    name: str
    line: str
    body: str


@dataclass(frozen=True)
class Cell:
    """One code cell; `number` counts all cells from the top, as a reader does."""

    number: int
    id: str | None
    source: str
    tags: frozenset[str] = frozenset()

    @functools.cached_property
    def code(self) -> str:
        """The cell as Python, magics turned into calls by IPython's transformer."""
        return _transformer().transform_cell(self.source) if self.source.strip() else ""

    @functools.cached_property
    def magic(self) -> Magic | None:
        """The cell magic that this cell is, if it is one."""
        if not self.code.startswith("get_ipython().run_cell_magic("):
            return None
        try:
            call = ast.parse(self.code).body[0]
        except SyntaxError:  # pragma: no cover - IPython writes valid code
            return None
        match call:
            case ast.Expr(
                value=ast.Call(
                    args=[
                        ast.Constant(value=str(name)),
                        ast.Constant(value=str(line)),
                        ast.Constant(value=str(body)),
                    ]
                )
            ):
                return Magic(name, line, body)
            case _:
                return None

    @property
    def where(self) -> tuple[int, str | None]:
        """Number and id, as problems want them."""
        return self.number, self.id

    @property
    def label(self) -> str:
        """The cell's name in a sentence: its number and how it begins."""
        first = next((line.strip() for line in self.source.splitlines() if line.strip()), "")
        first = redact(re.sub(r"""(["']).*""", r"\1…", without_values(first)))
        first = first if len(first) <= LABEL_WIDTH else first[: LABEL_WIDTH - 1] + "…"
        return f"cell {self.number} (`{first}`)" if first else f"cell {self.number}"


@dataclass(frozen=True)
class Document:
    """The code cells of a notebook, in the document's order."""

    cells: tuple[Cell, ...]
    path: Path | None = None
    from_history: bool = False
    folder: Path = field(default_factory=Path.cwd)

    @classmethod
    def read(cls, path: str | Path) -> Document:
        """Read a `.ipynb`, a percent-format `.py` or a Markdown notebook.

        Raises:
            ExportError: when the file is missing or is not a notebook.
        """
        path = Path(path).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise ExportError(
                [
                    problem(
                        "unreadable-document",
                        f"{path} cannot be read: {reason}.",
                        "Give the path of a notebook (.ipynb) or of a jupytext file (.py, .md).",
                    )
                ]
            ) from error
        read = {".py": read_percent, ".md": _read_markdown}.get(path.suffix)
        cells = read(text) if read is not None else _read_ipynb(text, path)
        return cls(tuple(cells), path, folder=path.resolve().parent)

    @classmethod
    def from_sources(cls, sources: Iterable[str | tuple[str | None, str]]) -> Document:
        """Make a document of cell sources, or of `(id, source)` pairs."""
        cells: list[Cell] = []
        for number, item in enumerate(sources, 1):
            cell_id, source = (None, item) if isinstance(item, str) else item
            cells.append(_cell(number, cell_id, source, frozenset()))
        return cls(tuple(cells), from_history=True)

    @property
    def name(self) -> str:
        """How the document is called in a sentence."""
        return self.path.name if self.path else "this session"


def without_values(line: str) -> str:
    """A magic or shell line without its arguments, which may be anybody's secrets."""
    if line.startswith("%%agent_app") or not line.startswith(("%", "!")):
        return line
    words = line.replace("=", " ").split()
    name = f" {words[1]}" if words[0] in {"%env", "%set_env"} and len(words) > 1 else ""
    return words[0] + name + (" …" if len(words) > 1 + bool(name) else "")


@functools.cache
def _transformer() -> TransformerManager:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()


def _cell(number: int, cell_id: str | None, source: str, tags: frozenset[str]) -> Cell:
    """Make a cell, a commented-out `# %%agent_app` turned back into the magic."""
    cell = Cell(number, cell_id or None, source, tags)
    lines = source.splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is None or not re.match(r"#\s?%%agent_app\b", lines[first]):
        return cell
    body = lines[first + 1 :]
    written = [line for line in body if line.strip()]
    if written and all(line.startswith("#") for line in written):
        body = [re.sub(r"^# ?", "", line) for line in body]
    head = re.sub(r"^#\s?", "", lines[first])
    return replace(cell, source="\n".join([head, *body]))


_NBFORMAT = 4


def _read_ipynb(text: str, path: Path) -> list[Cell]:
    try:
        raw: dict[str, Any] = json.loads(text)
        if raw.get("nbformat") != _NBFORMAT:
            raw = _converted(text)
        found: list[dict[str, Any]] = list(raw["cells"])
    except Exception as error:
        raise ExportError(
            [
                problem(
                    "unreadable-document",
                    f"{path} is not a notebook: {type(error).__name__}.",
                    "Open it in Jupyter and save it again.",
                )
            ]
        ) from error
    cells: list[Cell] = []
    for number, cell in enumerate(found, 1):
        if cell.get("cell_type") != "code":
            continue
        written: str | list[str] = cell.get("source", "")
        source = written if isinstance(written, str) else "".join(written)
        tags = frozenset(str(tag) for tag in cell.get("metadata", {}).get("tags", ()))
        cells.append(_cell(number, cell.get("id"), source, tags))
    return cells


def _converted(text: str) -> dict[str, Any]:
    """An older notebook in the present format."""
    import nbformat  # takes seconds, for its schemas: only when it is needed

    found: Any = nbformat
    return found.convert(found.reads(text, as_version=found.NO_CONVERT), _NBFORMAT)


def _read_markdown(text: str) -> list[Cell]:
    return [_cell(b.number, b.id, b.source, b.tags) for b in read_markdown(text)]


_MARK = re.compile(r"^# ?%%(?:%+)?(?:\s(?P<rest>.*))?$")
_OPTION = re.compile(r'(?P<key>\w+)=(?P<value>\[[^\]]*\]|"[^"]*")')


def read_percent(text: str) -> list[Cell]:
    """Split a percent-format script into its code cells.

    A marker inside a string is no marker: only lines that begin a comment token count, as far
    as the text can be tokenised.
    """
    lines = text.splitlines()
    inside = _lines_inside_strings(text)
    marks = [
        (n, match)
        for n, line in enumerate(lines)
        if n not in inside and (match := _MARK.match(line))
    ]
    cells: list[Cell] = []
    starts = [(0, None), *((n + 1, match) for n, match in marks)]
    ends = [*(n for n, _ in marks), len(lines)]
    number = 0
    for (start, match), end in zip(starts, ends, strict=True):
        source = "\n".join(lines[start:end]).strip("\n")
        if match is None and (not source.strip() or source.lstrip().startswith("# ---\n")):
            continue  # nothing before the first marker but jupytext's header
        number += 1
        rest = (match["rest"] or "") if match else ""
        if re.search(r"\[(markdown|md|raw)\]", rest):
            continue
        options = {m["key"]: m["value"] for m in _OPTION.finditer(rest)}
        cell_id = options.get("id", "").strip('"') or None
        tags = frozenset(re.findall(r'"([^"]*)"', options.get("tags", "")))
        cells.append(_cell(number, cell_id, source, tags))
    return cells


def _lines_inside_strings(text: str) -> set[int]:
    """Numbers (from 0) of lines that begin inside a string; empty when Python cannot tell."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return set()
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno:
            inside.update(range(node.lineno, node.end_lineno))
    return inside
