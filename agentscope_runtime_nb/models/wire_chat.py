"""A reply as the objects of the chat completions API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentscope_runtime_nb.models.conversation import Conversation
    from agentscope_runtime_nb.models.script import Failure, Finish, Piece


class ChatWire:
    """Encodes one answer, piece by piece or as a whole."""

    done = b"data: [DONE]\n\n"

    def __init__(self, conversation: Conversation, *, include_usage: bool) -> None:
        self._id = f"chatcmpl-{conversation.fingerprint}"
        self._model = conversation.model
        self._created = int(time.time())
        self._fingerprint = conversation.fingerprint
        self._include_usage = include_usage
        self._think = ""
        self._text = ""
        self._calls: list[dict[str, Any]] = []

    def start(self) -> Iterator[dict[str, Any]]:
        """Say who speaks."""
        yield self._chunk({"role": "assistant", "content": ""})

    def piece(self, piece: Piece) -> Iterator[dict[str, Any]]:
        """Encode a piece of the answer."""
        if piece.kind == "think":
            self._think += piece.text
            yield self._chunk({"reasoning_content": piece.text})
        elif piece.kind == "text":
            self._text += piece.text
            yield self._chunk({"content": piece.text})
        elif piece.kind == "call":
            name = {"name": piece.text, "arguments": ""}
            call = {"id": f"call_{self._fingerprint}_{piece.index}", "type": "function"}
            self._calls.append({**call, "function": dict(name)})
            yield self._chunk({"tool_calls": [{"index": piece.index, **call, "function": name}]})
        else:
            self._calls[piece.index]["function"]["arguments"] += piece.text
            part = {"index": piece.index, "function": {"arguments": piece.text}}
            yield self._chunk({"tool_calls": [part]})

    def end(self, finish: Finish, usage: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """Say why the answer ends, and what it cost if that was asked for."""
        yield self._chunk({}, self._finish(finish))
        if self._include_usage:
            yield {**self._chunk({}), "choices": [], "usage": _usage(usage)}

    def failure(self, failure: Failure) -> Iterator[dict[str, Any]]:
        """Say that the answer breaks off."""
        yield {"error": error_object(failure)}

    def whole(self, finish: Finish, usage: tuple[int, int]) -> dict[str, Any]:
        """Give the answer in one object."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if self._calls and not self._text else self._text,
            "refusal": None,
        }
        if self._think:
            message["reasoning_content"] = self._think
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": self._finish(finish),
            "logprobs": None,
        }
        return {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "choices": [choice],
            "usage": _usage(usage),
        }

    def _finish(self, finish: Finish) -> str:
        return "tool_calls" if self._calls and finish == "stop" else finish

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}],
        }


def error_object(failure: Failure) -> dict[str, Any]:
    """Give an error as this API writes it."""
    kind = "server_error" if failure.status >= 500 else "invalid_request_error"  # noqa: PLR2004
    return {"message": failure.message, "type": kind, "param": None, "code": failure.code}


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    read, written = usage
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
