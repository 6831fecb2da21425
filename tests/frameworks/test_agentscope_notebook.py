"""An agent of AgentScope in a notebook: the cell, its export, and the lesson about it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from agentscope_runtime_nb.notebook.export.exporter import export
from notebooks import save

if TYPE_CHECKING:
    from collections.abc import Iterator

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "03_agentscope.ipynb"
CELL = """%%agent_app friday --framework agentscope
from agentscope.agent import Agent
from agentscope_runtime_nb.frameworks.agentscope import chat_model, reply, toolkit

@app.query
async def answer(msgs, request):
    agent = Agent("Friday", "You are Friday.", chat_model("scripted"), toolkit(add))
    async for event in reply(agent, request):
        yield event
"""


def test_an_export_pins_it(tmp_path: Path) -> None:
    add = 'def add(a: int, b: int) -> int:\n    """Add."""\n    return a + b'
    notebook = save(tmp_path / "n.ipynb", "%load_ext agentscope_runtime_nb", add, CELL)
    report = export("friday", tmp_path / "service", document=notebook)
    assert f"agentscope=={version('agentscope')}" in report.requirements
    assert "framework='agentscope'" in (tmp_path / "service" / "app.py").read_text().replace(
        '"', "'"
    )
    assert "def add" in (tmp_path / "service" / "app.py").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"AGENTSCOPE_NB_{name}", str(tmp_path / name))
    folder = tmp_path / "my notebooks"
    folder.mkdir()
    return folder


@pytest.mark.timeout(180)
async def test_the_lesson(folder: Path) -> None:
    notebook = nbformat.read(LESSON, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=90,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],
    )
    await client.async_execute()  # raises if a cell does
    outputs = {cell.source: str(cell.get("outputs")) for cell in notebook.cells}
    assert "What can you do" in outputs['friday.ask("What did I just say?")']
    assert "The result is 42." in outputs['clerk.ask("What is 17 + 25?")']
    assert "noted: buy milk" in outputs["clerk.approve()"]
    assert "buy milk" in outputs["notes"]
    team = outputs['bakery.ask("I would like some bread.")']
    assert "They are done: Flour and water., It is in the oven." in team
    assert "agentscope==" in (folder / "clerk-service" / "pyproject.toml").read_text()
