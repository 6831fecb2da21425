"""Who may call an app, and what strangers and web pages elsewhere are told."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from serving import ask, serve, until

from agentscope_runtime_nb import AgentApp, DefinitionError, LocalDeployManager
from agentscope_runtime_nb.app.gate import open_gate
from agentscope_runtime_nb.app.serving import check_exposure


def app_with(**options: Any) -> AgentApp:
    app = AgentApp("gated", **options)

    @app.query
    async def answer(msgs: Any, request: Any) -> Any:
        yield f"{len(await request.history())}"
        if msgs[-1].text == "slow":
            await asyncio.sleep(30)

    return app


async def test_keys_are_needed_everywhere_but_for_health() -> None:
    app = app_with(api_keys={"ann": "key-a", "bob": "key-b"})
    async with serve(app) as client:
        for path in ("/", "/docs", "/openapi.json", "/process/runs/x"):
            refused = await client.get(path)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "AUTH_FAILED")
            assert refused.headers["www-authenticate"] == "Bearer"
        wrong = await client.get("/", headers={"Authorization": "Bearer key-c"})
        assert wrong.status_code == 401
        basic = await client.get("/", headers={"Authorization": "Basic key-a"})
        assert basic.status_code == 401
        assert (await client.get("/health")).status_code == 200
        ok = await client.get("/", headers={"Authorization": "Bearer key-b"})
        assert ok.status_code == 200


async def test_an_app_may_be_opened_to_everybody_on_purpose() -> None:
    elsewhere = {"Host": "agents.example.org"}
    async with serve(app_with()) as client:
        refused = await client.get("/", headers=elsewhere)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ACCESS_DENIED")
    app = app_with()
    open_gate(app)
    check_exposure(app, "0.0.0.0")
    async with serve(app) as client:
        assert (await client.get("/", headers=elsewhere)).status_code == 200


async def test_what_belongs_to_another_is_not_found() -> None:
    app = app_with(api_keys={"ann": "key-a", "bob": "key-b"})
    ann, bob = ({"Authorization": f"Bearer {key}"} for key in ("key-a", "key-b"))
    async with serve(app) as client:
        body = {"input": "x", "session_id": "s", "id": "response_a"}
        await ask(client, body, headers=ann)
        events = await ask(client, {"input": "x", "session_id": "s"}, headers=bob)
        assert events[-1]["output"][0]["content"][0]["text"] == "0"
        found = [await client.get("/process/runs/response_a", headers=h) for h in (ann, bob)]
        assert [r.status_code for r in found] == [200, 404]
        slow = asyncio.ensure_future(ask(client, {"input": "slow", "session_id": "t"}, headers=ann))
        await until(app.runs.active)
        stop = [
            (await client.post("/process/stop", json={"session_id": "t"}, headers=h)).json()
            for h in (bob, ann)
        ]
        assert [answer["stopped"] for answer in stop] == [False, True]
        await slow


async def test_the_environments_key_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCOPE_NB_API_KEY", "from-env")
    async with serve(app_with()) as client:
        assert (await client.get("/")).status_code == 401
        headers = {"Authorization": "Bearer from-env"}
        assert (await client.get("/", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_a_web_page_elsewhere_cannot_drive_it(headers: dict[str, str]) -> None:
    async with serve(app_with()) as client:
        refused = await client.post("/process", json={"input": "x"}, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ACCESS_DENIED")
        own = {"Origin": str(client.base_url).rstrip("/")}
        assert (await client.post("/process", json={"input": "x"}, headers=own)).is_success


async def test_own_identification_replaces_keys() -> None:
    def identify(scope: Any) -> str | None:
        name = dict(scope["headers"]).get(b"x-user", b"").decode()
        return name or None

    async with serve(app_with(identify=identify)) as client:
        assert (await client.get("/")).status_code == 401
        assert (await client.get("/", headers={"X-User": "ann"})).status_code == 200


async def test_it_does_not_serve_strangers_without_keys() -> None:
    manager = LocalDeployManager(host="0.0.0.0", port=0)
    with pytest.raises(DefinitionError, match="AGENTSCOPE_NB_API_KEY"):
        await app_with().deploy(manager)
    deployed = await app_with(api_keys=["k"]).deploy(manager)
    assert (await manager.stop(deployed["deploy_id"]))["success"]
    assert not (await manager.stop(deployed["deploy_id"]))["success"]


async def test_run_says_what_to_use_in_a_notebook() -> None:
    with pytest.raises(RuntimeError, match="%agent_app serve gated"):
        app_with().run()


async def test_definitions_that_cannot_serve_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"@app\.query"):
        await AgentApp("empty").deploy(LocalDeployManager(port=0))
    with pytest.raises(DefinitionError, match="plain"):
        AgentApp("x").query(framework="nonsense")
    with pytest.raises(DefinitionError, match="`c`"):
        AgentApp("x").query(lambda a, b, c: None)


async def test_a_used_port_is_named() -> None:
    manager = LocalDeployManager(port=0)
    first = await app_with().deploy(manager)
    port = int(first["url"].rpartition(":")[2])
    with pytest.raises(OSError, match=str(port)):
        await app_with().deploy(LocalDeployManager(port=port))
    await manager.stop(first["deploy_id"])


async def test_a_start_that_fails_leaves_nothing_listening() -> None:
    def fail(app: Any) -> None:
        raise ValueError("no database")

    started = time.monotonic()
    with pytest.raises(RuntimeError, match="lifespan"):
        await app_with(before_start=fail).deploy(LocalDeployManager(port=0))
    assert time.monotonic() - started < 20
