"""`%agent_app curl` and `logs`: the way in from a terminal, and what became of the calls."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from IPython.core.error import UsageError
from real_kernel import until

from agentscope_runtime_nb.notebook import stdout
from agentscope_runtime_nb.notebook.answer import AgentFailedError
from agentscope_runtime_nb.notebook.logbook import Logbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from real_kernel import Kernel, Shell

AGENT = """%%agent_app friday --no-chat
@app.query
async def answer(msgs, request):
    print("thinking of", msgs[-1].text)
    if msgs[-1].text == "fail":
        1 / 0
    yield "heard " + msgs[-1].text
"""
KEYED = (
    'from agentscope_runtime_nb import AgentApp\napp = AgentApp("friday", api_keys=["sesame"])\n'
)


def in_a_terminal(command: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "NO_PROXY": "*", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def test_the_line_for_the_terminal_works(shell: Shell) -> None:
    shell.run(AGENT)
    with pytest.raises(UsageError, match="serve friday"):
        shell["friday"].curl()  # no kernel: no socket either
    shell.run("%agent_app serve friday --port 0")
    recipe = shell.run("%agent_app curl friday what's “new”?")
    assert "heard what's “new”?" in in_a_terminal(recipe.curl)
    python = subprocess.run(
        [sys.executable, "-c", recipe.python], capture_output=True, timeout=50, check=True
    )
    assert python.stdout.decode().strip() == "heard what's “new”?"
    assert recipe.curl in repr(recipe)
    assert "<pre" in recipe._repr_html_()


def test_a_key_is_named_and_never_shown(shell: Shell) -> None:
    head, _, body = AGENT.partition("\n")
    shell.run(f"{head}\n{KEYED}{body}")
    shell.run("%agent_app serve friday --port 0")
    recipe = shell.run("%agent_app curl friday")
    assert "sesame" not in recipe.curl + recipe.python + recipe._repr_html_()
    assert "AUTH_FAILED" in in_a_terminal(recipe.curl, AGENTSCOPE_NB_API_KEY="other")
    assert "heard Hello" in in_a_terminal(recipe.curl, AGENTSCOPE_NB_API_KEY="sesame")


def test_without_a_port_the_kernels_socket_is_used(kernels: Callable[..., Kernel]) -> None:
    kernel = kernels()
    kernel.run("%load_ext agentscope_runtime_nb")
    kernel.run(AGENT)
    shown = kernel.run("%agent_app curl friday from outside").value["text/plain"]
    assert "%agent_app serve friday" in shown
    assert "heard from outside" in in_a_terminal(shown.splitlines()[0])


def test_the_log_tells_runs_of_every_version(shell: Shell) -> None:
    stdout.install()  # in front of the capture that has begun with the test
    shell.run(AGENT)
    friday = shell["friday"]
    friday.ask("one")
    with pytest.raises(AgentFailedError):
        friday.ask("fail")
    log = friday.logs()
    assert [(r.status, r.asked, r.printed) for r in log] == [
        ("completed", "one", "thinking of one\n"),
        ("failed", "fail", "thinking of fail\n"),
    ]
    assert "1 / 0" in log[1].traceback
    assert "ZeroDivisionError" in repr(log)
    shell.run(AGENT)
    until(lambda: not friday.host._retiring["friday"])
    friday.ask("two")
    assert [r.asked for r in friday.logs()] == ["one", "fail", "two"]
    assert [r.asked for r in shell.run("%agent_app logs friday -n 1")] == ["two"]
    assert not shell.run("%agent_app logs friday -n 0").records
    shell.run("friday.host.notice(friday.logs()[-1].run_id, '<b>slow</b>')")
    assert friday.logs()[-1].notices == ("<b>slow</b>",)
    assert "<b>" not in friday.logs()._repr_html_()


def test_what_is_kept_of_runs_has_an_end(shell: Shell) -> None:
    shell.run(AGENT)
    friday = shell["friday"]
    for number in range(5):
        friday.ask(str(number))
    runs = friday.app.runs.recent()
    book = Logbook()
    for _ in range(100):
        book.keep("friday", runs)
        book.note("", "all of them")
    assert len(book._past["friday"]) == len(book._notices) == 100
    for _ in range(3):
        runs[0].printed("x" * 900_000)
    assert sum(map(len, runs[0].prints)) < 1_010_000
    assert len(book.log("friday", runs, 10)[0].printed) < 30_000
