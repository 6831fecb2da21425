from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

CODE = """
from agentscope_runtime_nb.progress import transfer
with transfer("Fetching it") as tell:
    if {told}:
        for done in range(0, 1001):
            tell(done * 1_000_000, 1_000_000_000)
"""


def shown(before: str, *, told: bool) -> subprocess.CompletedProcess[str]:
    code = before + CODE.format(told=told)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_a_log_gets_two_lines():
    done = shown("", told=True)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 2


def test_a_notebook_gets_one_line_that_changes():
    done = shown("import ipykernel", told=True)
    assert done.stderr == ""
    assert done.stdout.endswith("Fetching it: 1000 of 1000 MB\n")
    assert done.stdout.count("\r") < 50


@pytest.mark.parametrize("before", ["", "import ipykernel"])
def test_what_is_there_already_is_not_mentioned(before):
    done = shown(before, told=False)
    assert done.stdout + done.stderr == ""


STEPS = """
import time
from agentscope_runtime_nb.progress import steps
with steps("Exporting it", 2) as step:
    step("reading")
    time.sleep({seconds})
    step("writing")
"""


@pytest.mark.parametrize("before", ["", "import ipykernel"])
def test_steps_are_silent_where_nobody_looks(before):
    code = before + STEPS.format(seconds=0.7)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(("seconds", "seen"), [(0.8, True), (0, False)])
def test_steps_show_in_a_terminal_when_they_take_a_while(seconds, seen):
    here, there = os.openpty()
    code = [sys.executable, "-c", STEPS.format(seconds=seconds)]
    with subprocess.Popen(code, stderr=there, env=os.environ | {"TERM": "xterm"}) as process:
        assert process.wait(20) == 0
    os.close(there)
    shown = b""
    with contextlib.suppress(OSError), os.fdopen(here, "rb", buffering=0) as terminal:
        while chunk := terminal.read(4096):
            shown += chunk
    assert (b"Exporting it" in shown) is seen
