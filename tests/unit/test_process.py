"""POST /process and its neighbours, on a real server."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from serving import ask, said, serve, until

from agentscope_runtime_nb import AgentApp, AppError, Message, TextContent
from agentscope_runtime_nb.events import check


def counting_app(**options: Any) -> tuple[AgentApp, list[float]]:
    """An agent that leaves a trace of every step it takes."""
    app = AgentApp("counter", **options)
    steps: list[float] = []

    @app.query
    async def count(msgs: list[Message]) -> Any:
        for number in range(int(msgs[-1].text)):
            steps.append(time.monotonic())
            yield f"{number} "
            await asyncio.sleep(0.01)

    return app, steps


async def test_an_answer_streams_and_a_whole_one_is_the_same() -> None:
    app, _ = counting_app()
    async with serve(app) as client:
        events = await ask(client, {"input": "3", "session_id": "s"})
        check(events)
        assert said(events) == "0 1 2 "
        deltas = [e["text"] for e in events if e["object"] == "content" and e["delta"]]
        assert deltas == ["0 ", "1 ", "2 "]
        whole = (await client.post("/process", json={"input": "3", "stream": False})).json()
        assert whole["object"] == "response"
        assert said([whole]) == "0 1 2 "


async def test_headers_and_ids_of_a_stream() -> None:
    app, _ = counting_app()
    async with serve(app) as client, client.stream("POST", "/process", json={"input": "1"}) as got:
        assert got.headers["content-type"].startswith("text/event-stream")
        assert got.headers["cache-control"] == "no-cache"
        assert got.headers["x-accel-buffering"] == "no"
        lines = [line async for line in got.aiter_lines()]
    ids = [line for line in lines if line.startswith("id: ")]
    first = json.loads(lines[1][6:])
    assert ids[0] == f"id: {first['id']}:0"
    assert [int(i.rpartition(":")[2]) for i in ids] == list(range(len(ids)))


async def test_the_session_is_remembered_and_others_are_not_mixed_in() -> None:
    app = AgentApp("memory")

    @app.query
    async def recall(msgs: list[Message], request: Any) -> str:
        history = await request.history()
        return " | ".join([*(m.text for m in history), msgs[-1].text])

    async with serve(app) as client:
        await ask(client, {"input": "one", "session_id": "a"})
        await ask(client, {"input": "else", "session_id": "b"})
        await ask(client, {"input": "other user", "session_id": "a", "user_id": "ann"})
        events = await ask(client, {"input": "two", "session_id": "a"})
        assert said(events) == "one | one | two"
        anonymous = await ask(client, {"input": "x"})
        assert said(anonymous) == "x"
        again = await ask(client, {"input": "y", "session_id": anonymous[-1]["session_id"]})
        assert said(again) == "x | x | y"


async def test_stop_ends_the_agents_work_and_the_stream() -> None:
    app, steps = counting_app()
    async with serve(app) as client:
        task = asyncio.ensure_future(ask(client, {"input": "10000", "session_id": "s"}))
        await until(lambda: len(steps) > 5)
        answer = (await client.post("/process/stop", json={"session_id": "s"})).json()
        assert answer["stopped"] is True
        await asyncio.sleep(0.2)
        count = len(steps)
        events = await task
        check(events)
        assert events[-1]["status"] == "canceled"
        assert said(events).startswith("0 1 2")
        await asyncio.sleep(0.3)
        assert len(steps) == count
        again = (await client.post("/process/stop", json={"session_id": "s"})).json()
        assert again["stopped"] is False
        missed = await client.post("/process/stop", json={})
        assert missed.status_code == 422


async def test_a_client_that_leaves_ends_its_run() -> None:
    app, steps = counting_app()
    async with serve(app) as client:
        async with client.stream("POST", "/process", json={"input": "10000"}) as response:
            async for _ in response.aiter_lines():
                break
        await until(lambda: not app.runs.active())
        count = len(steps)
        await asyncio.sleep(0.2)
        assert len(steps) == count


async def test_a_busy_session_is_409_and_anonymous_callers_never_collide() -> None:
    app, _ = counting_app()
    async with serve(app) as client:
        slow = asyncio.ensure_future(ask(client, {"input": "100", "session_id": "s"}))
        await until(app.runs.active)
        busy = await client.post("/process", json={"input": "1", "session_id": "s"})
        assert busy.status_code == 409
        error = busy.json()["error"]
        assert error["code"] == "SESSION_BUSY"
        assert error["run_id"] == app.runs.active()[0].id
        both = await asyncio.gather(*(ask(client, {"input": "2"}) for _ in range(5)))
        assert [said(e) for e in both] == ["0 1 "] * 5
        await client.post("/process/stop", json={"run_id": error["run_id"]})
        await slow


async def test_limits_and_draining() -> None:
    app, _ = counting_app(max_runs=1, max_body=1000)
    async with serve(app) as client:
        slow = asyncio.ensure_future(ask(client, {"input": "300"}))
        await until(app.runs.active)
        full = await client.post("/process", json={"input": "1"})
        assert (full.status_code, full.json()["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert full.headers["retry-after"]
        large = await client.post("/process", json={"input": "x" * 2000})
        assert (large.status_code, large.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")
        await app.drain(0)
        assert (await slow)[-1]["status"] == "canceled"
        late = await client.post("/process", json={"input": "1"})
        assert (late.status_code, late.json()["error"]["code"]) == (503, "SHUTTING_DOWN")
        assert (await client.get("/readiness")).status_code == 503
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "INVALID_PARAMETER"),
        ("\xff", 400, "INVALID_PARAMETER"),
        ("[]", 422, "PARAMETER_VALIDATION"),
        ("{}", 422, "PARAMETER_VALIDATION"),
        ('{"input":[{"role":"x"}]}', 422, "PARAMETER_VALIDATION"),
        ('{"input":"1","session_id":5}', 422, "PARAMETER_VALIDATION"),
    ],
)
async def test_what_does_not_fit_is_refused_before_a_run(body: str, status: int, code: str) -> None:
    app, _ = counting_app()
    async with serve(app) as client:
        response = await client.post(
            "/process", content=body, headers={"content-type": "application/json"}
        )
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert "pydantic" not in response.text
        plain = await client.post("/process", content='{"input":"1"}')
        assert plain.status_code == 415


async def test_a_failing_agent_says_so_and_keeps_its_secrets(caplog: Any) -> None:
    app = AgentApp("failing")

    @app.query
    async def fail(msgs: list[Message]) -> Any:
        yield "half"
        if msgs[-1].text == "own":
            raise AppError("ORDER_NOT_FOUND", "There is no order 5.")
        raise ValueError("password=hunter2")

    async with serve(app) as client:
        events = await ask(client, {"input": "x", "session_id": "s"})
        check(events)
        assert events[-1]["status"] == "failed"
        assert events[-1]["error"]["code"] == "AGENT_UNKNOWN_ERROR"
        assert "fail(), line" in events[-1]["error"]["message"]
        assert "hunter2" not in json.dumps(events)
        assert "hunter2" in caplog.text
        own = await ask(client, {"input": "own", "session_id": "s"})
        expected = {"code": "ORDER_NOT_FOUND", "message": "There is no order 5."}
        assert own[-1]["error"] == expected
        assert await app.history("s") == []


async def test_a_run_can_be_read_back() -> None:
    app, _ = counting_app()
    async with serve(app) as client:
        events = await ask(client, {"input": "3", "id": "response_mine"})
        path = "/process/runs/response_mine"
        assert (await client.get(path)).json() == events[-1]
        async with client.stream("GET", f"{path}/events") as replay:
            lines = [line async for line in replay.aiter_lines()]
        replayed = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        assert replayed == [e for e in events if not e.get("delta")]
        last = events[-1]["sequence_number"]
        resumed = await client.get(
            f"{path}/events", headers={"Last-Event-ID": f"response_mine:{last - 1}"}
        )
        assert resumed.text.count("data: ") == 1
        assert (await client.get("/process/runs/other")).status_code == 404
        used = await client.post("/process", json={"input": "1", "id": "response_mine"})
        assert (used.status_code, used.json()["error"]["code"]) == (409, "ID_IN_USE")


async def test_a_reader_that_stalls_holds_its_own_agent_alone() -> None:
    app = AgentApp("flood")
    steps: list[int] = []

    @app.query
    async def flood(msgs: Any) -> Any:
        for number in range(2000):
            steps.append(number)
            yield "x" * 65536

    async with serve(app) as client:
        host, port = client.base_url.host, client.base_url.port
        _, writer = await asyncio.open_connection(host, port, limit=1024)
        head = "POST /process HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(f'{head}Content-Length: 14\r\n\r\n{{"input":"go"}}'.encode())
        await until(lambda: steps)
        await asyncio.sleep(0.5)
        held = len(steps)
        await asyncio.sleep(0.5)
        assert len(steps) == held
        assert held < 500
        assert (await client.get("/health")).status_code == 200
        writer.transport.abort()
        await until(lambda: not app.runs.active())
        assert len(steps) <= held + 2


async def test_a_quiet_agent_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    from agentscope_runtime_nb.protocols import streaming

    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.05)
    app = AgentApp("quiet")

    @app.query
    async def quiet(msgs: Any) -> str:
        await asyncio.sleep(0.3)
        return "done"

    async with serve(app) as client:
        response = await client.post("/process", json={"input": "x"})
        assert 2 <= response.text.count(": keep-alive\n\n") <= 6
        assert "done" in response.text


@pytest.mark.parametrize("kind", ["async gen", "gen", "coroutine", "function", "list", "content"])
async def test_every_kind_of_handler(kind: str) -> None:  # noqa: C901 - one branch a kind
    app = AgentApp("kinds")
    if kind == "async gen":

        @app.query
        async def handler(msgs: Any, request: Any) -> Any:
            yield "he"
            yield "llo"
    elif kind == "gen":

        @app.query
        def handler(msgs: Any, request: Any) -> Any:
            yield "he"
            yield "llo"
    elif kind == "coroutine":

        @app.query
        async def handler(request: Any) -> str:
            return "hello"
    elif kind == "function":

        @app.query(framework="plain")
        def handler(self: Any, msgs: Any, request: Any = None, **kwargs: Any) -> str:
            assert self is app.state
            return "hello"
    elif kind == "list":

        @app.query
        def handler(a: Any, b: Any) -> list[str]:
            assert b.input == a
            return ["he", "llo"]
    else:

        @app.query
        async def handler(msgs: Any) -> TextContent:
            return TextContent(text="hello")

    async with serve(app) as client:
        events = await ask(client, {"input": "x"})
        check(events)
        assert said(events) == "hello"


async def test_lifespan_hooks_and_own_routes() -> None:
    from contextlib import asynccontextmanager

    order: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        order.append("open")
        yield
        order.append("close")

    app = AgentApp(
        "life",
        lifespan=lifespan,
        before_start=lambda app: order.append("before"),
        after_finish=lambda app: order.append("after"),
    )
    app.query(lambda msgs: "x")

    @app.init
    async def init(self: Any) -> None:
        self.greeting = "hi"

    @app.endpoint("/numbers")
    async def numbers(count: int) -> Any:
        for number in range(count):
            yield {"number": number}

    @app.endpoint("/sum", methods=["GET"])
    async def total(a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    async with serve(app) as client:
        assert app.state.greeting == "hi"
        streamed = await client.post("/numbers?count=2")
        assert streamed.text == 'data: {"number":0}\n\ndata: {"number":1}\n\n'
        assert (await client.get("/sum?a=1&b=2")).json() == {"sum": 3}
        described = (await client.get("/openapi.json")).json()["paths"]["/process"]["post"]
        body = described["requestBody"]["content"]["application/json"]["schema"]
        assert "input" in body["properties"]
        assert [p["name"] for p in described["parameters"]] == ["on_busy"]
        assert (await client.get("/")).json()["protocol"] == 1
    assert order == ["before", "open", "close", "after"]
