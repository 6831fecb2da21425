"""Stopping what can hardly be stopped: threads, blocked loops, agents that will not listen."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from serving import until

from agentscope_runtime_nb import AgentApp, AgentRequest, current_run, user_message


def request() -> AgentRequest:
    return AgentRequest(input=[user_message("go")], session_id="s")


async def test_a_sync_generator_ends_at_its_next_step() -> None:
    app = AgentApp("sync", store=":memory:")
    steps: list[int] = []

    @app.query
    def count(msgs: Any) -> Any:
        for number in range(10_000):
            steps.append(number)
            time.sleep(0.01)
            yield str(number)

    run = app.start_run(request())
    task = run.start()
    await until(lambda: len(steps) > 3 and "count(), line" in (run.where() or ""))
    assert run.stop()
    await asyncio.wait_for(task, 5)
    assert run.status == "canceled"
    held = len(steps)
    await asyncio.sleep(0.1)
    assert len(steps) == held


async def test_a_sync_handler_in_a_thread_is_named_and_forced() -> None:
    app = AgentApp("stuck", store=":memory:")
    steps: list[float] = []

    @app.query
    def stuck(msgs: Any) -> str:
        while True:
            steps.append(time.monotonic())
            time.sleep(0.01)

    run = app.start_run(request())
    run.start()
    await until(lambda: steps)
    assert run.stop()
    await asyncio.sleep(0.2)
    assert not run.done
    assert run.status == "stopping"
    assert "stuck(), line" in (run.where() or "")
    run.force()
    assert run.done
    assert run.status == "canceled"
    await until(lambda: time.monotonic() - steps[-1] > 0.2)
    app.start_run(request()).abandon()


async def test_an_agent_that_ignores_its_cancellation_is_forced() -> None:
    app = AgentApp("deaf", store=":memory:")
    spoke = asyncio.Event()

    @app.query
    async def deaf(msgs: Any) -> Any:
        yield "one"
        while not spoke.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        yield "two"

    run = app.start_run(request())
    task = run.start()
    await asyncio.sleep(0.1)
    run.stop()
    await asyncio.sleep(0.2)
    assert run.status == "stopping"
    assert "deaf(), line" in (run.where() or "")
    run.force()
    assert run.status == "canceled"
    before = len(run.log.since(-1))
    spoke.set()
    await asyncio.wait_for(task, 5)
    assert len(run.log.since(-1)) == before
    assert run.snapshot()["output"][0]["content"][0]["text"] == "one"


async def test_a_blocked_loop_is_named_from_another_thread() -> None:
    app = AgentApp("blocking", store=":memory:")

    @app.query
    async def block(msgs: Any) -> str:
        time.sleep(1)  # noqa: ASYNC251 - that is the point
        return "x"

    seen: list[str | None] = []

    def look() -> None:
        time.sleep(0.4)
        seen.append(run.where())
        seen.append(str(run.stop()))

    run = app.start_run(request())
    watcher = threading.Thread(target=look)
    watcher.start()
    await run.start()
    watcher.join()
    assert "block(), line" in (seen[0] or "")
    assert seen[1] == "True"
    assert run.status == "canceled"


async def test_the_current_run_is_known_in_tasks_and_threads() -> None:
    app = AgentApp("where", store=":memory:")
    seen: list[Any] = []

    @app.query
    async def look(msgs: Any) -> str:
        seen.append(current_run.get())
        seen.append(await asyncio.create_task(asyncio.to_thread(current_run.get)))
        return "x"

    run = app.start_run(request())
    await run.start()
    app.query(lambda msgs: seen.append(current_run.get()))
    second = app.start_run(request())
    await second.start()
    assert seen == [run, run, second]
    assert current_run.get() is None


async def test_a_failing_sync_handler_is_reported() -> None:
    app = AgentApp("sync", store=":memory:")

    @app.query
    def fail(msgs: Any) -> Any:
        yield "a"
        raise KeyError("k")

    run = app.start_run(request())
    await run.start()
    assert run.status == "failed"
    assert "KeyError" in (run.failure or "")
