"""Random agents, faults, stops and readers against the grammar of a run."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentscope_runtime_nb import (
    AgentApp,
    AgentRequest,
    ApprovalRequest,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from agentscope_runtime_nb.events import Usage, check, user_message

if TYPE_CHECKING:
    from agentscope_runtime_nb.app import Run

agents = st.sampled_from([None, "a", "b"])
parents = st.sampled_from([None, "c1", "c9"])
ids = st.sampled_from(["c1", "c2", "c3"])
words = st.text(max_size=5)


class Picture:
    """Shows itself, as a figure does."""

    def _repr_png_(self) -> bytes:
        return b"a picture"


outputs = st.one_of(st.integers(), st.builds(Picture))
parts = st.one_of(
    words,
    st.builds(Text, words, agents, parents),
    st.builds(Reasoning, words, agents, parents),
    st.builds(ToolCall, ids, st.just("tool"), words, st.booleans(), agents, parents),
    st.builds(ToolResult, ids, st.just("tool"), outputs, st.booleans(), agents, parents),
    st.builds(ApprovalRequest, ids, st.just("tool"), words, words, agents, parents),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.none() | st.floats(0, 1)),
    st.builds(Picture),
    st.just({"type": "image", "image_url": "x"}),
    st.just({"anything": [1, 2]}),
    st.just({"role": "assistant", "content": "whole"}),
    st.none(),
)
deeds = st.sampled_from(["<sleep>", "<fail>", "<stubborn>"])
steps = st.lists(st.one_of(parts, deeds), max_size=12)


def agent_of(script: list[Any]) -> AgentApp:
    app = AgentApp("random", store=":memory:")

    @app.query
    async def answer(msgs: Any, request: Any) -> Any:
        for step in script:
            if step == "<sleep>":
                await asyncio.sleep(0)
            elif step == "<fail>":
                raise ValueError("the agent's own")
            elif step == "<stubborn>":
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    yield "I go on"
            else:
                yield step

    return app


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=steps,
    stop_at=st.integers(-1, 20),
    cancel_at=st.integers(-1, 20),
    lag=st.lists(st.integers(0, 2), max_size=20),
    background=st.booleans(),
)
async def test_every_run_obeys_the_grammar(
    script: list[Any], stop_at: int, cancel_at: int, lag: list[int], background: bool
) -> None:
    app = agent_of(script)
    run = app.start_run(AgentRequest(input=[user_message("go")]))
    events: list[dict[str, Any]] = []

    async def reader(seq: int, frame: bytes) -> None:
        events.append(json.loads(frame))
        for _ in range(lag[seq] if seq < len(lag) else 0):
            await asyncio.sleep(0)  # a slow reader; a stop may fall into its wait

    task = asyncio.ensure_future(run.drive(None if background else reader))
    ticks, cancelled = 0, False
    while not task.done() and ticks < 500:
        if ticks == stop_at:
            run.stop()
        if ticks == cancel_at:
            task.cancel()  # as a server does when it gives up on a connection
        ticks += 1
        await asyncio.sleep(0)
    try:
        await asyncio.wait_for(task, 5)
    except asyncio.CancelledError:
        assert cancel_at >= 0
        cancelled = True
        run.abandon()  # what a server does when the task was cancelled before its first step
    finally:
        app.store.close()
    _check_outcome(app, run, events if not (background or cancelled) else None)


def _check_outcome(app: AgentApp, run: Run, events: list[dict[str, Any]] | None) -> None:
    assert run.done
    assert app.runs.active() == []
    replayed = [json.loads(event.frame) for event in run.log.since(-1)]
    if not replayed:
        return
    if events is not None:
        check(events)
    numbers = [event["sequence_number"] for event in replayed]
    assert numbers == sorted(set(numbers))
    assert replayed[-1]["status"] == run.status
    assert not [e for e in replayed if e.get("delta")], "a finished run keeps snapshots alone"
    ended = [m["id"] for m in run.snapshot()["output"]]
    messages = [e for e in replayed if e["object"] == "message"]
    opened = [m["id"] for m in messages if m["status"] == "in_progress"]
    assert sorted(ended) == sorted(opened)
