"""The chat on a page of no Jupyter server, as VS Code and Colab show widgets (an imitation)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest_asyncio
from bare_host import BareHost
from journey import CLERK, COUNT, TOOL, WORDS
from lab_page import LOAD, TICKER, Chat
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

CODER = """%%agent_app coder
@app.query
async def answer(msgs, request):
    yield "**Here:**\\n```python\\nx = 1\\n```\\n\\n```rust\\nlet y = 2;\\n```\\n"
"""


@pytest_asyncio.fixture(loop_scope="session")
async def host(browser: Browser, tmp_path: Path) -> AsyncIterator[BareHost]:
    """A kernel with the package, on an empty page."""
    context = await browser.new_context(viewport={"width": 900, "height": 900}, locale="en-US")
    made = BareHost(await context.new_page(), tmp_path)
    try:
        await made.start()
        await made.run(LOAD)
        yield made
    finally:
        await made.close()
        await context.close()


async def _chat(host: BareHost, source: str) -> tuple[str, Chat]:
    (model,) = await host.run(source)
    await host.show(model)
    return model, Chat(host.page, host.card(model))


async def test_by_the_comm_alone(host: BareHost) -> None:
    asked: list[str] = []
    host.page.on("request", lambda request: asked.append(request.url))
    await host.run(TOOL)
    _, clerk = await _chat(host, CLERK)
    await clerk.say("What is 17 + 25?")
    await expect(clerk.answer.locator(".asnb-tool").first).to_contain_text("done")
    await expect(clerk.answer).to_contain_text("The result is 42")
    _, ticker = await _chat(host, TICKER)
    await ticker.say("go")
    await expect(ticker.answer).to_contain_text("word3")
    await expect(ticker.answer).not_to_contain_text("word599")
    await ticker.stop.click()
    await expect(ticker.answer).to_contain_text("Stopped.")
    await asyncio.sleep(0.3)
    size = (host.folder / "ticks").stat().st_size
    await asyncio.sleep(0.5)
    assert (host.folder / "ticks").stat().st_size == size
    model, counter = await _chat(host, COUNT)
    await counter.say("go")
    await expect(counter.answer).to_contain_text("w3 ")
    await host.leave(model)
    await host.show(model)
    counter = Chat(host.page, host.card(model))
    await expect(counter.answer).to_contain_text("end.", timeout=30_000)
    words = " ".join(f"w{n}" for n in range(WORDS))
    await expect(counter.answer.locator(".asnb-md")).to_have_text(f"{words} end.")
    assert not [url for url in asked if not url.startswith(("blob:", "data:", "about:"))]


async def test_what_is_fetched_on_demand_comes_by_the_comm_too(host: BareHost) -> None:
    _, chat = await _chat(host, CODER)
    await chat.say("go")
    await expect(chat.answer.locator("strong")).to_have_text("Here:")
    await expect(chat.answer.locator(".hljs-number")).to_have_text(["1", "2"])
