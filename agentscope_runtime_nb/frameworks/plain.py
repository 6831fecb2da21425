"""Plain Python: a handler yields strings, contents, messages or parts.

- a string is text, streamed as it comes;
- a `Message`, or a dict with `role` and `content`, is a message of its own;
- a content (an object, or a dict with a known `type`) is shown as what it is: an image, a file, …;
- any other dict is a data content;
- the parts of `events.parts` say more: thoughts, tool calls, approvals, usage;
- what a notebook can show (a DataFrame, a figure, a widget) is shown there, and is an image, a
  table or text elsewhere;
- anything else is its `str`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.events import (
    ApprovalRequest,
    Content,
    ContentType,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from agentscope_runtime_nb.frameworks import rich

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
            await emit.text(item.delta, agent=item.agent, parent=item.parent)
        case Reasoning():
            await emit.reasoning(item.delta, agent=item.agent, parent=item.parent)
        case ToolCall():
            await emit.tool_call(
                item.call_id,
                item.name,
                item.arguments,
                done=item.done,
                agent=item.agent,
                parent=item.parent,
            )
        case ToolResult():
            await _result(item, emit)
        case ApprovalRequest():
            await emit.approval(
                item.call_id,
                item.name,
                item.arguments,
                server=item.server,
                agent=item.agent,
                parent=item.parent,
            )
        case Usage():
            await emit.usage(
                cost=item.cost,
                window=item.window,
                input_tokens=item.input_tokens,
                output_tokens=item.output_tokens,
            )
        case _:
            await _write_value(item, emit)


async def _write_value(item: Any, emit: Emitter) -> None:
    match item:
        case Message():
            await emit.message(item)
        case Content():
            await _content(item.model_dump(mode="json"), emit)
        case dict():
            await _dict(cast("dict[str, Any]", item), emit)
        case None:
            pass
        case _:
            shown = await rich.shown(item)
            if shown is None:
                await emit.text(str(item))
            else:
                await emit.display(shown.contents, shown.bundle)


async def _result(item: ToolResult, emit: Emitter) -> None:
    shown = await rich.shown(item.output)
    await emit.tool_result(
        item.call_id,
        item.name,
        shown.text if shown else item.output,
        failed=item.failed,
        contents=shown.media if shown else (),
        display=shown.bundle if shown else None,
        agent=item.agent,
        parent=item.parent,
    )


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
