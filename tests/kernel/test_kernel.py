"""Agents in a real kernel, watched from outside as a front end would."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from real_kernel import customs, until
from ticking import TICK, TICKERS, ceased, ticking

if TYPE_CHECKING:
    from real_kernel import Kernel

ECHO = """%%agent_app echo
@app.query
async def answer(msgs, request):
    yield "You said: " + msgs[-1].text
"""


AWAITING = """%%agent_app awaiting --no-chat
import asyncio
await asyncio.sleep(0.1)
print("in the cell")
display("shown")
@app.query
async def answer(msgs):
    yield "x"
7 * 6
"""
SLOW = """%%agent_app slow --no-chat
import asyncio
@app.query
async def answer(msgs, request):
    for word in ("one", "two", "three"):
        yield word + " "
        await asyncio.sleep(0.4)
"""
TALKER = """
import asyncio
@app.query
async def answer(msgs, request):
    await asyncio.sleep(0.3)
    print("secret words")
    yield "x"
"""
ATTACHED = """
import asyncio
@app.query
async def answer(msgs, request):
    yield "so far"
    await asyncio.sleep(1.5)
"""
FLAKY = """
fails = [1]
@app.query
async def answer(msgs, request):
    if fails and fails.pop():
        raise ValueError("no")
    yield f"{len(await request.history())}"
"""
FLOOD = """%%agent_app flood --no-chat
@app.query
async def answer(msgs, request):
    for n in range(20000):
        count.append(n)
        yield "x" * 1000
"""
WIDGET = """
import ipywidgets, threading
w = echo.chat(session="s1")
box = ipywidgets.VBox([w])
heard, seen = [], []
w.on_message(lambda m: heard.append((m.text, threading.current_thread().name)))
w.observe(lambda c: seen.append(threading.current_thread().name), "busy")
"""


def http(kernel: Kernel) -> httpx2.Client:
    socket = json.loads(kernel.registry.read_text())["socket"]
    transport = httpx2.HTTPTransport(uds=socket)
    return httpx2.Client(transport=transport, base_url="http://kernel", timeout=10)


def start(kernel: Kernel, name: str, cell: str) -> tuple[str, str, int]:
    """Define an agent, ask it something; its chat, the run, and where to listen from."""
    chat = kernel.widget(kernel.run(f"%%agent_app {name}\n{cell}"))
    mark = kernel.mark
    kernel.say(chat, {"id": f"{name}{mark}", "type": "send", "text": "go"})
    run_id = kernel.custom(chat, "turn", after=mark)["turn"]["run_id"]
    return chat, run_id, mark


def test_a_cell_shows_a_chat_that_answers(kernel: Kernel) -> None:
    chat = kernel.widget(kernel.run(ECHO))
    mark = kernel.mark
    kernel.say(chat, {"id": "1", "type": "send", "text": "hello"})
    turn = kernel.custom(chat, "turn", after=mark)["turn"]
    assert turn["input"][0]["content"][0]["text"] == "hello"
    kernel.state(chat, after=mark, state="running", run_id=turn["run_id"])
    kernel.state(chat, after=mark, state="idle", run_id=turn["run_id"])
    events = told(kernel, chat, turn["run_id"], mark)
    assert events[-1]["status"] == "completed"
    assert events[-1]["output"][0]["content"][0]["text"] == "You said: hello"


def told(kernel: Kernel, chat: str, run_id: str, mark: int) -> list[dict[str, Any]]:
    """Every event of a run that the chat was told."""
    found: list[dict[str, Any]] = []
    for message in customs(kernel, chat, mark):
        if message.get("type") == "events" and message["run_id"] == run_id:
            # What is told follows on: a view that sees a gap asks for everything again.
            expected = found[-1]["sequence_number"] + 1 if found else 0
            assert message["events"][0]["sequence_number"] == expected
            found += message["events"]
        elif message.get("type") == "turn" and message["turn"]["run_id"] == run_id:
            found = list(message["turn"]["events"])
    return found


def test_a_message_that_comes_by_both_roads_is_answered_once(kernel: Kernel) -> None:
    chat = kernel.widget(kernel.run(ECHO))
    mark = kernel.mark
    message = {"id": "twice", "type": "send", "text": "only once"}
    with http(kernel) as client:
        assert client.post(f"/echo/chat/{chat}", json=message).json() == {"ok": True}
    kernel.say(chat, message)
    kernel.state(chat, after=mark, state="idle")
    kernel.run("import time; time.sleep(0.2)")
    turns = customs(kernel, chat, mark, kind="turn")
    runs = {message["turn"]["run_id"] for message in turns}
    assert len(runs) == 1


@pytest.mark.parametrize("name", TICKERS)
def test_stop_stops_what_the_agent_does(kernel: Kernel, name: str) -> None:
    kernel.run(TICK)
    chat, run_id, mark = start(kernel, name, TICKERS[name])
    ticking(kernel)
    kernel.say(chat, {"id": f"stop{mark}", "type": "stop", "run_id": run_id})
    kernel.state(chat, after=mark, state="idle", run_id=run_id)
    ceased(kernel)
    assert told(kernel, chat, run_id, mark)[-1]["status"] == "canceled"


@pytest.mark.parametrize("road", ["stop", "chat"])
def test_stop_over_http_while_a_cell_blocks_the_kernel(kernel: Kernel, road: str) -> None:
    kernel.run(TICK)
    chat, run_id, mark = start(kernel, f"busy_{road}", TICKERS["tick_async"])
    cell = kernel.start("import time; time.sleep(4)")
    ticking(kernel)
    with http(kernel) as client:
        began = time.monotonic()
        if road == "stop":
            answer = client.post(f"/busy_{road}/process/stop", json={"run_id": run_id}).json()
            assert (answer["stopped"], answer["run_id"]) == (True, run_id)
        else:
            client.post(
                f"/busy_{road}/chat/{chat}", json={"id": "x", "type": "stop", "run_id": run_id}
            )
        assert time.monotonic() - began < 2
        ceased(kernel)
        kernel.state(chat, after=mark, state="idle", run_id=run_id, timeout=2)
    assert kernel.finish(cell).status == "ok"


def test_what_cannot_be_stopped_is_named_and_can_be_forced(kernel: Kernel) -> None:
    kernel.run("import time")
    cell = "@app.query\ndef answer(msgs, request):\n    time.sleep(8)\n    yield 'late'\n"
    chat, run_id, mark = start(kernel, "sleeper", cell)
    kernel.run("time.sleep(0.2)")
    kernel.say(chat, {"id": "s", "type": "stop", "run_id": run_id})
    status = kernel.state(chat, after=mark, state="stopping", run_id=run_id)
    assert "answer(), line 4 of cell [" in status["detail"]
    kernel.say(chat, {"id": "f", "type": "force", "run_id": run_id})
    kernel.state(chat, after=mark, state="idle", run_id=run_id, timeout=3)
    assert told(kernel, chat, run_id, mark)[-1]["status"] == "canceled"
    mark = kernel.mark
    kernel.say(chat, {"id": "again", "type": "send", "text": "the session is free"})
    kernel.custom(chat, "turn", after=mark, timeout=3)


@pytest.mark.parametrize("code", ["time.sleep(3)", "while True: pass"])
def test_a_blocked_loop_is_named_and_health_still_answers(kernel: Kernel, code: str) -> None:
    kernel.run("import time")
    name = "blocker" if "sleep" in code else "spinner"
    cell = f"@app.query\nasync def answer(msgs, request):\n    {code}\n    yield 'x'\n"
    chat, run_id, mark = start(kernel, name, cell)
    notice = kernel.custom(chat, "notice", after=mark)
    assert "answer(), line 4 of cell [" in notice["text"]
    with http(kernel) as client:
        assert client.get(f"/{name}/health").json()["status"] == "healthy"
        assert client.get(f"/{name}/process/runs/{run_id}").json()["status"] == "in_progress"
    if name == "spinner":
        kernel.say(chat, {"id": "s", "type": "stop", "run_id": run_id})
        kernel.state(chat, after=mark, state="stopping", run_id=run_id)
        kernel.say(chat, {"id": "f", "type": "force", "run_id": run_id})
    kernel.state(chat, after=mark, state="idle", run_id=run_id)
    kernel.run(ECHO)
    assert "You said: after" in kernel.run("print(echo.ask('after'))").text


def test_interrupting_a_cell_that_asks_stops_the_agent(kernel: Kernel) -> None:
    kernel.run(TICK)
    kernel.run(f"%%agent_app asked --no-chat\n{TICKERS['tick_async']}")
    cell = kernel.start("asked.ask('go')")
    ticking(kernel)
    kernel.manager.interrupt_kernel()
    assert kernel.finish(cell).status == "error"
    ceased(kernel)


def test_a_body_that_awaits_prints_into_its_cell_and_can_be_interrupted(kernel: Kernel) -> None:
    result = kernel.run(AWAITING)
    assert "in the cell" in result.text
    assert "shown" in result.text
    assert "42" in result.text
    kernel.run(TICK)
    cell = kernel.start(
        "%%agent_app awaiting --no-chat\nwhile True:\n    tick()\n    await asyncio.sleep(0.01)"
    )
    ticking(kernel)
    kernel.manager.interrupt_kernel()
    assert kernel.finish(cell).status == "error"
    ceased(kernel)
    assert kernel.run("awaiting.ask('x').text").value["text/plain"] == "'x'"


def test_a_traceback_names_the_cell_and_its_line(kernel: Kernel) -> None:
    result = kernel.fail("%%agent_app wrong\n\nx = 1\n1 / 0")
    assert f"In[{result.reply['execution_count']}]" in result.error
    assert "line 4" in result.error
    assert "run_cell_magic" not in result.error


def test_progress_is_shown_while_asking(kernel: Kernel) -> None:
    kernel.run(SLOW)
    result = kernel.run("slow.ask('x')")
    shown = [
        c["data"]["text/plain"]
        for c in (*result.of("display_data"), *result.of("update_display_data"))
    ]
    assert any(text.strip() == "one two" for text in shown)
    assert result.value["text/plain"].strip() == "one two three"


def test_prints_of_a_run_stay_out_of_other_cells(kernel: Kernel) -> None:
    chat, run_id, mark = start(
        kernel,
        "talker",
        TALKER,
    )
    cell = kernel.run("import time; time.sleep(0.8); print('own words')")
    kernel.state(chat, after=mark, state="idle", run_id=run_id)
    assert kernel.custom(chat, "log", after=mark)["text"] == "secret words\n"
    assert "secret" not in cell.text


def test_a_view_that_attaches_gets_everything(kernel: Kernel) -> None:
    chat, run_id, mark = start(
        kernel,
        "attached",
        ATTACHED,
    )
    until(lambda: any(e.get("delta") for e in told(kernel, chat, run_id, mark)))
    kernel.client.shell_channel.send(
        kernel.client.session.msg(
            "comm_msg", {"comm_id": chat, "data": {"method": "request_state"}}
        )
    )
    update = kernel.wait(
        lambda m: (
            m["msg_type"] == "comm_msg"
            and m["content"]["comm_id"] == chat
            and "turns" in m["content"]["data"].get("state", {})
        ),
        after=mark,
    )
    turn = update["content"]["data"]["state"]["turns"][-1]
    assert turn["run_id"] == run_id
    assert any(event.get("text") == "so far" for event in turn["events"])
    kernel.state(chat, after=mark, state="idle", run_id=run_id)
    mark = kernel.mark
    kernel.say(chat, {"id": "snap", "type": "snapshot"})
    turn = kernel.custom(chat, "snapshot", after=mark)["turns"][-1]
    assert [event["status"] for event in turn["events"]] == ["completed"]


def test_the_cell_shows_the_same_chat_again_and_a_second_view_follows(kernel: Kernel) -> None:
    first = kernel.widget(kernel.run(ECHO))
    assert kernel.widget(kernel.run(ECHO)) == first
    second = kernel.widget(kernel.run("%agent_app chat echo"))
    assert second != first
    mark = kernel.mark
    kernel.say(second, {"id": "both", "type": "send", "text": "to both"})
    assert kernel.custom(first, "turn", after=mark) == kernel.custom(second, "turn", after=mark)
    kernel.state(first, after=mark, state="idle")


def test_new_session_and_retry(kernel: Kernel) -> None:
    chat, run_id, mark = start(kernel, "flaky", FLAKY)
    status = kernel.state(chat, after=mark, state="failed", run_id=run_id)
    assert "ValueError" in status["detail"]
    mark = kernel.mark
    kernel.say(chat, {"id": "r", "type": "retry", "run_id": run_id})
    again = kernel.custom(chat, "turn", after=mark)["turn"]["run_id"]
    kernel.state(chat, after=mark, state="idle", run_id=again)
    assert told(kernel, chat, again, mark)[-1]["output"][0]["content"][0]["text"] == "0"
    session = kernel.run("flaky.session_id").value["text/plain"]
    mark = kernel.mark
    kernel.say(chat, {"id": "n", "type": "new_session"})
    assert kernel.custom(chat, "snapshot", after=mark)["turns"] == []
    assert kernel.run("flaky.session_id").value["text/plain"] != session


def test_the_transcript_stays_beside_the_chat(kernel: Kernel) -> None:
    chat = kernel.widget(kernel.run(ECHO.replace("echo", "scribe")))
    mark = kernel.mark
    kernel.say(chat, {"id": "t", "type": "send", "text": "<script>alert(1)</script>"})
    update = kernel.wait(
        lambda m: m["msg_type"] == "update_display_data" and "You said" in str(m["content"]),
        after=mark,
    )
    data = update["content"]["data"]
    assert 'class="asnb-transcript' in data["text/html"]
    assert "<script" not in data["text/html"]
    assert "<script" not in data["text/markdown"]


def test_completion_in_a_kernel(kernel: Kernel) -> None:
    kernel.run(ECHO)
    for line, wanted in (
        ("%%agent_app ec", "echo"),
        ("%%agent_app x --des", "--description"),
        ("%agent_app sto", "stop"),
        ("%agent_app export ec", "echo"),
    ):
        request = kernel.client.complete(line, len(line))
        assert wanted in kernel._reply(request, 10)["content"]["matches"], line


def test_the_socket_serves_every_app_and_only_them(kernel: Kernel) -> None:
    kernel.run(ECHO)
    with http(kernel) as client:
        events = client.post("/echo/process", json={"input": "hi"}).text
        assert '"status":"completed"' in events
        whole = client.post("/echo/process", json={"input": "hi", "stream": False}).json()
        assert whole["output"][0]["content"][0]["text"] == "You said: hi"
        missing = client.post("/nobody/process", json={"input": "hi"})
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "RESOURCE_NOT_FOUND")
        assert "echo" in client.get("/").json()["apps"]
        assert client.post("/echo/chat/nowhere", json={}).status_code == 404
        assert client.post("/echo/process/stop", json={"run_id": "none"}).json()["stopped"] is False
        assert (
            client.post("/echo/process/stop", json={}).json()["error"]["code"]
            == "PARAMETER_VALIDATION"
        )
        docs = client.get("/echo/docs", headers={"X-Forwarded-Prefix": "/user/ann/apps/1"})
        assert "/user/ann/apps/1/echo/openapi.json" in docs.text


def test_a_client_that_leaves_stops_its_run(kernel: Kernel) -> None:
    kernel.run(TICK)
    kernel.run(f"%%agent_app left --no-chat\n{TICKERS['tick_async']}")
    with (
        http(kernel) as client,
        client.stream("POST", "/left/process", json={"input": "go"}) as stream,
    ):
        chunks = stream.iter_bytes()
        next(chunks)
        ticking(kernel)
    time.sleep(0.8)
    ceased(kernel)


def test_a_slow_reader_slows_its_own_run(kernel: Kernel) -> None:
    kernel.run("import asyncio\ncount = []")
    kernel.run(FLOOD)
    with (
        http(kernel) as client,
        client.stream("POST", "/flood/process", json={"input": "go"}) as stream,
    ):
        chunks = stream.iter_bytes()
        next(chunks)
        time.sleep(0.5)
        first = int(kernel.run("len(count)").value["text/plain"])
        time.sleep(0.5)
        assert int(kernel.run("len(count)").value["text/plain"]) == first < 20000


def test_serving_on_a_port(kernel: Kernel) -> None:
    kernel.run(ECHO)
    url = kernel.run("%agent_app serve echo --port 0").value["text/plain"].strip("'")
    with httpx2.Client(base_url=url) as client:
        answer = client.post("/process", json={"input": "hi", "stream": False}).json()
        assert answer["output"][0]["content"][0]["text"] == "You said: hi"
        assert client.get("/health", headers={"Host": "evil.example"}).status_code == 200
        for path in ("/process", "/process/stop"):
            refused = client.post(
                path, json={"input": "hi", "run_id": "x"}, headers={"Host": "evil.example"}
            )
            assert refused.status_code == 403
        kernel.run(ECHO.replace("You said", "Now you said"))
        assert "Now you said" in client.post("/process", json={"input": "hi"}).text
    assert url in kernel.run("print(echo)").text
    assert "closed its port" in kernel.run("%agent_app stop echo").value["text/plain"]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/health")


def test_the_widget_is_an_ordinary_one(kernel: Kernel) -> None:
    kernel.run(ECHO)
    kernel.run(WIDGET)
    kernel.run("echo.ask('hi', session='s1')")
    kernel.run("import time; time.sleep(0.2)")
    assert kernel.run("heard").value["text/plain"] == "[('You said: hi', 'agentscope-agent')]"
    assert (
        kernel.run("[m.text for m in w.messages]").value["text/plain"] == "['hi', 'You said: hi']"
    )
    assert kernel.run("set(seen)").value["text/plain"] == "{'agentscope-agent'}"
    assert "layout" in kernel.fail("echo.chat(layuot=3)").error
    kernel.run("w.close()")
    kernel.run("echo.ask('still there', session='s1')")
