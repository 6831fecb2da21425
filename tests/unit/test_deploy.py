"""A deployment in this process, of an app on its own and of one that lives on another loop."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
from serving import ask, said, serve

from agentscope_runtime_nb import AgentApp, LocalDeployManager
from agentscope_runtime_nb.events import check


async def test_an_app_that_lives_elsewhere_is_visited_there() -> None:
    app = AgentApp("resident")
    loops: list[Any] = []

    @app.query
    async def answer(msgs: Any, request: Any) -> Any:
        loops.append(asyncio.get_running_loop())
        history = await request.history()
        for word in (f"{len(history)}", " ", "words"):
            yield word
            await asyncio.sleep(0)

    async with serve(app) as first:
        await ask(first, {"input": "x", "session_id": "s"})
        manager = LocalDeployManager(port=0)
        deployed = await app.deploy(manager)
        async with httpx2.AsyncClient(base_url=deployed["url"], timeout=20) as second:
            events = await ask(second, {"input": "x", "session_id": "s"})
            check(events)
            assert said(events) == "2 words"
        await manager.stop(deployed["deploy_id"])
        assert loops[0] is loops[1]
        assert said(await ask(first, {"input": "x", "session_id": "t"})) == "0 words"


async def test_it_can_be_served_again_after_it_was_stopped() -> None:
    app = AgentApp("again")
    app.query(lambda msgs: "here")
    for _ in range(2):
        async with serve(app) as client:
            assert said(await ask(client, {"input": "x"})) == "here"
