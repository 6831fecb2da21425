"""Random events of AgentScope's, faults and stops against the grammar of a run."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agentscope import event as native
from agentscope.message import AssistantMsg, ToolCallBlock, ToolResultState
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentscope_runtime_nb import AgentApp, AgentRequest
from agentscope_runtime_nb.events import check, user_message

replies = st.sampled_from(["r1", "r2"])
names = st.sampled_from(["Ann", "Bob"])
calls = st.sampled_from(["c1", "c2"])
blocks = st.sampled_from(["b1", "b2"])
words = st.sampled_from(["", "word ", '{"member": "Bob"}'])
states = st.sampled_from(list(ToolResultState))
png = st.just("image/png")


def made(kind: Any, **fields: Any) -> Any:
    return st.builds(kind, reply_id=replies, **fields)


def asking(reply_id: str, call: str, arguments: str) -> Any:
    block = ToolCallBlock(id=call, name="tool", input=arguments)
    return native.RequireUserConfirmEvent(reply_id=reply_id, tool_calls=[block])


natives = st.one_of(
    made(native.ReplyStartEvent, session_id=st.just("s"), name=names),
    made(native.ReplyEndEvent, session_id=st.just("s")),
    made(native.ModelCallStartEvent, model_name=words),
    made(native.ModelCallEndEvent, input_tokens=st.integers(0, 9), output_tokens=st.integers(0, 9)),
    made(native.TextBlockDeltaEvent, block_id=blocks, delta=words),
    made(native.TextBlockEndEvent, block_id=blocks),
    made(native.ThinkingBlockDeltaEvent, block_id=blocks, delta=words),
    made(native.DataBlockStartEvent, block_id=blocks, media_type=png),
    made(native.DataBlockDeltaEvent, block_id=blocks, media_type=png, data=st.just("eA==")),
    made(native.DataBlockEndEvent, block_id=blocks),
    made(native.ToolCallStartEvent, tool_call_id=calls, tool_call_name=words),
    made(native.ToolCallDeltaEvent, tool_call_id=calls, delta=words),
    made(native.ToolCallEndEvent, tool_call_id=calls),
    made(native.ToolResultStartEvent, tool_call_id=calls, tool_call_name=words),
    made(native.ToolResultTextDeltaEvent, tool_call_id=calls, delta=words),
    made(native.ToolResultDataDeltaEvent, tool_call_id=calls, media_type=png, data=st.just("eA==")),
    made(native.ToolResultEndEvent, tool_call_id=calls, state=states),
    st.builds(asking, replies, calls, words),
    st.builds(AssistantMsg, names, words, id=replies),
    words,
)
deeds = st.sampled_from(["<sleep>", "<fail>", "<stubborn>"])


def agent_of(script: list[Any]) -> AgentApp:
    app = AgentApp("random", framework="agentscope", store=":memory:")

    @app.query
    async def answer(msgs: Any) -> Any:
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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=st.lists(st.one_of(natives, deeds), max_size=14),
    stop_at=st.integers(-1, 20),
    cancel_at=st.integers(-1, 20),
)
async def test_every_run_obeys_the_grammar(script: list[Any], stop_at: int, cancel_at: int) -> None:
    app = agent_of(script)
    run = app.start_run(AgentRequest(input=[user_message("go")]))
    events: list[dict[str, Any]] = []

    async def reader(seq: int, frame: bytes) -> None:
        events.append(json.loads(frame))
        await asyncio.sleep(0)

    task = asyncio.ensure_future(run.drive(reader))
    ticks, cancelled = 0, False
    while not task.done() and ticks < 500:
        if ticks == stop_at:
            run.stop()
        if ticks == cancel_at:
            task.cancel()  # as a server does when it gives up on a connection
        ticks += 1
        await asyncio.sleep(0)
    try:
        await asyncio.wait_for(task, 10)
    except asyncio.CancelledError:
        assert cancel_at >= 0
        cancelled = True
        run.abandon()  # what a server does when the task was cancelled before its first step
    finally:
        app.store.close()
    assert run.done
    assert app.runs.active() == []
    if not cancelled:
        check(events)
