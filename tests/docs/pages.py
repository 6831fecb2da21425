"""A page of the documentation as the notebook and the terminal that its reader would have."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import nbformat
from IPython.core.interactiveshell import InteractiveShell

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"^(?:<!-- example: (?P<note>.*?) -->\n+)?```(?P<kind>\w+)\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_NOTEBOOK_PORT = "http://127.0.0.1:8090"
_SERVICE_PORT = "http://127.0.0.1:8080"
_SERVICE_SECONDS = 30


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: `ipython` and `python` are cells, `bash` is typed into a terminal.
        code: What stands in it.
        note: What the comment above it says: `fails with CODE`, `after OLD became NEW`.
    """

    kind: str
    code: str
    note: str

    @property
    def is_cell(self) -> bool:
        return self.kind in ("ipython", "python")


def blocks(page: str) -> list[Block]:
    """The blocks of a page that do something."""
    text = (ROOT / page).read_text("utf-8")
    found = [Block(m["kind"], m["code"], m["note"] or "") for m in _BLOCK.finditer(text)]
    return [block for block in found if block.is_cell or block.kind == "bash"]


class Reader:
    """Somebody who types a page into a notebook and a terminal, from top to bottom.

    Args:
        folder: Where the notebook is.
        page: The page.
        patch: For the folder and the environment.
    """

    def __init__(self, folder: Path, page: str, patch: pytest.MonkeyPatch) -> None:
        self.blocks = blocks(page)
        self.notebook = folder / "notebook.ipynb"
        self.answers: list[str] = []
        self.errors: list[str] = []
        self._services: list[subprocess.Popen[bytes]] = []
        self._service_url = ""
        patch.chdir(folder)
        patch.setenv("JPY_SESSION_NAME", str(self.notebook))
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(colors="nocolor")
        self.shell.history_manager.enabled = False
        self.cells = [block.code.rstrip("\n") for block in self.blocks if block.is_cell]
        self._save()

    def read(self) -> None:
        """Do all that the page says."""
        number = 0
        for block in self.blocks:
            if block.is_cell:
                self._cell(number, block)
                number += 1
            else:
                self._terminal(block.code)

    def close(self) -> None:
        """Leave nothing behind."""
        for service in self._services:
            service.terminate()
            service.wait(20)
        self.shell.run_line_magic("unload_ext", "agentscope_runtime_nb")
        self.shell.history_manager.end_session()
        InteractiveShell.clear_instance()

    def _save(self) -> None:
        cells = []
        for number, code in enumerate(self.cells):
            cell: Any = nbformat.v4.new_code_cell(code)
            cell["id"] = f"cell-{number}"
            cells.append(cell)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), self.notebook)

    def _cell(self, number: int, block: Block) -> None:
        fails = re.search(r"fails with ([\w-]+)", block.note)
        change = re.search(r"after `(.*?)` became `(.*?)`", block.note)
        if change:
            self.cells = [code.replace(change[1], change[2]) for code in self.cells]
            self._save()
        code = self._moved(block.code)
        result = self.shell.run_cell(code, store_history=True, cell_id=f"cell-{number}")
        error = result.error_before_exec or result.error_in_exec
        if fails:
            assert fails[1] in [type(error).__name__, *getattr(error, "codes", ())], block.code
            self.errors.append(str(error))
        else:
            assert error is None, f"{block.code}\n{error}"
        text = getattr(result.result, "text", None)
        if text:
            self.answers.append(text)

    def _moved(self, code: str) -> str:
        """The code with the addresses that there really are: the ports may be in use here."""
        handles = [
            h for h in list(self.shell.user_ns.values()) if type(h).__name__ == "AgentHandle"
        ]
        served = [handle.url for handle in handles if handle.url]
        if served:
            code = code.replace(_NOTEBOOK_PORT, served[-1])
        return code.replace(_SERVICE_PORT, self._service_url) if self._service_url else code

    def _terminal(self, typed: str) -> None:
        for line in self._moved(typed).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["curl"]:
                self._curl(words[1:])
            elif words[:2] == ["agentscope-nb", "run"]:
                self._serve(words[2:])
            elif words[:1] == ["agentscope-nb"]:
                self._tool(words[1:])
            else:
                assert words[:2] == ["pip", "install"], f"what is {line!r}?"

    def _curl(self, words: list[str]) -> None:
        url = next(word for word in words if word.startswith("http"))
        name, _, value = words[words.index("-H") + 1].partition(": ")
        body = words[words.index("-d") + 1]
        answer = httpx2.post(url, content=body.encode(), headers={name: value}, timeout=30)
        assert answer.is_success, answer.text
        streamed = json.loads(body).get("stream", True)
        last = answer.text.strip().rpartition("\ndata: ")[2] if streamed else answer.text
        response = json.loads(last)
        assert (response["object"], response["status"]) == ("response", "completed")
        self.answers.append(response["output"][-1]["content"][0]["text"])

    def _tool(self, words: list[str]) -> None:
        if words[:2] == ["models", "pull"]:
            words = [*words, "--help"]  # it is there, and 98 MB are not fetched for this
        done = subprocess.run(_command(*words), capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()

    def _serve(self, words: list[str]) -> None:
        log = Path("service.log").resolve()
        with log.open("wb") as out:
            command = _command("run", *words, "--port", "0")
            self._services.append(subprocess.Popen(command, stdout=out, stderr=out))
        until = time.monotonic() + _SERVICE_SECONDS
        while "startup complete" not in (said := log.read_text()):
            assert self._services[-1].poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.05)
        (self._service_url,) = re.findall(r"http://127\.0\.0\.1:\d+", said)


def _command(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("agentscope-nb")), *words]


def own_environment(patch: pytest.MonkeyPatch, url: str, key: str) -> None:
    """Have `auto` mean the scripted model, as a service with a key."""
    patch.setenv("OPENAI_BASE_URL", url)
    patch.setenv("OPENAI_API_KEY", key)
    patch.setenv("NO_PROXY", "127.0.0.1")
    patch.setenv("IPYTHONDIR", os.environ["AGENTSCOPE_NB_DATA"])
