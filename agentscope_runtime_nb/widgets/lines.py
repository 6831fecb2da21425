"""A conversation line by line: who says or does what, ready for any form of writing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal[
    "user", "agent", "thought", "call", "result", "ask", "decision", "media", "log", "note", "error"
]
YOU = "You"
_CALLS = {"plugin_call", "mcp_call", "function_call", "component_call"}
_RESULTS = {f"{kind}_output" for kind in _CALLS}
_RESULT_LENGTH = 2000
_RASTER = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said or done.

    Attributes:
        kind: What it is.
        who: Who says it; for media, who shows it.
        text: The words, the call, the result, or what a picture or file is called.
        depth: How many calls it happens in.
        image: A raster image as a data URI, where that is what is shown.
    """

    kind: Kind
    who: str
    text: str
    depth: int = 0
    image: str = ""


def lines(title: str, turns: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Everything in some turns.

    Args:
        title: The agent's name.
        turns: Turns as the chat's protocol has them.
    """
    asked: dict[str, str] = {}
    for turn in turns:
        depths: dict[str, int] = {}
        for message in turn["input"]:
            yield from _of(message, YOU, "user", depths, asked)
        messages, status, error = answers(turn)
        for message in messages:
            yield from _of(message, author(message) or title, "agent", depths, asked)
        if turn.get("log"):
            yield Line("log", "Log", turn["log"])
        if status == "canceled":
            yield Line("note", title, "stopped")
        if error:
            yield Line("error", "Error", error)


def response_lines(response: dict[str, Any]) -> Iterator[Line]:
    """Everything in a final response."""
    yield from lines("", [{"input": [], "events": [{"object": "response", **response}]}])


def answers(turn: dict[str, Any]) -> tuple[list[dict[str, Any]], str, str]:
    """A turn's finished messages, how it stands, and its error."""
    events: list[dict[str, Any]] = turn["events"]
    last: dict[str, Any] = events[-1] if events else {}
    if last.get("object") == "response" and last.get("output") is not None:
        error: dict[str, str] = last.get("error") or {}
        return last["output"], last["status"], error.get("message", "")
    done = [e for e in events if e["object"] == "message" and e["status"] == "completed"]
    return done, "in_progress", ""


def text_of(message: dict[str, Any]) -> str:
    """A message's words."""
    return "".join(
        content.get("text") or content.get("refusal") or "" for content in _contents(message)
    )


def author(message: dict[str, Any]) -> str:
    """Who of several agents speaks, if it says."""
    return str(_metadata(message).get("agent") or "")


def parent_of(message: dict[str, Any]) -> str:
    """The call that a message happens in, if it does."""
    return str(_metadata(message).get("parent_id") or "")


def _of(
    message: dict[str, Any],
    who: str,
    kind: Literal["user", "agent"],
    depths: dict[str, int],
    asked: dict[str, str],
) -> Iterator[Line]:
    parent = parent_of(message)
    depth = depths.get(parent, 0) + 1 if parent else 0
    sort = message.get("type") or "message"
    if sort in _CALLS:
        data = _data(message)
        depths[str(data.get("call_id"))] = depth
        yield Line("call", who, _call(data), depth)
    elif sort in _RESULTS:
        yield Line("result", who, _result(message), depth)
        yield from _media(message, who, depth)
    elif sort == "mcp_approval_request":
        data = _data(message)
        asked[str(data.get("id"))] = _call(data)
        yield Line("ask", who, _call(data), depth)
    elif sort == "mcp_approval_response":
        yield from (Line("decision", who, text) for text in _decisions(message, asked))
    elif sort == "reasoning":
        yield Line("thought", who, text_of(message), depth)
    else:
        text = text_of(message)
        if text:
            yield Line(kind, who, text, depth)
        yield from _media(message, who, depth)


def _media(message: dict[str, Any], who: str, depth: int) -> Iterator[Line]:
    for content in _contents(message):
        sort = content.get("type")
        if sort in ("image", "audio", "video", "file"):
            url = content.get("image_url") or ""
            image = url if sort == "image" and _RASTER.fullmatch(url) else ""
            yield Line("media", who, str(content.get("filename") or sort), depth, image)


def _decisions(message: dict[str, Any], asked: dict[str, str]) -> Iterator[str]:
    for content in _contents(message):
        data: dict[str, Any] = content.get("data") or {}
        call = asked.get(str(data.get("approval_request_id")), "")
        word = "allowed" if data.get("approve") is True else "denied"
        always = ", always in this session" if data.get("always") is True else ""
        reason = f" ({data['reason']})" if data.get("reason") else ""
        yield f"{word}{always}{f': {call}' if call else ''}{reason}"


def _contents(message: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return message.get("content") or ()


def _metadata(message: dict[str, Any]) -> dict[str, Any]:
    return message.get("metadata") or {}


def _data(message: dict[str, Any]) -> dict[str, Any]:
    for content in _contents(message):
        data = content.get("data")
        if isinstance(data, dict):
            return cast("dict[str, Any]", data)
    return {}


def _call(data: dict[str, Any]) -> str:
    return f"{data.get('name', '')}({data.get('arguments', '')})"


def _result(message: dict[str, Any]) -> str:
    output = str(_data(message).get("output", ""))
    try:
        value: Any = json.loads(output)
    except ValueError:
        value = output
    shown = value if isinstance(value, str) else output
    return shown if len(shown) <= _RESULT_LENGTH else f"{shown[:_RESULT_LENGTH]}…"
