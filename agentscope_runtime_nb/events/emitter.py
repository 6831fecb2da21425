"""The Emitter: what framework adapters write to, so that every stream obeys one grammar.

It opens and closes parts, numbers events, keeps parallel tool calls apart and sums the usage. An
adapter says *what* happened; order, indexes and closing on every path are the Emitter's business.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.events.encoding import encode, encode_text
from agentscope_runtime_nb.events.wire import Message, message_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    Sink = Callable[[int, bytes, str | None, bool], Awaitable[None] | None]

TEXT, REASONING = "message", "reasoning"


class RunStoppedError(BaseException):
    """Raised into an adapter that goes on writing after its run was stopped.

    A BaseException, so that an agent's own `except Exception` does not swallow a stop.
    """


def _nowhere(_seq: int, _frame: bytes, _message: str | None, _passing: bool) -> None:
    """Where events after the end go."""


class _Nothing:
    """An awaitable with nothing to wait for."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


_NOTHING = _Nothing()


@dataclass(slots=True)
class _Open:
    """A part that has begun and not ended."""

    message: dict[str, Any]
    content: dict[str, Any]
    head: bytes = b""
    chunks: list[str] = field(default_factory=list[str])
    sent: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    began: float = field(default_factory=time.monotonic)


class Emitter:
    """Writes one run's events to a sink, in order.

    Args:
        response: The response's fields: `id`, `session_id`, `created_at`.
        sink: Called with each event: its sequence number, its JSON, the id of its message (None
            for the response's own) and whether the finished content will replace it. What it
            returns is awaited, if anything.
    """

    def __init__(self, response: dict[str, Any], sink: Sink) -> None:
        self.stopped = False
        self.output: list[dict[str, Any]] = []
        self.final: dict[str, Any] | None = None
        self._response = response
        self._sink = sink
        self._seq = 0
        self._usage: dict[str, Any] | None = None
        self._parts: dict[str, _Open] = {}  # every message that has begun and not ended
        self._speech: dict[str | None, _Open] = {}
        self._calls: dict[str, _Open] = {}
        self._call_times: dict[str, float] = {}

    async def start(self) -> None:
        """Open the response. Called again after a cancellation, it goes on where it was."""
        for position, status in enumerate(("created", "in_progress")):
            if self._seq == position:
                await self._send(self._response_object(status))

    # What a token takes on its way is plain functions, which hand its reader's own awaitable back:
    # each coroutine more costs a twentieth of what serving the token does.
    def text(self, delta: str, *, agent: str | None = None) -> Awaitable[None]:
        """Append to the answer; `agent` names the author where several speak."""
        return self._say(TEXT, delta, agent)

    def reasoning(self, delta: str, *, agent: str | None = None) -> Awaitable[None]:
        """Append to the thoughts."""
        return self._say(REASONING, delta, agent)

    async def end_message(self, *, agent: str | None = None) -> None:
        """End what `agent` is saying, so that its next text is a message of its own."""
        part = self._speech.pop(agent, None)
        if part is not None:
            await self._complete(part)

    async def tool_call(
        self,
        call_id: str,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        done: bool = True,
        agent: str | None = None,
    ) -> None:
        """Report a tool call; again and again with `done=False` while its arguments arrive.

        Args:
            call_id: Ties the result to it.
            name: The tool.
            arguments: A dict, or the JSON text so far (all of it, not the addition).
            done: Whether the arguments are whole.
            agent: The author where several speak.
        """
        self._check()
        text = arguments if isinstance(arguments, str) else encode(arguments).decode()
        part = self._calls.get(call_id)
        if part is None:
            await self.end_message(agent=agent)
            part = await self._open("plugin_call", "assistant", "data", agent)
            self._calls[call_id] = part
        part.content["data"] = {"call_id": call_id, "name": name, "arguments": text}
        if done:
            del self._calls[call_id]
            self._call_times[call_id] = time.monotonic()
            await self._complete(part)
        else:
            await self._send(dict(part.content), part.message["id"], passing=True)

    async def tool_result(
        self,
        call_id: str,
        name: str,
        output: Any,
        *,
        failed: bool = False,
        agent: str | None = None,
    ) -> None:
        """Report what a tool returned; anything with a JSON form, else its `str`."""
        self._check()
        if call_id in self._calls:  # its arguments never ended; they are whole now
            part = self._calls.pop(call_id)
            await self._complete(part)
        await self.end_message(agent=agent)
        part = await self._open("plugin_call_output", "tool", "data", agent)
        began = self._call_times.pop(call_id, None)
        meta: dict[str, Any] = part.message["metadata"] or {}
        if began is not None:
            meta["duration"] = _seconds_since(began)
        if failed:
            meta["failed"] = True
        part.message["metadata"] = meta or None
        part.content["data"] = {
            "call_id": call_id,
            "name": name,
            "output": encode(output).decode(),
        }
        await self._complete(part)

    async def media(self, content: dict[str, Any], *, agent: str | None = None) -> None:
        """Show an image, sound, film, file or JSON object: a content's own fields, with `type`."""
        self._check()
        await self.end_message(agent=agent)
        part = await self._open("message", "assistant", content["type"], agent)
        part.content |= {k: v for k, v in content.items() if k not in part.content}
        await self._complete(part)

    async def message(self, message: Message) -> None:
        """Pass on a whole message, under an id of this run."""
        self._check()
        await self.end_message()
        meta = message.metadata or {}
        contents = [c.model_dump(mode="json") for c in message.content or ()]
        part = await self._open(
            message.type, message.role or "assistant", "text", meta.get("agent"), announce=False
        )
        part.message["metadata"] = message.metadata
        await self._send(part.message, part.message["id"])
        for index, content in enumerate(contents):
            await self._send_content(part, content, index)
        await self._close_message(part, "completed")

    async def usage(self, **tokens: int) -> None:
        """Add the tokens of one model call (`input_tokens`, `output_tokens`, …)."""
        total = self._usage or {"input_tokens": 0, "output_tokens": 0}
        for key, count in tokens.items():
            total[key] = total.get(key, 0) + count
        total["total_tokens"] = total["input_tokens"] + total["output_tokens"]
        self._usage = total

    async def finish(self, status: str, error: dict[str, str] | None = None) -> None:
        """End the run: close what is open, then the response. Later calls do nothing.

        Args:
            status: `completed`, `canceled`, `failed` or `incomplete`.
            error: `{code, message}` when it failed.
        """
        if self.final is not None:
            return
        await self.start()
        self._speech.clear()
        self._calls.clear()
        while self._parts:  # one by one, so that a second cancellation in here leaves the rest
            part = next(iter(self._parts.values()))
            if status == "completed":
                await self._complete(part)
            else:
                self._fill(part)
                part.sent = part.sent or [self._closed(part, part.content, 0, status)]
                await self._close_message(part, status, error)
        self.final = self._response_object(status) | {
            "error": error,
            "completed_at": int(time.time()),
            "output": self.output,
            "usage": self._usage,
        }
        try:
            await self._send(self.final)
        finally:
            self._sink = _nowhere  # its owner may go when nobody else holds it

    def _check(self) -> None:
        if self.stopped:
            raise RunStoppedError

    def _say(self, kind: str, delta: str, agent: str | None) -> Awaitable[None]:
        if self.stopped:
            return self._refuse()
        if not delta:
            return _NOTHING
        part = self._speech.get(agent)
        if part is None or part.message["type"] != kind:
            return self._say_first(kind, delta, agent)
        part.chunks.append(delta)
        seq = self._seq
        self._seq = seq + 1
        frame = b'{"sequence_number":%d%b%b}' % (seq, part.head, encode_text(delta))
        return self._sink(seq, frame, part.message["id"], True) or _NOTHING

    async def _refuse(self) -> None:
        raise RunStoppedError

    async def _say_first(self, kind: str, delta: str, agent: str | None) -> None:
        await self.end_message(agent=agent)
        part = await self._open(kind, "assistant", "text", agent)
        self._speech[agent] = part
        await self._say(kind, delta, agent)

    async def _open(
        self, kind: str, role: str, content: str, agent: str | None, *, announce: bool = True
    ) -> _Open:
        ident = message_id()
        message = _blank_message(ident, kind, role, agent)
        part = self._parts[ident] = _Open(message, _blank_content(ident, content))
        if content == "text":
            part.head = (
                b',"object":"content","status":"in_progress","error":null,"type":"text","index":0,'
                b'"delta":true,"msg_id":"%b","text":' % ident.encode()
            )
        if announce:
            await self._send(message, ident)
        return part

    @staticmethod
    def _fill(part: _Open) -> None:
        if part.content["type"] == "text" and part.chunks:
            part.content["text"] = "".join(part.chunks)

    @staticmethod
    def _closed(
        part: _Open, content: dict[str, Any], index: int, status: str = "completed"
    ) -> dict[str, Any]:
        ident = part.message["id"]
        return content | {"status": status, "delta": False, "index": index, "msg_id": ident}

    async def _complete(self, part: _Open) -> None:
        if not part.sent:
            self._fill(part)
            await self._send_content(part, part.content, 0)
        await self._close_message(part, "completed")

    async def _send_content(self, part: _Open, content: dict[str, Any], index: int) -> None:
        content = self._closed(part, content, index)
        part.sent.append(content)
        await self._send(content, content["msg_id"])

    async def _close_message(
        self, part: _Open, status: str, error: dict[str, str] | None = None
    ) -> None:
        if part.message["type"] == REASONING:
            meta: dict[str, Any] = part.message["metadata"] or {}
            part.message["metadata"] = meta | {"duration": _seconds_since(part.began)}
        message: dict[str, Any] = part.message | {
            "status": status,
            "error": error,
            "content": part.sent,
        }
        # Off the books before the await: the sink has the event by the time it can be cancelled.
        del self._parts[message["id"]]
        self.output.append(message)
        await self._send(message, message["id"])

    def _response_object(self, status: str) -> dict[str, Any]:
        return {
            "sequence_number": None,
            "object": "response",
            "status": status,
            "error": None,
            "id": self._response["id"],
            "created_at": self._response["created_at"],
            "completed_at": None,
            "output": None,
            "usage": None,
            "session_id": self._response["session_id"],
        }

    async def _send(
        self, event: dict[str, Any], message: str | None = None, *, passing: bool = False
    ) -> None:
        seq = self._seq
        self._seq = seq + 1
        event["sequence_number"] = seq
        taken = self._sink(seq, encode(event), message, passing)
        if taken is not None:
            await taken


def _seconds_since(began: float) -> float:
    return round(time.monotonic() - began, 4)


def _blank_message(ident: str, kind: str, role: str, agent: str | None) -> dict[str, Any]:
    return {
        "sequence_number": None,
        "object": "message",
        "status": "in_progress",
        "error": None,
        "id": ident,
        "type": kind,
        "role": role,
        "content": None,
        "code": None,
        "message": None,
        "usage": None,
        "metadata": {"agent": agent} if agent else None,
    }


def _blank_content(ident: str, kind: str) -> dict[str, Any]:
    return {
        "sequence_number": None,
        "object": "content",
        "status": "in_progress",
        "error": None,
        "type": kind,
        "index": 0,
        "delta": False,
        "msg_id": ident,
    }
