"""Markdown from what an agent said: it brings no HTML, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


def safe_markdown(text: str) -> str:
    """Markdown in which HTML is text and images are not fetched; code stays as it is."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            fence = ""
        elif not fence:
            lines.append(_safe_line(line))
            continue
        lines.append(line)
    if fence:  # left open, it would swallow whatever comes next
        lines.append(fence)
    return "\n".join(lines)


def plain_markdown(text: str) -> str:
    """Text of which nothing is taken for Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#!|<>~])", r"\\\1", text)


def code(text: str) -> str:
    """A line of code."""
    text = " ".join(text.split())
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def quoted(text: str, depth: int = 1) -> str:
    """Markdown as a quotation, `depth` deep."""
    mark = "> " * depth
    return "\n".join(f"{mark}{line}".rstrip() for line in text.split("\n")) if depth else text


def _safe_line(line: str) -> str:
    parts: list[str] = []
    end = 0
    for span in _CODE_SPAN.finditer(line):
        parts += [_defused(line[end : span.start()]), span[0]]
        end = span.end()
    return "".join([*parts, _defused(line[end:])])


def _defused(text: str) -> str:
    # `<` also ends autolinks; `](javascript:` and its like are Jupyter's sanitizer's to refuse.
    return text.replace("<", "&lt;").replace("![", "!\\[")
