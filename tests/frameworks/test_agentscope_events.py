"""Every kind of native that AgentScope's agents yield, as events that obey the grammar."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from agentscope import event as native
from agentscope.message import (
    AssistantMsg,
    Base64Source,
    DataBlock,
    HintBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    ToolResultBlock,
    ToolResultState,
    URLSource,
    Usage,
)
from serving import serve
from talking import kinds, talk

from agentscope_runtime_nb import AgentApp

R = {"reply_id": "r"}
START = native.ReplyStartEvent(session_id="s", name="Friday", **R)
END = native.ReplyEndEvent(session_id="s", **R)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def events_of(*natives: Any) -> list[dict[str, Any]]:
    app = AgentApp("friday", framework="agentscope", store=":memory:")

    @app.query
    async def handler(msgs: Any) -> Any:
        for item in natives:
            yield item

    async with serve(app) as client:
        return await talk(client, "go")


def data(media_type: str, *chunks: str, url: str | None = None, name: str | None = None) -> Any:
    block = {**R, "block_id": f"b-{media_type}-{url}", "media_type": media_type}
    yield native.DataBlockStartEvent(**block, name=name)
    for chunk in chunks:
        yield native.DataBlockDeltaEvent(**block, data=chunk)
    if url:
        yield native.DataBlockDeltaEvent(**block, url=url)
    yield native.DataBlockEndEvent(**R, block_id=block["block_id"])


async def test_data_of_all_kinds() -> None:
    png, pdf = encoded(b"\x89PNG"), encoded(b"%PDF")
    events = await events_of(
        START,
        *data("image/png", png),
        *data("image/jpeg", url="https://example.org/a.jpg"),
        *data("audio/wav", encoded(b"RIFF"), encoded(b"12")),
        *data("audio/mpeg", url="https://example.org/a.mp3"),
        *data("video/mp4", encoded(b"film")),
        *data("video/mp4", url="https://example.org/a.mp4"),
        *data("application/pdf", pdf, name="a.pdf"),
        *data("text/csv", url="https://example.org/a.csv"),
        END,
    )
    wanted = (
        "type", "image_url", "data", "format", "video_url", "file_url", "file_data", "filename",
    )  # fmt: skip
    contents = [m["content"][0] for m in events[-1]["output"]]
    assert [{k: c[k] for k in wanted if k in c} for c in contents] == [
        {"type": "image", "image_url": f"data:image/png;base64,{png}"},
        {"type": "image", "image_url": "https://example.org/a.jpg"},
        {"type": "audio", "data": encoded(b"RIFF12"), "format": "wav"},
        {"type": "audio", "data": "https://example.org/a.mp3", "format": "mpeg"},
        {"type": "video", "video_url": f"data:video/mp4;base64,{encoded(b'film')}"},
        {"type": "video", "video_url": "https://example.org/a.mp4"},
        {"type": "file", "filename": "a.pdf", "file_data": pdf},
        {"type": "file", "filename": "file.csv", "file_url": "https://example.org/a.csv"},
    ]


async def test_a_result_with_an_image_and_one_that_was_refused() -> None:
    call = {**R, "tool_call_id": "c1"}
    other = {**R, "tool_call_id": "c2"}
    events = await events_of(
        START,
        native.ToolCallStartEvent(**call, tool_call_name="draw"),
        native.ToolCallStartEvent(**other, tool_call_name="drop"),
        native.ToolCallDeltaEvent(**call, delta='{"a"'),
        native.ToolCallDeltaEvent(**other, delta="{}"),
        native.ToolCallDeltaEvent(**call, delta=": 1}"),
        native.ToolCallEndEvent(**call),
        native.ToolCallEndEvent(**other),
        native.ToolResultStartEvent(**call, tool_call_name="draw"),
        native.ToolResultStartEvent(**other, tool_call_name="drop"),
        native.ToolResultTextDeltaEvent(**other, delta="no"),
        native.ToolResultDataDeltaEvent(**call, media_type="image/png", data=encoded(b"x")),
        native.ToolResultEndEvent(**other, state=ToolResultState.DENIED),
        native.ToolResultEndEvent(**call, state=ToolResultState.SUCCESS),
        END,
    )
    *_, refused, drawn = events[-1]["output"]
    assert refused["metadata"]["failed"] is True
    assert [c["type"] for c in drawn["content"]] == ["data", "image"]
    calls = [m["content"][0]["data"] for m in events[-1]["output"][:2]]
    assert [c["arguments"] for c in calls] == ['{"a": 1}', "{}"]


async def test_usage_is_summed() -> None:
    call = native.ModelCallStartEvent(**R, model_name="nobody's")
    end = native.ModelCallEndEvent(**R, input_tokens=3, output_tokens=2)
    events = await events_of(START, call, end, call, end, END)
    assert events[-1]["usage"] == {"input_tokens": 6, "output_tokens": 4, "total_tokens": 10}


async def test_what_is_not_known_passes() -> None:
    class FutureEvent(native.EventBase):
        type: str = "TEXT_BLOCK_SUNG"

    FutureEvent.__module__ = "agentscope.event"
    hint = native.HintBlockEvent(**R, block_id="h", hint="it is late")
    custom = native.CustomEvent(name="team_updated")
    interrupt = native.UserInterruptEvent(**R)
    events = await events_of(START, FutureEvent(), hint, custom, interrupt, END)
    assert events[-1]["status"] == "completed"
    assert events[-1]["output"] == []


async def test_whole_messages() -> None:
    source = Base64Source(media_type="image/png", data=encoded(b"x"))
    url = URLSource.model_validate({"media_type": "audio/wav", "url": "https://example.org/a.wav"})
    parts = [TextBlock(text="seen"), DataBlock(source=source)]
    message = AssistantMsg(
        "Friday",
        [
            ThinkingBlock(thinking="hm"),
            TextBlock(text="one"),
            TextBlock(text="two"),
            HintBlock(hint="psst"),
            ToolCallBlock(id="c", name="look", input="{}"),
            ToolResultBlock(id="c", name="look", output=parts, state=ToolResultState.SUCCESS),
            DataBlock(source=url),
        ],
        usage=Usage(input_tokens=1, output_tokens=2),
    )
    events = await events_of(message, "and plain text")
    assert kinds(events) == [
        "reasoning",
        "message",
        "message",
        "plugin_call",
        "plugin_call_output",
        "message",
        "message",
    ]
    assert events[-1]["usage"]["total_tokens"] == 3
    assert len(events[-1]["output"][4]["content"]) == 2
    assert {m["metadata"]["agent"] for m in events[-1]["output"][:-1]} == {"Friday"}


async def test_a_message_that_was_streamed_is_not_shown_twice() -> None:
    said = native.TextBlockDeltaEvent(**R, block_id="b", delta="hello")
    message = AssistantMsg("Friday", "hello", id="r", structured_output={"a": 1})
    events = await events_of(START, said, END, message)
    assert [m["content"][0]["type"] for m in events[-1]["output"]] == ["text", "data"]


@pytest.mark.parametrize(
    ("kind", "code"), [("rate_limit", "MODEL_QUOTA_EXCEEDED"), ("unknown", "AGENT_UNKNOWN_ERROR")]
)
async def test_an_error_at_the_end_fails_the_run(kind: str, code: str) -> None:
    error = SimpleNamespace(type=kind, message="It broke.")
    end = native.ReplyEndEvent(session_id="s", **R)
    end.finished_reason, end.error = "error", error  # pyright: ignore[reportAttributeAccessIssue]
    events = await events_of(START, end)
    assert events[-1]["error"] == {"code": code, "message": "It broke."}


async def test_one_agent_after_another() -> None:
    def speaks(name: str) -> list[Any]:
        reply = {"reply_id": name}
        return [
            native.ReplyStartEvent(session_id="s", name=name, **reply),
            native.TextBlockDeltaEvent(**reply, block_id="b", delta=f"{name} here"),
            native.ReplyEndEvent(session_id="s", **reply),
        ]

    events = await events_of(*speaks("Ann"), *speaks("Bob"))
    assert [(m["metadata"]["agent"], m["content"][0]["text"]) for m in events[-1]["output"]] == [
        ("Ann", "Ann here"),
        ("Bob", "Bob here"),
    ]
