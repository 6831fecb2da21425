"""Messages of the wire as messages of OpenAI's chat completions."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.events import DataContent, FileContent, ImageContent, TextContent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentscope_runtime_nb.events import Message

_FILE_CHARACTERS = 100_000
"""How much of a text file a model is given to read."""
_CALLS = {"plugin_call", "function_call", "mcp_call"}
_OUTPUTS = {"plugin_call_output", "function_call_output", "mcp_call_output"}


def to_chat(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Translate a conversation; thoughts and what has no counterpart are left out.

    A call without a result (a stopped turn) is given one that says so, since services refuse a
    conversation with open calls.
    """
    chat: list[dict[str, Any]] = []
    open_calls: dict[str, None] = {}
    for message in messages:
        if message.type in _CALLS:
            for call in _payloads(message):
                open_calls[call["call_id"]] = None
                _add_call(chat, call)
            continue
        if message.type in _OUTPUTS:
            chat.extend(
                _result(output["call_id"], str(output.get("output", "")))
                for output in _payloads(message)
                if open_calls.pop(output["call_id"], 0) is None
            )
            continue
        content = _content(message)
        if message.type == "message" and content:
            _close(chat, open_calls)
            role = "user" if message.role in (None, "user", "tool") else message.role
            chat.append({"role": role, "content": content})
    _close(chat, open_calls)
    return chat


def _payloads(message: Message) -> list[dict[str, Any]]:
    datas = [c.data for c in message.content or () if isinstance(c, DataContent) and c.data]
    return [data for data in datas if "call_id" in data]


def _add_call(chat: list[dict[str, Any]], call: dict[str, Any]) -> None:
    arguments = call.get("arguments") or "{}"
    try:
        json.loads(arguments)
    except ValueError:
        arguments = "{}"  # cut off by a stop
    entry = {
        "id": call["call_id"],
        "type": "function",
        "function": {"name": call.get("name", ""), "arguments": arguments},
    }
    if chat and chat[-1]["role"] == "assistant" and "tool_calls" in chat[-1]:
        chat[-1]["tool_calls"].append(entry)
    else:
        chat.append({"role": "assistant", "content": None, "tool_calls": [entry]})


def _close(chat: list[dict[str, Any]], open_calls: dict[str, None]) -> None:
    chat.extend(
        _result(call_id, '"not run: the turn was stopped, or the user did not allow it"')
        for call_id in open_calls
    )
    open_calls.clear()


def _result(call_id: str, output: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": output}


def _content(message: Message) -> str | list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for content in message.content or ():
        if isinstance(content, TextContent) and content.text:
            parts.append({"type": "text", "text": content.text})
        elif isinstance(content, ImageContent) and content.image_url and message.role == "user":
            parts.append({"type": "image_url", "image_url": {"url": content.image_url}})
        elif isinstance(content, FileContent):
            parts.append({"type": "text", "text": _file(content)})
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _file(content: FileContent) -> str:
    """A file as a chat model takes it: a text one is quoted, of another only the name is told."""
    name = content.filename or content.file_url or content.file_id or "a file"
    _, _, encoded = (content.file_data or "").rpartition(",")  # a data URI's head goes
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text or "\0" in text:
        return f"\n[attached: {name}; its content cannot be read here]\n"
    cut = "" if len(text) <= _FILE_CHARACTERS else "\n[… cut here]"
    return f"\n[attached: {name}]\n{text[:_FILE_CHARACTERS]}{cut}\n[end of {name}]\n"
