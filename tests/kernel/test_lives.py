"""What kernels leave behind when they restart, exit or are killed, and headless execution."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient
from real_kernel import LOAD, until
from ticking import TICK, TICKERS, ceased, ticking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from real_kernel import Kernel

ECHO = """%%agent_app echo
@app.query
async def answer(msgs, request):
    yield "You said: " + msgs[-1].text
"""
STUCK = (
    "%%agent_app stuck\nimport time\n@app.query\ndef answer(msgs, request):\n    time.sleep(600)\n"
)


@pytest.fixture
def lone(kernels: Callable[..., Kernel], tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    folder = tmp_path_factory.mktemp("lone")
    (folder / "tmp").mkdir(mode=0o700)
    made = kernels(folder, TMPDIR=str(folder / "tmp"), XDG_RUNTIME_DIR=str(folder / "tmp"))
    made.run(LOAD)
    return made


def leftovers(kernel: Kernel) -> list[Path]:
    registry = kernel.folder / "runtime" / "agentscope-nb"
    return [*(kernel.folder / "tmp").glob("asnb-*"), *registry.glob("*.json")]


def test_loading_makes_nothing_and_an_agent_makes_a_private_socket(lone: Kernel) -> None:
    assert leftovers(lone) == []
    lone.run(ECHO)
    folder, entry = leftovers(lone)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert entry.stat().st_mode & 0o777 == 0o600
    lone.run("%unload_ext agentscope_runtime_nb")
    assert leftovers(lone) == []
    assert "agentscope" not in lone.run("import threading; print(threading.enumerate())").text
    lone.run(LOAD)
    lone.run(ECHO)
    assert len(leftovers(lone)) == 2


def test_a_restart_leaves_nothing_and_is_quick(lone: Kernel) -> None:
    lone.run(STUCK)
    lone.run("stuck.conversation().send('x')\ntime.sleep(0.3)")
    assert len(leftovers(lone)) == 2
    lone.client.shutdown()
    until(lambda: not leftovers(lone), 10)
    until(lambda: not lone.manager.is_alive(), 10)


def test_a_killed_kernels_leftovers_are_swept_by_the_next(
    lone: Kernel, kernels: Callable[..., Kernel]
) -> None:
    lone.run(TICK)
    lone.run(f"%%agent_app ticker\n{TICKERS['tick_async']}")
    lone.run("ticker.conversation().send('x')")
    ticking(lone)
    os.kill(lone.pid, signal.SIGKILL)
    until(lambda: not lone.manager.is_alive())
    ceased(lone)
    old = leftovers(lone)
    assert len(old) == 2
    environment = {"TMPDIR": str(lone.folder / "tmp"), "XDG_RUNTIME_DIR": str(lone.folder / "tmp")}
    other = kernels(lone.folder, **environment)
    other.run(LOAD)
    other.run(ECHO)
    assert not set(old) & set(leftovers(other))


def test_a_notebook_runs_without_a_front_end(tmp_path: Path) -> None:
    cells = [LOAD, ECHO, "echo.ask('hello')", "echo"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    began = time.monotonic()
    NotebookClient(
        notebook, timeout=30, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert time.monotonic() - began < 30
    chat, transcript = notebook.cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in chat.data
    assert "You said: hello" in transcript.data["text/html"]
    assert notebook.cells[2].outputs[-1].data["text/plain"] == "You said: hello"
