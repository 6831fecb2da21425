"""A busy session: who is refused, who waits, who interrupts; over real HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from serving import said, serve, until

from agentscope_runtime_nb import AgentApp, LocalDeployManager
from agentscope_runtime_nb.app import admission
from agentscope_runtime_nb.app.runs import MOST_WAITING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Gated:
    """An agent that answers a question when it may."""

    def __init__(self, **options: Any) -> None:
        self.app = AgentApp("gated", store=":memory:", **options)
        self.begun: list[str] = []
        self.open: set[str] = set()

        @self.app.query
        async def answer(msgs: Any, request: Any) -> AsyncIterator[str]:
            text = msgs[-1].text
            self.begun.append(text)
            history = await request.history()
            yield f"{text}, after {len(history)}"
            while not self.open & {text, "all"}:  # noqa: ASYNC110 - opened from another thread
                await asyncio.sleep(0.01)

    def waiting(self) -> int:
        return sum(len(line) for line in self.app.runs._waiting.values())


def ask(
    client: httpx2.AsyncClient, text: str, on_busy: str = "queue", **fields: Any
) -> asyncio.Task[httpx2.Response]:
    body = {"input": text, "session_id": "s", "stream": False, **fields}
    return asyncio.create_task(client.post(f"/process?on_busy={on_busy}", json=body))


def code(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_who_waits_is_answered_in_order() -> None:
    gated = Gated()
    async with serve(gated.app) as client:
        tasks = [ask(client, "0", "queue")]
        await until(lambda: gated.begun == ["0"])
        for number in range(1, MOST_WAITING + 1):
            tasks.append(ask(client, str(number)))
            await until(lambda n=number: gated.waiting() == n)
        refused = await ask(client, "one too many")
        assert code(refused) == (429, "RATE_LIMIT_EXCEEDED")
        assert refused.headers["Retry-After"]
        assert code(await ask(client, "not waiting", "reject")) == (409, "SESSION_BUSY")
        other = ask(client, "other", session_id="another")
        await until(lambda: "other" in gated.begun)
        gated.open.add("all")
        await other
        answers = [said([(await task).json()]) for task in tasks]
    assert answers == [f"{n}, after {2 * n}" for n in range(MOST_WAITING + 1)]
    assert not gated.waiting()
    assert not gated.app.runs._by_id.keys() - {r.id for r in gated.app.runs.recent()}


async def test_who_has_gone_keeps_no_place() -> None:
    gated = Gated()
    async with serve(gated.app) as client:
        first = ask(client, "first")
        await until(lambda: gated.begun)
        leaver = ask(client, "leaver")
        await until(lambda: gated.waiting() == 1)
        last = ask(client, "last")
        await until(lambda: gated.waiting() == 2)
        leaver.cancel()
        await until(lambda: gated.waiting() == 1)
        gated.open.add("all")
        await first
        assert said([(await last).json()]) == "last, after 2"
    assert gated.begun == ["first", "last"]


async def test_an_interrupted_answer_is_remembered_as_far_as_it_went() -> None:
    gated = Gated()
    async with serve(gated.app) as client:
        first = ask(client, "first")
        await until(lambda: gated.begun)
        queued = ask(client, "queued")
        await until(lambda: gated.waiting() == 1)
        gated.open |= {"urgent", "queued", "free"}
        urgent = await ask(client, "urgent", "interrupt")
        assert said([urgent.json()]) == "urgent, after 2"
        assert (await first).json()["status"] == "canceled"
        assert said([(await queued).json()]) == "queued, after 4"
        free = await ask(client, "free", "interrupt", session_id="unused", stream=True)
        history = await gated.app.history("s")
    assert b"free, after 0" in free.content
    assert [message.text for message in history][:2] == ["first", "first, after 0"]


async def test_a_later_interrupt_takes_the_place_of_an_earlier_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = AgentApp("stubborn", store=":memory:")
    begun: list[str] = []
    over = asyncio.Event()

    @app.query
    async def stubborn(msgs: Any, request: Any) -> AsyncIterator[str]:
        begun.append(msgs[-1].text)
        while not over.is_set():
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                continue
        yield msgs[-1].text

    async with serve(app) as client:
        first = ask(client, "first")
        await until(lambda: begun)
        earlier = ask(client, "earlier", "interrupt")
        await until(lambda: app.runs._waiting)
        later = ask(client, "later", "interrupt")
        assert code(await earlier) == (409, "INTERRUPTED")
        monkeypatch.setattr(admission, "INTERRUPT_SECONDS", 0.2)
        later.cancel()
        await until(lambda: not app.runs._waiting)
        stuck = await ask(client, "stuck", "interrupt")
        assert code(stuck) == (409, "SESSION_BUSY")
        assert "stubborn()" in stuck.json()["error"]["where"]
        over.set()
        await first
        assert said([(await ask(client, "free", "interrupt")).json()]) == "free"
    assert begun == ["first", "free"]


async def test_the_end_of_the_service_ends_the_waiting() -> None:
    gated = Gated()
    manager = LocalDeployManager(port=0)
    deployed = await gated.app.deploy(manager)
    async with httpx2.AsyncClient(base_url=deployed["url"], timeout=20) as client:
        first = ask(client, "first")
        await until(lambda: gated.begun)
        waiting = ask(client, "waiting")
        await until(lambda: gated.waiting() == 1)
        end = asyncio.create_task(manager.stop(deployed["deploy_id"]))
        assert code(await waiting) == (503, "SHUTTING_DOWN")
        gated.open.add("all")
        assert (await first).json()["status"] == "completed"
        await end


@pytest.mark.parametrize("way", ["/process", "/compatible-mode/v1/responses"])
async def test_every_way_in_knows_on_busy(way: str) -> None:
    gated = Gated()
    async with serve(gated.app) as client:
        first = ask(client, "first")
        await until(lambda: gated.begun)
        key = "session_id" if way == "/process" else "conversation"
        body = {"input": "second", key: "s", "stream": False, "user_id": "s"}
        unknown = await client.post(f"{way}?on_busy=perhaps", json=body)
        assert code(unknown) == (422, "PARAMETER_VALIDATION")
        second = asyncio.create_task(client.post(f"{way}?on_busy=queue", json=body))
        await until(lambda: gated.waiting() == 1)
        gated.open.add("all")
        await first
        assert "second, after 2" in (await second).text
