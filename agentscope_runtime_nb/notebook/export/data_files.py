"""Files and environment variables that code names in so many words."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentscope_runtime_nb.notebook.export.syntax import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_FILE: Final = 1024 * 1024
MAX_ALL: Final = 10 * MAX_FILE
_PRIVATE: Final = re.compile(
    r"(?i)(^|/)(\.env.*|\.netrc|.*\.(pem|key|p12|pfx|keystore)|id_(rsa|ed25519).*)$"
)
_OPENERS: Final = frozenset({"open", "Path", "FileResponse", "connect", "imread"})
_NOT_DATA: Final = frozenset({".ipynb", ".py", ".pyc", ".so"})


@dataclass
class Files:
    """What was found: files to ship, and what is worth saying."""

    shipped: dict[str, Path] = field(default_factory=dict[str, Path])
    notes: list[str] = field(default_factory=list[str])


def data_files(trees: Iterable[ast.AST], folder: Path) -> Files:
    """Find the files that code opens by a literal name, as seen from the notebook's folder."""
    files = Files()
    total = 0
    folder = folder.resolve()
    for text, opened in sorted(_literal_paths(trees).items()):
        path, found = Path(text), folder / text
        note = _why_not(text, opened, folder)
        if note is None and found.is_file() and path.suffix not in _NOT_DATA:
            size = found.stat().st_size
            if size > MAX_FILE or total + size > MAX_ALL:
                note = f"{text} is large ({size:,} bytes); copy it into the export yourself."
            else:
                total += size
                files.shipped[path.as_posix()] = found
        if note:
            files.notes.append(note)
    return files


def _why_not(text: str, opened: str, folder: Path) -> str | None:
    """Why a path is not shipped; empty when there is nothing to say; None when it may be."""
    path, found = Path(text), folder / text
    if opened == "w":
        return f"{text} is written by the app; it is made where the app is started."
    if path.is_absolute() or text.startswith("~") or ".." in path.parts:
        note = f"{text} lies outside the notebook's folder; it is not shipped."
    elif _PRIVATE.search(text):
        opened = opened or ("r" if found.is_file() else "")
        note = f"{text} may hold secrets; it is not shipped."
    elif found.is_dir():
        note = f"The folder {text} is used; copy it into the export yourself."
    elif not found.is_file():
        note = f"{text} is opened but is not there; it is not shipped."
    else:
        return None
    return note if opened else ""


def _literal_paths(trees: Iterable[ast.AST]) -> dict[str, str]:
    """Text → `r` or `w` when it is opened, else an empty string (it may just be a file's name)."""
    found: dict[str, str] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if _like_a_path(node.value):
                    found.setdefault(node.value, "")
            elif isinstance(node, ast.Call):
                for text, mode in _opened(node):
                    if found.get(text) != "r":
                        found[text] = mode
    return found


def _like_a_path(text: str) -> bool:
    return 3 <= len(text) <= 200 and bool(re.fullmatch(r"[\w./ -]+\.\w{1,8}", text))  # noqa: PLR2004


def _opened(call: ast.Call) -> Iterator[tuple[str, str]]:
    """The literal first argument of a call that opens a file."""
    name = dotted(call.func).rpartition(".")[2]
    opens = name in _OPENERS or name.startswith(("read_", "load", "from_file", "imread"))
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
        inner = call.func.value
        if dotted(inner.func).rpartition(".")[2] == "Path" and name.startswith("write"):
            for text, _ in _opened(inner):
                yield text, "w"
            return
    if not opens or not call.args:
        return
    first = call.args[0]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str) or not first.value:
        return
    if (
        "://" in first.value
        or "\n" in first.value
        or (name == "connect" and not _like_a_path(first.value))
    ):
        return
    modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
    mode = next((m.value for m in modes if isinstance(m, ast.Constant)), "r")
    writes = name == "open" and isinstance(mode, str) and mode[:1] in {"w", "a", "x"}
    if name == "load_dotenv" or (
        name.startswith(("load", "read_")) and not _like_a_path(first.value)
    ):
        return
    yield first.value, "w" if writes else "r"


def environment_names(trees: Iterable[ast.AST]) -> list[str]:
    """Names of the environment variables that code reads or sets."""
    found: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
                    if dotted(value).rpartition(".")[2] == "environ":
                        found.add(name)
                case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]):
                    callee = dotted(func)
                    if callee.rpartition(".")[2] == "getenv" or re.search(
                        r"(^|\.)environ\.(get|setdefault|pop)$", callee
                    ):
                        found.add(name)
                case _:
                    pass
    return sorted(name for name in found if re.fullmatch(r"[A-Za-z_]\w*", name))
