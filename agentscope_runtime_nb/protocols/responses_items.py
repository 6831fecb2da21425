"""Items of OpenAI's Responses API, to and from messages of the wire."""

from __future__ import annotations

import json
from typing import Any

_STATUS = {"canceled": "incomplete", "failed": "incomplete", "created": "in_progress"}
_INPUT = {"input_text": "text", "output_text": "text", "text": "text"}


def item_of(message: dict[str, Any]) -> dict[str, Any]:
    """One output message as an output item."""
    status = _STATUS.get(message["status"], message["status"])
    contents = message["content"] or ()
    base = {"id": message["id"], "status": status}
    kind = message["type"]
    if kind == "reasoning":
        parts = [{"type": "reasoning_text", "text": c.get("text") or ""} for c in contents]
        return base | {"type": "reasoning", "summary": [], "content": parts}
    data: dict[str, Any] = (contents[0].get("data") if contents else None) or {}
    if kind == "mcp_approval_request":
        fields = ("name", "arguments", "server_label")
        asked = {"type": kind, "id": data.get("id", "")}
        return asked | {field: data.get(field) or "" for field in fields}
    if kind.endswith("_call"):
        return base | {
            "type": "function_call",
            "call_id": data.get("call_id", ""),
            "name": data.get("name", ""),
            "arguments": data.get("arguments", ""),
        }
    if kind.endswith("_call_output"):
        return base | {
            "type": "function_call_output",
            "call_id": data.get("call_id", ""),
            "output": data.get("output", ""),
        }
    return base | {
        "type": "message",
        "role": "assistant",
        "content": [_output_content(content) for content in contents],
    }


def usage_of(usage: dict[str, Any] | None) -> dict[str, Any]:
    """A run's tokens as the API counts them; zeros when the agent reported none."""
    usage = usage or {}
    given, made = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }


def messages_of(given: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Input items as messages; items of an unknown type are kept as data."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return [_message_of(item) for item in given]


def _message_of(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type", "message")
    if kind == "message":
        role = item.get("role", "user")
        content = item.get("content")
        parts = content if isinstance(content, str) else [_content_of(c) for c in content or ()]
        return {"role": "system" if role == "developer" else role, "content": parts}
    if kind in ("function_call", "function_call_output"):
        keys = ("call_id", "name", "arguments" if kind == "function_call" else "output")
        data = {key: _text(item[key]) for key in keys if key in item}
        role = "assistant" if kind == "function_call" else "tool"
        return {"type": kind, "role": role, "content": [{"type": "data", "data": data}]}
    if kind == "mcp_approval_response":
        fields = ("approval_request_id", "approve", "reason", "always")
        data = {field: item.get(field) for field in fields}
        return {"type": kind, "role": "user", "content": [{"type": "data", "data": data}]}
    if kind == "reasoning":
        texts = [c.get("text", "") for c in (item.get("content") or item.get("summary") or ())]
        return {"type": "reasoning", "role": "assistant", "content": "".join(texts)}
    return {"role": "user", "content": [{"type": "data", "data": item}]}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _content_of(content: dict[str, Any]) -> dict[str, Any]:
    kind = content.get("type")
    if kind in _INPUT:
        return {"type": "text", "text": content.get("text")}
    if kind == "input_image":
        return {"type": "image", "image_url": content.get("image_url")}
    if kind == "input_file":
        fields = ("file_url", "file_id", "filename", "file_data")
        return {"type": "file"} | {key: content.get(key) for key in fields}
    if kind == "input_audio":
        audio: dict[str, Any] = content.get("input_audio") or {}
        return {"type": "audio", "data": audio.get("data"), "format": audio.get("format")}
    if kind == "refusal":
        return {"type": "refusal", "refusal": content.get("refusal")}
    return {"type": "data", "data": content}


def _output_content(content: dict[str, Any]) -> dict[str, Any]:
    if content["type"] == "refusal":
        return {"type": "refusal", "refusal": content.get("refusal") or ""}
    return {"type": "output_text", "text": text_of(content), "annotations": []}


def text_of(content: dict[str, Any]) -> str:
    """A content as text; where no item of the API carries it, its address or its JSON."""
    for field in ("text", "image_url", "video_url", "file_url"):
        if content.get(field):
            return content[field]
    return json.dumps(content["data"]) if content.get("data") is not None else ""
