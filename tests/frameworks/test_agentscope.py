"""AgentScope's agents as handlers, against the scripted model over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from agentscope.agent import Agent
from agentscope.message import TextBlock
from agentscope.tool import FunctionTool, ToolChunk
from serving import said, serve, until
from talking import app_of, app_with, kinds, of_kind, talk

from agentscope_runtime_nb import AgentApp, DefinitionError, Message, Text, model
from agentscope_runtime_nb.frameworks.agentscope import chat_model, prices, reply, toolkit

if TYPE_CHECKING:
    from pathlib import Path

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n not really").decode()


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


async def test_text_streams_and_the_session_is_remembered_across_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "sessions.sqlite3"
    async with serve(app_of(store=store)) as client:
        events = await talk(client, "My name is Ann.")
        assert len([e for e in events if e.get("delta")]) > 3
        assert said(events).startswith("You said: “My name is Ann.”")
        assert events[-1]["usage"]["total_tokens"] > 0
        assert events[-1]["output"][0]["metadata"]["agent"] == "Friday"
        assert "first thing" in said(await talk(client, "what did I just say?", "other"))
    async with serve(app_of(store=store)) as client:
        assert "My name is Ann." in said(await talk(client, "what did I just say?"))


async def test_what_was_taken_back_is_not_remembered(tmp_path: Path) -> None:
    app = app_of(store=tmp_path / "s.sqlite3")
    async with serve(app) as client:
        await talk(client, "My cat is grey.")
        taken = (await talk(client, "My dog is black."))[-1]["id"]
        (session,) = await app.store.sessions("local", "friday")
        key = app_key(app, session)
        assert await app.store.rewind(key, taken) == 1
        assert await app.store.kept(key) is None
        assert "My cat is grey." in said(await talk(client, "what did I just say?"))
        assert await app.store.kept(key) is not None


def app_key(app: AgentApp, session: Any) -> Any:
    from agentscope_runtime_nb.sessions import SessionKey

    return SessionKey("local", app.name, session.user, session.session)


async def test_parallel_tools_and_a_second_round() -> None:
    together = asyncio.Barrier(2)

    async def look(city: str) -> str:
        """Look at a city."""
        await asyncio.wait_for(together.wait(), 10)
        return f"sunny in {city}"

    def compare(first: str, second: str) -> dict[str, str]:
        """Compare two."""
        return {"warmer": second}

    cities = [{"name": "look", "arguments": {"city": city}} for city in ("Oslo", "Rome")]
    compared = {"name": "compare", "arguments": {"first": "Oslo", "second": "Rome"}}
    script = [
        {
            "think": "two cities",
            "say": "Let me look. ",
            "call": cities,
            "then": {"call": [compared], "then": {"say": "It is {tool_result}."}},
        }
    ]
    async with serve(app_of(look, compare, script=script)) as client:
        events = await talk(client, "weather please")
        again = await talk(client, "weather please")
    expected = ["reasoning", "message", *["plugin_call"] * 2, *["plugin_call_output"] * 2]
    expected += ["plugin_call", "plugin_call_output", "message"]
    assert kinds(events) == expected
    assert said(events) == 'Let me look. It is {"warmer":"Rome"}.'
    growing = [e["data"]["arguments"] for e in events if "arguments" in (e.get("data") or ())]
    assert '{"city": "Oslo"}' in growing
    assert len(growing) > 8
    calls = [m["content"][0]["data"]["call_id"] for m in of_kind(events, "plugin_call")]
    results = [m["content"][0]["data"]["call_id"] for m in of_kind(events, "plugin_call_output")]
    assert sorted(calls) == sorted(results)
    assert kinds(again) == expected


async def test_a_tool_that_fails_is_told_to_the_model() -> None:
    def broken(a: int) -> int:
        """Break."""
        raise ValueError("no such order")

    script = [
        {"call": [{"name": "broken", "arguments": {"a": 1}}], "then": {"say": "{tool_result}"}}
    ]
    async with serve(app_of(broken, script=script)) as client:
        events = await talk(client, "go")
    assert events[-1]["status"] == "completed"
    assert "no such order" in said(events)
    assert of_kind(events, "plugin_call_output")[0]["metadata"]["failed"] is True


async def test_a_models_errors_have_codes_and_leave_no_trace() -> None:
    script = [
        {"when": "quota", "error": {"status": 429, "code": "rate_limit"}},
        {"when": "key", "error": {"status": 401}},
        {"say": "fine"},
    ]
    async with serve(app_of(script=script)) as client:
        codes = [(await talk(client, word))[-1]["error"]["code"] for word in ("quota", "key")]
        assert said(await talk(client, "now?")) == "fine"
    assert codes == ["MODEL_QUOTA_EXCEEDED", "MODEL_UNAUTHORIZED_ACCESS"]


async def test_a_function_says_what_it_does_and_its_own_tools_stream() -> None:
    async def research(topic: str) -> Any:
        """Look something up."""
        yield Text("reading. ", agent="Scout")
        yield "found it"

    async def listing() -> Any:
        """List."""
        for line in ("one\n", "two\n"):
            yield ToolChunk(content=[TextBlock(text=line)])

    calls = [{"name": "research", "arguments": {"topic": "tea"}}, {"name": "listing"}]
    script = [{"call": calls, "then": {"say": "{tool_results}"}}]
    own = FunctionTool(listing, is_read_only=True)
    async with serve(app_of(research, own, script=script)) as client:
        events = await talk(client, "go")
    first, second = (m["content"][0]["data"]["call_id"] for m in of_kind(events, "plugin_call"))
    nested = {
        (m["metadata"]["parent_id"], m["metadata"].get("agent")): m["content"][0]["text"]
        for m in of_kind(events, "message")
        if "parent_id" in m["metadata"]
    }
    assert nested == {
        (first, "Scout"): "reading. ",
        (first, None): "found it",
        (second, None): "one\ntwo\n",
    }
    answer = events[-1]["output"][-1]["content"][0]["text"]
    assert "reading. found it" in answer
    assert "one\ntwo\n" in answer


async def test_a_rich_value_is_shown_and_told() -> None:
    class Table:
        def _repr_html_(self) -> str:
            return "<table><tr><th>n</th></tr><tr><td>7</td></tr></table>"

    def table() -> Any:
        """A table."""
        return Table()

    script = [{"call": [{"name": "table"}], "then": {"say": "{tool_result}"}}]
    app = app_of(table, script=script)
    async with serve(app) as client:
        events = await talk(client, "go")
        run = app.runs.get(events[-1]["id"])
    (result,) = of_kind(events, "plugin_call_output")
    assert "| 7 |" in result["content"][0]["data"]["output"]
    assert run is not None
    assert "text/html" in run.displays[result["metadata"]["display"]]["data"]


async def test_an_image_reaches_the_model() -> None:
    scripted = model("scripted", script=[{"say": "A picture."}])
    app = app_with(lambda: Agent("Friday", "", chat_model(scripted)))
    message = {
        "role": "user",
        "content": [
            {"type": "text", "text": "what is this?"},
            {"type": "image", "image_url": f"data:image/png;base64,{PNG}"},
            {"type": "image", "image_url": "file:///etc/hostname"},
        ],
    }
    async with serve(app) as client:
        assert said(await talk(client, [message])) == "A picture."
        assert said(await talk(client, "and now?")) == "A picture."
    for request in scripted.server.requests[-2:]:
        told = next(m for m in request.body["messages"] if m["role"] == "user")["content"]
        images = [part["image_url"]["url"] for part in told if part["type"] == "image_url"]
        assert images == [f"data:image/png;base64,{PNG}"]
        assert any("file:///etc/hostname" in part.get("text", "") for part in told)


async def test_a_client_may_keep_the_conversation_itself() -> None:
    def data(kind: str, role: str, **fields: str) -> dict[str, Any]:
        content = [{"type": "data", "data": {"call_id": "c1", **fields}}]
        return {"type": kind, "role": role, "content": content}

    scripted = model("scripted")
    app = app_with(lambda: Agent("Friday", "", chat_model(scripted), toolkit(weather)))
    conversation = [
        {"role": "user", "content": "and in Oslo?"},
        data("function_call", "assistant", name="weather", arguments='{"city": "Oslo"}'),
        data("function_call_output", "tool", name="weather", output='"sunny"'),
        {"role": "assistant", "content": "It is sunny."},
        {"role": "user", "content": "what did I just say?"},
    ]
    async with serve(app) as client:
        assert said(await talk(client, conversation)) == "You said: “and in Oslo?”."
    sent = scripted.server.requests[-1].body["messages"]
    roles = [m["role"] for m in sent if "system-reminder" not in str(m["content"])]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]


async def test_a_structured_output_is_data() -> None:
    from pydantic import BaseModel

    class Colour(BaseModel):
        """A colour."""

        name: str

    script = [
        {"call": [{"name": "GenerateStructuredOutput", "arguments": {"name": "red"}}], "then": {}}
    ]
    scripted = model("scripted", script=script)
    app = AgentApp("friday", framework="agentscope", store=":memory:")

    @app.query
    async def handler(msgs: Any) -> Any:
        from agentscope.message import UserMsg

        agent = Agent("Friday", "", chat_model(scripted))
        stream = agent.reply_stream(
            UserMsg("user", msgs[-1].text), structured_schema=Colour, yield_final_msg=True
        )
        async for event in stream:
            yield event

    async with serve(app) as client:
        events = await talk(client, "which?")
    assert events[-1]["output"][-1]["content"][0]["data"] == {"name": "red"}


async def test_an_agent_that_several_requests_share_keeps_their_sessions_apart() -> None:
    script = [{"when": "just say", "say": "{previous_user}"}, {"say": "noted", "delay": 0.01}]
    shared = Agent("Friday", "", chat_model(model("scripted", script=script)))
    app = app_with(lambda: shared)
    async with serve(app) as client:
        names = ("Ann", "Bob", "Eve")
        await asyncio.gather(*(talk(client, f"I am {name}.", name) for name in names))
        heard = await asyncio.gather(*(talk(client, "what did I just say?", n) for n in names))
    assert [said(events) for events in heard] == [f"I am {name}." for name in names]


async def test_a_stop_ceases_the_model_and_the_tools() -> None:
    steps: list[float] = []

    async def tick(n: int) -> int:
        """Tick."""
        for _ in range(n):
            steps.append(time.monotonic())
            await asyncio.sleep(0.01)
        return n

    def tock(n: int) -> int:
        """Tick in a thread."""
        for _ in range(n):
            steps.append(time.monotonic())
            time.sleep(0.01)
        return n

    ticks = [{"name": "tick", "arguments": {"n": 3000 + n}} for n in range(2)]
    script = [
        {"when": "one", "call": ticks[:1]},
        {"when": "two", "call": ticks},
        {"when": "thread", "call": [{"name": "tock", "arguments": {"n": 30}}]},
        {"when": "talk", "say": "word ", "repeat": 5000, "delay": 0.01},
        {"say": "still here"},
    ]
    app = app_of(tick, tock, script=script)
    async with serve(app) as client:
        for text in ("one", "two", "thread"):
            steps.clear()
            task = asyncio.ensure_future(talk(client, text, text))
            await until(lambda: len(steps) > 3)
            await client.post("/process/stop", json={"session_id": text})
            assert (await task)[-1]["status"] == "canceled"
            held = len(steps)
            await asyncio.sleep(0.2)
            assert len(steps) == held, text
            assert said(await talk(client, "hello?", text)) == "still here"
        task = asyncio.ensure_future(talk(client, "talk"))
        await until(lambda: app.runs.active() and app.runs.active()[0].output is not None)
        await asyncio.sleep(0.3)
        await client.post("/process/stop", json={"session_id": "s"})
        events = await task
        assert events[-1]["status"] == "canceled"
        assert said(events).startswith("word word")
        assert said(await talk(client, "hello?")) == "still here"


async def test_a_stop_while_the_reader_is_slow_ends_parallel_tools_too() -> None:
    """The agent then stands at a `yield`, where a cancellation does not reach it."""
    steps: list[float] = []

    async def tick(n: int) -> Any:
        """Tick."""
        for _ in range(2000):
            steps.append(time.monotonic())
            yield "x" * 1000
            await asyncio.sleep(0.001)

    calls = [{"name": "tick", "arguments": {"n": n}} for n in range(2)]
    app = app_of(tick, script=[{"call": calls}, {"say": "no"}])
    run = app.start_run(request_of("go"))
    blocked = asyncio.Event()

    async def read(seq: int, frame: bytes) -> None:
        if len(steps) > 10 and not blocked.is_set():
            blocked.set()
            await asyncio.sleep(60)

    task = asyncio.ensure_future(run.drive(read))
    await asyncio.wait_for(blocked.wait(), 20)
    run.stop()
    await asyncio.wait_for(task, 10)
    held = len(steps)
    await asyncio.sleep(0.2)
    assert len(steps) == held
    assert run.status == "canceled"
    app.store.close()


def request_of(text: str) -> Any:
    from agentscope_runtime_nb import AgentRequest

    return AgentRequest.model_validate({"input": text, "session_id": "s"})


async def test_a_handler_may_mix_what_it_yields() -> None:
    app = AgentApp("mixed", framework="agentscope", store=":memory:")

    @app.query
    async def handler(msgs: list[Message], request: Any) -> Any:
        yield "Before. "
        async for event in reply(Agent("Friday", "", chat_model(scripted)), request):
            yield event
        yield {"type": "data", "data": {"a": 1}}

    scripted = model("scripted", script=[{"say": "During."}])
    async with serve(app) as client:
        events = await talk(client, "go")
    assert [m["content"][0].get("text") for m in events[-1]["output"]] == [
        "Before. ",
        "During.",
        None,
    ]


async def test_what_reply_cannot_remember_for_is_named() -> None:
    class Stranger:
        reply_stream = None

    with pytest.raises(DefinitionError, match="Stranger"):
        await anext(reply(Stranger(), request_of("x")))  # pyright: ignore[reportArgumentType]


def test_models_become_its_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    made = chat_model("qwen-plus")
    assert type(made).__mro__[2].__name__ == "DashScopeChatModel"
    assert made.model == "qwen-plus"
    assert "secret" not in repr(vars(made))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    made = chat_model("gpt-5.4-mini", context_size=1000)
    assert type(made).__mro__[2].__name__ == "OpenAIChatModel"
    assert made.context_size == 1000


def test_what_a_call_costs_is_known_of_known_models() -> None:
    made = chat_model(model("gpt-5.4-mini", api_key="sk-none"))
    cost, window = prices.of(made.model, 1000, 1000)
    assert cost is not None
    assert 0 < cost < 1
    assert window == made.context_size
    assert prices.of("somebody's", 1000, 1000) == (None, None)


async def test_a_models_options_are_sent() -> None:
    scripted = model("scripted", temperature=0.25)
    app = app_with(lambda: Agent("Friday", "", chat_model(scripted)))
    async with serve(app) as client:
        await talk(client, "hello")
    assert scripted.server.requests[-1].body["temperature"] == 0.25


async def test_toolkits_take_its_own_tools_unchanged() -> None:
    own = FunctionTool(weather)
    kit = toolkit(own, test_toolkits_take_its_own_tools_unchanged)
    assert await kit.get_tool("weather") is own
    names = {schema["function"]["name"] for schema in await kit.get_tool_schemas()}
    assert len(names) == 2
    assert json.dumps(await kit.get_tool_schemas())
