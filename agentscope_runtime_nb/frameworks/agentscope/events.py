"""What AgentScope's agents yield, as events: the adapter of the framework `agentscope`.

It goes by the names and fields of AgentScope's events and imports nothing of it: an event that it
does not know passes silently, and what is not AgentScope's is taken as from plain Python.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, cast

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import RunStoppedError
from agentscope_runtime_nb.frameworks import plain
from agentscope_runtime_nb.frameworks.agentscope import aside, prices
from agentscope_runtime_nb.frameworks.agentscope.media import content_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agentscope_runtime_nb.events import Emitter

GRACE_SECONDS = 5.0
"""How long a stopped agent may take to put its affairs in order."""

_UNDONE = frozenset({"error", "denied", "interrupted"})
_CODES = {
    "authentication": "MODEL_UNAUTHORIZED_ACCESS",
    "permission": "MODEL_UNAUTHORIZED_ACCESS",
    "rate_limit": "MODEL_QUOTA_EXCEEDED",
    "invalid_request": "MODEL_EXECUTION_FAILED",
    "upstream": "MODEL_EXECUTION_FAILED",
    "connection": "NETWORK_ERROR",
}


class Voice(TypedDict):
    """Who speaks, and in which tool call: keywords of the Emitter's methods."""

    agent: str | None
    parent: str | None


@dataclass(slots=True)
class Resumed:
    """Yielded before the events of a reply that an earlier request began: what those do not repeat.

    Attributes:
        replies: Who speaks in a reply, by its id.
        calls: Of each tool call under way, by its id, the tool's name and the arguments.
    """

    replies: dict[str, Voice]
    calls: dict[str, tuple[str, str]]


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments arrive in pieces."""

    name: str
    arguments: str = ""


@dataclass(slots=True)
class _Result:
    """A tool's result that arrives in pieces."""

    name: str
    texts: list[str] = field(default_factory=list[str])
    contents: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(slots=True)
class _Data:
    """A piece of data that arrives in chunks, each encoded for itself."""

    media_type: str
    name: str | None = None
    url: str | None = None
    chunks: list[str] = field(default_factory=list[str])

    def content(self) -> dict[str, Any]:
        data = self.chunks[0] if len(self.chunks) == 1 else _joined(self.chunks)
        return content_of(self.media_type, data=data, url=self.url, name=self.name)


async def adapt(natives: AsyncIterator[Any], emit: Emitter) -> None:
    """Write what an agent yields to the emitter."""
    said = aside.Aside()
    aside.current.set(said)
    writer = _Writer(emit, said)
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    cancelled_before = task.cancelling()
    async for item in natives:
        try:
            await writer.write(item)
        except (asyncio.CancelledError, RunStoppedError) as stop:
            await _wind_up(natives, task, again=isinstance(stop, asyncio.CancelledError))
            raise
    if task.cancelling() > cancelled_before:  # an agent takes a cancellation for its own affair
        raise asyncio.CancelledError


async def _wind_up(natives: AsyncIterator[Any], task: asyncio.Task[Any], *, again: bool) -> None:
    """Let a stopped agent end.

    It stands at a `yield`, where its parallel tools would not hear of the stop: only a cancellation
    of what it awaits ends those. So it goes on, to be cancelled at its next step.
    """
    cancelled_before = task.cancelling()
    if again:  # the cancellation hit the emitter; the agent has not had it
        task.cancel()
    with suppress(asyncio.CancelledError, RunStoppedError, Exception):
        async with asyncio.timeout(GRACE_SECONDS):
            async for _ in natives:
                pass
    with suppress(asyncio.CancelledError):  # one that nobody waited for
        await asyncio.sleep(0)
    while task.cancelling() > cancelled_before:
        task.uncancel()


class _Writer:
    """Follows one run's natives. A method is called like the event that it takes."""

    def __init__(self, emit: Emitter, said: aside.Aside) -> None:
        self._emit = emit
        self._aside = said
        self._voices: dict[str, Voice] = {}  # by reply
        self._spoken: set[str] = set()  # replies whose final message need not be shown again
        self._models: dict[str, str] = {}  # by reply
        self._calls: dict[str, _Call] = {}
        self._names: dict[str, str] = {}  # of the tools, by call
        self._results: dict[str, _Result] = {}
        self._data: dict[str, _Data] = {}
        self._running: dict[str, set[str]] = {}  # calls under way: the names in their arguments

    async def write(self, item: Any) -> None:
        if isinstance(item, Resumed):
            self._voices |= item.replies
            for call_id, (name, arguments) in item.calls.items():
                self._names[call_id] = name
                self._running[call_id] = _strings_in(arguments)
        elif not _is_agentscope(item):
            await plain.adapt(_only(item), self._emit)
        elif hasattr(item, "type"):
            take = getattr(self, f"_{str(item.type).lower()}", None)
            if take is not None:
                await take(item)
        elif hasattr(item, "role"):
            await self._message(item)

    def _voice(self, event: Any) -> Voice:
        self._spoken.add(event.reply_id)
        return self._voices.get(event.reply_id) or Voice(agent=None, parent=None)

    async def _reply_start(self, event: Any) -> None:
        parent = self._call_for(event.name)
        self._voices[event.reply_id] = Voice(agent=event.name, parent=parent)
        if parent is None:  # what the handler said by itself is over
            await self._emit.end_message()

    def _call_for(self, agent: str) -> str | None:
        """The tool call that set an agent to work: one that names it, and has no reply yet."""
        taken = {voice["parent"] for voice in self._voices.values()}
        for call_id, named in self._running.items():
            if agent in named and call_id not in taken:
                return call_id
        return None

    async def _reply_end(self, event: Any) -> None:
        voice = self._voice(event)
        await self._emit.end_message(**voice)
        if event.finished_reason == "error" and voice["parent"] is None:
            kind = str(getattr(event.error, "type", ""))
            code = _CODES.get(kind, "AGENT_UNKNOWN_ERROR")
            raise AppError(code, getattr(event.error, "message", "The agent failed."))

    async def _model_call_start(self, event: Any) -> None:
        self._models[event.reply_id] = event.model_name

    async def _model_call_end(self, event: Any) -> None:
        if not (event.input_tokens or event.output_tokens):
            return
        given, made = event.input_tokens, event.output_tokens
        cost, window = prices.of(self._models.get(event.reply_id, ""), given, made)
        await self._emit.usage(input_tokens=given, output_tokens=made, cost=cost, window=window)

    async def _text_block_delta(self, event: Any) -> None:
        await self._emit.text(event.delta, **self._voice(event))

    async def _text_block_end(self, event: Any) -> None:
        await self._emit.end_message(**self._voice(event))

    async def _thinking_block_delta(self, event: Any) -> None:
        await self._emit.reasoning(event.delta, **self._voice(event))

    async def _data_block_start(self, event: Any) -> None:
        self._data[event.block_id] = _Data(event.media_type, getattr(event, "name", None))

    async def _data_block_delta(self, event: Any) -> None:
        data = self._data.setdefault(event.block_id, _Data(event.media_type))
        data.media_type = event.media_type or data.media_type
        data.url = event.url or data.url
        if event.data:
            data.chunks.append(event.data)

    async def _data_block_end(self, event: Any) -> None:
        data = self._data.pop(event.block_id, None)
        if data is not None and (data.chunks or data.url):
            await self._emit.media(data.content(), **self._voice(event))

    async def _tool_call_start(self, event: Any) -> None:
        self._calls[event.tool_call_id] = _Call(event.tool_call_name)
        self._names[event.tool_call_id] = event.tool_call_name
        await self._call(event, done=False)

    async def _tool_call_delta(self, event: Any) -> None:
        self._call_of(event).arguments += event.delta
        await self._call(event, done=False)

    async def _tool_call_end(self, event: Any) -> None:
        await self._call(event, done=True)

    def _call_of(self, event: Any) -> _Call:
        name = self._names.get(event.tool_call_id, "")
        return self._calls.setdefault(event.tool_call_id, _Call(name))

    async def _call(self, event: Any, *, done: bool) -> None:
        call = self._call_of(event)
        await self._emit.tool_call(
            event.tool_call_id, call.name, call.arguments, done=done, **self._voice(event)
        )

    async def _tool_result_start(self, event: Any) -> None:
        ident = event.tool_call_id
        self._results[ident] = _Result(event.tool_call_name)
        call = self._calls.get(ident)
        self._running[ident] = _strings_in(call.arguments) if call else set()

    def _result(self, event: Any) -> _Result:
        ident = event.tool_call_id
        return self._results.setdefault(ident, _Result(self._names.get(ident, "")))

    async def _tool_result_text_delta(self, event: Any) -> None:
        for part in self._aside.parts.pop(event.tool_call_id, ()):
            await plain.adapt(_only(part), self._emit)
        if not event.delta:
            return
        result = self._result(event)
        result.texts.append(event.delta)
        # What comes in more than one piece is shown as it comes.
        if len(result.texts) > 1:
            pieces = result.texts if len(result.texts) == 2 else result.texts[-1:]  # noqa: PLR2004
            for piece in pieces:
                await self._emit.text(piece, parent=event.tool_call_id)

    async def _tool_result_data_delta(self, event: Any) -> None:
        content = content_of(event.media_type, data=event.data, url=event.url)
        self._result(event).contents.append(content)

    async def _tool_result_end(self, event: Any) -> None:
        ident, result = event.tool_call_id, self._result(event)
        self._results.pop(ident)
        self._running.pop(ident, None)
        contents, display = result.contents, None
        shown = self._aside.values.pop(ident, None)
        if shown is not None:
            contents += shown.media
            display = shown.bundle
        await self._emit.tool_result(
            ident,
            result.name,
            "".join(result.texts),
            failed=str(event.state) in _UNDONE,
            contents=contents,
            display=display,
            **self._voice(event),
        )

    async def _require_user_confirm(self, event: Any) -> None:
        for call in event.tool_calls:
            server = call.name.split("__")[1] if call.name.startswith("mcp__") else ""
            await self._emit.approval(
                call.id, call.name, call.input, server=server, **self._voice(event)
            )

    async def _message(self, message: Any) -> None:
        """A whole `Msg`; of one whose reply was streamed, only what the events do not tell."""
        voice = self._voices.get(message.id) or Voice(agent=message.name, parent=None)
        if message.id not in self._spoken:
            for block in message.content:
                await self._block(block, voice)
            await self._emit.end_message(**voice)
            if message.usage is not None:
                given, made = message.usage.input_tokens, message.usage.output_tokens
                await self._emit.usage(input_tokens=given, output_tokens=made)
        if message.structured_output is not None:
            data = {"type": "data", "data": message.structured_output}
            await self._emit.media(data, **voice)

    async def _block(self, block: Any, voice: Voice) -> None:
        match block.type:
            case "text":
                await self._emit.text(block.text, **voice)
                await self._emit.end_message(**voice)
            case "thinking":
                await self._emit.reasoning(block.thinking, **voice)
            case "data":
                await self._emit.media(_content_of_block(block), **voice)
            case "tool_call":
                await self._emit.tool_call(block.id, block.name, block.input, **voice)
            case "tool_result":
                await self._result_block(block, voice)
            case _:
                pass

    async def _result_block(self, block: Any, voice: Voice) -> None:
        parts: list[Any] = [] if isinstance(block.output, str) else block.output
        text = "".join(part.text for part in parts if part.type == "text")
        await self._emit.tool_result(
            block.id,
            block.name,
            text if parts else block.output,
            failed=str(block.state) in _UNDONE,
            contents=[_content_of_block(part) for part in parts if part.type == "data"],
            **voice,
        )


async def _only(item: Any) -> AsyncIterator[Any]:
    yield item


def _is_agentscope(item: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == "agentscope" for kind in type(item).__mro__)


def _content_of_block(block: Any) -> dict[str, Any]:
    source = block.source
    if source.type == "url":
        return content_of(source.media_type, url=str(source.url), name=block.name)
    return content_of(source.media_type, data=source.data, name=block.name)


def _strings_in(arguments: str) -> set[str]:
    """The short strings among a call's arguments; a team's call names its member so."""
    try:
        found: Any = json.loads(arguments)
    except ValueError:
        return set()
    values = cast("dict[str, Any]", found).values() if isinstance(found, dict) else ()
    return {value for value in values if isinstance(value, str)}


def _joined(chunks: list[str]) -> str:
    try:
        return base64.b64encode(b"".join(base64.b64decode(c) for c in chunks)).decode()
    except binascii.Error:
        return "".join(chunks)
