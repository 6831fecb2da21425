"""AgentScope's teams: members speak inside the call that set them to work."""

from __future__ import annotations

import asyncio
from typing import Any

from agentscope.agent import Agent
from agentscope.pipeline import GoalPipeline, TeamMember, TeamPipeline
from serving import said, serve, until
from talking import app_with, of_kind, talk

from agentscope_runtime_nb import model
from agentscope_runtime_nb.frameworks.agentscope import chat_model, toolkit

MEMBERS = ("Scout", "Baker")


def assigning(*members: str) -> list[dict[str, Any]]:
    return [
        {"name": "TeamAssign", "arguments": {"member": name, "prompt": f"help, {name}"}}
        for name in members
    ]


LEAD = model(
    "scripted",
    script=[
        {"when": "just say", "say": "{previous_user}"},
        {
            "say": "Team! ",
            "call": assigning(*MEMBERS),
            "then": {"say": "They say: {tool_results}"},
        },
    ],
)


def team(*tools: Any, script: Any = None) -> TeamPipeline:
    helper = model("scripted", script=script or [{"say": "I helped.", "delay": 0.02}])
    members = [
        TeamMember(
            agent=Agent(name, f"You are {name}.", chat_model(helper), toolkit(*tools)),
            description="helps",
        )
        for name in MEMBERS
    ]
    return TeamPipeline(Agent("Lead", "You lead.", chat_model(LEAD)), members)


async def test_members_speak_at_once_each_in_its_call() -> None:
    async with serve(app_with(team)) as client:
        events = await talk(client, "go")
        calls = {
            m["content"][0]["data"]["call_id"]: name
            for m, name in zip(of_kind(events, "plugin_call"), MEMBERS, strict=True)
        }
        inside = [m for m in of_kind(events, "message") if "parent_id" in m["metadata"]]
        assert {calls[m["metadata"]["parent_id"]]: m["metadata"]["agent"] for m in inside} == {
            name: name for name in MEMBERS
        }
        assert events[-1]["output"][-1]["metadata"] == {"agent": "Lead"}
        assert said(events).endswith("They say: I helped., I helped.")
        assert said(await talk(client, "what did I just say?")) == "go"


async def test_a_stop_ends_the_members_work() -> None:
    steps: list[str] = []

    async def tick(who: str) -> str:
        """Tick."""
        for _ in range(3000):
            steps.append(who)
            await asyncio.sleep(0.01)
        return who

    script = [{"call": [{"name": "tick", "arguments": {"who": "x"}}], "then": {"say": "done"}}]
    async with serve(app_with(lambda: team(tick, script=script))) as client:
        task = asyncio.ensure_future(talk(client, "go"))
        await until(lambda: len(steps) > 10)
        await client.post("/process/stop", json={"session_id": "s"})
        assert (await task)[-1]["status"] == "canceled"
        held = len(steps)
        await asyncio.sleep(0.2)
        assert len(steps) == held
        assert said(await talk(client, "what did I just say?")) == "go"


async def test_a_goal_is_worked_on_and_verified() -> None:
    passed = {"result": "pass", "message": "fine"}
    done = {"report": "all is done"}
    worker = model("scripted", script=lambda talk: structured(talk, done))
    judge = model("scripted", script=lambda talk: structured(talk, passed))
    async with serve(
        app_with(
            lambda: GoalPipeline(
                Agent("Worker", "You work.", chat_model(worker)),
                Agent("Judge", "You judge.", chat_model(judge)),
            )
        )
    ) as client:
        events = await talk(client, "bake a cake")
    assert events[-1]["status"] == "completed"
    authors = [m["metadata"]["agent"] for m in events[-1]["output"]]
    assert authors == sorted(authors, reverse=True)
    assert set(authors) == {"Worker", "Judge"}


def structured(talk: Any, values: dict[str, str]) -> dict[str, Any]:
    """What a model answers that is asked for a structured output."""
    tool = next((t.name for t in talk.tools if "tructured" in t.name), None)
    if talk.tool_results or tool is None:
        return {"say": "Ready."}
    return {"call": [{"name": tool, "arguments": values}]}
