"""Starters, commands, settings and models, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from serving import ask, said, serve

from agentscope_runtime_nb import Agent, AgentApp, DefinitionError, model


def app_with(**options: Any) -> AgentApp:
    app = AgentApp("offering", **options)

    @app.query
    async def answer(msgs: Any, request: Any) -> Any:
        yield f"settings {request.settings}, said {msgs[-1].text}"

    return app


async def test_a_command_answers_instead_of_the_handler() -> None:
    app = app_with()

    @app.command("shout")
    def shout(text: str, request: Any) -> str:
        """Say it loud.

        Nothing else.
        """
        return text.upper()

    async with serve(app) as client:
        assert said(await ask(client, {"input": "/shout hello there"})) == "HELLO THERE"
        assert said(await ask(client, {"input": " /shout"})) == ""
        assert "/shouting" in said(await ask(client, {"input": "/shouting x"}))
        assert "/usr/bin" in said(await ask(client, {"input": "/usr/bin"}))
        offers = (await client.get("/")).json()["offers"]
    assert offers["commands"] == [{"name": "shout", "description": "Say it loud."}]


async def test_settings_have_defaults_and_are_checked() -> None:
    app = app_with(
        settings={"tone": ["warm", "dry"], "depth": 3, "loud": False, "name": "Ann"},
        starters=["Hello", ("Long", "A long one")],
    )
    async with serve(app) as client:
        text = said(await ask(client, {"input": "x", "settings": {"tone": "dry", "own": 1}}))
        assert "{'tone': 'dry', 'own': 1, " not in text or "depth" in text
        assert "'depth': 3" in text
        assert "'tone': 'dry'" in text
        for wrong in ({"tone": "loud"}, {"depth": True}, {"loud": "yes"}, {"name": 1}):
            refused = await client.post("/process", json={"input": "x", "settings": wrong})
            assert refused.status_code == 422
            assert refused.json()["error"]["code"] == "PARAMETER_VALIDATION"
        offers = (await client.get("/")).json()["offers"]
    kinds = {setting["name"]: setting["kind"] for setting in offers["settings"]}
    assert kinds == {"tone": "choice", "depth": "number", "loud": "switch", "name": "text"}
    assert offers["starters"][1] == {"label": "Long", "text": "A long one"}


async def test_only_an_offered_model_can_be_chosen() -> None:
    one = model("scripted", script=[{"say": "one"}])
    app = AgentApp("models", models=["scripted", "no-such-model"])
    app.query(framework="builtin")(Agent("", one).reply)
    async with serve(app) as client:
        assert said(await ask(client, {"input": "hi"})) == "one"
        assert said(await ask(client, {"input": "hi", "model": "gpt-x"})) == "one"
        assert said(await ask(client, {"input": "hi", "model": "scripted"})) != "one"
        refused = await client.post("/process", json={"input": "x", "model": "no-such-model"})
        assert refused.status_code == 422


def test_what_cannot_be_offered_is_named() -> None:
    with pytest.raises(DefinitionError, match="list of choices"):
        AgentApp("x", settings={"tone": object()})
    with pytest.raises(DefinitionError, match="name"):
        AgentApp("x", settings={"my tone": "warm"})
    with pytest.raises(DefinitionError, match="command"):
        AgentApp("x").command("no good")(lambda text: text)


def test_a_cell_can_offer_too() -> None:
    app = app_with()
    app.command("a", "A")(lambda text: text)
    app.offer(starters=["Hi"], models=["scripted"])
    described = app.describe()
    assert [starter["text"] for starter in described["starters"]] == ["Hi"]
    assert [command["name"] for command in described["commands"]] == ["a"]
    assert described["models"] == ["scripted"]
