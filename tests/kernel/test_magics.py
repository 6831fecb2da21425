"""The magics and the handle, in a shell of this process."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import traceback
from typing import TYPE_CHECKING

import pytest
from IPython.core.error import UsageError
from real_kernel import until

from agentscope_runtime_nb import AgentApp, DefinitionError
from agentscope_runtime_nb.notebook.answer import AgentFailedError
from agentscope_runtime_nb.widgets import chat

if TYPE_CHECKING:
    from pathlib import Path

    from real_kernel import Shell

HEAD = "%%agent_app friday --no-chat\n@app.query\nasync def answer(msgs, request):\n"
ECHO = """%%agent_app friday --no-chat
@app.query
async def answer(msgs, request):
    yield f"{len(await request.history())}: {msgs[-1].text}"
"""


def test_asking_keeps_to_one_session(shell: Shell) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    assert friday.ask("one").text == "0: one"
    assert friday.ask("two").text == "2: two"
    assert friday.ask("three", session="other").text == "0: three"
    assert shell.run("await friday('four')").text == "4: four"
    assert [message.text for message in friday.messages[:3]] == ["one", "0: one", "two"]


def test_the_cell_runs_again_and_the_conversation_goes_on(shell: Shell) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    session = friday.session_id
    friday.ask("one")
    shell.run(ECHO.replace('f"{', 'f"again {'))
    assert shell["friday"] is friday
    assert friday.session_id == session
    assert friday.ask("two").text == "again 2: two"


def test_an_answer_displays_as_what_it_is(shell: Shell) -> None:
    shell.run(ECHO)
    answer = shell["friday"].ask("**bold** <script>")
    bundle = answer._repr_mimebundle_()
    assert bundle["text/plain"] == "0: **bold** <script>"
    assert bundle["text/markdown"] == "0: **bold** &lt;script>"
    assert str(answer) == answer.text
    assert answer.status == "completed"
    assert answer.run_id.startswith("response_")


def test_app_is_a_name_of_that_cell_alone(shell: Shell) -> None:
    shell.run("app = 'mine'")
    shell.run(
        "%%agent_app friday --no-chat --description 'about it'\n"
        "@app.query\nasync def answer(msgs, request):\n    yield app.description\n"
    )
    assert shell["app"] == "mine"
    shell.run("app = 'other'")
    assert shell["friday"].ask("x").text == "about it"
    assert shell["friday"].app.name == "friday"


def test_an_app_made_in_the_body_is_used(shell: Shell) -> None:
    shell.run(
        "%%agent_app friday --no-chat\n"
        "from agentscope_runtime_nb import AgentApp\n"
        "app = AgentApp(app_name='Own', app_description='mine')\n"
        "@app.query()\nasync def answer(self, msgs, request, **kwargs):\n    yield 'own'\n"
    )
    assert shell["friday"].app.name == "Own"
    assert shell["friday"].ask("x").text == "own"


def test_a_prompt_is_an_agent(shell: Shell) -> None:
    shell.run("def add(a: int, b: int) -> int:\n    'Add two numbers.'\n    return a + b")
    shell.run("%%agent_app friday --prompt --model scripted --tools add --no-chat\nYou are Friday.")
    friday = shell["friday"]
    assert friday.app.tools == [shell["add"]]
    friday.ask("My name is Ann")
    assert "My name is Ann" in friday.ask("what did I just say?").text
    assert "scripted" in friday.model_label


def test_a_failing_cell_keeps_the_old_version(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run(ECHO)
    error = shell.fail(
        "%%agent_app friday --no-chat\n@app.query\nasync def answer(msgs): yield 'x'\n1 / 0"
    )
    assert isinstance(error, ZeroDivisionError)
    assert "earlier version goes on serving" in capsys.readouterr().err
    assert shell["friday"].ask("x").text == "0: x"
    assert isinstance(shell.fail("%%agent_app friday --no-chat\npass"), DefinitionError)
    assert shell["friday"].ask("x").text == "2: x"


def test_a_failing_start_keeps_the_old_version_and_is_raised_in_the_cell(shell: Shell) -> None:
    shell.run(ECHO)
    error = shell.fail(
        "%%agent_app friday --no-chat\n"
        "@app.init\nasync def start(state):\n    raise LookupError('no database')\n"
        "@app.query\nasync def answer(msgs): yield 'new'\n"
    )
    assert isinstance(error, LookupError)
    assert shell["friday"].ask("x").text == "0: x"
    assert "friday2" not in shell.ip.user_ns
    shell.fail("%%agent_app friday2 --no-chat\npass")
    assert "friday2" not in shell.ip.user_ns


def test_the_old_version_finishes_its_run_and_then_shuts_down(shell: Shell) -> None:
    shell.run("import asyncio, threading\nlife = []\ngo = threading.Event()")
    cell = """%%agent_app friday --no-chat
@app.init
async def start(state):
    life.append("start VERSION")
@app.shutdown
async def end(state):
    life.append("end VERSION")
@app.query
async def answer(msgs, request):
    while not go.is_set():
        await asyncio.sleep(0.01)
    yield "VERSION"
"""
    shell.run(cell.replace("VERSION", "old"))
    friday = shell["friday"]
    turn = friday.conversation().send("x")
    until(lambda: turn.run is not None)
    shell.run(cell.replace("VERSION", "new"))
    assert shell["life"] == ["start old", "start new"]
    shell["go"].set()
    assert turn.result.result(10)["output"][0]["content"][0]["text"] == "old"
    assert friday.ask("x").text == "new"
    until(lambda: "end old" in shell["life"])
    assert shell["life"] == ["start old", "start new", "end old"]


def test_a_lifespan_runs_in_one_task(shell: Shell) -> None:
    shell.run(
        "import asyncio\nfrom contextlib import asynccontextmanager\ntasks = []\n"
        "@asynccontextmanager\nasync def life(app):\n"
        "    tasks.append(asyncio.current_task())\n"
        "    async with asyncio.timeout(1000):\n        yield\n"
        "    tasks.append(asyncio.current_task())\n"
    )
    shell.run(
        "%%agent_app friday --no-chat\nfrom agentscope_runtime_nb import AgentApp\n"
        "app = AgentApp('friday', lifespan=life)\n@app.query\nasync def answer(msgs): yield 'x'"
    )
    shell.run(ECHO)
    until(lambda: len(shell["tasks"]) == 2)
    assert shell["tasks"][0] is shell["tasks"][1]


def test_a_body_that_awaits_runs_where_agents_run(shell: Shell) -> None:
    shell.run(
        "%%agent_app friday --no-chat\nimport asyncio\n"
        "lock = asyncio.Lock()\nawait lock.acquire()\nhome = asyncio.get_running_loop()\n"
        "@app.query\nasync def answer(msgs, request):\n"
        "    yield str(asyncio.get_running_loop() is home)\n"
    )
    assert shell["friday"].ask("x").text == "True"


def test_an_object_of_another_loop_is_named(shell: Shell) -> None:
    shell.run("import asyncio\ngate = asyncio.Event()\nloop_of_cell = asyncio.new_event_loop()")
    shell.run("async def wait():\n    await gate.wait()\ngate._loop = loop_of_cell")
    shell.run(HEAD + "    await gate.wait()\n    yield 'x'")
    friday = shell["friday"]
    heard: list[str] = []

    class Ear:
        def heard(self, message: dict[str, str]) -> None:
            if message["type"] == "notice":
                heard.append(message["text"])

        def state_changed(self) -> None: ...

    friday.conversation().listeners.append(Ear())
    with pytest.raises(AgentFailedError) as caught:
        friday.ask("x")
    until(lambda: bool(heard))
    assert "`gate` (Event)" in heard[0]
    assert "line 4" in heard[0]
    assert "await gate.wait()" in caught.value.failure
    shell["loop_of_cell"].close()


def test_prints_of_a_run_go_to_the_run(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run("%reload_ext agentscope_runtime_nb")  # in front of this test's stdout
    shell.run(
        "%%agent_app friday --no-chat\nimport asyncio\nprint('from the body')\n"
        "@app.query\nasync def answer(msgs, request):\n"
        "    print('from the run')\n"
        "    await asyncio.to_thread(print, 'from its thread')\n    yield 'x'"
    )
    answer = shell["friday"].ask("x")
    assert answer.log == "from the run\nfrom its thread\n"
    assert "from the run" not in capsys.readouterr().out
    print("outside")  # noqa: T201 - what is tested
    assert "outside" in capsys.readouterr().out


def test_sources_and_tracebacks_show_the_cell(shell: Shell) -> None:
    cell = (
        "%%agent_app friday --no-chat\n\nimport asyncio\n@app.query\n"
        "async def answer(msgs, request):\n    yield 'x'\n\n"
        "def boom():\n    raise ValueError('here')\n"
    )
    shell.run(cell)
    assert inspect.getsource(shell["boom"]) == "def boom():\n    raise ValueError('here')\n"
    error = shell.fail("boom()")
    assert traceback.extract_tb(error.__traceback__)[-1].lineno == 9
    error = shell.fail(cell + "boom()")
    rendered = "\n".join(error._render_traceback_())
    assert "line 10" in rendered
    assert "run_cell_magic" not in rendered


def test_a_mistake_in_a_definition_shows_the_cells_line_alone(shell: Shell) -> None:
    cell = '%%agent_app friday --no-chat\n@app.command("two words")\ndef f(text): return text\n'
    error = shell.fail(cell)
    assert isinstance(error, DefinitionError)
    rendered = "\n".join(error._render_traceback_())
    assert "line 2" in rendered
    assert "agentscope_runtime_nb" not in rendered


def test_a_failure_shows_the_agents_own_lines(shell: Shell) -> None:
    shell.run(HEAD + "    yield {}['key']")
    error = shell.fail("friday.ask('x')")
    assert isinstance(error, AgentFailedError)
    assert error.code == "AGENT_UNKNOWN_ERROR"
    assert "line 4, in answer" in error.failure
    assert "KeyError: 'key'" in error.failure
    assert "agentscope_runtime_nb" not in error.failure


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("%%agent_app friday --promt\nx", "--prompt"),
        ("%%agent_app friday --tool add\nx", "--tools"),
        ("%%agent_app my-agent\nx", "my_agent"),
        ("%%agent_app class\nx", "class_"),
        ("%%agent_app app\nx", "friday"),
        ("%%agent_app\nx", "NAME"),
        ("%%agent_app friday\n", "empty"),
        ("%%agent_app friday --prompt --framework plain\nx", "--framework"),
        ("%%agent_app friday --tools nowhere\nx", "nowhere"),
        ("%%agent_app friday --max-runs many\nx", "--max-runs"),
        ("%agent_app lst", "list"),
        ("%agent_app", "%%agent_app NAME"),
        ("%agent_app ask", "ask NAME"),
        ("%agent_app chat nobody", "%%agent_app nobody"),
        ("%agent_app serve friday --prt 1", "--port"),
        ("%agent_app export friday", "NAME PATH"),
    ],
)
def test_what_is_wrong_is_named(shell: Shell, cell: str, named: str) -> None:
    error = shell.fail(cell)
    assert isinstance(error, UsageError)
    assert named in str(error)


def test_app_has_to_stay_an_app(shell: Shell) -> None:
    error = shell.fail("%%agent_app friday --no-chat\napp = 3")
    assert "AgentApp" in str(error)
    assert not [name for name in shell.ip.user_ns if name.startswith("_agent_app")]


def test_a_framework_that_is_not_there_is_named(shell: Shell) -> None:
    error = shell.fail(
        "%%agent_app friday --no-chat --framework nowhere\n@app.query\ndef f(msgs): pass"
    )
    assert "nowhere" in str(error)
    assert "builtin" in str(error)


def test_help_and_completion(shell: Shell) -> None:
    shell.run(ECHO)
    complete = shell.ip.Completer.complete
    with pytest.warns(PendingDeprecationWarning):  # noqa: PT031 - of IPython's own
        assert "--prompt" in complete(line_buffer="%%agent_app friday --pr")[1]
        assert complete(line_buffer="%%agent_app fri")[1] == ["friday"]
        assert complete(line_buffer="%agent_app ex")[1] == ["export"]
        assert complete(line_buffer="%agent_app ask fr")[1] == ["friday"]
        assert complete(line_buffer="%%agent_app x --model s")[1] == ["scripted"]
        assert complete(line_buffer="%%agent_app x --tools ans")[1] == ["answer"]
        assert "plain" in complete(line_buffer="%%agent_app x --framework ")[1]
    cell_help = shell.ip.object_inspect("%%agent_app")
    assert "--tools" in cell_help["docstring"]
    assert "export" in shell.ip.object_inspect("%agent_app")["docstring"]


def test_the_twins_of_the_line_magic(shell: Shell) -> None:
    shell.run(ECHO)
    assert shell.run("%agent_app ask friday what's up?").text == "0: what's up?"
    listing = shell.run("%agent_app list")
    assert "friday" in repr(listing)
    assert "friday" in listing._repr_html_()
    assert "POST /process" in shell["friday"]._repr_html_()
    assert repr(shell["friday"]) == "<agent friday>"
    assert "nothing was running" in shell.run("%agent_app stop friday")


def test_asking_inside_an_agent_is_refused_and_awaiting_works(shell: Shell) -> None:
    shell.run(ECHO)
    shell.run(HEAD.replace("friday", "monday") + "    yield (await friday('inner')).text")
    assert shell["monday"].ask("x").text == "0: inner"
    shell.run(HEAD.replace("friday", "tuesday") + "    yield friday.ask('inner').text")
    with pytest.raises(AgentFailedError) as caught:
        shell["tuesday"].ask("x")
    assert "await friday" in caught.value.failure


def test_a_variable_that_is_replaced_is_mentioned(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run("friday = 13")
    shell.run(ECHO)
    assert "friday was a int" in capsys.readouterr().err


def test_unloading_leaves_nothing(shell: Shell) -> None:
    before = set(threading.enumerate())
    shell.run("%reload_ext agentscope_runtime_nb")
    shell.run(ECHO)
    shell["friday"].ask("x")
    shell.run("%%agent_app clerk --prompt --model scripted --no-chat\nYou are a clerk.")
    shell["clerk"].ask("x")
    url = shell["friday"].serve(0)
    assert url
    shell.run("%reload_ext agentscope_runtime_nb")
    assert "friday" not in shell.ip.user_ns
    until(
        lambda: (
            not [t for t in set(threading.enumerate()) - before if t.name.startswith("agentscope-")]
        )
    )
    shell.run(ECHO)
    assert shell["friday"].ask("x").text == "0: x"


def test_a_stuck_agent_does_not_keep_the_extension_loaded(shell: Shell) -> None:
    shell.run(HEAD + "    while True: pass\n    yield")
    turn = shell["friday"].conversation().send("x")
    until(lambda: turn.run is not None)
    began = time.monotonic()
    shell.run("%reload_ext agentscope_runtime_nb")
    assert time.monotonic() - began < 15
    until(lambda: not [t for t in threading.enumerate() if t.name == "agentscope-agent"])


def test_the_app_is_a_fastapi_that_other_tools_can_use(shell: Shell) -> None:
    shell.run(ECHO)
    assert isinstance(shell["friday"].app, AgentApp)
    assert "/process" in shell["friday"].app.openapi()["paths"]


def test_old_versions_are_let_go(shell: Shell) -> None:
    for _ in range(5):
        shell.run(ECHO)
    names = [name for name in shell.ip.user_ns if name.startswith("_agent_app")]
    assert len(names) == 5
    # A function of an old cell that something still calls finds an app under its name.
    assert len({id(shell[name]) for name in names}) == 2


def test_without_its_front_end_the_chat_says_how_to_build_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chat, "STATIC", tmp_path)
    shell.run(ECHO)
    assert "make setup" in shell["friday"].chat()._esm


def test_many_sessions_do_not_pile_up(shell: Shell) -> None:
    shell.run(ECHO)
    friday = shell["friday"]
    for number in range(130):
        friday.conversation(f"s{number}")
    assert len(friday.host._conversations) < 110


async def test_awaiting_from_another_loop(shell: Shell) -> None:
    shell.ip.run_cell_magic("agent_app", "friday --no-chat", ECHO.partition("\n")[2])
    answer = await shell["friday"]("hello")
    assert answer.text == "0: hello"
    task = asyncio.create_task(shell["friday"]("hello"))
    assert (await task).text == "2: hello"
