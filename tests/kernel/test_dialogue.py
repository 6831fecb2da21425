"""Going back, deciding, sending files and keeping talks, from cells of a shell."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import nbformat
import pytest
from IPython.core.error import UsageError

from agentscope_runtime_nb import AppError
from agentscope_runtime_nb.notebook.answer import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from real_kernel import Shell

ECHO = """%%agent_app friday --no-chat
@app.query
async def answer(msgs, request):
    kinds = [content.type for content in msgs[-1].content]
    yield f"{len(await request.history())}: {msgs[-1].text} {kinds[1:] or ''}".strip()
"""
CAREFUL = """wiped = []
def wipe(path: str) -> str:
    'Wipe a file.'
    wiped.append(path)
    return f"wiped {path}"
"""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def careful(shell: Shell) -> None:
    shell.run(CAREFUL)
    shell.run(
        "%%agent_app friday --prompt --model scripted --tools wipe --confirm wipe --no-chat\nX"
    )


def test_what_wants_to_be_allowed_is_shown_and_allowed(shell: Shell) -> None:
    careful(shell)
    friday = shell["friday"]
    answer = friday.ask("please wipe 'a.txt'")
    assert (answer.status, shell["wiped"]) == ("completed", [])
    assert [request["name"] for request in answer.pending] == ["wipe"]
    assert friday.pending == answer.pending
    bundle = answer._repr_mimebundle_()
    assert "friday.approve()" in bundle["text/plain"]
    assert "friday.deny()" in bundle["text/markdown"]
    after = friday.approve()
    assert shell["wiped"] == ["a.txt"]
    assert "wiped a.txt" in after.text
    assert friday.pending == []
    with pytest.raises(AppError) as caught:
        friday.approve()
    assert caught.value.code == "RESOURCE_NOT_FOUND"
    with pytest.raises(AppError):
        friday.approve(answer.pending[0]["id"])


def test_what_is_denied_is_not_done_and_always_is_asked_no_more(shell: Shell) -> None:
    careful(shell)
    friday = shell["friday"]
    friday.ask("please wipe 'a.txt'")
    friday.deny(reason="not that one")
    assert shell["wiped"] == []
    output = [m for m in friday.messages if m.type == "plugin_call_output"]
    assert "not that one" in str(output[-1].content)
    friday.ask("please wipe 'b.txt'")
    friday.approve(always=True)
    assert friday.ask("please wipe 'c.txt'").pending == []
    assert shell["wiped"] == ["b.txt", "c.txt"]
    other = friday.ask("please wipe 'd.txt'", session="elsewhere")
    assert len(other.pending) == 1
    assert "session='elsewhere'" in other._repr_mimebundle_()["text/plain"]
    friday.approve(session="elsewhere")
    assert shell["wiped"][-1] == "d.txt"


def test_words_instead_of_a_decision_are_a_no(shell: Shell) -> None:
    careful(shell)
    friday = shell["friday"]
    friday.ask("please wipe 'a.txt'")
    friday.ask("what did I just say?")
    assert friday.pending == []
    assert shell["wiped"] == []


def test_a_decision_belongs_to_its_question(shell: Shell) -> None:
    careful(shell)
    friday = shell["friday"]
    friday.ask("please wipe 'a.txt'")
    friday.approve()
    friday.ask("thank you")
    friday.fork(1)
    assert [m.type for m in friday.messages if m.role == "user"] == [
        "message",
        "mcp_approval_response",
    ]
    friday.edit(1, "please wipe 'b.txt'")
    assert [m.text for m in friday.messages if m.role == "user"] == ["please wipe 'b.txt'"]
    assert len(friday.pending) == 1


def test_confirming_needs_a_tool_and_a_prompt(shell: Shell) -> None:
    shell.run(CAREFUL)
    error = shell.fail("%%agent_app friday --prompt --tools wipe --model scripted --confirm wpe\nX")
    assert "wpe" in str(error)
    error = shell.fail("%%agent_app friday --tools wipe --confirm wipe\nX")
    assert isinstance(error, UsageError)


def test_files_go_along(shell: Shell, tmp_path: Path) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    (tmp_path / "plot.png").write_bytes(PIXEL)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "bell.wav").write_bytes(b"RIFF")
    files = [tmp_path / "plot.png", tmp_path / "notes.txt", tmp_path / "bell.wav"]
    answer = friday.ask("what is this?", files=files)
    assert answer.text == "0: what is this? ['image', 'file', 'audio']"
    image, file, sound = friday.messages[0].content[1:]
    assert image.image_url.startswith("data:image/png;base64,iVBOR")
    assert (file.filename, base64.b64decode(file.file_data)) == ("notes.txt", b"hello")
    assert sound.format == "wav"
    with pytest.raises(FileNotFoundError):
        friday.ask("and this?", files=[tmp_path / "nowhere.png"])
    (tmp_path / "big.bin").write_bytes(bytes(8 << 20))
    with pytest.raises(AppError) as caught:
        friday.ask("and this?", files=[tmp_path / "big.bin"])
    assert caught.value.code == "BODY_TOO_LARGE"


def test_turns_have_numbers(shell: Shell) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    for word in ("one", "two", "three"):
        friday.ask(word)
    first = friday.session_id
    assert friday.fork(2) == friday.session_id != first
    assert [m.text for m in friday.messages if m.role == "user"] == ["one", "two"]
    assert friday.edit(-1, "deux").text == "2: deux"
    assert friday.open(first) == first
    assert friday.ask("four").text == "6: four"
    for wrong in (0, 9, -9, "response_nowhere"):
        with pytest.raises(AppError):
            friday.edit(wrong, "x")
    assert len(friday.messages) == 8


def test_a_turn_that_failed_can_be_edited_and_leaves_nothing(shell: Shell) -> None:
    shell.run(ECHO.replace("    kinds", "    assert 'fail' not in msgs[-1].text\n    kinds"))
    friday = shell["friday"]
    friday.ask("one")
    shell.fail("friday.ask('fail')")
    friday.ask("three")
    assert friday.edit(2, "two").text == "2: two"
    assert [m.text for m in friday.messages if m.role == "user"] == ["one", "two"]


def test_the_magic_lists_opens_renames_forks_and_deletes(shell: Shell) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    friday.ask("apples")
    first = friday.session_id
    shell.run("%agent_app sessions friday --fork 1")
    assert friday.session_id != first
    friday.ask("pears")
    found = shell.run("%agent_app sessions friday --search pears")
    assert [info.session for info in found] == [friday.session_id]
    assert "now open" in repr(found)
    shell.run(f"%agent_app sessions friday --rename {first[:8]} 'Old <b>fruit</b>'")
    listed = shell.run("%agent_app sessions friday --open 'old <b>'")
    assert (friday.session_id, friday.title) == (first, "Old <b>fruit</b>")
    assert "Old &lt;b&gt;fruit" in listed._repr_html_()
    assert len(shell.run(f"%agent_app sessions friday --delete {first}")) == 1
    assert friday.messages == []
    assert friday.session_id != first
    assert repr(shell.run("%agent_app sessions friday --search nowhere")) == "No sessions."
    assert "pears" in shell.run("%agent_app chat friday --session last").messages[-1].text
    for wrong in (
        "sessions friday --open nowhere",
        "sessions friday --fork 7",
        "sessions friday --serach x",
        "chat friday --session nowhere",
        "transcript friday talk.doc",
        "sessions nobody",
    ):
        assert isinstance(shell.fail(f"%agent_app {wrong}"), UsageError), wrong


def test_sessions_complete(shell: Shell) -> None:
    shell.run(ECHO)
    shell["friday"].ask("apples")
    session = shell["friday"].session_id
    complete = shell.ip.Completer.complete
    with pytest.warns(PendingDeprecationWarning):  # noqa: PT031 - of IPython's own
        assert (
            session in complete(line_buffer=f"%agent_app sessions friday --open {session[:4]}")[1]
        )
        assert complete(line_buffer="%agent_app chat friday --session la")[1] == ["last"]
        assert complete(line_buffer="%agent_app sessions friday --re")[1] == ["--rename"]
        assert complete(line_buffer="%%agent_app x --conf")[1] == ["--confirm"]


def test_a_session_whose_title_is_not_unique_is_asked_for(shell: Shell) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    for session in ("s1", "s2"):
        friday.ask("same words", session=session)
    with pytest.raises(AppError) as caught:
        friday.open("same")
    assert "s1" in caught.value.message
    assert len(caught.value._render_traceback_()) == 1
    assert friday.open("s1") == "s1"
    assert friday.open(friday.sessions()[0]) == "s2"
    with pytest.raises(RefusedError):
        friday.open("nowhere")


def test_starters_and_models_are_offered(shell: Shell) -> None:
    shell.run(
        "%%agent_app friday --prompt --model scripted --models scripted,local "
        "--starters 'What can you do?;Sing' --no-chat\nX"
    )
    info = shell["friday"].info
    assert [starter["text"] for starter in info["starters"]] == ["What can you do?", "Sing"]
    assert info["models"] == ["scripted", "local"]


@pytest.fixture
def talked(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A talk with everything in it, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plot.png").write_bytes(PIXEL)
    shell.run(
        "%%agent_app friday --no-chat\n"
        "from agentscope_runtime_nb import Reasoning, Text, ToolCall, ToolResult\n"
        "@app.query\nasync def answer(msgs, request):\n"
        "    yield Reasoning('hm')\n    yield ToolCall('c1', 'ask_clerk', {'a': 1})\n"
        "    yield Text('in the **clerk**', agent='clerk', parent='c1')\n"
        "    yield ToolResult('c1', 'ask_clerk', 'done')\n"
        "    yield 'Look: ![x](https://evil.example/x.png) <script>alert(1)</script> # é 中文'\n"
    )
    shell["friday"].ask("see", files=["plot.png"])
    shell["friday"].rename("Été # *one*")
    return shell


def test_a_transcript_as_markdown(talked: Shell) -> None:
    friday = talked["friday"]
    text = friday.transcript()
    assert text.startswith("# Été \\# \\*one\\*\n")
    assert text == friday.transcript("md") == text._repr_markdown_()
    assert "data:image/png;base64," in text
    assert "> **clerk:** in the **clerk**" in text
    assert "<script" not in text
    assert "![x](" not in text
    assert talked.run("%agent_app transcript friday") == text


def test_a_transcript_as_json(talked: Shell) -> None:
    friday = talked["friday"]
    path = friday.transcript("talk.json")
    kept = json.loads(path.read_text("utf-8"))
    assert (kept["title"], kept["session_id"]) == ("Été # *one*", friday.session_id)
    assert kept["turns"][0]["status"] == "completed"
    assert kept["turns"][0]["input"][0]["content"][0]["text"] == "see"
    assert json.loads(friday.transcript("json")) == kept


def test_a_transcript_as_a_notebook(talked: Shell) -> None:
    path = talked["friday"].transcript("talk.ipynb")
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert {cell.cell_type for cell in notebook.cells} == {"markdown"}
    _, asked, answered = notebook.cells
    assert asked.attachments["image1.png"]["image/png"].startswith("iVBOR")
    assert "attachment:image1.png" in asked.source
    assert "<script" not in answered.source
    assert path.read_text("utf-8") == talked["friday"].transcript("ipynb")


def test_a_transcript_replaces_no_file_unasked(talked: Shell, tmp_path: Path) -> None:
    (tmp_path / "talk.md").write_text("mine")
    with pytest.raises(FileExistsError):
        talked["friday"].transcript("talk.md")
    assert isinstance(talked.fail("%agent_app transcript friday talk.md"), UsageError)
    assert (tmp_path / "talk.md").read_text() == "mine"
    talked.run("%agent_app transcript friday talk.md --overwrite")
    assert (tmp_path / "talk.md").read_text("utf-8").startswith("# Été")
    with pytest.raises(ValueError, match="ipynb"):
        talked["friday"].transcript("talk.html")
