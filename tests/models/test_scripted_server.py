"""The scripted server, asked by the real SDK, whose own types read every answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from agentscope_runtime_nb.models import ModelError, Reply, ScriptedServer, ToolCall, load_script

ADD = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
CHAT_TOOL = {"type": "function", "function": {"name": "add", "parameters": ADD}}
FLAT_TOOL = {"type": "function", "name": "add", "parameters": ADD}
LESSON = [
    {"when": r"add (\d+) and (\d+)", "call": {"name": "add", "arguments": {"a": "{1}", "b": "{2}"}},
     "then": "That makes {tool_result}."},
    {"when": "both", "call": [{"name": "add", "arguments": {"a": 1, "b": 2}}, "now"],
     "then": {"say": "{tool_result_1} and {tool_result_2}"}},
    {"when": "think", "think": "Let me see. Yes.", "say": "It is so."},
    {"when": "before", "say": "You said {previous_user}."},
    {"when": "slow", "say": "word ", "repeat": 10_000, "delay": 0.01},
    {"when": "long", "say": "word ", "repeat": 10_000},
    {"when": "limit", "error": {"status": 429, "code": "rate_limit_exceeded", "message": "m"}},
    {"when": "break", "say": "one two three", "error": {"code": "overloaded", "after": 2}},
    {"when": "cut", "say": "one two three", "drop_after": 2},
    {"when": "stall", "say": "one two three", "stall_after": 1},
    {"when": "short", "say": "one two", "finish": "length", "usage": [7, 9]},
    {"when": "wait", "wait": 3600},
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with ScriptedServer(LESSON) as running:
        yield running


@asynccontextmanager
async def connected(server):
    http = openai.DefaultAsyncHttpx2Client(trust_env=False)
    async with openai.AsyncOpenAI(
        base_url=server.url,
        api_key=server.key,
        max_retries=0,
        http_client=http,
        _strict_response_validation=True,
    ) as client:
        yield client


def user(text):
    return [{"role": "user", "content": text}]


async def chunks(client, messages, **options):
    stream = await client.chat.completions.create(
        model="m", messages=messages, stream=True, **options
    )
    return [chunk async for chunk in stream]


async def events(client, given, **options):
    stream = await client.responses.create(model="m", input=given, stream=True, **options)
    return [event async for event in stream]


async def test_chat_streams_text_and_usage(server):
    async with connected(server) as client:
        got = await chunks(client, user("short"), stream_options={"include_usage": True})
    texts = [c.choices[0].delta.content for c in got if c.choices and c.choices[0].delta.content]
    assert texts == ["one", " two"]
    assert [c.choices[0].finish_reason for c in got if c.choices][-1] == "length"
    assert (got[-1].usage.prompt_tokens, got[-1].usage.completion_tokens) == (7, 9)
    assert got[-1].choices == []


async def test_chat_without_streaming(server):
    async with connected(server) as client:
        answer = await client.chat.completions.create(model="m", messages=user("think"))
    message = answer.choices[0].message
    assert message.content == "It is so."
    assert message.reasoning_content == "Let me see. Yes."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens > 0


async def test_chat_reasoning_comes_first(server):
    async with connected(server) as client:
        got = await chunks(client, user("think"))
    deltas = [c.choices[0].delta for c in got]
    thought = [getattr(delta, "reasoning_content", None) for delta in deltas]
    said = [delta.content for delta in deltas]
    assert "".join(filter(None, thought)) == "Let me see. Yes."
    assert "".join(filter(None, said)) == "It is so."
    assert [bool(t) for t in thought if t] == [True] * 4


async def test_chat_tool_call_and_what_follows(server):
    messages = user("please add 2 and 3")
    async with connected(server) as client:
        got = await chunks(client, messages, tools=[CHAT_TOOL])
        parts = [p for c in got for p in c.choices[0].delta.tool_calls or []]
        assert (parts[0].function.name, parts[0].id[:5]) == ("add", "call_")
        assert len(parts) > 2  # the arguments come in pieces
        arguments = "".join(p.function.arguments or "" for p in parts)
        assert json.loads(arguments) == {"a": 2, "b": 3}
        assert got[-1].choices[0].finish_reason == "tool_calls"
        whole = await client.chat.completions.create(
            model="m", messages=messages, tools=[CHAT_TOOL]
        )
        call = whole.choices[0].message.tool_calls[0]
        assert (call.id, call.function.arguments) == (parts[0].id, arguments)
        messages += [
            whole.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": '"5"'},
        ]
        last = await client.chat.completions.create(model="m", messages=messages, tools=[CHAT_TOOL])
        assert last.choices[0].message.content == "That makes 5."


async def test_chat_parallel_calls(server):
    async with connected(server) as client:
        answer = await client.chat.completions.create(model="m", messages=user("both"))
        calls = answer.choices[0].message.tool_calls
        assert [call.function.name for call in calls] == ["add", "now"]
        assert len({call.id for call in calls}) == 2
        messages = [*user("both"), answer.choices[0].message.model_dump(exclude_none=True)]
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": text}
            for call, text in zip(calls, ["3", "noon"], strict=True)
        ]
        last = await client.chat.completions.create(model="m", messages=messages)
        assert last.choices[0].message.content == "3 and noon"


async def test_the_same_conversation_gets_the_same_answer(server):
    history = [*user("the sky is blue"), {"role": "assistant", "content": "yes"}, *user("before?")]
    async with connected(server) as client:
        answers = [
            await client.chat.completions.create(model="m", messages=history) for _ in range(2)
        ]
        both = await client.responses.create(model="m", input=history)
    assert answers[0].choices == answers[1].choices
    assert answers[0].choices[0].message.content == "You said the sky is blue."
    assert both.output_text == "You said the sky is blue."


@pytest.mark.parametrize("text", ["think", "please add 2 and 3", "both", "short", "before"])
async def test_responses_events_are_what_the_sdk_expects(server, text):
    adapter = TypeAdapter(ResponseStreamEvent)
    async with connected(server) as client:
        got = await events(client, text, tools=[FLAT_TOOL])
        whole = await client.responses.create(model="m", input=text, tools=[FLAT_TOOL])
    for event in got:
        adapter.validate_python(event.model_dump(warnings="error"), strict=True)
    assert [event.sequence_number for event in got] == list(range(len(got)))
    assert [event.type for event in got][:2] == ["response.created", "response.in_progress"]
    final = got[-1].response
    assert final.output_text == whole.output_text
    assert [item.type for item in final.output] == [item.type for item in whole.output]
    assert final.usage == whole.usage
    opened = [e.item.id for e in got if e.type == "response.output_item.added"]
    closed = [e.item.id for e in got if e.type == "response.output_item.done"]
    assert opened == closed == [item.id for item in final.output]


async def test_responses_tool_call_and_what_follows(server):
    async with connected(server) as client:
        got = await events(client, "please add 2 and 3", tools=[FLAT_TOOL])
        deltas = [e.delta for e in got if e.type == "response.function_call_arguments.delta"]
        call = got[-1].response.output[0]
        assert len(deltas) > 1
        assert json.loads("".join(deltas)) == json.loads(call.arguments) == {"a": 2, "b": 3}
        given = [*user("please add 2 and 3"), call.model_dump(exclude_none=True)]
        given += [{"type": "function_call_output", "call_id": call.call_id, "output": "5"}]
        last = await client.responses.create(model="m", input=given, tools=[FLAT_TOOL])
        assert last.output_text == "That makes 5."


async def test_the_sdk_puts_a_stream_together_itself(server):
    async with connected(server) as client:
        async with client.chat.completions.stream(model="m", messages=user("think")) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.content == "It is so."
        async with client.responses.stream(model="m", input="think") as stream:
            response = await stream.get_final_response()
        assert response.output_text == "It is so."


async def test_an_http_error(server):
    async with connected(server) as client:
        for ask in (
            client.chat.completions.create(model="m", messages=user("limit")),
            client.responses.create(model="m", input="limit", stream=True),
        ):
            with pytest.raises(openai.RateLimitError) as caught:
                await ask
            assert caught.value.code == "rate_limit_exceeded"


async def test_an_error_in_the_middle(server):
    async with connected(server) as client:
        stream = await client.chat.completions.create(
            model="m", messages=user("break"), stream=True
        )
        got = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
        assert "".join(got) == "one two"
        with pytest.raises(openai.APIError) as caught:
            await anext(stream)
        assert caught.value.code == "overloaded"
        final = (await events(client, "break"))[-1]
        assert (final.type, final.response.status) == ("response.failed", "failed")
        assert final.response.output_text == "one two"


async def test_a_cut_line(server):
    async with connected(server) as client:
        with pytest.raises((httpx2.TransportError, openai.APIConnectionError)):
            await chunks(client, user("cut"))
        with pytest.raises(openai.APIConnectionError):
            await client.responses.create(model="m", input="cut")
    assert server.requests[-1].sent == 2


async def test_a_client_that_leaves_is_noticed(server):
    async with connected(server) as client:
        stream = await client.chat.completions.create(model="m", messages=user("slow"), stream=True)
        await anext(aiter(stream))
        await stream.close()
    record = server.requests[-1]
    assert await asyncio.to_thread(record.wait)
    assert record.gone
    assert record.sent < 1000


@pytest.mark.parametrize("text", ["stall", "wait"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_stalled_answer_ends_with_its_client(server, text, stream):
    async with connected(server) as client:
        if stream:
            asked = chunks(client, user(text), timeout=0.3)
        else:
            asked = client.responses.create(model="m", input=text, timeout=0.3)
        with pytest.raises((httpx2.TimeoutException, openai.APITimeoutError)):
            await asked
    record = server.requests[-1]
    assert await asyncio.to_thread(record.wait)
    assert record.gone
    assert record.sent == (1 if text == "stall" else 0)


async def test_ten_thousand_tokens(server):
    async with connected(server) as client:
        got = await chunks(client, user("long"))
    assert len(got) == 10_002
    assert server.requests[-1].wait()
    assert (server.requests[-1].sent, server.requests[-1].gone) == (10_000, False)


@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/models", "/other"])
@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_the_key_nothing_is_answered(server, path, key):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(server.url + path, json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert server.key not in answer.text


@pytest.mark.parametrize(
    ("path", "content", "status", "code"),
    [
        ("/chat/completions", "{", 400, "invalid_request"),
        ("/chat/completions", "[]", 400, "invalid_request"),
        ("/chat/completions", "{}", 400, "invalid_request"),
        ("/chat/completions", '{"messages":[1]}', 400, "invalid_request"),
        ("/chat/completions", '{"messages":[{"role":"x"}]}', 400, "invalid_request"),
        ("/responses", '{"input":[]}', 400, "invalid_request"),
        ("/responses", '{"input":[{"type":"x"}]}', 400, "invalid_request"),
        ("/responses", '{"input":"unheard of"}', 400, "script_no_reply"),
        ("/nowhere", "{}", 404, "not_found"),
    ],
)
def test_a_bad_request_is_refused(server, path, content, status, code):
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(server.url + path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_function_as_a_script():
    def script(conversation):
        if conversation.last_user == "fail":
            raise ZeroDivisionError("by hand")
        return Reply(say=f"{len(conversation.users)} so far")

    with ScriptedServer(script) as server:
        async with connected(server) as client:
            answer = await client.responses.create(model="m", input="hi")
            assert answer.output_text == "1 so far"
            with pytest.raises(openai.InternalServerError) as caught:
                await client.responses.create(model="m", input="fail")
            assert caught.value.code == "script_failed"


def test_stopping_cuts_what_stalls_and_frees_the_port():
    server = ScriptedServer(LESSON)
    headers = {"Authorization": f"Bearer {server.key}"}
    url = server.url
    with httpx2.Client(trust_env=False) as client:
        body = {"messages": user("stall"), "stream": True}
        with client.stream("POST", f"{url}/chat/completions", json=body, headers=headers) as answer:
            lines = answer.iter_lines()
            next(lines)
            server.stop()
            with pytest.raises(httpx2.TransportError):
                list(lines)
        assert not server.running
        with pytest.raises(httpx2.ConnectError):
            client.get(f"{url}/models", headers=headers)
        server.start()
        assert server.url == url
        assert client.get(f"{url}/models", headers=headers).status_code == 200
    server.stop()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("nowhere.json", "nowhere.json"),
        ([{"sya": "x"}], "'say'"),
        ([{"say": "x"}, {"when": "("}], "Reply 2"),
        ([{"call": {"arguments": {}}}], "name"),
        ([{"then": {"delay": -1}}], "then"),
        ({"say": "x"}, "list"),
        (3, "list"),
        ([3], "Reply 1"),
    ],
)
def test_a_bad_script_says_where(script, told):
    with pytest.raises(ModelError) as caught:
        load_script(script)
    assert caught.value.code == "script_invalid"
    assert told in str(caught.value)


def test_templates_leave_other_braces_alone():
    script = load_script(
        [Reply(say="{last_user} {unknown} {}", call=(ToolCall("f", '{"not json": {turn}'),))]
    )
    with ScriptedServer(script) as server, httpx2.Client(trust_env=False) as client:
        answer = client.post(
            f"{server.url}/chat/completions",
            json={"messages": user("hi")},
            headers={"Authorization": f"Bearer {server.key}"},
        )
    message = answer.json()["choices"][0]["message"]
    assert message["content"] == "hi {unknown} {}"
    assert message["tool_calls"][0]["function"]["arguments"] == '{"not json": 1'


def test_as_a_program(tmp_path):
    path = tmp_path / "Lektion ä.json"
    path.write_text(json.dumps([{"say": "from a file"}]), "utf-8")
    command = [sys.executable, "-m", "agentscope_runtime_nb.models.scripted_server", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().removeprefix("url: ").strip()
            key = Path(process.stdout.readline().removeprefix("key: ").strip())
            assert key.stat().st_mode & 0o777 == 0o600
            with httpx2.Client(trust_env=False) as client:
                answer = client.post(
                    f"{url}/responses",
                    json={"input": "hi"},
                    headers={"Authorization": f"Bearer {key.read_text().strip()}"},
                )
            assert answer.json()["output"][0]["content"][0]["text"] == "from a file"
        finally:
            process.terminate()
            process.wait(10)
    assert not key.exists()
    bad = subprocess.run([*command[:-1], "nowhere.json"], capture_output=True, check=False)
    assert bad.returncode == 1
