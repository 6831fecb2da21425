"""Plain Python: a handler yields strings, contents, messages or parts.

- a string is text, streamed as it comes;
- a `Message`, or a dict with `role` and `content`, is a message of its own;
- a content (an object, or a dict with a known `type`) is shown as what it is: an image, a file, …;
- any other dict is a data content;
- the parts of `events.parts` say more: thoughts, tool calls, usage;
- anything else is its `str`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.events import (
    Content,
    ContentType,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agentscope_runtime_nb.events import Emitter

_CONTENT_TYPES = frozenset(ContentType)


async def adapt(natives: AsyncIterator[Any], emit: Emitter) -> None:
    """Write what a handler yields to the emitter."""
    async for item in natives:
        if isinstance(item, str):
            await emit.text(item)
        else:
            await _write(item, emit)


async def _write(item: Any, emit: Emitter) -> None:
    match item:
        case Text():
            await emit.text(item.delta, agent=item.agent)
        case Reasoning():
            await emit.reasoning(item.delta, agent=item.agent)
        case ToolCall():
            await emit.tool_call(
                item.call_id, item.name, item.arguments, done=item.done, agent=item.agent
            )
        case ToolResult():
            await emit.tool_result(
                item.call_id, item.name, item.output, failed=item.failed, agent=item.agent
            )
        case Usage():
            await emit.usage(input_tokens=item.input_tokens, output_tokens=item.output_tokens)
        case Message():
            await emit.message(item)
        case Content():
            await _content(item.model_dump(mode="json"), emit)
        case dict():
            await _dict(cast("dict[str, Any]", item), emit)
        case None:
            pass
        case _:
            await emit.text(str(item))


async def _dict(item: dict[str, Any], emit: Emitter) -> None:
    if "role" in item and "content" in item:
        await emit.message(Message.model_validate(item))
    elif item.get("type") in _CONTENT_TYPES:
        await _content(item, emit)
    else:
        await emit.media({"type": "data", "data": item})


async def _content(item: dict[str, Any], emit: Emitter) -> None:
    if item["type"] == "text":
        await emit.text(item.get("text") or "")
    else:
        await emit.media(item)
