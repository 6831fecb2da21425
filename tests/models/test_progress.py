from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
from agentscope_runtime_nb.models.progress import reporter
with reporter("Fetching it") as tell:
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
