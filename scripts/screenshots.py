"""Takes the pictures of the docs anew: the chat in JupyterLab, light and dark.

    .venv/bin/python scripts/screenshots.py [SCENE…]

Everything shown is deterministic: a scripted model, handlers that print and fail as they are told.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright, expect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

import scenes  # noqa: E402 - beside this file
from lab_page import ARGUMENTS, TOKEN, Book, Lab, chromium, restored  # noqa: E402 - see above

if TYPE_CHECKING:
    from lab_page import Chat
    from playwright.async_api import Browser, Locator, Page

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAA"
    "AElFTkSuQmCC"
)
IMAGES = ROOT / "docs" / "images"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

PICTURES = {
    "with_tool": "chat",
    "stopped": "stopped",
    "failed": "error",
    "alone": "transcript",
    "beginning": "input",
    "sessions": "sessions",
    "editing": "edit",
    "setting": "settings",
    "values": "output",
    "steps": "steps",
    "asking": "approval",
    "decided": "approval-decided",
}


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
        viewport={"width": 1120, "height": 1500}, device_scale_factor=2, locale="en-US"
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
    for scene in (
        with_tool,
        stopped,
        failed,
        alone,
        beginning,
        sessions,
        editing,
        setting,
        values,
        steps,
        asking,
        decided,
    ):
        if not sys.argv[1:] or scene.__name__ in sys.argv[1:]:
            await scene(Book(lab, page), IMAGES / f"{PICTURES[scene.__name__]}-{shade}.png")
    await context.close()


async def with_tool(book: Book, path: Path) -> None:
    """A tool call, open, and the answer."""
    await book.open(scenes.TOOL.rstrip(), scenes.CLERK.rstrip())
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("What is 17 + 25?")
    await expect(chat.answer).to_contain_text("42")
    await chat.answer.locator(".asnb-tool summary").click()
    await picture(book, chat, path)


async def stopped(book: Book, path: Path) -> None:
    """An answer that was stopped."""
    await book.open(scenes.POET.rstrip())
    chat = await book.chat_under(1)
    await chat.say("A poem about you, please.")
    await expect(chat.answer).to_contain_text("thinks")
    await chat.stop.click()
    await expect(chat.answer).to_contain_text("Stopped.")
    await picture(book, chat, path)


async def failed(book: Book, path: Path) -> None:
    """An agent that failed."""
    await book.open(scenes.FLAKY.rstrip())
    chat = await book.chat_under(1)
    await chat.say("Where is my key?")
    await expect(chat.answer.locator(".asnb-error")).to_be_visible()
    await picture(book, chat, path)


async def alone(book: Book, path: Path) -> None:
    """What is left without a kernel."""
    await book.open(scenes.TOOL.rstrip(), scenes.CLERK.rstrip())
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


async def beginning(book: Book, path: Path) -> None:
    """An empty chat: starters, files, commands."""
    await book.open(scenes.READER.rstrip())
    chat = await book.chat_under(1)
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Buy milk. " * 400}
    dot = {"name": "plan.png", "mimeType": "image/png", "buffer": base64.b64decode(PNG)}
    async with book.page.expect_file_chooser() as waiting:
        await chat.card.get_by_role("button", name="Attach files").click()
    await (await waiting.value).set_files([notes, dot])  # type: ignore[list-item]
    await chat.box.press_sequentially("/")
    await expect(chat.card.get_by_role("option")).to_have_count(2)
    await picture(book, chat, path, still=False)


async def sessions(book: Book, path: Path) -> None:
    """The list of conversations."""
    await book.open(scenes.FRIDAY.rstrip())
    chat = await book.chat_under(1)
    for text in ("Plan a trip to Bergen", "Names for a cat", "Was ist ein Kernel?"):
        await chat.say(text)
        await expect(chat.stop).to_have_count(0)
        await expect(chat.answer.locator(".asnb-foot")).to_be_visible()
        await chat.card.get_by_role("button", name="New session", exact=True).click()
    await chat.say("And what is a widget?")
    await expect(chat.answer.locator(".asnb-foot")).to_be_visible()
    await chat.card.get_by_role("button", name="Sessions", exact=True).click()
    await expect(chat.card.locator(".asnb-session").nth(3)).to_be_visible()
    await picture(book, chat, path, still=False)


async def editing(book: Book, path: Path) -> None:
    """A question being said anew."""
    await book.open(scenes.READER.rstrip())
    chat = await book.chat_under(1)
    for text in ("What can you read?", "And what else?"):
        await chat.say(text)
        await expect(chat.stop).to_have_count(0)
        await expect(chat.answer.locator(".asnb-foot")).to_be_visible()
    await chat.turns.first.get_by_role("button", name="Edit message").click()
    await picture(book, chat, path, still=False)


async def setting(book: Book, path: Path) -> None:
    """The settings of a chat."""
    await book.open(scenes.READER.rstrip())
    chat = await book.chat_under(1)
    await chat.card.get_by_role("button", name="Settings of this chat").click()
    await picture(book, chat, path, still=False)


async def values(book: Book, path: Path) -> None:
    """A sub-agent, a table, a figure, what it took."""
    await book.open(scenes.VALUES.rstrip(), scenes.WEATHER.rstrip())
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("Where does it rain most?")
    await expect(chat.answer.locator("img.asnb-picture")).to_be_visible()
    await picture(book, chat, path)


async def steps(book: Book, path: Path) -> None:
    """What a sub-agent does inside a call."""
    await book.open(scenes.TEAM.rstrip())
    chat = await book.chat_under(1)
    await chat.say("Where does it rain most?")
    await expect(chat.answer.locator(".asnb-foot")).to_be_visible()
    await chat.answer.locator(".asnb-tool summary").first.click()
    await picture(book, chat, path)


async def asking(book: Book, path: Path) -> None:
    """A tool that wants to be allowed."""
    await book.open(scenes.CAREFUL.rstrip(), scenes.KEEPER.rstrip())
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("Please delete report.csv")
    await expect(chat.card.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    await picture(book, chat, path)


async def decided(book: Book, path: Path) -> None:
    """One that was denied, and one that was allowed."""
    await book.open(scenes.CAREFUL.rstrip(), scenes.KEEPER.rstrip())
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("Please delete report.csv")
    await chat.card.get_by_role("button", name="with a reason…").click()
    await book.page.keyboard.type("I need it tomorrow")
    await book.page.keyboard.press("Enter")
    await expect(chat.answer).to_contain_text("Denied")
    await expect(chat.stop).to_have_count(0)
    await chat.say("Then delete draft.csv")
    await chat.card.get_by_role("button", name="Allow", exact=True).click()
    await expect(chat.answer).to_contain_text("draft.csv is gone")
    await picture(book, chat, path)


async def picture(book: Book, chat: Chat, path: Path, *, still: bool = True) -> None:
    """The agent's cell with its chat, at rest unless something in it is open."""
    if still:
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
