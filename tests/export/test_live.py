"""An export out of a running kernel: what was run is compared with what is exported."""

# ruff: noqa: E501 - a cell a line
from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient

from notebooks import save

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CELLS = (
    "base = ['a']\nclass Counter:\n    n = 0\ncounter = Counter()",
    "%load_ext agentscope_runtime_nb",
    "base.append('b')\n\ndef add(a: int, b: int) -> int:\n    'Add two numbers.'\n    return a + b",
    "%%agent_app friday --no-chat --tools add\n@app.query\nasync def reply(msgs, request):\n    counter.n += 1\n    yield f'{base} {counter.n} {add(1, 2)} {app.name}'",
    "friday.ask('hello')",
    "%agent_app export friday out",
)


def test_a_running_agent_is_exported_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = save(tmp_path / "live.ipynb", *CELLS[:6])
    notebook = run(path, tmp_path, monkeypatch)
    outputs = shown(notebook)
    assert "friday is exported" in outputs[-1], outputs
    assert "using the app changes it" in outputs[-1]
    assert "base.append('b')" in (tmp_path / "out" / "app.py").read_text()


def test_a_value_that_no_cell_gives_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hidden = "get_ipython().user_ns['base'].append('from elsewhere')"
    path = save(tmp_path / "live.ipynb", *CELLS[:5], hidden, CELLS[5])
    outputs = shown(run(path, tmp_path, monkeypatch))
    assert "values-differ" in outputs[-1]
    assert not (tmp_path / "out").exists()


def run(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """Run a notebook headless; its kernel is told which file it is, as Jupyter tells it."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    monkeypatch.setenv("AGENTSCOPE_NB_DATA", str(folder / "data"))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=50,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        allow_errors=True,
    )
    return client.execute()


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    """What each output says, as text."""
    texts: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                texts.append("\n".join(output.traceback))
            else:
                texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return texts
