"""The command line: what it serves, and what it says to a newcomer."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx2
import pytest

from agentscope_runtime_nb.cli.run import parse_env
from notebooks import app_cell, save

if TYPE_CHECKING:
    from pathlib import Path

APP = """\
import os
from agentscope_runtime_nb import AgentApp

app = AgentApp("friday")

@app.query
async def reply(msgs, request):
    yield os.environ.get("GREETING", "none") + " from " + os.path.basename(os.getcwd())
"""


def command(
    *words: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentscope_runtime_nb.cli", *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def serving(*words: str, cwd: Path):
    port = free_port()
    environment = {**os.environ, "AGENTSCOPE_NB_DATA": str(cwd)}
    process = subprocess.Popen(
        [sys.executable, "-m", "agentscope_runtime_nb.cli", "run", *words, "--port", str(port)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            with contextlib.suppress(httpx2.HTTPError):
                httpx2.get(f"{base}/health", timeout=2)
                break
            assert process.poll() is None
            time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(30)


def ask(base: str) -> str:
    answer = httpx2.post(f"{base}/process", json={"input": "hello", "stream": False}, timeout=20)
    return answer.json()["output"][0]["content"][0]["text"]


def test_it_serves_a_folder_with_its_env(tmp_path):
    service = tmp_path / "service"
    service.mkdir()
    (service / "app.py").write_text(APP)
    (service / ".env").write_text("GREETING='hello # there'  # said\n")
    with serving("service", cwd=tmp_path) as base:
        assert ask(base) == "hello # there from service"


def test_an_exported_notebook_is_served(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "x = ['a']\nx.append('b')", app_cell("' '.join(x)"))
    done = command("export", str(notebook), "-o", str(tmp_path / "s"), "--explain")
    assert done.returncode == 0, done.stderr
    with serving("s", cwd=tmp_path) as base:
        assert ask(base) == "a b"


def test_an_export_that_is_refused_names_everything(tmp_path):
    notebook = save(tmp_path / "n.ipynb", app_cell("x, y"))
    done = command("export", str(notebook), "-o", str(tmp_path / "s"))
    assert done.returncode == 1
    assert done.stderr.count("[undefined-name]") == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "words", "told"),
    [
        (None, ["gone.py"], "There is no gone.py"),
        (None, ["."], "no app.py"),
        ("{}", ["app.ipynb"], "export it first"),
        ("x = 1", ["app.py"], "has no AgentApp"),
        (APP, ["app.py", "--app", "monday"], "has no app monday"),
        (APP + "b = AgentApp('monday')\nc = app\ndel app", ["app.py"], "--app NAME"),
        (APP, ["app.py", "--host", "0.0.0.0"], "AGENTSCOPE_NB_API_KEY"),
        ("import no_such_module", ["app.py"], "pip install no_such_module"),
        ("def f(:", ["app.py"], "line 1"),
        ("1 / 0", ["app.py"], "ZeroDivisionError"),
        ("import os\nos.environ['MY_SETTING']", ["app.py"], "MY_SETTING"),
        (
            "from agentscope_runtime_nb import AgentApp\napp = AgentApp('x')",
            ["app.py"],
            "@app.query",
        ),
    ],
)
def test_what_a_newcomer_gets_wrong(content, words, told, tmp_path):
    if content is not None:
        (tmp_path / words[0]).write_text(content)
    done = command("run", *words, "--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert told in done.stderr
    assert "agentscope_runtime_nb/" not in done.stderr


def test_a_port_in_use_is_named(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command("run", "app.py", "--port", port, cwd=tmp_path)
    assert done.returncode == 1
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_version():
    assert "export" in command("--help").stdout
    assert "pull" in command("models", "--help").stdout
    assert command("version").stdout.startswith("agentscope-runtime-nb ")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b c ", "b c"),
        ("A = 'b#c' # d", "b#c"),
        ('A="b\\nc"', "b\nc"),
        ("A=b#c", "b#c"),
        ("A=b # c", "b"),
        ("A=", ""),
        ("# A=b", None),
        ("A", None),
    ],
)
def test_env_files(line, value):
    assert parse_env(line).get("A") == value
