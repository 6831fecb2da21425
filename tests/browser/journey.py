"""What a person does with an agent, in whatever Jupyter: the same steps everywhere."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab_page import TICKER
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_page import Book, Chat
    from playwright.async_api import Response

TOOL = '''def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
'''
CLERK = "%%agent_app clerk --prompt --model scripted --tools add\nYou are a clerk."
WORDS = 40
COUNT = f"""%%agent_app counter
import asyncio
@app.query
async def answer(msgs, request):
    for n in range({WORDS}):
        yield f"w{{n}} "
        await asyncio.sleep(0.1)
    yield "end."
"""
BUSY = "import time; time.sleep(20)"
LOAD_CELL, TOOL_CELL, CLERK_CELL, TICKER_CELL, COUNT_CELL, BUSY_CELL = range(6)


class Journey:
    """One walk through all steps; `seconds` tells how long each took.

    Args:
        book: A place for a notebook, on a page that may be loaded again.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self.seconds: dict[str, float] = {}
        self.posted: list[int] = []  # what the app proxy answered
        self.fetched: list[int] = []  # what the server said to the chat's own files
        book.page.on("response", self._seen)

    async def walk(self) -> None:
        """Take all steps that go by any road."""
        with self._step("open"):
            await self.book.open(TOOL, CLERK, TICKER, COUNT, BUSY)
            await self.book.run(TOOL_CELL)
            clerk = await self.book.chat_under(CLERK_CELL)
        await self._ask(clerk)
        ticker = await self.book.chat_under(TICKER_CELL)
        await self._stop(ticker)
        await self._reload()
        await self._restart()

    async def stop_while_a_cell_runs(self) -> bool:
        """Stop although the kernel's main thread is busy; whether that was soon."""
        with self._step("stop, a cell running"):
            ticker = await self._shown(TICKER_CELL)
            await self._start(ticker)
            await self.book.run(BUSY_CELL, wait=False)
            await asyncio.sleep(0.5)
            await ticker.stop.click()
            await self._while_busy()
            try:
                await self.book.ceased()
                await expect(ticker.answer).to_contain_text("Stopped.")
                await self._while_busy()
            except AssertionError:
                return False
            finally:
                await self.book.interrupt()
        return True

    async def _while_busy(self) -> None:
        """The cell's own mark: the kernel's goes out with every message that is done."""
        cell = self.book.page.locator(".jp-Notebook:visible .jp-Cell").nth(BUSY_CELL)
        await expect(cell.locator(".jp-InputPrompt")).to_have_text("[*]:")

    @property
    def road(self) -> str:
        """How messages went to the kernel."""
        return "HTTP" if 200 in self.posted else "comm"

    @property
    def files(self) -> str:
        """Where the chat's files came from."""
        return "server" if 200 in self.fetched else "comm"

    async def _shown(self, index: int) -> Chat:
        await self.book.scroll_to(index)
        return await self.book.chat(index)

    async def _ask(self, chat: Chat) -> None:
        with self._step("ask, tool call"):
            await chat.say("What is 17 + 25?")
            tool = chat.answer.locator(".asnb-tool").first
            await expect(tool).to_contain_text("add")
            await expect(tool).to_contain_text("done")
            await expect(chat.answer).to_contain_text("The result is 42")
            await chat.say("What did I just say?")
            await expect(chat.turns).to_have_count(2)
            await expect(chat.answer).to_contain_text("17 + 25")

    async def _start(self, chat: Chat) -> None:
        size, answers = self.book.grows(), chat.card.locator(".asnb-answer")
        before = await answers.count()
        await chat.say("go")
        await expect(answers).to_have_count(before + 1)
        await expect(chat.answer).to_contain_text("word3")
        await expect(chat.answer).not_to_contain_text("word599")
        assert self.book.grows() > size

    async def _stop(self, chat: Chat) -> None:
        with self._step("stream, stop"):
            await self._start(chat)
            await chat.stop.click()
            await self.book.ceased()
            await expect(chat.answer).to_contain_text("Stopped.")

    async def _reload(self) -> None:
        with self._step("reload in mid-answer"):
            chat = await self.book.chat_under(COUNT_CELL)
            await chat.say("go")
            await expect(chat.answer).to_contain_text("w3 ")
            await self.book.reload()
            chat = await self._shown(COUNT_CELL)
            await expect(chat.answer).to_contain_text("end.", timeout=30_000)
            words = " ".join(f"w{n}" for n in range(WORDS))
            await expect(chat.answer.locator(".asnb-md")).to_have_text(f"{words} end.")
            clerk = await self._shown(CLERK_CELL)
            await expect(clerk.turns).to_have_count(2)

    async def _restart(self) -> None:
        with self._step("restart in mid-answer"):
            chat = await self._shown(TICKER_CELL)
            await self._start(chat)
            await self.book.restart()
            await expect(chat.banner).to_contain_text("has gone", timeout=30_000)
            await self.book.ceased()
            await expect(chat.box).to_be_disabled()
            await expect(chat.answer).to_contain_text("word3")
            await expect(chat.answer).to_contain_text("Cut off")
            await self.book.run(LOAD_CELL)
            chat = await self.book.chat_under(TICKER_CELL)
            await self._start(chat)
            await chat.stop.click()
            await self.book.ceased()

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.seconds[name] = -1.0
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def _seen(self, response: Response) -> None:
        if "/agentscope-nb/apps/" in response.url and response.request.method == "POST":
            self.posted.append(response.status)
        elif "/agentscope-runtime-nb/static/chat-" in response.url:
            self.fetched.append(response.status)
