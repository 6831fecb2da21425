"""The wire model, the encoding and the Emitter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentscope_runtime_nb.events import (
    AgentRequest,
    AgentResponse,
    Emitter,
    GrammarError,
    Message,
    RunStoppedError,
    check,
    encode,
    user_message,
)


def collecting() -> tuple[Emitter, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []

    async def sink(_seq: int, frame: bytes, _message: str | None, _passing: bool) -> None:
        events.append(json.loads(frame))

    return Emitter({"id": "response_1", "session_id": "s", "created_at": 1}, sink), events


def test_a_string_is_one_user_message_and_unknown_fields_stay() -> None:
    request = AgentRequest.model_validate({"input": "hi", "flavour": "mint"})
    assert request.input[0].role == "user"
    assert request.input[0].text == "hi"
    assert request.model_extra == {"flavour": "mint"}


def test_a_content_of_an_unknown_type_is_kept() -> None:
    content = {"type": "hologram", "beam": 3}
    request = AgentRequest.model_validate({"input": [{"role": "user", "content": [content]}]})
    dumped = request.input[0].model_dump()["content"][0]
    assert dumped["type"] == "hologram"
    assert dumped["beam"] == 3


async def test_history_outside_a_run_is_empty() -> None:
    assert await AgentRequest(input=[user_message("hi")]).history() == []


async def test_text_after_thoughts_is_a_message_of_its_own_with_one_content() -> None:
    emit, events = collecting()
    await emit.start()
    await emit.reasoning("hm")
    await emit.text("Hel")
    await emit.text("lo")
    await emit.finish("completed")
    check(events)
    output = events[-1]["output"]
    assert [(m["type"], len(m["content"])) for m in output] == [("reasoning", 1), ("message", 1)]
    assert output[1]["content"][0]["text"] == "Hello"
    assert output[1]["content"][0]["index"] == 0
    assert output[0]["metadata"]["duration"] >= 0
    assert output[1]["metadata"] is None


async def test_parallel_tool_calls_keep_apart() -> None:
    emit, events = collecting()
    await emit.start()
    for arguments in ("", '{"a":', '{"a":1}'):
        await emit.tool_call("c1", "add", arguments, done=False)
        await emit.tool_call("c2", "mul", arguments, done=False)
    await emit.tool_call("c2", "mul", '{"a":1}')
    await emit.tool_call("c1", "add", '{"a":1}')
    await emit.tool_result("c1", "add", {"sum": 1})
    await emit.tool_result("c2", "mul", 2, failed=True)
    await emit.finish("completed")
    check(events)
    kinds = [m["type"] for m in events[-1]["output"]]
    assert kinds == ["plugin_call", "plugin_call", "plugin_call_output", "plugin_call_output"]
    first, second = events[-1]["output"][2:]
    assert json.loads(first["content"][0]["data"]["output"]) == {"sum": 1}
    assert first["role"] == "tool"
    assert first["metadata"]["duration"] >= 0
    assert second["metadata"]["failed"] is True


async def test_media_completes_and_is_in_the_output() -> None:
    emit, events = collecting()
    await emit.start()
    await emit.media({"type": "image", "image_url": "data:image/png;base64,AA=="})
    await emit.finish("completed")
    check(events)
    assert events[-1]["output"][0]["content"][0]["image_url"].startswith("data:image/png")


async def test_two_agents_interleave_and_are_named() -> None:
    emit, events = collecting()
    await emit.start()
    for who, word in (("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")):
        await emit.text(word, agent=who)
    await emit.finish("completed")
    check(events)
    output = {m["metadata"]["agent"]: m["content"][0]["text"] for m in events[-1]["output"]}
    assert output == {"a": "13", "b": "24"}


@pytest.mark.parametrize("status", ["canceled", "failed", "incomplete"])
async def test_every_open_part_ends_with_the_run(status: str) -> None:
    emit, events = collecting()
    await emit.start()
    await emit.text("half an ans")
    await emit.text("wer", agent="b")
    await emit.tool_call("c1", "add", '{"a":', done=False, agent="c")
    error = {"code": "AGENT_ERROR", "message": "no"} if status == "failed" else None
    await emit.finish(status, error)
    check(events)
    assert {m["status"] for m in events[-1]["output"]} == {status}
    assert events[-1]["output"][0]["content"][0]["text"] == "half an ans"
    await emit.finish("completed")
    assert events[-1]["status"] == status


async def test_usage_is_summed() -> None:
    emit, events = collecting()
    await emit.start()
    await emit.usage(input_tokens=3, output_tokens=1)
    await emit.usage(input_tokens=4, output_tokens=2)
    await emit.finish("completed")
    assert events[-1]["usage"] == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


async def test_a_stopped_emitter_refuses_every_word() -> None:
    emit, _ = collecting()
    await emit.start()
    emit.stopped = True
    for write in (
        emit.text("x"),
        emit.reasoning("x"),
        emit.tool_call("c", "n", {}),
        emit.tool_result("c", "n", 1),
        emit.media({"type": "data", "data": {}}),
        emit.message(Message(role="assistant", content="x")),
    ):
        with pytest.raises(RunStoppedError):
            await write


@pytest.mark.parametrize(
    "text", ["\ud83d", "ok \udc00 ok", "\ud83d\ude00", 'quote " back \\ \n \u2028 \x00']
)
async def test_any_text_becomes_valid_json(text: str) -> None:
    emit, events = collecting()
    await emit.start()
    await emit.text(text)
    await emit.finish("completed")
    check(events)
    AgentResponse.model_validate(events[-1])
    events[-1]["output"][0]["content"][0]["text"].encode()


def test_what_has_no_json_form_becomes_its_str() -> None:
    assert json.loads(encode({"a": object, "n": float("nan")})) == {"a": str(object), "n": None}


def test_the_checker_finds_broken_streams() -> None:
    base = {"object": "response", "error": None, "output": []}
    created = base | {"sequence_number": 0, "status": "created"}
    begun = base | {"sequence_number": 1, "status": "in_progress"}
    message = {"object": "message", "id": "m", "status": "in_progress", "sequence_number": 2}
    done = base | {"status": "completed"}
    good = [created, begun, done | {"sequence_number": 2}]
    check(good)
    for broken in (
        good[:2],
        [created, done | {"sequence_number": 1}],
        [created, begun | {"sequence_number": 5}],
        [created, begun, message, done | {"sequence_number": 3}],
        [*good, done | {"sequence_number": 3}],
        [created, begun, message | {"status": "completed", "content": []}],
    ):
        with pytest.raises(GrammarError):
            check(broken)
