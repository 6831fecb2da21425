"""JupyterLab in a browser, as tests drive it."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from servers import ROOT, TOKEN, Lab, Notebook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator, Page

__all__ = ["ROOT", "TOKEN", "Lab"]  # and what is defined here

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
  const widget = panel ?? (await app.commands.execute("docmanager:open", { path }));
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

    async def scroll_to(self, index: int) -> None:
        """Bring a cell into sight: JupyterLab takes its time to draw what is out of it."""
        await self.evaluate("await panel.content.scrollToItem(argument, 'start')", index)

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

    async def restart(self) -> None:
        """Restart the kernel."""
        await self.evaluate("await panel.sessionContext.session.kernel.restart()")

    async def interrupt(self) -> None:
        """Interrupt what the kernel runs."""
        await self.evaluate("await panel.sessionContext.session.kernel.interrupt()")

    async def close(self) -> None:
        """Close the notebook and end its kernel."""
        await self.evaluate(_CLOSE)

    def grows(self, name: str = "ticks") -> int:
        """The size of the file that an agent appends to while it runs."""
        path = self.lab.root / name
        return path.stat().st_size if path.exists() else 0

    async def ceased(self, name: str = "ticks") -> None:
        """It grew fifty times a second, for twelve; soon after a Stop it grows no more."""
        for _ in range(10):  # the click's way through a busy browser and server, and 200 ms
            size = self.grows(name)
            await asyncio.sleep(0.4)
            if self.grows(name) == size:
                break
        await asyncio.sleep(0.4)
        assert self.grows(name) == size


class LonePage(Book):
    """A notebook that is a page of its own, as in Jupyter Notebook."""

    async def open(self, *cells: str) -> None:
        """Make a notebook, go to its page, load the extension."""
        self.path = self.lab.write(LOAD, *cells)
        await self.page.goto(f"{self.lab.url}notebooks/{self.path}")
        await restored(self.page)
        await self.evaluate(_OPEN)
        await self.run(0)

    async def reload(self) -> None:
        """Save the notebook and load the page again."""
        await super().reload()
        await self.evaluate(_OPEN)


@asynccontextmanager
async def on_its_own_page(lab: Lab, browser: Browser) -> AsyncIterator[Book]:
    """A place for a notebook, on a page that may be loaded again."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = await context.new_page()
    made = (LonePage if isinstance(lab, Notebook) else Book)(lab, page)
    await lab.enter(page)
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
