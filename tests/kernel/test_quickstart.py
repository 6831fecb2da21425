"""The first notebook runs from top to bottom without anybody watching."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from agentscope_runtime_nb.models import ScriptedServer

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"


@pytest.mark.ordinary_user
@pytest.mark.timeout(180)
async def test_the_quickstart(tmp_path, monkeypatch):
    folder = tmp_path / "my notebooks"
    folder.mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"AGENTSCOPE_NB_{name}", str(tmp_path / name))
    with ScriptedServer() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", model.key)
        client = NotebookClient(
            notebook,
            timeout=90,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--log-level=ERROR"],
        )
        await client.async_execute()  # raises if a cell does
    outputs = {cell.source: str(cell.get("outputs")) for cell in notebook.cells}
    assert "You said: “Hello! What can you do?”." in outputs['friday.ask("What did I just say?")']
    assert "42" in outputs['clerk.ask("What is 17 + 25?")']
    written = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert {"friday-service/app.py", "friday-service/pyproject.toml"} <= written
