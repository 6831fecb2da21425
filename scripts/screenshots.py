"""Takes the pictures of the docs anew: the chat in JupyterLab, light and dark.

    .venv/bin/python scripts/screenshots.py

Everything shown is deterministic: a scripted model, handlers that print and fail as they are told.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright, expect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from lab_page import ARGUMENTS, TOKEN, Book, Lab, chromium, restored  # noqa: E402 - see above

if TYPE_CHECKING:
    from lab_page import Chat
    from playwright.async_api import Browser, Locator, Page

IMAGES = ROOT / "docs" / "images"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

TOOL = '''def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
'''
CLERK = "%%agent_app clerk --prompt --model scripted --tools add\nYou are a clerk. Be exact."
POET = """%%agent_app poet
import asyncio

@app.query
async def answer(msgs, request):
    for word in "The kernel hums, the cursor blinks, and nobody knows what it thinks.".split():
        yield word + " "
        await asyncio.sleep(0.1)
    await asyncio.sleep(60)
"""
FLAKY = """%%agent_app clerk
@app.query
async def answer(msgs, request):
    print("looking for the key")
    yield {}["key"]
"""


async def main() -> None:
    """Take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=chromium(), args=ARGUMENTS
                )
                for shade, theme in THEMES.items():
                    await take(lab, browser, shade, theme)
                await browser.close()
        finally:
            lab.close()


async def take(lab: Lab, browser: Browser, shade: str, theme: str) -> None:
    """Take one theme's pictures."""
    context = await browser.new_context(
        viewport={"width": 1120, "height": 1000}, device_scale_factor=2, locale="en-US"
    )
    page = await context.new_page()
    await page.goto(f"{lab.url}lab/workspaces/{secrets.token_hex(4)}?token={TOKEN}")
    await restored(page)
    script = """async (theme) => {
      const { commands } = window.jupyterapp;
      await commands.execute("apputils:change-theme", { theme });
      await commands.execute("application:toggle-left-area");
    }"""
    await page.evaluate(script, theme)
    await with_tool(Book(lab, page), IMAGES / f"chat-{shade}.png")
    await stopped(Book(lab, page), IMAGES / f"stopped-{shade}.png")
    await failed(Book(lab, page), IMAGES / f"error-{shade}.png")
    await alone(Book(lab, page), IMAGES / f"transcript-{shade}.png")
    await context.close()


async def with_tool(book: Book, path: Path) -> None:
    """A tool call, open, and the answer."""
    await book.open(TOOL, CLERK)
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("What is 17 + 25?")
    await expect(chat.answer).to_contain_text("42")
    await chat.answer.locator(".asnb-tool summary").click()
    await picture(book, chat, path)


async def stopped(book: Book, path: Path) -> None:
    """An answer that was stopped."""
    await book.open(POET)
    chat = await book.chat_under(1)
    await chat.say("A poem about you, please.")
    await expect(chat.answer).to_contain_text("thinks")
    await chat.stop.click()
    await expect(chat.answer).to_contain_text("Stopped.")
    await picture(book, chat, path)


async def failed(book: Book, path: Path) -> None:
    """An agent that failed."""
    await book.open(FLAKY)
    chat = await book.chat_under(1)
    await chat.say("Where is my key?")
    await expect(chat.answer.locator(".asnb-error")).to_be_visible()
    await picture(book, chat, path)


async def alone(book: Book, path: Path) -> None:
    """What is left without a kernel."""
    await book.open(TOOL, CLERK)
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("What is 17 + 25?")
    await expect(chat.answer).to_contain_text("42")
    await book.evaluate("await panel.context.save(); await panel.sessionContext.shutdown();")
    await book.reload()
    transcript = cell(book.page, 2).locator(".asnb-transcript")
    await expect(transcript).to_be_visible()
    await expect(book.page.get_by_text("Loading widget")).to_be_hidden(timeout=20_000)
    await cell(book.page, 2).screenshot(path=path)
    await book.close()


async def picture(book: Book, chat: Chat, path: Path) -> None:
    """The agent's cell with its chat, at rest."""
    await chat.box.blur()
    await book.page.mouse.move(5, 5)
    await book.page.wait_for_timeout(400)
    await chat.card.locator("xpath=ancestor::div[contains(@class,'jp-CodeCell')]").screenshot(
        path=path
    )
    await book.close()


def cell(page: Page, index: int) -> Locator:
    """A cell of the notebook in front."""
    return page.locator(".jp-Notebook:visible .jp-Cell").nth(index)


if __name__ == "__main__":
    asyncio.run(main())
