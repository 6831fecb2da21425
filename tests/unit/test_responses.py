"""The Responses API, as OpenAI's own SDK speaks and reads it."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from openai.types.responses.response_output_item import McpApprovalRequest
from serving import serve, until

from agentscope_runtime_nb import (
    Agent,
    AgentApp,
    Reasoning,
    ToolCall,
    ToolResult,
    Usage,
    model,
    tool,
)


def full_app() -> AgentApp:
    app = AgentApp("full")

    @app.query
    async def answer(msgs: Any, request: Any) -> Any:
        if msgs[-1].text == "fail":
            raise ValueError("secret")
        if msgs[-1].text == "slow":
            yield "be"
            await asyncio.sleep(30)
        yield Reasoning("let me ")
        yield Reasoning("see")
        for arguments in ("", '{"a":', '{"a": 1}'):
            yield ToolCall("c1", "add", arguments, done=False)
        yield ToolCall("c2", "mul", {"b": 2})
        yield ToolCall("c1", "add", '{"a": 1}')
        yield ToolResult("c1", "add", 3)
        yield ToolResult("c2", "mul", [4])
        history = [m.text for m in await request.history() if m.role == "user"]
        yield "You said "
        yield ", ".join([*history, *(m.text for m in msgs)])
        yield Usage(input_tokens=5, output_tokens=3)

    return app


def sdk(client: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{str(client.base_url).rstrip('/')}/compatible-mode/v1",
        api_key="none",
        max_retries=0,
    )


async def test_a_whole_answer() -> None:
    async with serve(full_app()) as client, sdk(client) as api:
        got = await api.responses.create(model="any", input="hi", metadata={"k": "v"})
        assert isinstance(got, Response)
        assert (got.status, got.model, got.metadata) == ("completed", "any", {"k": "v"})
        assert got.output_text == "You said hi"
        assert [item.type for item in got.output] == [
            "reasoning",
            "function_call",
            "function_call",
            "function_call_output",
            "function_call_output",
            "message",
        ]
        assert got.usage is not None
        assert (got.usage.input_tokens, got.usage.total_tokens) == (5, 8)


async def test_a_stream_is_the_same_answer_in_pieces() -> None:
    async with serve(full_app()) as client, sdk(client) as api:
        stream = await api.responses.create(model="m", input="hi", stream=True)
        events = [event async for event in stream]
    assert [e.sequence_number for e in events] == list(range(len(events)))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    thoughts = "".join(e.delta for e in events if e.type == "response.reasoning_text.delta")
    assert (text, thoughts) == ("You said hi", "let me see")
    done = {e.item_id: e for e in events if e.type == "response.function_call_arguments.done"}
    for ident, event in done.items():
        kind = "response.function_call_arguments.delta"
        pieces = [e.delta for e in events if e.type == kind and e.item_id == ident]
        assert "".join(pieces) == event.arguments
    added = {e.item.id: e.output_index for e in events if e.type == "response.output_item.added"}
    ended = {e.item.id: e.output_index for e in events if e.type == "response.output_item.done"}
    assert {k: added[k] for k in ended if k in added} == {k: ended[k] for k in ended if k in added}
    assert len(ended) == 6
    final = events[-1]
    assert final.type == "response.completed"
    assert final.response.output_text == "You said hi"


async def test_the_sdks_own_accumulator_accepts_the_stream() -> None:
    async with serve(full_app()) as client, sdk(client) as api:
        async with api.responses.stream(model="m", input="hi") as stream:
            async for _ in stream:
                pass
            final = await stream.get_final_response()
        assert final.output_text == "You said hi"


async def test_conversations_go_on() -> None:
    async with serve(full_app()) as client, sdk(client) as api:
        first = await api.responses.create(model="m", input="one")
        second = await api.responses.create(model="m", input="two", previous_response_id=first.id)
        assert second.output_text == "You said one, two"
        third = await api.responses.create(
            model="m", input="three", conversation=second.conversation.id
        )
        assert third.output_text == "You said one, two, three"
        with pytest.raises(openai.NotFoundError):
            await api.responses.create(model="m", input="x", previous_response_id="response_no")


async def test_items_and_instructions_reach_the_agent() -> None:
    app = AgentApp("echo")

    @app.query
    async def echo(msgs: Any) -> str:
        return " / ".join(f"{m.role}:{m.type}:{m.text}" for m in msgs)

    items: Any = [
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]
    async with serve(app) as client, sdk(client) as api:
        got = await api.responses.create(model="m", input=items, instructions="short")
    assert got.output_text == (
        "system:message:short / system:message:be kind / user:message:hi / "
        "assistant:function_call: / tool:function_call_output:"
    )


async def test_failures_and_stops() -> None:
    app = full_app()
    async with serve(app) as client, sdk(client) as api:
        failed = await api.responses.create(model="m", input="fail")
        assert failed.status == "failed"
        assert failed.error is not None
        assert "secret" not in failed.error.message
        with pytest.raises(openai.UnprocessableEntityError):
            await api.responses.create(model="m", input=5)
        pending = asyncio.ensure_future(api.responses.create(model="m", input="slow"))
        await until(app.runs.active)
        app.runs.active()[0].stop()
        stopped = await pending
        assert (stopped.status, stopped.output_text) == ("cancelled", "be")
        stream = await api.responses.create(model="m", input="slow", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
        await until(lambda: not app.runs.active())


async def test_an_approval_is_asked_and_given(tmp_path: Any) -> None:
    ran: list[str] = []

    @tool(confirm=True)
    def delete(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return "gone"

    call = {"name": "delete", "arguments": {"path": "x"}}
    script = [{"when": "please", "call": [call], "then": {"say": "{tool_result}"}}]
    agent = Agent("", model("scripted", script=script), tools=[delete])
    app = AgentApp("careful", store=tmp_path / "s")
    app.query(framework="builtin")(agent.reply)
    async with serve(app) as client, sdk(client) as api:
        first = await api.responses.create(model="any", input="please")
        asked = first.output[-1]
        assert isinstance(asked, McpApprovalRequest)
        assert (asked.name, asked.arguments, ran) == ("delete", '{"path": "x"}', [])
        answer = {
            "type": "mcp_approval_response",
            "approval_request_id": asked.id,
            "approve": True,
        }
        async with api.responses.stream(
            model="any", input=[answer], previous_response_id=first.id
        ) as stream:
            final = await stream.get_final_response()
    assert ran == ["x"]
    assert final.output_text == "gone"
