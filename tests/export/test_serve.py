"""`agentscope-nb serve`: real processes, real saves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx2
import pytest
from test_cli import command

from notebooks import app_cell, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORD = "import asyncio\nword = {!r}"
SLOW = """%%agent_app friday
@app.query
async def reply(msgs, request):
    yield word
    if msgs[-1].text == "slowly":
        await asyncio.sleep(3)
        yield " " + word
"""


class Serving:
    """The command, and what it has said."""

    def __init__(self, notebook: Path, folder: Path, *words: str, **environment: str) -> None:
        self.log = folder / "said.txt"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        own = {"TMPDIR": str(self.temporary), "AGENTSCOPE_NB_DATA": str(folder), **environment}
        line = ["-m", "agentscope_runtime_nb.cli", "serve", str(notebook), "--port", "0", *words]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, *line], env={**os.environ, **own}, stdout=out, stderr=out
            )
        self.until("CTRL[+]C ends it")
        self.url = re.findall(r"http://[\d.:]+\d", self.log.read_text())[0]

    def until(self, pattern: str, count: int = 1) -> str:
        """Wait until it has said something, so many times."""
        deadline = time.monotonic() + 25
        while len(re.findall(pattern, said := self.log.read_text())) < count:
            assert time.monotonic() < deadline, said
            assert self.process.poll() is None or re.search(pattern, said), said
            time.sleep(0.02)
        return said

    def ask(self, text: str = "hello", **headers: str) -> str:
        body = {"input": text, "stream": False}
        answer = httpx2.post(f"{self.url}/process", json=body, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()["output"][0]["content"][0]["text"]

    def children(self) -> list[int]:
        done = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid="],
            capture_output=True,
            check=False,
        )
        return [int(pid) for pid in done.stdout.split()]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    started: list[Serving] = []

    def start(notebook: Path, *words: str, **environment: str) -> Serving:
        started.append(Serving(notebook, tmp_path, *words, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.end()


def gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child is left"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith(b"Z")


@pytest.mark.ordinary_user
def test_what_is_saved_is_served_and_nobody_is_turned_away(serving, tmp_path):
    notebook = save(tmp_path / "nöte book.ipynb", WORD.format("one"), SLOW)
    served = serving(notebook)
    assert served.ask() == "one"
    answers: list[str] = []
    over = threading.Event()

    def ask_again_and_again() -> None:
        while not over.is_set():
            answers.append(served.ask())

    slow: list[str] = []
    askers = [threading.Thread(target=ask_again_and_again) for _ in range(2)]
    askers.append(threading.Thread(target=lambda: slow.append(served.ask("slowly"))))
    for asker in askers:
        asker.start()
    time.sleep(0.3)  # so that the slow one has begun; if it has not, it says "two two"
    save(notebook, WORD.format("two"), SLOW)
    served.until("  reloaded")
    assert served.ask() == "two"
    over.set()
    for asker in askers:
        asker.join()
    assert slow == ["one one"]
    assert set(answers) <= {"one", "two"}


def test_what_cannot_serve_is_told_and_the_old_version_stays(serving, tmp_path):
    notebook = save(tmp_path / "n.ipynb", WORD.format("one"), SLOW)
    served = serving(notebook)
    save(notebook, "import asyncio\nword = 'two' + nope", SLOW)
    assert "cell 2, line 2:" in served.until("undefined-name")
    assert served.ask() == "one"
    save(notebook, "import asyncio\n\nword = 1 / 0", SLOW)
    assert "cell 2, line 3: ZeroDivisionError" in served.until("ZeroDivision")
    assert served.ask() == "one"
    save(notebook, "import asyncio\nword = 'two", SLOW)
    assert "cell 2, line 2:" in served.until("bad-syntax")
    whole = save(tmp_path / "other.ipynb", WORD.format("three"), SLOW).read_text()
    notebook.write_text(whole[: len(whole) // 2])  # a save that takes its time
    time.sleep(0.8)
    notebook.write_text(whole)
    assert "unreadable-document" not in served.until("  reloaded")
    assert served.ask() == "three"
    save(notebook, WORD.format("three"), SLOW, title="Another text")
    time.sleep(0.8)
    save(notebook, WORD.format("four"), SLOW)
    assert served.until("  reloaded", 2).count("  reloaded") == 2
    assert served.ask() == "four"


def test_modules_and_settings_are_watched_and_a_start_that_fails_is_told(serving, tmp_path):
    (tmp_path / "words.py").write_text("WORD = 'one'\n")
    (tmp_path / ".env").write_text("MARK=!\n")
    text = (
        "import os\nimport words\nfrom contextlib import asynccontextmanager\n"
        "@asynccontextmanager\nasync def life(app):\n"
        "    if words.WORD == 'bad':\n        raise ValueError(words.WORD)\n    yield\n"
    )
    cell = (
        "%%agent_app friday\napp = AgentApp('friday', lifespan=life)\n@app.query\n"
        "async def reply(msgs, request):\n    yield words.WORD + os.environ['MARK']\n"
    )
    text = f"from agentscope_runtime_nb import AgentApp\n{text}"
    served = serving(save(tmp_path / "n.ipynb", text, cell))
    assert served.ask() == "one!"
    (tmp_path / "words.py").write_text("WORD = 'bad'\n")
    served.until("ValueError: bad")
    assert served.ask() == "one!"
    (tmp_path / "words.py").write_text("WORD = 'two'\n")
    (tmp_path / ".env").write_text("MARK=?\n")
    served.until("  reloaded")
    assert served.ask() == "two?"


def cut_off(served: Serving) -> None:
    with pytest.raises(httpx2.HTTPError):
        served.ask("slowly")


def test_the_end_leaves_nothing(serving, tmp_path):
    served = serving(save(tmp_path / "n.ipynb", WORD.format("one"), SLOW))
    (child,) = served.children()
    os.kill(child, signal.SIGKILL)  # one that crashes is started again
    served.until("serves again")
    children = served.children()
    assert served.ask() == "one"
    assert list(served.temporary.iterdir())
    cut = threading.Thread(target=cut_off, args=(served,))
    cut.start()
    time.sleep(0.5)
    served.process.send_signal(signal.SIGINT)
    served.until("CTRL[+]C again")
    assert served.end(signal.SIGINT) == 0  # the second one does not wait for answers
    cut.join()
    gone(children)
    assert not list(served.temporary.iterdir())


def test_an_answer_under_way_is_finished_before_the_end(serving, tmp_path):
    served = serving(save(tmp_path / "n.ipynb", WORD.format("one"), SLOW))
    slow: list[str] = []
    asker = threading.Thread(target=lambda: slow.append(served.ask("slowly")))
    asker.start()
    time.sleep(0.5)
    assert served.end() == 0
    asker.join()
    assert slow == ["one one"]


def test_nobody_survives_a_command_that_is_killed(serving, tmp_path):
    served = serving(save(tmp_path / "n.ipynb", WORD.format("one"), SLOW))
    children = served.children()
    assert children
    served.end(signal.SIGKILL)
    gone(children)
    assert not list(served.temporary.iterdir())


PERCENT = """\
# %%
word = "percent"

# %%
# %%agent_app friday
# @app.query
# def reply(msgs, request):
#     return word
"""
MARKDOWN = """\
# Title

```python
word = "markdown"
```

```python
%%agent_app friday
@app.query
def reply(msgs, request):
    return word
```
"""


@pytest.mark.parametrize(
    ("name", "text", "word"), [("n.py", PERCENT, "percent"), ("n.md", MARKDOWN, "markdown")]
)
def test_jupytext_files_with_a_key_that_nobody_sees(serving, tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    served = serving(tmp_path / name, "--no-reload", AGENTSCOPE_NB_API_KEY="not-to-be-seen")
    assert served.ask(Authorization="Bearer not-to-be-seen") == word
    assert httpx2.post(f"{served.url}/process", json={"input": "hello"}).status_code == 401
    served.end()
    said = served.log.read_text()
    assert "$AGENTSCOPE_NB_API_KEY" in said
    assert "not-to-be-seen" not in said


@pytest.mark.parametrize(
    ("cells", "words", "told"),
    [
        ((app_cell(), app_cell().replace("friday", "monday")), [], "friday, monday"),
        ((app_cell("x"),), [], "[undefined-name]"),
        ((app_cell(),), ["--app", "sunday"], "[no-such-app]"),
        ((app_cell(),), ["--host", "0.0.0.0"], "AGENTSCOPE_NB_API_KEY"),
    ],
)
def test_what_is_wrong_at_the_start(tmp_path, cells, words, told):
    save(tmp_path / "n.ipynb", *cells)
    done = command("serve", "n.ipynb", "--port", "0", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
