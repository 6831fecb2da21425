"""Tools that want to be confirmed, and agents inside agents, over real HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from serving import ask, said, serve, until

from agentscope_runtime_nb import (
    Agent,
    AgentApp,
    DefinitionError,
    Text,
    ToolCall,
    ToolResult,
    approval_response,
    model,
    tool,
)
from agentscope_runtime_nb.events import check

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

done: list[str] = []


@tool(confirm=True)
def delete(path: str) -> str:
    """Delete a file."""
    done.append(path)
    return f"deleted {path}"


def size(path: str) -> int:
    """The size of a file."""
    return len(path)


def calling(*calls: tuple[str, str]) -> Any:
    wanted = [{"name": name, "arguments": {"path": path}} for name, path in calls]
    return [
        {"when": "please", "call": wanted, "then": {"say": "I have {tool_results}."}},
        {"say": "As you like."},
    ]


def app_of(store: Path, *calls: tuple[str, str]) -> AgentApp:
    done.clear()
    agent = Agent("", model("scripted", script=calling(*calls)), tools=[delete, size])
    app = AgentApp("careful", store=store)
    app.query(framework="builtin")(agent.reply)
    return app


async def decide(client: httpx2.AsyncClient, *answers: Any) -> list[dict[str, Any]]:
    wire = [answer.model_dump(mode="json") for answer in answers]
    events = await ask(client, {"input": wire, "session_id": "s"})
    check(events)
    return events


def requests(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        message["content"][0]["data"]
        for message in events[-1]["output"]
        if message["type"] == "mcp_approval_request"
    ]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in events[-1]["output"]]


async def test_a_call_waits_for_a_decision_even_across_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite3"
    async with serve(app_of(store, ("size", "abc"), ("delete", "abc"))) as client:
        events = await ask(client, {"input": "please", "session_id": "s"})
        check(events)
    assert events[-1]["status"] == "completed"
    assert kinds(events) == [
        "plugin_call",
        "plugin_call",
        "plugin_call_output",
        "mcp_approval_request",
    ]
    (request,) = requests(events)
    assert request["name"] == "delete"
    assert done == []
    async with serve(app_of(store, ("size", "abc"), ("delete", "abc"))) as client:
        events = await decide(client, approval_response(request["id"], True))
    assert done == ["abc"]
    assert kinds(events) == ["plugin_call_output", "message"]
    assert "deleted abc" in said(events)


async def test_a_refusal_and_its_reason_are_told_to_the_model(tmp_path: Path) -> None:
    async with serve(app_of(tmp_path / "s", ("delete", "abc"))) as client:
        (request,) = requests(await ask(client, {"input": "please", "session_id": "s"}))
        events = await decide(client, approval_response(request["id"], False, "I need it"))
        assert done == []
        assert "I need it" in said(events)
        assert events[-1]["output"][0]["metadata"]["failed"] is True
        again = await decide(client, approval_response(request["id"], True))
        assert again[-1]["error"]["code"] == "APPROVAL_NOT_PENDING"
        assert done == []


async def test_always_holds_for_the_session_alone(tmp_path: Path) -> None:
    async with serve(app_of(tmp_path / "s", ("delete", "abc"))) as client:
        (request,) = requests(await ask(client, {"input": "please", "session_id": "s"}))
        await decide(client, approval_response(request["id"], True, always=True))
        assert requests(await ask(client, {"input": "please", "session_id": "s"})) == []
        assert done == ["abc", "abc"]
        assert requests(await ask(client, {"input": "please", "session_id": "other"}))
        assert done == ["abc", "abc"]


async def test_several_are_decided_one_by_one(tmp_path: Path) -> None:
    async with serve(app_of(tmp_path / "s", ("delete", "a"), ("delete", "b"))) as client:
        one, two = requests(await ask(client, {"input": "please", "session_id": "s"}))
        events = await decide(client, approval_response(two["id"], True))
        assert kinds(events) == ["plugin_call_output"]
        assert done == ["b"]
        events = await decide(client, approval_response(one["id"], True))
        assert done == ["b", "a"]
        assert "deleted a" in said(events)


async def test_talking_on_withdraws_what_was_asked(tmp_path: Path) -> None:
    async with serve(app_of(tmp_path / "s", ("delete", "abc"))) as client:
        (request,) = requests(await ask(client, {"input": "please", "session_id": "s"}))
        events = await ask(client, {"input": "never mind", "session_id": "s"})
        assert said(events) == "As you like."
        late = await decide(client, approval_response(request["id"], True))
        assert late[-1]["status"] == "failed"
        assert done == []


async def test_arguments_that_do_not_fit_are_not_asked_about(tmp_path: Path) -> None:
    script = [{"call": [{"name": "delete", "arguments": {"wrong": 1}}], "then": {"say": "oh"}}]
    agent = Agent("", model("scripted", script=script), tools=[delete])
    app = AgentApp("careful", store=tmp_path / "s")
    app.query(framework="builtin")(agent.reply)
    async with serve(app) as client:
        events = await ask(client, {"input": "please"})
    assert kinds(events) == ["plugin_call", "plugin_call_output", "message"]


async def test_what_a_sub_agent_does_belongs_to_its_call(tmp_path: Path) -> None:
    inner_script = [
        {
            "say": "let me see ",
            "call": [{"name": "size", "arguments": {"path": "four"}}],
            "then": {"say": "it is 4"},
        }
    ]
    inner = Agent("", model("scripted", script=inner_script), tools=[size])
    outer_script = [
        {
            "call": [{"name": "measurer", "arguments": {"question": "how long is four?"}}],
            "then": {"say": "They say {tool_result}."},
        }
    ]
    expert = inner.as_tool("measurer", "Measures words.")
    app = AgentApp("team", store=tmp_path / "s")
    agent = Agent("", model("scripted", script=outer_script), tools=[expert])
    app.query(framework="builtin")(agent.reply)
    async with serve(app) as client:
        events = await ask(client, {"input": "go", "session_id": "s"})
        check(events)
        again = await ask(client, {"input": "go on", "session_id": "s"})
    output = events[-1]["output"]
    call = next(m for m in output if m["type"] == "plugin_call")["content"][0]["data"]["call_id"]
    inside = [m for m in output if (m["metadata"] or {}).get("parent_id") == call]
    assert [m["type"] for m in inside] == [
        "message",
        "plugin_call",
        "plugin_call_output",
        "message",
    ]
    assert {m["metadata"]["agent"] for m in inside} == {"measurer"}
    assert output[-1]["content"][0]["text"] == "They say it is 4."
    assert again[-1]["status"] == "completed"


async def test_a_tool_may_say_what_it_does() -> None:
    async def search(path: str) -> Any:
        """Search."""
        yield "looking "
        yield ToolCall("inner", "grep", {"p": path})
        yield ToolResult("inner", "grep", 2)
        yield Text("found 2")

    def count(path: str) -> Any:
        """Count, in a thread."""
        yield "one "
        yield "two"

    agent = Agent("", model("scripted", script=calling(("search", "x"), ("count", "y"))))
    agent = Agent("", agent.model, tools=[search, count])
    app = AgentApp("saying", store=":memory:")
    app.query(framework="builtin")(agent.reply)
    async with serve(app) as client:
        events = await ask(client, {"input": "please"})
    check(events)
    results = [
        m["content"][0]["data"]["output"]
        for m in events[-1]["output"]
        if m["type"] == "plugin_call_output" and not (m["metadata"] or {}).get("parent_id")
    ]
    assert sorted(results) == ['"found 2"', '"one two"']


async def test_a_stop_reaches_into_a_sub_agent() -> None:
    ticks: list[int] = []

    async def tick(path: str) -> Any:
        """Tick."""
        while True:
            ticks.append(1)
            yield "."
            await asyncio.sleep(0.01)

    agent = Agent("", model("scripted", script=calling(("tick", "x"))), tools=[tick])
    app = AgentApp("ticking", store=":memory:")
    app.query(framework="builtin")(agent.reply)
    async with serve(app) as client:
        asking = asyncio.create_task(ask(client, {"input": "please", "session_id": "s"}))
        await until(lambda: len(ticks) > 2)
        assert (await client.post("/process/stop", json={"session_id": "s"})).json()["stopped"]
        events = await asking
        seen = len(ticks)
        await asyncio.sleep(0.1)
    assert events[-1]["status"] == "canceled"
    assert len(ticks) == seen


def test_a_sub_agent_has_nobody_to_confirm_its_tools() -> None:
    with pytest.raises(DefinitionError, match="delete"):
        Agent("", model("scripted"), tools=[delete]).as_tool("x", "y")
