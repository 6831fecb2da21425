"""Our own agent against the scripted model, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from serving import ask, said, serve, until

from agentscope_runtime_nb import Agent, AgentApp, DefinitionError, model
from agentscope_runtime_nb.events import FileContent, Message, TextContent, check
from agentscope_runtime_nb.frameworks.chat_messages import to_chat
from agentscope_runtime_nb.frameworks.functions import FunctionTool, ToolError
from agentscope_runtime_nb.models import ModelError


def app_of(agent: Agent) -> AgentApp:
    app = AgentApp("agent")
    app.query(framework="builtin")(agent.reply)
    return app


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_it_remembers_what_was_said() -> None:
    agent = Agent("You are Friday.", model("scripted"))
    async with serve(app_of(agent)) as client:
        await ask(client, {"input": "My name is Ann.", "session_id": "s"})
        events = await ask(client, {"input": "what did I just say?", "session_id": "s"})
        check(events)
        assert "My name is Ann." in said(events)
        assert events[-1]["usage"]["total_tokens"] > 0


async def test_parallel_tools_run_side_by_side_and_their_results_come_back() -> None:
    running: list[str] = []
    together = asyncio.Event()

    async def weather(city: str) -> str:
        """The weather in a city."""
        running.append(city)
        if len(running) == 2:
            together.set()
        await asyncio.wait_for(together.wait(), 5)
        return f"sunny in {city}"

    script = [
        {
            "when": "weather",
            "think": "two cities",
            "say": "Let me look. ",
            "call": [
                {"name": "weather", "arguments": {"city": "Oslo"}},
                {"name": "weather", "arguments": {"city": "Rome"}},
            ],
            "then": {"say": "It is {tool_results}."},
        }
    ]
    agent = Agent("", model("scripted", script=script), tools=[weather])
    async with serve(app_of(agent)) as client:
        events = await ask(client, {"input": "weather please"})
    check(events)
    assert [m["type"] for m in events[-1]["output"]] == [
        "reasoning",
        "message",
        "plugin_call",
        "plugin_call",
        "plugin_call_output",
        "plugin_call_output",
        "message",
    ]
    assert "sunny in Oslo" in said(events)
    assert "sunny in Rome" in said(events)
    growing = [e["data"]["arguments"] for e in events if "arguments" in (e.get("data") or ())]
    assert '{"city": "Oslo"}' in growing
    assert len(growing) > 6


async def test_a_tool_that_fails_is_told_to_the_model() -> None:
    def broken(a: int) -> int:
        """Break."""
        raise ValueError("no such order")

    script = [
        {"call": [{"name": "broken", "arguments": {"a": 1}}], "then": {"say": "{tool_result}"}}
    ]
    agent = Agent("", model("scripted", script=script), tools=[broken])
    async with serve(app_of(agent)) as client:
        events = await ask(client, {"input": "go"})
    assert events[-1]["status"] == "completed"
    assert "no such order" in said(events)
    output = next(m for m in events[-1]["output"] if m["type"] == "plugin_call_output")
    assert output["metadata"]["failed"] is True


async def test_the_step_limit_ends_in_an_answer() -> None:
    def forever(conversation: Any) -> dict[str, Any]:
        if conversation.tools:
            return {"call": [{"name": "add", "arguments": {"a": 1, "b": 1}}]}
        return {"say": "enough"}

    agent = Agent("", model("scripted", script=forever), tools=[add], max_steps=3)
    async with serve(app_of(agent)) as client:
        events = await ask(client, {"input": "go"})
    check(events)
    assert said(events) == "enough"
    assert len([m for m in events[-1]["output"] if m["type"] == "plugin_call"]) == 2


async def test_a_stop_ceases_the_model_and_the_tools() -> None:
    steps: list[float] = []

    def count(n: int) -> int:
        """Count."""
        for _ in range(n):
            steps.append(time.monotonic())
            time.sleep(0.01)
        return n

    async def acount(n: int) -> int:
        """Count."""
        for _ in range(n):
            steps.append(time.monotonic())
            await asyncio.sleep(0.01)
        return n

    script = [
        {"when": "sync", "call": [{"name": "count", "arguments": {"n": 30}}]},
        {"when": "tool", "call": [{"name": "acount", "arguments": {"n": 3000}}]},
        {"when": "talk", "say": "word ", "repeat": 5000, "delay": 0.01},
    ]
    agent = Agent("", model("scripted", script=script), tools=[count, acount])
    app = app_of(agent)
    async with serve(app) as client:
        for text in ("tool", "sync"):
            steps.clear()
            task = asyncio.ensure_future(ask(client, {"input": text, "session_id": text}))
            await until(lambda: len(steps) > 3)
            await client.post("/process/stop", json={"session_id": text})
            events = await task
            check(events)
            assert events[-1]["status"] == "canceled"
            held = len(steps)
            await asyncio.sleep(0.2)
            assert len(steps) == held
        # The conversation goes on after a stop in the middle of a tool call.
        task = asyncio.ensure_future(ask(client, {"input": "talk", "session_id": "tool"}))
        await until(lambda: app.runs.active() and app.runs.active()[0].status == "in_progress")
        await asyncio.sleep(0.3)
        await client.post("/process/stop", json={"session_id": "tool"})
        assert "word word" in said(await task)


async def test_a_models_errors_have_codes() -> None:
    script = [
        {"when": "quota", "error": {"status": 429, "code": "rate_limit"}},
        {"when": "long", "error": {"status": 400, "code": "context_length_exceeded"}},
        {"when": "key", "error": {"status": 401}},
    ]
    agent = Agent("", model("scripted", script=script))
    async with serve(app_of(agent)) as client:
        codes = {
            word: (await ask(client, {"input": word}))[-1]["error"]["code"]
            for word in ("quota", "long", "key")
        }
    assert codes == {
        "quota": "MODEL_QUOTA_EXCEEDED",
        "long": "MODEL_CONTEXT_LENGTH_EXCEEDED",
        "key": "MODEL_UNAUTHORIZED_ACCESS",
    }


def test_a_model_that_cannot_use_tools_is_named() -> None:
    with pytest.raises(DefinitionError, match="cannot use tools"):
        Agent("", model("local"), tools=[add])


class Order(BaseModel):
    """An order."""

    item: str
    count: int = 1


async def test_tools_are_described_and_called_by_their_types() -> None:
    def buy(
        order: Order,
        size: Literal["s", "m"],
        note: Annotated[str, Field(description="a wish")] = "",
        *,
        gift: bool = False,
    ) -> dict[str, Any]:
        """Buy something.

        Second paragraph.

        Args:
            order: What to buy.
            size: Its size.
            gift: Wrap it.

        Returns:
            What was bought.
        """
        return {"item": order.item, "size": size, "gift": gift, "note": note}

    tool = FunctionTool(buy)
    schema = tool.specification()["function"]
    assert schema["description"] == "Buy something.\n\nSecond paragraph."
    properties = schema["parameters"]["properties"]
    assert properties["size"]["enum"] == ["s", "m"]
    assert properties["gift"]["description"] == "Wrap it."
    assert properties["note"]["description"] == "a wish"
    assert schema["parameters"]["required"] == ["order", "size"]
    arguments = json.dumps({"order": {"item": "tea"}, "size": "s", "gift": True})
    assert await tool.call(arguments) == {"item": "tea", "size": "s", "gift": True, "note": ""}
    for wrong in ("{", "[]", '{"size": "xl", "order": {"item": "tea"}}', ""):
        with pytest.raises(ToolError):
            await tool.call(wrong)


def test_what_cannot_be_a_tool_is_refused() -> None:
    def positional(a: int, /) -> int:
        return a

    def odd(a: type(print)) -> int:  # pyright: ignore[reportInvalidTypeForm]
        return 1

    for function in (positional, odd, 5):
        with pytest.raises(DefinitionError):
            FunctionTool(function)  # pyright: ignore[reportArgumentType]


def test_a_call_cut_off_by_a_stop_gets_a_result_in_the_history() -> None:
    def data(kind: str, role: Any, **payload: str) -> Message:
        return Message(type=kind, role=role, content=[{"type": "data", "data": payload}])  # pyright: ignore[reportArgumentType]

    chat = to_chat(
        [
            Message(role="user", content="go"),
            data("plugin_call", "assistant", call_id="c1", name="f", arguments='{"a":'),
            data("plugin_call", "assistant", call_id="c2", name="f", arguments="{}"),
            data("plugin_call_output", "tool", call_id="c2", output="3"),
            Message(type="reasoning", role="assistant", content="hm"),
            Message(
                role="user",
                content=[
                    {"type": "text", "text": "look"},
                    {"type": "image", "image_url": "data:image/png;base64,AA"},
                ],  # pyright: ignore[reportArgumentType]
            ),
        ]
    )
    assert [m["role"] for m in chat] == ["user", "assistant", "tool", "tool", "user"]
    assert [c["id"] for c in chat[1]["tool_calls"]] == ["c1", "c2"]
    assert json.loads(chat[1]["tool_calls"][0]["function"]["arguments"]) == {}
    assert {m["tool_call_id"] for m in chat[2:4]} == {"c1", "c2"}
    assert chat[-1]["content"][1]["type"] == "image_url"


async def test_what_our_own_rooms_raise_reaches_the_caller() -> None:
    class Unreachable:
        name = "none"

        async def client(self) -> Any:
            raise ModelError("weights_missing", "The model is not here. Run `models pull`.")

    async with serve(app_of(Agent("", Unreachable()))) as client:
        events = await ask(client, {"input": "x"})
    assert events[-1]["error"]["code"] == "weights_missing"
    assert "models pull" in events[-1]["error"]["message"]


def test_an_attached_text_file_is_read_and_another_is_named() -> None:
    def asked(**fields: Any) -> str:
        content = [TextContent(text="look"), FileContent(**fields)]
        (message,) = to_chat([Message(role="user", content=content)])
        return message["content"]

    text = base64.b64encode("name,größe\nAnn,1".encode()).decode()
    assert "größe" in asked(filename="a.csv", file_data=text)
    assert "größe" in asked(filename="a.csv", file_data=f"data:text/csv;base64,{text}")
    picture = base64.b64encode(bytes(range(256))).decode()
    for fields in (
        {"filename": "a.bin", "file_data": picture},
        {"filename": "a.bin", "file_data": "no base64!"},
        {"filename": "a.bin", "file_url": "https://example.com/a.bin"},
    ):
        assert "a.bin; its content cannot be read" in asked(**fields)
