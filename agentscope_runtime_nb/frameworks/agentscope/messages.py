"""Messages of the wire as AgentScope's: what a request brings, and what a session remembers.

A client's link is never followed by this process: images and films are left to the model's service,
other links are told to the model as text, and a link to a local file is not taken for one.
"""

from __future__ import annotations

import json
import mimetypes
from typing import TYPE_CHECKING, Any

from agentscope.message import (
    Base64Source,
    DataBlock,
    Msg,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    ToolCallState,
    ToolResultBlock,
    ToolResultState,
    URLSource,
)

from agentscope_runtime_nb.events import (
    AudioContent,
    DataContent,
    FileContent,
    ImageContent,
    RefusalContent,
    TextContent,
    VideoContent,
    pending,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentscope.message import ContentBlock

    from agentscope_runtime_nb.events import Content, Message

_CALLS = frozenset({"plugin_call", "function_call", "mcp_call"})
_OUTPUTS = frozenset({"plugin_call_output", "function_call_output", "mcp_call_output"})
_CUT_OFF = "<system-reminder>The tool call has been interrupted by the user.</system-reminder>"
_WEB = ("http://", "https://")


def to_agentscope(
    messages: Iterable[Message], *, name: str = "assistant", user: str = "user"
) -> list[Msg]:
    """Translate a request's input, or a whole conversation.

    What an agent said in one turn becomes one message, as AgentScope keeps it: thoughts, texts,
    data, tool calls and their results. What happened inside a tool call is left out. A call that
    waits for a decision is marked so; one that a stop cut off gets a result that says so.

    Args:
        messages: Oldest first.
        name: The agent's; messages of another author keep theirs.
        user: The name that the user's messages get.
    """
    known = list(messages)
    waiting = {request["call_id"] for request in pending(known)}
    found: list[Msg] = []
    for message in known:
        meta = message.metadata or {}
        if "parent_id" in meta:
            continue
        if message.type in _OUTPUTS:
            _answer(found, _said(message))
        elif message.type == "message" and message.role in (None, "user", "system"):
            author = "system" if message.role == "system" else user
            _append(found, author, "user", _blocks(message))
        else:
            _append(found, meta.get("agent") or name, "assistant", list(_said(message)))
    close_calls(found, waiting=bool(waiting))
    for message in found:
        for call in message.get_content_blocks("tool_call"):
            if call.id in waiting:
                call.state = ToolCallState.ASKING
    return found


def _append(found: list[Msg], author: str, role: Any, blocks: list[ContentBlock]) -> None:
    last = found[-1] if found else None
    if last is not None and role == last.role == "assistant" and last.name == author:
        last.content.extend(blocks)
    elif blocks:
        found.append(Msg(name=author, role=role, content=blocks))


def results_in(messages: Iterable[Message]) -> dict[str, ToolResultBlock]:
    """Results of tools that somebody else executed, by the id of the call."""
    found = (block for message in messages if message.type in _OUTPUTS for block in _said(message))
    return {block.id: block for block in found if isinstance(block, ToolResultBlock)}


def close_calls(context: list[Msg], *, waiting: bool) -> None:
    """Give each call without a result one, since services refuse a conversation with open calls.

    Args:
        context: A conversation; it is changed.
        waiting: Whether the last message is yet to go on; its calls are then left as they are.
    """
    for message in context[:-1] if waiting else context:
        done = {block.id for block in message.content if isinstance(block, ToolResultBlock)}
        for index in range(len(message.content) - 1, -1, -1):
            call = message.content[index]
            if not isinstance(call, ToolCallBlock):
                continue
            call.state = ToolCallState.FINISHED
            if call.id not in done:
                result = _result(call.id, call.name, _CUT_OFF, ToolResultState.INTERRUPTED)
                message.content.insert(_after_calls(message.content, index), result)


def _after_calls(blocks: list[ContentBlock], index: int) -> int:
    while index < len(blocks) and isinstance(blocks[index], ToolCallBlock):
        index += 1
    return index


def _answer(context: list[Msg], results: Iterable[ContentBlock]) -> None:
    """Put results into the message that has their calls; others are of no use."""
    for result in results:
        for message in reversed(context):
            calls = {block.id for block in message.content if isinstance(block, ToolCallBlock)}
            done = {block.id for block in message.content if isinstance(block, ToolResultBlock)}
            if result.id in calls - done:
                message.content.append(result)
                break


def _said(message: Message) -> Iterator[ContentBlock]:
    if message.type in _CALLS:
        for data in _payloads(message):
            yield ToolCallBlock(
                id=data["call_id"],
                name=str(data.get("name", "")),
                input=_whole(str(data.get("arguments") or "{}")),
            )
    elif message.type in _OUTPUTS:
        state = "error" if (message.metadata or {}).get("failed") else "success"
        others = [block for c in message.content or () if (block := block_of(c)) is not None]
        for data in _payloads(message):
            output = _text_of(data.get("output"))
            extra = [block for block in others if isinstance(block, DataBlock)]
            content = [TextBlock(text=output), *extra] if extra else output
            name = str(data.get("name") or "")
            yield _result(data["call_id"], name, content, ToolResultState(state))
    elif message.type == "reasoning":
        if message.text:
            yield ThinkingBlock(thinking=message.text)
    elif message.type == "message":
        yield from _blocks(message)


def _result(ident: str, name: str, output: Any, state: ToolResultState) -> ToolResultBlock:
    return ToolResultBlock(id=ident, name=name, output=output, state=state)


def _payloads(message: Message) -> list[dict[str, Any]]:
    datas = [c.data for c in message.content or () if isinstance(c, DataContent) and c.data]
    return [data for data in datas if isinstance(data.get("call_id"), str)]


def _whole(arguments: str) -> str:
    try:
        json.loads(arguments)
    except ValueError:
        return "{}"  # cut off by a stop
    return arguments


def _text_of(output: Any) -> str:
    """A result's text: on the wire it is a JSON string, often of a string."""
    try:
        value = json.loads(output)
    except (TypeError, ValueError):
        return str(output or "")
    return value if isinstance(value, str) else str(output)


def _blocks(message: Message) -> list[Any]:
    return [block for c in message.content or () if (block := block_of(c)) is not None]


def block_of(content: Content) -> TextBlock | DataBlock | None:  # noqa: PLR0911 - one a kind
    """One content of a message as a block; None for what is empty or unknown."""
    match content:
        case TextContent(text=str(text)) if text:
            return TextBlock(text=text)
        case RefusalContent(refusal=str(text)) if text:
            return TextBlock(text=text)
        case ImageContent(image_url=str(url)) if url:
            return _linked(url, "image/png")
        case VideoContent(video_url=str(url)) if url:
            return _linked(url, "video/mp4")
        case AudioContent(data=str(data)) if data:
            form = f"audio/{content.format or 'wav'}"
            return _told("sound", data) if "://" in data else _inline(form, data)
        case FileContent():
            return _file(content)
        case DataContent(data=dict(data)) if data and "call_id" not in data:
            return TextBlock(text=json.dumps(data, ensure_ascii=False))
        case _:
            return None


def _linked(url: str, default: str) -> TextBlock | DataBlock:
    if url.startswith("data:"):
        head, _, data = url.removeprefix("data:").partition(",")
        return _inline(head.partition(";")[0] or default, data)
    if not url.startswith(_WEB):
        return _told("file", url)
    guessed = mimetypes.guess_type(url.partition("?")[0])[0] or default
    kind = guessed if guessed.partition("/")[0] == default.partition("/")[0] else default
    return DataBlock(source=URLSource.model_validate({"url": url, "media_type": kind}))


def _file(content: FileContent) -> TextBlock | DataBlock | None:
    if content.file_data:
        data = content.file_data.partition(",")[2] or content.file_data
        kind = mimetypes.guess_type(content.filename or "")[0] or "application/octet-stream"
        return _inline(kind, data, content.filename)
    place = content.file_url or content.file_id or ""
    return _told(content.filename or "file", place) if place else None


def _inline(media_type: str, data: str, name: str | None = None) -> DataBlock:
    return DataBlock(source=Base64Source(media_type=media_type, data=data), name=name)


def _told(what: str, place: str) -> TextBlock:
    return TextBlock(text=f"(The user attached a link to a {what}: {place})")
