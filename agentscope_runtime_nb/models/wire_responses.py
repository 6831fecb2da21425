"""A reply as the objects and events of the responses API."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentscope_runtime_nb.models.conversation import Conversation
    from agentscope_runtime_nb.models.script import Failure, Finish, Piece

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesWire:
    """Encodes one answer, event by event or as a whole."""

    done = b""

    def __init__(self, conversation: Conversation) -> None:
        self._fingerprint = conversation.fingerprint
        self._sequence = 0
        self._open: str | None = None
        self._output: list[dict[str, Any]] = []
        self._response: dict[str, Any] = {
            "id": f"resp_{conversation.fingerprint}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": conversation.system or None,
            "metadata": {},
            "model": conversation.model,
            "output": [],
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "usage": None,
        }

    def start(self) -> Iterator[dict[str, Any]]:
        """Say that an answer is coming."""
        yield self._event("response.created", response=self._snapshot())
        yield self._event("response.in_progress", response=self._snapshot())

    def piece(self, piece: Piece) -> Iterator[dict[str, Any]]:
        """Encode a piece of the answer, after closing and opening what it needs."""
        kind = "call" if piece.kind in {"call", "arguments"} else piece.kind
        if piece.kind == "call" or kind != self._open:
            yield from self._close("completed")
            yield from self._begin(kind, piece)
        if piece.kind == "call":
            return
        item = self._output[-1]
        if kind == "call":
            item["arguments"] += piece.text
            yield self._on_item("response.function_call_arguments.delta", delta=piece.text)
        elif kind == "think":
            item["summary"][0]["text"] += piece.text
            name = "response.reasoning_summary_text.delta"
            yield self._on_item(name, delta=piece.text, summary_index=0)
        else:
            item["content"][0]["text"] += piece.text
            name = "response.output_text.delta"
            yield self._on_item(name, delta=piece.text, content_index=0, logprobs=[])

    def end(self, finish: Finish, usage: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """Close what is open and give the whole response."""
        whole = finish == "stop"
        yield from self._close("completed" if whole else "incomplete")
        response = self.whole(finish, usage)
        yield self._event(f"response.{response['status']}", response=response)

    def failure(self, failure: Failure) -> Iterator[dict[str, Any]]:
        """Say that the answer breaks off."""
        yield from self._close("incomplete")
        self._response["status"] = "failed"
        # The field takes a short list of codes; those of a script are its own.
        self._response["error"] = {"code": "server_error", "message": failure.message}
        yield self._event("response.failed", response=self._snapshot())

    def whole(self, finish: Finish, usage: tuple[int, int]) -> dict[str, Any]:
        """Give the answer in one object."""
        for item in self._output:
            item["status"] = "completed" if item["status"] == "in_progress" else item["status"]
        read, written = usage
        if finish == "stop":
            self._response["status"] = "completed"
        else:
            self._response["status"] = "incomplete"
            self._response["incomplete_details"] = {"reason": _INCOMPLETE[finish]}
        self._response["usage"] = {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        }
        return self._snapshot()

    def _begin(self, kind: str, piece: Piece) -> Iterator[dict[str, Any]]:
        name = f"{self._fingerprint}_{len(self._output)}"
        item: dict[str, Any] = {"status": "in_progress"}
        if kind == "call":
            call_id = f"call_{self._fingerprint}_{piece.index}"
            item |= {"type": "function_call", "id": f"fc_{name}", "call_id": call_id}
            item |= {"name": piece.text, "arguments": ""}
        elif kind == "think":
            item |= {"type": "reasoning", "id": f"rs_{name}", "summary": []}
        else:
            item |= {"type": "message", "id": f"msg_{name}", "role": "assistant", "content": []}
        self._output.append(item)
        self._open = kind
        yield self._event(
            "response.output_item.added",
            output_index=len(self._output) - 1,
            item=copy.deepcopy(item),
        )
        if kind == "think":
            item["summary"].append({"type": "summary_text", "text": ""})
            part = dict(item["summary"][0])
            yield self._on_item("response.reasoning_summary_part.added", part=part, summary_index=0)
        elif kind == "text":
            item["content"].append({"type": "output_text", "text": "", "annotations": []})
            part = copy.deepcopy(item["content"][0])
            yield self._on_item("response.content_part.added", part=part, content_index=0)

    def _close(self, status: str) -> Iterator[dict[str, Any]]:
        if self._open is None:
            return
        item = self._output[-1]
        item["status"] = status
        if self._open == "call":
            name = "response.function_call_arguments.done"
            yield self._on_item(name, arguments=item["arguments"], name=item["name"])
        elif self._open == "think":
            part = dict(item["summary"][0])
            name = "response.reasoning_summary_text.done"
            yield self._on_item(name, text=part["text"], summary_index=0)
            yield self._on_item("response.reasoning_summary_part.done", part=part, summary_index=0)
        else:
            part = copy.deepcopy(item["content"][0])
            name = "response.output_text.done"
            yield self._on_item(name, text=part["text"], content_index=0, logprobs=[])
            yield self._on_item("response.content_part.done", part=part, content_index=0)
        self._open = None
        yield self._event(
            "response.output_item.done",
            output_index=len(self._output) - 1,
            item=copy.deepcopy(item),
        )

    def _on_item(self, kind: str, **fields: Any) -> dict[str, Any]:
        place = {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}
        return self._event(kind, **place, **fields)

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return event

    def _snapshot(self) -> dict[str, Any]:
        return {**self._response, "output": copy.deepcopy(self._output)}
