"""Hostile answers, roads that are closed, and people who cannot see or point."""

from __future__ import annotations

from typing import Any

import pytest
from lab_page import ROOT, Book
from playwright.async_api import expect

HOSTILE = '''%%agent_app hostile
BAD = """<script>window.pwned = 1</script>
<img src=x onerror="window.pwned = 2"> <svg onload="window.pwned = 3"></svg>
[click](javascript:window.pwned=4) ![spy](http://spy.example/pixel.png)
<iframe src="http://spy.example/"></iframe> <a href="http://evil.example/x">a link</a>
<style>body { display: none }</style>

| a | b |
|---|---|
| 1 | 2 |
"""
@app.query
async def answer(msgs, request):
    yield BAD
    yield "x" * 200_000
    yield "\\n\\nthe end"
'''
LONG = """%%agent_app long
import asyncio
@app.query
async def answer(msgs, request):
    for n in range(10_000):
        yield f"word{n} "
        if n % 200 == 0:
            await asyncio.sleep(0.02)
    yield "the end"
"""
ECHO = """%%agent_app friday
@app.query
async def answer(msgs, request):
    yield "You said: **" + msgs[-1].text + "**"
"""
_AXE = """async (element) => {
  const result = await axe.run(element, { resultTypes: ["violations"] });
  const bad = result.violations.filter((v) => ["serious", "critical"].includes(v.impact));
  return bad.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
}"""
# The longest time that the page did not get to draw, while something goes on.
_WATCH = """() => {
  let last = performance.now();
  window.worst = 0;
  const look = (now) => { window.worst = Math.max(window.worst, now - last); last = now;
    window.watching = requestAnimationFrame(look); };
  window.watching = requestAnimationFrame(look);
}"""


async def test_hostile_output_does_no_harm(book: Book) -> None:
    requests: list[str] = []
    book.page.on("request", lambda request: requests.append(request.url))
    await book.open(HOSTILE)
    chat = await book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("the end")
    await expect(chat.answer.locator("table").first).to_contain_text("2")
    assert await book.page.evaluate("window.pwned") is None
    assert not await chat.answer.locator("script, iframe, style, [onerror], [onload]").count()
    assert not await chat.answer.locator("a[href^='javascript']").count()
    await book.evaluate("await panel.context.save()")
    assert not [url for url in requests if "spy.example" in url]
    assert await book.page.evaluate("getComputedStyle(document.body).display") != "none"
    for frame in book.page.frames:
        assert "spy.example" not in frame.url


async def test_ten_thousand_tokens_do_not_freeze_the_page(book: Book) -> None:
    await book.open(LONG)
    chat = await book.chat_under(1)
    await book.page.evaluate(_WATCH)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("the end", timeout=30_000)
    worst = await book.page.evaluate("cancelAnimationFrame(window.watching), window.worst")
    assert worst < 2000, "bench/widget.py has the real limit; this only notices a freeze"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
async def test_axe_finds_nothing_serious(book: Book, theme: str) -> None:
    await book.open(ECHO)
    await book.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
    )
    chat = await book.chat_under(1)
    await chat.say("hello")
    await expect(chat.answer).to_contain_text("You said: hello")
    axe = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
    await book.page.add_script_tag(path=axe)
    found: Any = await chat.card.evaluate(_AXE)
    assert found == []


async def test_without_the_server_side_the_comm_does_it_all(lone_book: Book) -> None:
    """As in VS Code or Colab: no files from the server, no road by HTTP."""
    page = lone_book.page
    files = "**/lab/extensions/agentscope-runtime-nb/static/chat-*"
    await page.route(files, lambda route: route.abort())
    await page.route("**/agentscope-nb/**", lambda route: route.abort())
    await lone_book.open(ECHO)
    chat = await lone_book.chat_under(1)
    await chat.say("by the comm")
    await expect(chat.answer).to_contain_text("You said: by the comm")
