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
    from collections.abc import Awaitable, Callable, Generator, Sequence

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


_Voice = tuple[str | None, str | None]
"""Who speaks, and in which tool call."""


class Emitter:
    """Writes one run's events to a sink, in order.

    Everything that is said has an author (`agent`, where several speak) and may belong to a tool
    call (`parent`, its call id), as what a sub-agent says does.

    Attributes:
        output: The messages finished so far.
        displays: Rich forms of what was shown, by the id in a message's `metadata.display`.
        final: The last event, once it was sent.

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
        self.displays: dict[str, dict[str, Any]] = {}
        self._usage: dict[str, Any] | None = None
        self._parts: dict[str, _Open] = {}  # every message that has begun and not ended
        self._speech: dict[_Voice, _Open] = {}
        self._calls: dict[str, _Open] = {}
        self._call_times: dict[str, float] = {}

    async def start(self) -> None:
        """Open the response. Called again after a cancellation, it goes on where it was."""
        for position, status in enumerate(("created", "in_progress")):
            if self._seq == position:
                await self._send(self._response_object(status))

    # What a token takes on its way is plain functions, which hand its reader's own awaitable back:
    # each coroutine more costs a twentieth of what serving the token does.
    def text(
        self, delta: str, *, agent: str | None = None, parent: str | None = None
    ) -> Awaitable[None]:
        """Append to the answer."""
        return self._say(TEXT, delta, agent, parent)

    def reasoning(
        self, delta: str, *, agent: str | None = None, parent: str | None = None
    ) -> Awaitable[None]:
        """Append to the thoughts."""
        return self._say(REASONING, delta, agent, parent)

    async def end_message(self, *, agent: str | None = None, parent: str | None = None) -> None:
        """End what `agent` is saying, so that its next text is a message of its own."""
        part = self._speech.pop((agent, parent), None)
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
        parent: str | None = None,
    ) -> None:
        """Report a tool call; again and again with `done=False` while its arguments arrive.

        Args:
            call_id: Ties the result to it.
            name: The tool.
            arguments: A dict, or the JSON text so far (all of it, not the addition).
            done: Whether the arguments are whole.
            agent: The author where several speak.
            parent: The id of the tool call that this happens in.
        """
        self._check()
        part = self._calls.get(call_id)
        if part is None:
            await self.end_message(agent=agent, parent=parent)
            part = await self._open("plugin_call", "assistant", "data", (agent, parent))
            self._calls[call_id] = part
        text = _json_text(arguments)
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
        contents: Sequence[dict[str, Any]] = (),
        display: dict[str, Any] | None = None,
        agent: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Report what a tool returned.

        Args:
            call_id: Of the call.
            name: The tool.
            output: Anything with a JSON form, else its `str`.
            failed: Whether it is an error.
            contents: What else it brought, such as images.
            display: Its rich form, as `display` takes it.
            agent: The author where several speak.
            parent: The id of the tool call that the call happens in.
        """
        self._check()
        if call_id in self._calls:  # its arguments never ended; they are whole now
            await self._complete(self._calls.pop(call_id))
        for inside in [voice for voice in self._speech if voice[1] == call_id]:
            await self._complete(self._speech.pop(inside))
        await self.end_message(agent=agent, parent=parent)
        part = await self._open("plugin_call_output", "tool", "data", (agent, parent))
        began = self._call_times.pop(call_id, None)
        meta: dict[str, Any] = part.message["metadata"] or {}
        if began is not None:
            meta["duration"] = _seconds_since(began)
        if failed:
            meta["failed"] = True
        part.message["metadata"] = meta | self._shown(part, display) or None
        part.content["data"] = {
            "call_id": call_id,
            "name": name,
            "output": encode(output).decode(),
        }
        await self._send_content(part, part.content, 0)
        for index, content in enumerate(contents, 1):
            await self._send_content(part, _content_of(part, content), index)
        await self._close_message(part, "completed")

    async def approval(
        self,
        call_id: str,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        server: str = "",
        agent: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Ask whether a tool call may be made. The run then ends; the next request answers."""
        self._check()
        await self.end_message(agent=agent, parent=parent)
        part = await self._open("mcp_approval_request", "assistant", "data", (agent, parent))
        part.content["data"] = {
            "id": f"apr_{call_id}",
            "call_id": call_id,
            "name": name,
            "arguments": _json_text(arguments),
            "server_label": server,
        }
        await self._complete(part)

    async def media(
        self, content: dict[str, Any], *, agent: str | None = None, parent: str | None = None
    ) -> None:
        """Show an image, sound, film, file or JSON object: a content's own fields, with `type`."""
        await self.display([content], agent=agent, parent=parent)

    async def display(
        self,
        contents: Sequence[dict[str, Any]],
        bundle: dict[str, Any] | None = None,
        *,
        agent: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Show something as a message of its own.

        Args:
            contents: What every client can show, at least one.
            bundle: Its rich form for a notebook: `data` (MIME type to value) and `metadata`.
            agent: The author where several speak.
            parent: The id of the tool call that this happens in.
        """
        self._check()
        await self.end_message(agent=agent, parent=parent)
        kind = contents[0]["type"]
        part = await self._open("message", "assistant", kind, (agent, parent), announce=False)
        shown = self._shown(part, bundle)
        if shown:
            part.message["metadata"] = (part.message["metadata"] or {}) | shown
        await self._send(part.message, part.message["id"])
        for index, content in enumerate(contents):
            await self._send_content(part, _content_of(part, content), index)
        await self._close_message(part, "completed")

    async def message(self, message: Message) -> None:
        """Pass on a whole message, under an id of this run."""
        self._check()
        await self.end_message()
        meta = message.metadata or {}
        contents = [c.model_dump(mode="json") for c in message.content or ()]
        voice = (meta.get("agent"), meta.get("parent_id"))
        part = await self._open(
            message.type, message.role or "assistant", "text", voice, announce=False
        )
        part.message["metadata"] = message.metadata
        await self._send(part.message, part.message["id"])
        for index, content in enumerate(contents):
            await self._send_content(part, content, index)
        await self._close_message(part, "completed")

    async def usage(
        self, *, cost: float | None = None, window: int | None = None, **tokens: int
    ) -> None:
        """Add one model call.

        Args:
            cost: What it cost, in US dollars, where that is known.
            window: How many tokens the model can take at once, where that is known.
            **tokens: `input_tokens`, `output_tokens`, …
        """
        total = self._usage or {"input_tokens": 0, "output_tokens": 0}
        for key, count in tokens.items():
            total[key] = total.get(key, 0) + count
        total["total_tokens"] = total["input_tokens"] + total["output_tokens"]
        if cost is not None:
            total["cost"] = total.get("cost", 0.0) + cost
        if window:  # the last call says how full it is
            used = tokens.get("input_tokens", 0) + tokens.get("output_tokens", 0)
            total["context"] = {"used": used, "window": window}
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

    def _shown(self, part: _Open, bundle: dict[str, Any] | None) -> dict[str, str]:
        if bundle is None:
            return {}
        ident = part.message["id"]
        self.displays[ident] = bundle
        return {"display": ident}

    def _say(self, kind: str, delta: str, agent: str | None, parent: str | None) -> Awaitable[None]:
        if self.stopped:
            return self._refuse()
        if not delta:
            return _NOTHING
        part = self._speech.get((agent, parent))
        if part is None or part.message["type"] != kind:
            return self._say_first(kind, delta, agent, parent)
        part.chunks.append(delta)
        seq = self._seq
        self._seq = seq + 1
        frame = b'{"sequence_number":%d%b%b}' % (seq, part.head, encode_text(delta))
        return self._sink(seq, frame, part.message["id"], True) or _NOTHING

    async def _refuse(self) -> None:
        raise RunStoppedError

    async def _say_first(
        self, kind: str, delta: str, agent: str | None, parent: str | None
    ) -> None:
        await self.end_message(agent=agent, parent=parent)
        part = await self._open(kind, "assistant", "text", (agent, parent))
        self._speech[agent, parent] = part
        await self._say(kind, delta, agent, parent)

    async def _open(
        self, kind: str, role: str, content: str, voice: _Voice, *, announce: bool = True
    ) -> _Open:
        ident = message_id()
        message = _blank_message(ident, kind, role, voice)
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


def _content_of(part: _Open, given: dict[str, Any]) -> dict[str, Any]:
    """A content's own fields, at the part's place in the stream whatever it says of one."""
    blank = _blank_content(part.message["id"], given["type"])
    return blank | {key: value for key, value in given.items() if key not in blank}


def _json_text(arguments: dict[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else encode(arguments).decode()


def _blank_message(ident: str, kind: str, role: str, voice: _Voice) -> dict[str, Any]:
    agent, parent = voice
    about = ({"agent": agent} if agent else {}) | ({"parent_id": parent} if parent else {})
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
        "metadata": about or None,
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
