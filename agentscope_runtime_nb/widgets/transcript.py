"""What remains of a chat without a kernel: its turns as HTML, Markdown and text.

Everything an agent said is hostile here: in HTML it is escaped, in Markdown it can neither bring
HTML nor have anything fetched from elsewhere.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CSS_CLASS = "asnb-transcript"
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_CALLS = {"plugin_call", "mcp_call", "function_call", "component_call"}
_RESULTS = {f"{kind}_output" for kind in _CALLS}


def answer_text(response: dict[str, Any]) -> str:
    """What the agent said in a response, without thoughts and tools."""
    said = [_text(m) for m in response.get("output") or () if m["type"] == "message"]
    return "\n\n".join(text for text in said if text)


def answer_markdown(response: dict[str, Any]) -> str:
    """A response as Markdown that may be rendered."""
    parts = [_markdown_message(m) for m in response.get("output") or ()]
    if response.get("status") == "canceled":
        parts.append("*(stopped)*")
    error = response.get("error")
    if error:
        parts.append(f"**{_plain_markdown(error['message'])}**")
    return "\n\n".join(part for part in parts if part)


def bundle(title: str, turns: Sequence[dict[str, Any]]) -> dict[str, str]:
    """A whole chat as a MIME bundle.

    Args:
        title: The agent's name.
        turns: Turns as the chat's protocol has them.

    Returns:
        HTML with the class `asnb-transcript`, Markdown and plain text.
    """
    return {
        "text/html": _html(title, turns),
        "text/markdown": "\n\n".join(_markdown(title, turns)),
        "text/plain": "\n".join(_plain(title, turns)),
    }


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


def _plain_markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#!|<>~])", r"\\\1", text)


def _contents(message: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return message.get("content") or ()


def _text(message: dict[str, Any]) -> str:
    return "".join(
        content.get("text") or content.get("refusal") or "" for content in _contents(message)
    )


def _data(message: dict[str, Any]) -> dict[str, Any]:
    for content in _contents(message):
        data = content.get("data")
        if isinstance(data, dict):
            return cast("dict[str, Any]", data)
    return {}


def _call(message: dict[str, Any]) -> str:
    data = _data(message)
    return f"{data.get('name', '')}({data.get('arguments', '')})"


def _result(message: dict[str, Any]) -> str:
    output = str(_data(message).get("output", ""))
    try:
        value: Any = json.loads(output)
    except ValueError:
        value = output
    shown = value if isinstance(value, str) else output
    limit = 2000
    return shown if len(shown) <= limit else f"{shown[:limit]}…"


def _markdown_message(message: dict[str, Any]) -> str:
    kind = message["type"]
    if kind in _CALLS:
        return f"→ {_code(_call(message))}"
    if kind in _RESULTS:
        return f"← {_code(_result(message))}"
    if kind == "reasoning":
        return "\n".join(f"> {line}" for line in safe_markdown(_text(message)).split("\n"))
    return safe_markdown(_text(message))


def _code(text: str) -> str:
    text = " ".join(text.split())
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _answers(turn: dict[str, Any]) -> tuple[list[dict[str, Any]], str, str]:
    """A turn's finished messages, how it stands, and its error."""
    events: list[dict[str, Any]] = turn["events"]
    last: dict[str, Any] = events[-1] if events else {}
    if last.get("object") == "response" and last.get("output") is not None:
        error: dict[str, str] = last.get("error") or {}
        return last["output"], last["status"], error.get("message", "")
    done = [e for e in events if e["object"] == "message" and e["status"] == "completed"]
    return done, "in_progress", ""


def _html(title: str, turns: Sequence[dict[str, Any]]) -> str:
    rows: list[str] = []
    for turn in turns:
        rows += [_row("user", "You", _text(message)) for message in turn["input"]]
        messages, status, error = _answers(turn)
        for message in messages:
            rows.append(_html_message(title, message))
        if turn["log"]:
            rows.append(_row("log", "Log", turn["log"], tag="pre"))
        if status == "canceled":
            rows.append(_row("note", title, "(stopped)"))
        if error:
            rows.append(_row("error", "Error", error))
    empty = "" if rows else f" {CSS_CLASS}-empty"
    return f'<div class="{CSS_CLASS}{empty}">{"".join(rows)}</div>'


def _html_message(title: str, message: dict[str, Any]) -> str:
    kind = message["type"]
    if kind in _CALLS:
        return _row("tool", "Tool", _call(message), tag="code")
    if kind in _RESULTS:
        return _row("tool", "Result", _result(message), tag="pre")
    if kind == "reasoning":
        return _row("thought", "Thought", _text(message))
    return _row("agent", title, _text(message))


def _row(kind: str, who: str, text: str, tag: str = "div") -> str:
    # `pre-wrap` is inline: a viewer without our style sheet keeps the line breaks.
    style = ' style="white-space: pre-wrap"'
    return (
        f'<div class="{CSS_CLASS}-row {CSS_CLASS}-{kind}"><strong>{html.escape(who)}</strong>'
        f"<{tag}{style}>{html.escape(text)}</{tag}></div>"
    )


def _markdown(title: str, turns: Sequence[dict[str, Any]]) -> Iterable[str]:
    for turn in turns:
        for message in turn["input"]:
            yield f"**You:** {safe_markdown(_text(message))}"
        messages, status, error = _answers(turn)
        for message in messages:
            text = _markdown_message(message)
            yield f"**{_plain_markdown(title)}:** {text}" if message["type"] == "message" else text
        if status == "canceled":
            yield "*(stopped)*"
        if error:
            yield f"**Error:** {_plain_markdown(error)}"


def _plain(title: str, turns: Sequence[dict[str, Any]]) -> Iterable[str]:
    for turn in turns:
        for message in turn["input"]:
            yield f"You: {_text(message)}"
        messages, status, error = _answers(turn)
        for message in messages:
            if message["type"] == "message":
                yield f"{title}: {_text(message)}"
            elif message["type"] in _CALLS:
                yield f"  → {_call(message)}"
        if status == "canceled":
            yield "(stopped)"
        if error:
            yield f"Error: {error}"
