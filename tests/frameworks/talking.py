"""What the tests of a framework share: an app with one agent, and what its streams say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentscope.agent import Agent
from serving import ask

from agentscope_runtime_nb import AgentApp, approval_response, model
from agentscope_runtime_nb.events import check
from agentscope_runtime_nb.frameworks.agentscope import chat_model, reply, toolkit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx2


def app_with(make: Callable[[], Any], store: str | Path = ":memory:") -> AgentApp:
    """An app that makes an agent, or a pipeline, for each request."""
    app = AgentApp("friday", framework="agentscope", store=store)

    @app.query
    async def friday(msgs: Any, request: Any) -> Any:
        async for event in reply(make(), request):
            yield event

    return app


def agent(*tools: Any, script: Any = None) -> Agent:
    """An agent that answers from a script; each has a server of its own."""
    scripted = model("scripted") if script is None else model("scripted", script=script)
    return Agent("Friday", "You are Friday.", chat_model(scripted), toolkit(*tools))


def app_of(*tools: Any, script: Any = None, store: str | Path = ":memory:") -> AgentApp:
    """An app with one agent."""
    scripted = model("scripted") if script is None else model("scripted", script=script)
    return app_with(
        lambda: Agent("Friday", "You are Friday.", chat_model(scripted), toolkit(*tools)), store
    )


async def talk(
    client: httpx2.AsyncClient, text: Any, session: str = "s", **fields: Any
) -> list[dict[str, Any]]:
    """Ask, and see that the grammar holds."""
    events = await ask(client, {"input": text, "session_id": session, **fields})
    check(events)
    return events


async def decide(
    client: httpx2.AsyncClient, request: dict[str, Any], approve: bool, **more: Any
) -> list[dict[str, Any]]:
    """Answer a request for approval."""
    answer = approval_response(request["id"], approve, **more)
    return await talk(client, [answer.model_dump(mode="json")])


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The types of the messages in the answer."""
    return [message["type"] for message in events[-1]["output"]]


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The answer's messages of one type."""
    return [message for message in events[-1]["output"] if message["type"] == kind]


def asked(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the answer wants approved."""
    return [m["content"][0]["data"] for m in of_kind(events, "mcp_approval_request")]
