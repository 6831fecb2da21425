"""JupyterLab in a browser, as tests drive it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import nbformat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
BASE = "/user/ann/"
TOKEN = "not-a-secret"
LOAD = "%load_ext agentscope_runtime_nb"
# Appends to a file for as long as it runs: what a Stop has to stop.
TICKER = """%%agent_app ticker
import asyncio
@app.query
async def answer(msgs, request):
    for n in range(600):
        with open("ticks", "a") as file:
            file.write("x")
        yield f"word{n} "
        await asyncio.sleep(0.02)
"""
_numbers = itertools.count(1)

# What every script begins with: the panel of the notebook at `path`, brought to the front.
_PANEL = """
  const app = window.jupyterapp;
  const panels = () => [...app.shell.widgets("main")].filter((w) => w.context?.path === path);
  const panel = panels()[0];
  for (let tries = 0; panel && app.shell.currentWidget !== panel && tries < 50; tries++) {
    app.shell.activateById(panel.id);
    await new Promise((done) => setTimeout(done, 20));
  }
"""
_OPEN = """
  const widget = await app.commands.execute("docmanager:open", { path });
  await widget.context.ready;
  await widget.sessionContext.ready;
  await widget.sessionContext.session?.kernel?.info;
"""
_RUN = """
  const notebook = panel.content;
  notebook.activeCellIndex = argument.index;
  notebook.mode = "command";
  if (argument.source !== null) {
    notebook.activeCell.model.sharedModel.setSource(argument.source);
  }
  const done = app.commands.execute("notebook:run-cell");
  if (argument.wait) await done;
"""
_CLOSE = """
  if (!panel) return;
  await panel.sessionContext.shutdown();
  panel.dispose(); // closing would ask whether to save
"""


class Lab:
    """A `jupyter lab` of its own, under a hub's prefix.

    Args:
        folder: Where everything of it lives.
        kernel: The Python of its notebooks' kernels; by default the server's own.
        package: Whether the server has the package: its proxy and the built front end.
    """

    def __init__(self, folder: Path, *, kernel: Path | None = None, package: bool = True) -> None:
        self.root = folder / "notebooks"
        self.root.mkdir()
        shared = folder / "share" / "jupyter"
        (shared / "labextensions").mkdir(parents=True)
        if package:
            built = ROOT / "agentscope_runtime_nb" / "labextension"
            (shared / "labextensions" / "agentscope-runtime-nb").symlink_to(built)
        self._kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        if kernel is not None:
            self._kernel |= {"display_name": "Elsewhere", "name": "elsewhere"}
            self._kernel_spec(shared / "kernels" / "elsewhere", kernel)
        self._settings(folder / "settings")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{BASE}"
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTER_PATH": str(shared),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "AGENTSCOPE_NB_DATA": str(folder / "sessions"),
            "IPYTHONDIR": str(folder / "ipython"),
        }
        options = [
            "--allow-root",
            "--no-browser",
            "--expose-app-in-browser",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.base_url={BASE}",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.jpserver_extensions=agentscope_runtime_nb={package}",
        ]
        self._log = (folder / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment,
            cwd=self.root,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 50
        while True:
            try:
                httpx2.get(f"{self.url}api/status", params={"token": TOKEN}).raise_for_status()
                break
            except httpx2.HTTPError:
                assert self._process.poll() is None, (folder / "lab.log").read_text()
                assert time.monotonic() < deadline, (folder / "lab.log").read_text()
                time.sleep(0.1)

    @staticmethod
    def _settings(folder: Path) -> None:
        """No news, no questions about updates: they cover the page."""
        quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
        path = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(quiet))

    def _kernel_spec(self, folder: Path, python: Path) -> None:
        """Have kernels started with another Python."""
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(self._kernel | {"argv": command}))

    def write(self, *cells: str) -> str:
        """A new notebook with these cells; its path."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": self._kernel},
        )
        path = f"n{next(_numbers)}.ipynb"
        nbformat.write(notebook, self.root / path)
        return path

    def close(self) -> None:
        """End the server, which ends its kernels."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Book:
    """A notebook that is open in the page.

    Args:
        lab: The server.
        page: The page.
    """

    def __init__(self, lab: Lab, page: Page) -> None:
        self.lab = lab
        self.page = page
        self.path = ""

    async def open(self, *cells: str) -> None:
        """Make a notebook, open it, load the extension."""
        self.path = self.lab.write(LOAD, *cells)
        await self.evaluate(_OPEN)
        await self.run(0)

    async def run(self, index: int, source: str | None = None, *, wait: bool = True) -> None:
        """Run a cell, with another source if one is given."""
        await self.evaluate(_RUN, {"index": index, "source": source, "wait": wait})

    async def chat_under(self, index: int, source: str | None = None) -> Chat:
        """Run a cell that shows a chat."""
        await self.run(index, source)
        return await self.chat(index)

    async def chat(self, index: int) -> Chat:
        """The chat under a cell."""
        cell = self.page.locator(".jp-Notebook:visible .jp-Cell").nth(index)
        found = Chat(self.page, cell.locator(".asnb-card"))
        await found.card.wait_for()
        return found

    async def evaluate(self, script: str, argument: Any = None) -> Any:
        """Run JavaScript; `panel` is the notebook's panel."""
        body = f"async ([path, argument]) => {{ {_PANEL} {script} }}"
        return await self.page.evaluate(body, [self.path, argument])

    async def reload(self) -> None:
        """Save the notebook and load the page again."""
        await self.evaluate("await panel.context.save()")
        await self.page.reload()
        await restored(self.page)

    async def close(self) -> None:
        """Close the notebook and end its kernel."""
        await self.evaluate(_CLOSE)

    def grows(self, name: str = "ticks") -> int:
        """The size of the file that an agent appends to while it runs."""
        path = self.lab.root / name
        return path.stat().st_size if path.exists() else 0

    async def ceased(self) -> None:
        """It grew fifty times a second; soon after a Stop it grows no more."""
        await asyncio.sleep(0.4)  # the click's way through browser and server, and 200 ms
        size = self.grows()
        await asyncio.sleep(0.4)
        assert self.grows() == size


@asynccontextmanager
async def on_its_own_page(lab: Lab, browser: Browser) -> AsyncIterator[Book]:
    """A place for a notebook, on a page that may be loaded again."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = await context.new_page()
    made = Book(lab, page)
    await page.goto(f"{lab.url}lab/workspaces/{secrets.token_hex(4)}?token={TOKEN}")
    await restored(page)
    yield made
    await made.close()
    await context.close()


async def restored(page: Page) -> None:
    """Wait until JupyterLab has put everything back."""
    await page.wait_for_function("window.jupyterapp?.restored.then(() => true)")


class Chat:
    """A chat in the page.

    Args:
        page: The page.
        card: The chat's own element.
    """

    def __init__(self, page: Page, card: Locator) -> None:
        self.page = page
        self.card = card
        self.box = card.locator("textarea")
        self.stop = card.get_by_role("button", name="Stop")
        self.turns = card.locator(".asnb-turn")
        self.answer = card.locator(".asnb-answer").last
        self.banner = card.locator(".asnb-banner")

    async def say(self, text: str) -> None:
        """Type a message and press Enter."""
        await self.box.fill(text)
        await self.box.press("Enter")


def chromium() -> str | None:
    """The browser that the system has; None for Playwright's own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
