"""The same journey in every kind of Jupyter that this machine can run; `docs/matrix.md` tells.

Each row is a server, a kernel and a road between them. What came of a row is left in
`.cache/reports/matrix`, from which `scripts/matrix.py` writes the table. The rows that differ least
from another run with `make soak`.
"""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2
import pytest
from environments import ROOT, bare, overlay, proxy, versions
from journey import Journey
from lab_page import on_its_own_page
from servers import TOKEN, Hub, Lab, Notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Browser

# The first time, an environment has to be made.
pytestmark = pytest.mark.timeout(900)

RESULTS = ROOT / ".cache" / "reports" / "matrix"


@dataclass(frozen=True)
class Row:
    """A place to run the journey in.

    Attributes:
        make: Starts the server, in a folder of its own.
        what: What it is, for people.
        road: How messages have to reach the kernel there.
    """

    make: Callable[[Path], Lab]
    what: str
    road: str = "HTTP"


def _kernel() -> Path:
    """A kernel's environment: the package and ipykernel, and no part of a Jupyter server."""
    return bare("kernel", "ipykernel")


def _hub(folder: Path) -> Lab:
    return Hub(folder, python=overlay("hub", "jupyterhub"), proxy=proxy())


def _old_kernel(version: str) -> Path:
    return overlay(f"ipykernel-{version}", f"ipykernel=={version}.*")


def _lab_with(version: str) -> Callable[[Path], Lab]:
    return lambda folder: Lab(folder, kernel=_old_kernel(version))


ROWS = {
    "lab": Row(Lab, "JupyterLab, one environment"),
    "two-environments": Row(
        lambda folder: Lab(folder, kernel=_kernel()),
        "JupyterLab; the kernel in an environment of its own, without any server part",
    ),
    "no-server-part": Row(
        lambda folder: Lab(folder, kernel=_kernel(), package=False),
        "The same, and the server knows nothing of the package",
        road="comm",
    ),
    "hub": Row(_hub, "JupyterHub, its proxy, a user's own JupyterLab"),
    "notebook": Row(
        lambda folder: Notebook(folder, python=overlay("notebook", "notebook>=7")),
        "Jupyter Notebook 7",
    ),
    "ipykernel-6.31": Row(_lab_with("6.31"), "JupyterLab with an old kernel"),
    "ipykernel-7.3": Row(_lab_with("7.3"), "JupyterLab with a kernel whose comms have subshells"),
    "no-server-6.31": Row(
        lambda folder: Lab(folder, kernel=_old_kernel("6.31"), package=False),
        "An old kernel, and a server that knows nothing of the package",
        road="comm",
    ),
    "lab-4.4": Row(
        lambda folder: Lab(folder, python=overlay("lab-4.4", "jupyterlab==4.4.*")),
        "The oldest JupyterLab that is supported",
    ),
}
SELDOM = {"lab", "ipykernel-7.3", "no-server-6.31", "lab-4.4"}


def _rows() -> list[object]:
    return [
        pytest.param(name, marks=pytest.mark.soak if name in SELDOM else (), id=name)
        for name in ROWS
    ]


@pytest.mark.parametrize("name", _rows())
async def test_the_journey_in(name: str, tmp_path: Path, browser: Browser) -> None:
    row = ROWS[name]
    with closing(row.make(tmp_path)) as server:
        if row.road == "comm":
            _has_nothing_of_ours(server)
        async with on_its_own_page(server, browser) as book:
            journey = Journey(book)
            result = {"what": row.what, "test": f"test_the_journey_in[{name}]"} | _versions(server)
            try:
                await journey.walk()
                result["stops a busy kernel"] = soon = await journey.stop_while_a_cell_runs()
                assert soon or row.road == "comm", "only a comm may have to wait for the cell"
                assert (journey.road, journey.files == "server") == (row.road, row.road == "HTTP")
                result["passed"] = True
            except BaseException:
                image = ROOT / "test-results" / f"matrix-{name}.png"
                await book.page.screenshot(path=image)
                raise
            finally:
                result |= {"road": journey.road, "files": journey.files, "steps": journey.seconds}
                _note(name, result)


def _versions(server: Lab) -> dict[str, dict[str, str]]:
    parts = ("jupyterhub", "notebook", "jupyterlab", "jupyter_server")
    return {
        "server": versions(server.python, *parts),
        "kernel": versions(server.kernel, "ipykernel", "ipywidgets", "anywidget", "IPython"),
    }


def _note(name: str, result: dict[str, object]) -> None:
    with suppress(PermissionError):  # somebody else's checkout
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps({"passed": False} | result, indent=1))


async def test_a_kernels_environment_has_no_server() -> None:
    """What the rows say of two environments is so."""
    found = versions(
        _kernel(), "jupyterlab", "jupyter_server", "ipykernel", "agentscope-runtime-nb"
    )
    assert {*found} == {"python", "ipykernel", "agentscope-runtime-nb"}


def _has_nothing_of_ours(server: Lab) -> None:
    for path in ("agentscope-nb/status", "lab/extensions/agentscope-runtime-nb/package.json"):
        reply = httpx2.get(f"{server.url}{path}", params={"token": TOKEN})
        assert reply.status_code == 404, path
