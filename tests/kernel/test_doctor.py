"""`%agent_app doctor`, in a kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from IPython.core.error import UsageError

if TYPE_CHECKING:
    from real_kernel import Kernel, Shell


def test_the_table(kernel: Kernel) -> None:
    kernel.run("import os; os.environ['OPENAI_API_KEY'] = 'sk-hunter2'")
    value = kernel.run("%agent_app doctor").value
    assert "✓ python" in value["text/plain"]
    assert "<table" in value["text/html"]
    assert "hunter2" not in value["text/html"] + value["text/plain"]


def test_the_server_that_started_the_kernel(kernel: Kernel) -> None:
    kernel.run(f"import os; os.environ['JPY_PARENT_PID'] = '{os.getpid()}'")  # no server's
    kernel.run("report = %agent_app doctor")
    states = kernel.run("[f.state for f in report.findings if f.id == 'jupyter-server']")
    assert states.value["text/plain"] == "['ok']"


def test_an_option_that_is_none(shell: Shell) -> None:
    assert isinstance(shell.fail("%agent_app doctor --aks"), UsageError)
    with pytest.warns(PendingDeprecationWarning):  # of IPython's own
        found = shell.ip.Completer.complete(line_buffer="%agent_app doctor --a")[1]
    assert found == ["--ask"]
