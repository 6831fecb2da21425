"""An app as a script of its own: started, asked, told to end while it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx2
import pytest
from serving import events_in

from agentscope_runtime_nb.events import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = """
import asyncio, sys
from agentscope_runtime_nb import AgentApp

app = AgentApp("script")

@app.query
async def answer(msgs, request):
    for number in range(int(msgs[-1].text)):
        yield f"{number} "
        await asyncio.sleep(0.05)

if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    script = tmp_path / "my app.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(script), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(url, process)
        yield process, url
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            if httpx2.get(f"{url}/health").is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("it never came up")


def test_told_to_end_it_lets_a_run_finish(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, url = served
    with httpx2.stream("POST", f"{url}/process", json={"input": "20"}, timeout=20) as response:
        lines = []
        for line in response.iter_lines():
            if not lines:
                process.send_signal(signal.SIGTERM)
            lines.append(line)
    events = events_in(lines)
    check(events)
    assert events[-1]["status"] == "completed"
    process.wait(10)
    assert process.returncode in (0, -signal.SIGTERM, 143)
