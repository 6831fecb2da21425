"""AgentScope's confirmations as approvals: asked in one request, decided in the next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from agentscope.agent import Agent
from agentscope.mcp import MCPClient, StdioMCPConfig
from agentscope.message import TextBlock
from agentscope.pipeline import TeamMember, TeamPipeline
from agentscope.tool import Bash, FunctionTool, ToolChunk
from serving import said, serve
from talking import agent, app_of, app_with, asked, decide, kinds, of_kind, talk

from agentscope_runtime_nb import model, tool
from agentscope_runtime_nb.frameworks.agentscope import chat_model, toolkit

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


async def test_a_call_waits_for_a_decision_even_across_a_restart(tmp_path: Path) -> None:
    script = calling(("size", "abc"), ("delete", "abc"))
    store = tmp_path / "s.sqlite3"
    async with serve(app_of(delete, size, script=script, store=store)) as client:
        events = await talk(client, "please")
    assert events[-1]["status"] == "completed"
    assert sorted(kinds(events)) == sorted(
        ["plugin_call", "plugin_call", "plugin_call_output", "mcp_approval_request"]
    )
    (request,) = asked(events)
    assert (request["name"], request["server_label"]) == ("delete", "")
    assert done == []
    async with serve(app_of(delete, size, script=script, store=store)) as client:
        events = await decide(client, request, True)
    assert done == ["abc"]
    assert kinds(events) == ["plugin_call_output", "message"]
    assert events[-1]["output"][0]["metadata"]["agent"] == "Friday"
    assert "deleted abc" in said(events)


async def test_it_goes_on_from_the_messages_alone(tmp_path: Path) -> None:
    """As after an update of AgentScope that cannot read what the older one kept."""
    script = calling(("size", "abc"), ("delete", "abc"))
    app = app_of(delete, size, script=script, store=tmp_path / "s.sqlite3")
    async with serve(app) as client:
        (request,) = asked(await talk(client, "please"))
        await forget_state(app)
        events = await decide(client, request, True, always=True)
        assert (done, kinds(events)) == (["abc"], ["plugin_call_output", "message"])
        assert "deleted abc" in said(events)
        await forget_state(app)
        assert asked(await talk(client, "please")) == []
    assert done == ["abc", "abc"]


async def forget_state(app: Any) -> None:
    from agentscope_runtime_nb.sessions import SessionKey

    (session,) = await app.store.sessions("local", app.name, session="s")
    key = SessionKey("local", app.name, session.user, session.session)
    (*_, last) = await app.store.turns(key)
    app.store.keep(key, last.run, {"agentscope": {"Friday": {"context": "unreadable"}}})


async def test_a_refusal_and_its_reason_are_told_to_the_model() -> None:
    async with serve(app_of(delete, script=calling(("delete", "abc")))) as client:
        (request,) = asked(await talk(client, "please"))
        events = await decide(client, request, False, reason="I need it")
        assert done == []
        assert "I need it" in said(events)
        assert events[-1]["output"][0]["metadata"]["failed"] is True
        again = await decide(client, request, True)
        assert again[-1]["error"]["code"] == "APPROVAL_NOT_PENDING"
        assert done == []


async def test_always_holds_for_the_session_alone() -> None:
    async with serve(app_of(delete, script=calling(("delete", "abc")))) as client:
        (request,) = asked(await talk(client, "please"))
        await decide(client, request, True, always=True)
        assert asked(await talk(client, "please")) == []
        assert done == ["abc", "abc"]
        assert asked(await talk(client, "please", "other"))
        assert done == ["abc", "abc"]


async def test_always_is_as_narrow_as_the_tool_suggests(tmp_path: Path) -> None:
    """Its own shell tool suggests a rule for the command, not for all commands."""
    commands = [f"touch {tmp_path / 'a'}", f"rm -r {tmp_path / 'a'}"]
    script = [
        {"when": word, "call": [{"name": "Bash", "arguments": bash(command)}], "then": {"say": "k"}}
        for word, command in zip(("make", "remove"), commands, strict=True)
    ]
    async with serve(app_of(Bash(), script=script)) as client:
        (request,) = asked(await talk(client, "make"))
        assert not (tmp_path / "a").exists()
        await decide(client, request, True, always=True)
        assert (tmp_path / "a").exists()
        assert asked(await talk(client, "make it")) == []
        assert len(asked(await talk(client, "remove"))) == 1
    assert (tmp_path / "a").exists()


def bash(command: str) -> dict[str, str]:
    return {"command": command, "description": "a test"}


async def test_a_text_instead_of_a_decision_means_no() -> None:
    async with serve(app_of(delete, script=calling(("delete", "abc")))) as client:
        (request,) = asked(await talk(client, "please"))
        events = await talk(client, "forget it")
        assert kinds(events) == ["plugin_call_output", "message"]
        assert events[-1]["output"][0]["metadata"]["failed"] is True
        assert said(events) == "As you like."
        late = await decide(client, request, True)
        assert late[-1]["error"]["code"] == "APPROVAL_NOT_PENDING"
    assert done == []


@pytest.mark.parametrize("remembered", [True, False])
async def test_several_are_decided_one_after_another(remembered: bool) -> None:
    """AgentScope asks once where a rule for the first would allow the second."""
    app = app_of(delete, script=calling(("delete", "a"), ("delete", "b")))
    async with serve(app) as client:
        (first,) = asked(await talk(client, "please"))
        if not remembered:
            await forget_state(app)
        events = await decide(client, first, True)
        (second,) = asked(events)
        assert done == ["a"]
        events = await decide(client, second, False)
    assert done == ["a"]
    assert "deleted a" in said(events)
    assert "denied" in said(events)


async def test_always_answers_for_the_others_too() -> None:
    async with serve(app_of(delete, script=calling(("delete", "a"), ("delete", "b")))) as client:
        (first,) = asked(await talk(client, "please"))
        events = await decide(client, first, True, always=True)
    assert asked(events) == []
    assert sorted(done) == ["a", "b"]  # side by side, in either order


async def test_several_tools_are_decided_together() -> None:
    @tool(confirm=True)
    def wipe(path: str) -> str:
        """Wipe a disk."""
        done.append(f"wiped {path}")
        return f"wiped {path}"

    app = app_of(delete, wipe, script=calling(("delete", "a"), ("wipe", "b")))
    async with serve(app) as client:
        requests = asked(await talk(client, "please"))
        assert len(requests) == 2
        events = await decide(client, requests[1], True)
        assert asked(events) == []
        assert done == ["wiped b"]
        events = await decide(client, requests[0], True)
    assert done == ["wiped b", "a"]
    assert kinds(events) == ["plugin_call_output", "message"]


async def test_its_own_function_tools_ask_as_they_do() -> None:
    async def note(text: str) -> ToolChunk:
        """Note it."""
        done.append(text)
        return ToolChunk(content=[TextBlock(text="noted")])

    call = {"name": "note", "arguments": {"text": "milk"}}
    script = [{"call": [call], "then": {"say": "{tool_result}"}}]
    async with serve(app_of(FunctionTool(note), script=script)) as client:
        (request,) = asked(await talk(client, "go"))
        assert said(await decide(client, request, True)) == "noted"
    assert done == ["milk"]


async def test_a_tool_of_an_mcp_server_asks_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(
        "from mcp.server.fastmcp import FastMCP\nserver = FastMCP('files')\n\n@server.tool()\n"
        "def delete(path: str) -> str:\n    return 'deleted ' + path\n\nserver.run()\n"
    )
    config = StdioMCPConfig(command=sys.executable, args=[str(tmp_path / "server.py")])
    files = MCPClient(name="files", is_stateful=True, mcp_config=config)
    call = {"name": "mcp__files__delete", "arguments": {"path": "a"}}
    script = [{"call": [call], "then": {"say": "{tool_result}"}}]

    app = app_with(lambda: agent(files, script=script))
    app.init(files.connect)
    app.shutdown(files.close)
    async with serve(app) as client:
        (request,) = asked(await talk(client, "go"))
        assert request["server_label"] == "files"
        assert "deleted a" in said(await decide(client, request, True, always=True))
        assert asked(await talk(client, "go")) == []


async def test_what_somebody_else_executes_comes_back_as_a_result() -> None:
    class Elsewhere(FunctionTool):
        def __init__(self) -> None:
            super().__init__(size, is_read_only=True)
            self.is_external_tool = True

    script = [
        {"call": [{"name": "size", "arguments": {"path": "x"}}], "then": {"say": "{tool_result}"}}
    ]
    async with serve(app_of(Elsewhere(), script=script)) as client:
        events = await talk(client, "go")
        assert kinds(events) == ["plugin_call"]
        call = of_kind(events, "plugin_call")[0]["content"][0]["data"]
        data = {"call_id": call["call_id"], "name": "size", "output": '"42"'}
        answer = {
            "type": "function_call_output",
            "role": "user",
            "content": [{"type": "data", "data": data}],
        }
        events = await talk(client, [answer])
    assert kinds(events) == ["plugin_call_output", "message"]
    assert said(events) == "42"


def team() -> TeamPipeline:
    """Made for each request, as by a handler."""
    scout = Agent("Scout", "You are Scout.", chat_model(SCOUT), toolkit(delete))
    leader = Agent("Lead", "You are Lead.", chat_model(LEAD))
    return TeamPipeline(leader, [TeamMember(agent=scout, description="looks around")])


SCOUT = model(
    "scripted",
    script=[
        {
            "when": "tidy",
            "say": "I will delete. ",
            "call": [{"name": "delete", "arguments": {"path": "junk"}}],
            "then": {"say": "{tool_result}"},
        }
    ],
)
LEAD = model(
    "scripted",
    script=[
        {
            "when": "clean",
            "say": "Scout, please. ",
            "call": [{"name": "TeamAssign", "arguments": {"member": "Scout", "prompt": "tidy up"}}],
            "then": {"say": "Scout says: {tool_result}"},
        },
        {"say": "As you like."},
    ],
)


async def test_a_teams_member_asks_within_its_call_and_goes_on_after_a_restart(
    tmp_path: Path,
) -> None:
    store = tmp_path / "s.sqlite3"
    async with serve(app_with(team, store)) as client:
        events = await talk(client, "clean")
        (request,) = asked(events)
        (approval,) = of_kind(events, "mcp_approval_request")
        call = of_kind(events, "plugin_call")[0]["content"][0]["data"]["call_id"]
        assert approval["metadata"] == {"agent": "Scout", "parent_id": call}
        assert [m["metadata"]["agent"] for m in of_kind(events, "message")] == ["Lead", "Scout"]
    async with serve(app_with(team, store)) as client:
        events = await decide(client, request, True)
        assert done == ["junk"]
        voices = [(m["type"], m["metadata"]["agent"]) for m in events[-1]["output"]]
        assert voices == [
            ("plugin_call_output", "Scout"),
            ("message", "Scout"),
            ("plugin_call_output", "Lead"),
            ("message", "Lead"),
        ]
        assert [m["metadata"].get("parent_id") for m in events[-1]["output"]] == [
            call,
            call,
            None,
            None,
        ]
        assert events[-1]["output"][-1]["content"][0]["text"] == "Scout says: deleted junk"


async def test_a_text_instead_ends_what_a_team_waits_for() -> None:
    async with serve(app_with(team)) as client:
        (request,) = asked(await talk(client, "clean"))
        events = await talk(client, "never mind")
        failed = [m["metadata"]["agent"] for m in of_kind(events, "plugin_call_output")]
        assert failed[:2] == ["Scout", "Lead"]
        assert done == []
        late = await decide(client, request, True)
        assert late[-1]["error"]["code"] == "APPROVAL_NOT_PENDING"
