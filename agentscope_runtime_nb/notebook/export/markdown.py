"""Reads the code cells of a Markdown notebook, as jupytext writes them.

A fenced block at the margin whose info string names Python is a cell, and so is MyST's
`{code-cell}`; everything else is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"(?P<ticks>`{3,}|~{3,})\s*(?P<info>[^`]*)$")
_PYTHON = re.compile(r"(?:python3?|ipython3?|\{code-cell\})(?:\s|$)", re.IGNORECASE)
_OPTION = re.compile(r'(?P<key>\w+)=(?P<value>\[[^\]]*\]|"[^"]*")')
_TAGS = re.compile(r"tags:\s*(\[[^\]]*\])")


@dataclass(frozen=True)
class Block:
    """A code cell of a Markdown notebook; `number` counts the blocks of text between them too."""

    number: int
    id: str | None
    source: str
    tags: frozenset[str]


def read_markdown(text: str) -> list[Block]:
    """Find the code cells."""
    lines = _without_header(text.splitlines())
    found: list[Block] = []
    number, prose, start = 0, False, 0
    while start < len(lines):
        fence = _FENCE.match(lines[start])
        if fence is None:
            prose = prose or bool(lines[start].strip())
            start += 1
            continue
        end = _end_of(lines, start, fence["ticks"])
        info = fence["info"].strip()
        if _PYTHON.match(info) and ".noeval" not in info:
            number += 1 + prose
            found.append(_block(number, info, lines[start + 1 : end]))
            prose = False
        else:
            prose = True
        start = end + 1
    return found


def _without_header(lines: list[str]) -> list[str]:
    """The lines below jupytext's YAML header."""
    if lines[:1] == ["---"] and "---" in lines[1:]:
        return lines[lines.index("---", 1) + 1 :]
    return lines


def _end_of(lines: list[str], start: int, ticks: str) -> int:
    """The line that closes a fence; past the end when none does."""
    for number in range(start + 1, len(lines)):
        line = lines[number].rstrip()
        if len(line) >= len(ticks) and set(line) == {ticks[0]}:
            return number
    return len(lines)


def _block(number: int, info: str, lines: list[str]) -> Block:
    tags = [m["value"] for m in _OPTION.finditer(info) if m["key"] == "tags"]
    if info.startswith("{code-cell}"):
        options, lines = _myst_options(lines)
        tags += _TAGS.findall(options)
    ids = [m["value"].strip('"') for m in _OPTION.finditer(info) if m["key"] == "id"]
    names = re.findall(r"[\w./-]+", " ".join(tags))
    return Block(number, ids[0] if ids else None, "\n".join(lines).strip("\n"), frozenset(names))


def _myst_options(lines: list[str]) -> tuple[str, list[str]]:
    """MyST's options at the top of a cell (`:tags: […]`, or YAML between dashes), and the rest."""
    if lines[:1] == ["---"] and "---" in lines[1:]:
        end = lines.index("---", 1)
        return " ".join(lines[1:end]), lines[end + 1 :]
    end = next((n for n, line in enumerate(lines) if not re.match(r":\w+:", line)), len(lines))
    return " ".join(line[1:] for line in lines[:end]), lines[end:]
