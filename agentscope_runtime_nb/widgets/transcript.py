"""What remains of a chat without a kernel: its turns as HTML, Markdown and text.

Everything an agent said is hostile here: in HTML it is escaped, in Markdown it can neither bring
HTML nor have anything fetched from elsewhere.
"""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.widgets.lines import YOU, lines, parent_of, response_lines, text_of
from agentscope_runtime_nb.widgets.markdown import code, plain_markdown, quoted, safe_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentscope_runtime_nb.widgets.lines import Line

CSS_CLASS = "asnb-transcript"
_SMALL, _ALL = 100_000, 400_000
"""Characters of a picture, and of all of them, in a transcript: it is sent anew each time."""

_HTML_KINDS = {
    "user": ("user", "div"),
    "agent": ("agent", "div"),
    "thought": ("thought", "div"),
    "call": ("tool", "code"),
    "result": ("tool", "pre"),
    "ask": ("approval", "code"),
    "decision": ("approval", "div"),
    "media": ("media", "div"),
    "log": ("log", "pre"),
    "note": ("note", "div"),
    "error": ("error", "div"),
}
_LABELS = {"thought": "Thought", "call": "Tool", "result": "Result", "ask": "May this be done?"}


def answer_text(response: dict[str, Any]) -> str:
    """What the agent said in a response, without thoughts, tools and what it said in them."""
    said = [
        text_of(message)
        for message in response.get("output") or ()
        if message["type"] == "message" and not parent_of(message)
    ]
    return "\n\n".join(text for text in said if text)


def answer_markdown(response: dict[str, Any]) -> str:
    """A response as Markdown that may be rendered."""
    return "\n\n".join(
        markdown_line(line, named=bool(line.depth)) for line in response_lines(response)
    )


def bundle(title: str, turns: Sequence[dict[str, Any]]) -> dict[str, str]:
    """A conversation as a MIME bundle.

    Args:
        title: The agent's name.
        turns: Turns as the chat's protocol has them.

    Returns:
        HTML with the class `asnb-transcript`, Markdown and plain text.
    """
    said = list(_affordable(lines(title, turns)))
    rows = "".join(map(_html, said))
    empty = "" if rows else f" {CSS_CLASS}-empty"
    return {
        "text/html": f'<div class="{CSS_CLASS}{empty}">{rows}</div>',
        "text/markdown": "\n\n".join(map(markdown_line, said)),
        "text/plain": "\n".join(_plain(line) for line in said if line.kind in _PLAIN),
    }


def markdown_line(
    line: Line, image: Callable[[Line], str] | None = None, *, named: bool = True
) -> str:
    """A line as Markdown that may be rendered.

    Args:
        line: The line.
        image: Gives the address of an image; by default it is only named.
        named: Whether it says who speaks.
    """
    who = f"**{plain_markdown(line.who)}:** " if named and line.who else ""
    text = plain_markdown(line.text)
    written = {
        "user": lambda: f"{who}{safe_markdown(line.text)}",
        "agent": lambda: f"{who}{safe_markdown(line.text)}",
        "thought": lambda: quoted(safe_markdown(line.text)),
        "call": lambda: f"→ {code(line.text)}",
        "result": lambda: f"← {code(line.text)}",
        "ask": lambda: f"⏸ May this be done? {code(line.text)}",
        "decision": lambda: f"{who}*{text}*",
        "media": lambda: _picture(line, image) or f"{who}*[{text}]*",
        "log": lambda: f"```text\n{line.text.rstrip().replace('```', '` ` `')}\n```",
        "note": lambda: f"*({text})*",
        "error": lambda: f"**Error:** {text}",
    }[line.kind]()
    return quoted(written, line.depth)


def _picture(line: Line, image: Callable[[Line], str] | None) -> str:
    address = image(line) if image is not None and line.image else ""
    return f"![{plain_markdown(line.text)}]({address})" if address else ""


def _affordable(said: Iterable[Line]) -> Iterator[Line]:
    """The lines, with pictures as long as they are small."""
    left = _ALL
    for line in said:
        size = len(line.image)
        if size > min(left, _SMALL):
            yield replace(line, image="")
        else:
            left -= size
            yield line


def _html(line: Line) -> str:
    kind, tag = _HTML_KINDS[line.kind]
    kind = "user" if line.who == YOU else kind
    who = _LABELS.get(line.kind, line.who)
    # Styles are inline: a viewer without our style sheet keeps line breaks and nesting.
    indent = f' style="margin-left: {1.5 * line.depth}em"' if line.depth else ""
    if line.image:
        shown = f'src="{line.image}" alt="{html.escape(line.text)}"'
        body = f'<img {shown} style="display: block; max-width: 100%">'
    else:
        body = html.escape(f"[{line.text}]" if line.kind == "media" else line.text)
        body = f'<{tag} style="margin: 0; white-space: pre-wrap">{body}</{tag}>'
    return (
        f'<div class="{CSS_CLASS}-row {CSS_CLASS}-{kind}"{indent}>'
        f"<strong>{html.escape(who)}</strong> {body}</div>"
    )


_PLAIN = {"user", "agent", "call", "ask", "decision", "media", "note", "error"}


def _plain(line: Line) -> str:
    said = {
        "call": f"  → {line.text}",
        "ask": f"  may this be done? {line.text}",
        "media": f"{line.who}: [{line.text}]",
        "note": f"({line.text})",
    }.get(line.kind, f"{line.who}: {line.text}")
    return f"{'  ' * line.depth}{said}"
