"""What a page asks of a chat beside words: files, decisions, settings, feedback, assets."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from chat_page import MEMORY, Chat, chat, value, words
from real_kernel import LOAD, customs, until

from agentscope_runtime_nb.widgets.chat import asset_files, built

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from real_kernel import Kernel

SLOW = """%%agent_app slow
import asyncio
@app.query
async def answer(msgs, request):
    yield "so far"
    await asyncio.sleep(30 if "long" in msgs[-1].text else 0)
"""
TOLD = """%%agent_app told
import json
app.offer(settings={"tone": ["dry", "warm"], "depth": 3, "loud": False}, models=["scripted"])
@app.query
async def answer(msgs, request):
    contents = [content.model_dump(exclude_none=True) for content in msgs[-1].content]
    for content in contents:
        for name in ("file_data", "data", "image_url"):
            if len(content.get(name, "")) > 99:
                content[name] = len(content[name])
    yield json.dumps({"settings": request.settings, "temperature": request.temperature,
                      "model": request.model, "contents": contents})
"""
RICH = """%%agent_app rich
class Bold:
    def _repr_html_(self):
        return "<b>bold</b>"
@app.query
async def answer(msgs, request):
    yield Bold()
"""
CAREFUL = """%%agent_app careful --prompt --model scripted --tools wipe --confirm wipe
You wipe files.
"""
WIPE = """
def wipe(path: str) -> str:
    'Wipe a file.'
    with open("wiped", "a") as file:
        file.write(path)
    return "wiped " + path
"""
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDw"
    "AEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def http(kernel: Kernel) -> httpx2.Client:
    socket = json.loads(kernel.registry.read_text())["socket"]
    transport = httpx2.HTTPTransport(uds=socket)
    return httpx2.Client(transport=transport, base_url="http://kernel", timeout=20)


def told(page: Chat, text: str = "go", **fields: Any) -> dict[str, Any]:
    return json.loads(page.ask(text, **fields)[1])


def refused(page: Chat, kind: str, **fields: Any) -> str:
    """A message that has to be refused by a notice which names it."""
    mark = page.say(kind, **fields)
    notice = page.told("notice", mark, id=page.last)
    return notice["text"]


def test_files_arrive_as_contents(kernel: Kernel) -> None:
    page = chat(kernel, TOLD)
    data = base64.b64encode(b"hello").decode()
    content = [
        {"type": "image", "image_url": PIXEL, "filename": "dot.png"},
        {"type": "file", "filename": "../../etc/notes.txt", "file_data": data},
        {"type": "audio", "data": data, "format": "wav"},
    ]
    text, image, file, sound = told(page, "see", content=content)["contents"]
    assert text["text"] == "see"
    assert (image["type"], image["filename"]) == ("image", "dot.png")
    assert (file["filename"], file["file_data"]) == ("notes.txt", data)
    assert (sound["data"], sound["format"]) == (data, "wav")
    (alone,) = told(page, "", content=content[:1])["contents"]
    assert alone["type"] == "image"


def test_seven_megabytes_pass_by_http_and_more_do_not(kernel: Kernel) -> None:
    page = chat(kernel, TOLD)
    full = base64.b64encode(bytes(7 << 20)).decode()
    file = {"type": "file", "filename": "full.bin", "file_data": full}
    message = {"id": "big", "type": "send", "text": "big", "content": [file]}
    mark = kernel.mark
    with http(kernel) as client:
        path = f"/told/chat/{page.ident}"
        assert client.post(path, json=message).json() == {"ok": True}
        run_id = page.told("turn", mark)["turn"]["run_id"]
        contents = json.loads(words(page.final(run_id, mark)))["contents"]
        assert contents[1]["file_data"] == len(full)
        again = message | {"id": "bigger", "content": [file, file | {"file_data": "AAAA"}]}
        assert client.post(path, json=again).json() == {"ok": True}
        page.told("notice", mark, id="bigger")
        huge = client.post(path, json=message | {"text": "x" * (13 << 20)})
        assert (huge.status_code, huge.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "content",
    [
        "no list",
        [{"type": "video", "video_url": "https://evil.example"}],
        [{"type": "image", "image_url": "https://evil.example/x.png"}],
        [{"type": "image", "image_url": "data:image/svg+xml;base64,AAAA"}],
        [{"type": "image", "image_url": "data:text/html;base64,AAAA"}],
        [{"type": "file", "filename": "x", "file_data": "not base64!"}],
        [{"type": "audio", "data": "AAAA", "format": "<b>"}],
        [{"type": "file", "filename": "x", "file_data": "AAAA"}] * 11,
        ["text"],
    ],
    ids=str,
)
def test_what_is_no_file_is_refused(kernel: Kernel, content: Any) -> None:
    page = chat(kernel, TOLD)
    mark = kernel.mark
    assert refused(page, "send", text="x", content=content)
    assert not customs(kernel, page.ident, mark, kind="turn")


def test_settings_reach_the_agent(kernel: Kernel) -> None:
    page = chat(kernel, TOLD)
    assert told(page)["settings"] == {"tone": "dry", "depth": 3, "loud": False}
    page.say("settings", values={"tone": "warm", "loud": True, "model": "scripted"})
    seen = told(page)
    assert seen["settings"] == {"tone": "warm", "depth": 3, "loud": True}
    assert seen["model"] == "scripted"
    for values in ({"tone": "loud"}, {"depth": "3"}, {"loud": 1}, {"speed": 1}, {"model": "gpt"}):
        assert refused(page, "settings", values=values)
    page.say("settings", values={"tone": None, "model": None})
    assert told(page)["settings"]["tone"] == "dry"
    kernel.run("w = told.chat(settings={'depth': 5})")
    assert told(page)["settings"]["depth"] == 5
    kernel.run("w.settings = {'tone': 'warm'}")
    seen = told(page)["settings"]
    assert (seen["tone"], seen["depth"]) == ("warm", 3)
    kernel.run("w.settings = {'tone': 'shrill'}")
    until(lambda: value(kernel, "w.settings") == "{'tone': 'warm'}")
    assert "depth" in kernel.fail("told.chat(settings={'depth': 'x'})").error


def test_a_rich_form_stays_as_long_as_the_kernel(kernel: Kernel) -> None:
    page = chat(kernel, RICH)
    mark = page.say("send", text="go")
    run_id = page.told("turn", mark)["turn"]["run_id"]
    (message, *_) = [m for m in page.final(run_id, mark)["output"] if m["metadata"]]
    ident = message["metadata"]["display"]
    told = customs(kernel, page.ident, mark, kind="events")
    displays = [message["displays"] for message in told if "displays" in message]
    assert [list(shown) for shown in displays] == [[ident]]
    bundle = displays[0][ident]
    assert bundle["data"]["text/html"] == "<b>bold</b>"
    session = value(kernel, "rich.session_id")
    page.told("snapshot", page.say("new_session"))
    assert page.open(session)["turns"][-1]["displays"] == {ident: bundle}


def test_a_rating_stays_with_its_run(kernel: Kernel) -> None:
    page = chat(kernel, TOLD)
    run_id, _ = page.ask("go")
    mark = page.say("feedback", run_id=run_id, rating="down", comment="too short")
    turn = page.told("turn", mark)["turn"]
    assert turn["feedback"] == {"rating": "down", "comment": "too short"}
    session = value(kernel, "told.session_id")
    page.told("snapshot", page.say("new_session"))
    assert page.open(session)["turns"][-1]["feedback"] == turn["feedback"]
    mark = page.say("feedback", run_id=run_id, rating="")
    assert page.told("turn", mark)["turn"]["feedback"] is None
    assert refused(page, "feedback", run_id=run_id, rating="great")
    assert refused(page, "feedback", run_id="response_nowhere", rating="up")


def test_nothing_is_lost_while_an_answer_is_under_way(kernel: Kernel) -> None:
    page = chat(kernel, SLOW)
    first, _ = page.ask("short")
    mark = page.say("send", text="long")
    run_id = page.told("turn", mark)["turn"]["run_id"]
    session = value(kernel, "slow.session_id")
    for kind, fields in (
        ("edit", {"run_id": first, "text": "x"}),
        ("retry", {"run_id": first}),
        ("fork", {"run_id": first}),
        ("open", {"session_id": session}),
        ("delete", {"session_id": session}),
        ("approve", {"decisions": [{"id": "apr_x", "approve": True}]}),
        ("feedback", {"run_id": run_id, "rating": "up"}),
    ):
        assert refused(page, kind, **fields), kind
    other = chat(kernel, "slow.chat(session='elsewhere')")
    assert refused(other, "delete", session_id=session)
    assert len(other.open(session)["turns"]) == 1
    page.say("stop", run_id=run_id)
    assert page.final(run_id, mark)["status"] == "canceled"
    assert value(kernel, "len(slow.messages)") == "4"
    # What another chat of the session has said appears here too.
    until(lambda: len(customs(kernel, other.ident, mark, kind="snapshot")) > 1)
    assert len(customs(kernel, other.ident, mark, kind="snapshot")[-1]["turns"]) == 2
    mark = kernel.mark
    other.say("send", text="short")
    assert len(page.told("snapshot", mark)["turns"]) == 3
    other.say("delete", session_id=session)
    until(lambda: value(kernel, "len(slow.messages)") == "0")


def test_decisions_are_waited_for_across_a_restart(
    kernels: Callable[..., Kernel], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("careful")
    first = kernels(folder)
    first.run(f"{LOAD}\n{WIPE}")
    first.run(CAREFUL)
    for kind in ("approve", "deny", "always"):
        first.run(f"""careful.ask("please wipe '{kind}.txt'", session="{kind}")""")
    first.client.shutdown()
    until(lambda: not first.manager.is_alive())
    later = kernels(folder)
    later.run(f"{LOAD}\n{WIPE}")
    page = chat(later, CAREFUL)
    for kind, wiped in (("approve", "approve.txt"), ("deny", ""), ("always", "always.txt")):
        (folder / "wiped").write_text("")
        output = page.open(kind)["turns"][-1]["events"][-1]["output"]
        asked = [m["content"][0]["data"] for m in output if m["type"] == "mcp_approval_request"]
        (request,) = asked
        assert refused(page, "approve", decisions=[{"id": "apr_nowhere", "approve": True}])
        assert refused(page, "approve", decisions=[{"id": request["id"], "approve": "yes"}])
        decision = {"id": request["id"], "approve": kind != "deny", "always": kind == "always"}
        mark = page.say("approve", decisions=[decision])
        turn = page.told("turn", mark)["turn"]
        assert [message["type"] for message in turn["input"]] == ["mcp_approval_response"]
        final = page.final(turn["run_id"], mark)
        results = [m for m in final["output"] if m["type"] == "plugin_call_output"]
        assert results[0]["content"][0]["data"]["call_id"] == request["call_id"]
        assert (folder / "wiped").read_text() == wiped
        assert refused(page, "approve", decisions=[decision])
        page.ask("please wipe 'b.txt'")
        assert value(later, "len(careful.pending)") == ("0" if kind == "always" else "1")


def test_chats_stand_together_on_a_page(kernel: Kernel) -> None:
    kernel.run(MEMORY)
    kernel.run(
        "import ipywidgets\nheard = []\n"
        "a, b, c = friday.chat('s1'), friday.chat('s1'), friday.chat('s2')\n"
        "a.on_message(lambda m: heard.append(m.text))\n"
        "tab = ipywidgets.Tab([ipywidgets.VBox([a, b]), c], titles=['one', 'two'])\n"
    )
    shown = kernel.run("display(tab)\n[w.model_id for w in (a, b, c)]").value["text/plain"]
    one, two, other = (Chat(kernel, ident) for ident in json.loads(shown.replace("'", '"')))
    mark = kernel.mark
    run_id, _ = one.ask("My name is Ann")
    assert two.told("turn", mark)["turn"]["run_id"] == run_id
    assert "Ann" in two.ask("what did I just say?")[1]
    assert "first thing" in other.ask("what did I just say?")[1]
    assert "Ann" in value(kernel, "[m.text for m in b.messages][0]")
    until(lambda: value(kernel, "len(heard)") == "2")
    assert value(kernel, "[a.busy, a.title, c.title]") == (
        "[False, 'My name is Ann', 'what did I just say?']"
    )


def test_assets_are_those_of_the_build_alone(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = built()[1]
    if script:  # the front end is built
        page = chat(kernel, MEMORY)
        assert page.told("asset", page.say("asset", name=script))["name"] == script
        mark = page.say("asset", name="../chat.py")
        page.told("notice", mark)
    manifest = {"chat": "chat.js", "css": "chat.css", "assets": {"more": "more.js"}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr("agentscope_runtime_nb.widgets.chat.STATIC", tmp_path)
    assert asset_files("chat.js") == ("chat.js", "chat.css")
    assert asset_files("more.js") == ("more.js", "")
    for name in ("", "more", "manifest.json", "../chat.py", "/etc/passwd"):
        assert asset_files(name) is None
