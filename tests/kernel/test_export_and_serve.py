"""The second notebook: each cell twice, from top to bottom again, and when a cell fails."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Any

import httpx2
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_export_and_serve.ipynb"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder; nothing in it leads out of this machine."""
    made = tmp_path / "my notebooks"
    made.mkdir()
    shutil.copy(NOTEBOOK, made)
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"AGENTSCOPE_NB_{name}", str(tmp_path / name))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    return made


def opened(folder: Path) -> tuple[NotebookClient, list[Any]]:
    """The notebook and its code cells, with a kernel to come."""
    notebook = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=90,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],
    )
    return client, [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cells: list[Any], name: str) -> str:
    """What a cell showed."""
    (cell,) = [cell for cell in cells if cell.id == name]
    return str(cell.outputs)


def check(cells: list[Any]) -> None:
    """It shows what its prose says."""
    assert "100 euros are 1180.0 NOK." in shown(cells, "ask")
    assert "100 euros are 1150.0 NOK." in shown(cells, "break")
    assert "[out-of-order]" in shown(cells, "refuse")
    assert "is exported to" in shown(cells, "export")
    for name in ("http", "openai", "same", "serve"):
        assert "100 euros are 1180.0 NOK." in shown(cells, name)
    assert "table" in shown(cells, "doctor")
    for name in ("start", "kernel-serve"):
        assert is_gone(*re.findall(r"http://127\.0\.0\.1:\d+", shown(cells, name))[:1])


def is_gone(url: str, seconds: float = 20) -> bool:
    """Whether nobody answers there any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            httpx2.get(f"{url}/health", timeout=2)
        except httpx2.TransportError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.ordinary_user
@pytest.mark.timeout(300)
async def test_each_cell_twice_and_then_all_again(folder):
    client, cells = opened(folder)
    # Copies, since nbclient itself does not run a cell with displays twice.
    for cell in cells:
        again = nbformat.from_dict(cell | {"id": f"{cell.id}-again"})
        client.nb.cells.insert(client.nb.cells.index(cell) + 1, again)
    await client.async_execute()
    check(cells)
    client, cells = opened(folder)
    await client.async_execute()
    check(cells)


@pytest.mark.timeout(120)
async def test_a_cell_that_fails_leaves_no_service_behind(folder):
    client, cells = opened(folder)
    (cell,) = [cell for cell in cells if cell.id == "http"]
    cell.source = "raise RuntimeError('the reader mistyped')"
    with pytest.raises(CellExecutionError):
        await client.async_execute()
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+", shown(cells, "start"))
    assert is_gone(url)
