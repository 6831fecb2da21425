"""The chat in JupyterLab: talking, stopping, reloading, restarting."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from lab_page import TICKER
from playwright.async_api import expect

if TYPE_CHECKING:
    from lab_page import Book

ECHO = """%%agent_app friday
@app.query
async def answer(msgs, request):
    yield "You said: " + msgs[-1].text
"""
COUNT = """%%agent_app counter
import asyncio
@app.query
async def answer(msgs, request):
    for n in range(40):
        yield f"w{n} "
        await asyncio.sleep(0.2)
    yield "end."
"""
SLEEPER = """%%agent_app sleeper
import time
@app.query
def answer(msgs, request):
    time.sleep(30)
    yield "late"
"""
FLAKY = """%%agent_app flaky
fails = [True]
@app.query
async def answer(msgs, request):
    if fails and fails.pop():
        raise ValueError("no")
    print("printed words")
    yield "It worked."
"""
TOOL = '''def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
'''
CLERK = "%%agent_app clerk --prompt --model scripted --tools add\nYou are a clerk."


@pytest.mark.ordinary_user
async def test_sending_streaming_and_stopping(book: Book) -> None:
    await book.open(TICKER)
    chat = await book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("word3")
    await expect(chat.answer).not_to_contain_text("word599")
    await chat.stop.click()
    await book.ceased()
    await expect(chat.answer).to_contain_text("Stopped.")
    await expect(chat.box).to_be_focused()
    await chat.say("again")
    await expect(chat.turns).to_have_count(2)
    await expect(chat.answer).to_contain_text("word3")
    await chat.box.press("Escape")
    await book.ceased()


async def test_stop_while_a_cell_blocks_the_kernel(book: Book) -> None:
    await book.open(TICKER, "import time; time.sleep(8)")
    chat = await book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("word3")
    began = time.monotonic()
    await book.run(2, wait=False)
    await asyncio.sleep(0.5)
    await chat.stop.click()
    await book.ceased()
    await expect(chat.answer).to_contain_text("Stopped.")
    assert time.monotonic() - began < 7, "the cell should still be running"


async def test_a_message_sent_while_a_cell_runs_is_answered(book: Book) -> None:
    await book.open(ECHO, "import time; time.sleep(8)")
    chat = await book.chat_under(1)
    began = time.monotonic()
    await book.run(2, wait=False)
    await asyncio.sleep(0.3)
    await chat.say("hello")
    await expect(chat.answer).to_contain_text("You said: hello")
    assert time.monotonic() - began < 7, "the cell should still be running"


async def test_what_cannot_be_stopped_is_named_and_forced(book: Book) -> None:
    await book.open(SLEEPER)
    chat = await book.chat_under(1)
    await chat.say("go")
    await chat.stop.click()
    await expect(chat.banner).to_contain_text("still running in answer(), line 5 of cell [2]")
    await chat.card.get_by_role("button", name="Force").click()
    await expect(chat.answer).to_contain_text("Stopped.")
    await chat.box.fill("free again")
    await expect(chat.card.get_by_role("button", name="Send")).to_be_enabled()


async def test_reloading_the_page_in_mid_answer(lone_book: Book) -> None:
    await lone_book.open(COUNT)
    chat = await lone_book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("w3 ")
    await lone_book.reload()
    chat = await lone_book.chat(1)
    await expect(chat.answer).to_contain_text("w5 ")
    await expect(chat.answer).to_contain_text("end.", timeout=20_000)
    words = " ".join(f"w{n}" for n in range(40))
    await expect(chat.answer.locator(".asnb-md")).to_have_text(f"{words} end.")
    await expect(chat.turns).to_have_count(1)
    await chat.say("and on")
    await expect(chat.turns).to_have_count(2)


async def test_two_views_of_one_chat(book: Book) -> None:
    await book.open(ECHO, "%agent_app chat friday")
    first = await book.chat_under(1)
    second = await book.chat_under(2)
    await first.say("to both")
    await expect(second.answer).to_contain_text("You said: to both")
    await second.say("and back")
    await expect(first.answer).to_contain_text("You said: and back")
    await expect(first.turns).to_have_count(2)


async def test_running_the_cell_again_keeps_the_conversation(book: Book) -> None:
    await book.open(ECHO)
    chat = await book.chat_under(1)
    await chat.say("one")
    await expect(chat.answer).to_contain_text("You said: one")
    chat = await book.chat_under(1, ECHO.replace("You said", "Now you said"))
    await expect(chat.turns).to_have_count(1)
    await chat.say("two")
    await expect(chat.answer).to_contain_text("Now you said: two")
    await expect(chat.turns.first).to_contain_text("You said: one")


async def test_restarting_the_kernel_says_so_and_keeps_the_talk(book: Book) -> None:
    await book.open(ECHO)
    chat = await book.chat_under(1)
    await chat.say("before")
    await expect(chat.answer).to_contain_text("You said: before")
    await book.evaluate("await panel.sessionContext.session.kernel.restart()")
    await expect(chat.banner).to_contain_text("has gone")
    await expect(chat.answer).to_contain_text("You said: before")
    await expect(chat.box).to_be_disabled()
    await book.run(0)
    chat = await book.chat_under(1)
    await chat.say("after")
    await expect(chat.answer).to_contain_text("You said: after")


async def test_without_a_kernel_the_transcript_stands_there(lone_book: Book) -> None:
    await lone_book.open(ECHO)
    chat = await lone_book.chat_under(1)
    await chat.say("keep this")
    await expect(chat.answer).to_contain_text("You said: keep this")
    transcript = lone_book.page.locator(".jp-Notebook:visible .asnb-transcript")
    await expect(transcript).to_contain_text("You said: keep this")
    await expect(transcript).to_be_hidden()
    # As it is after a night: saved, trusted, its kernel ended, opened again.
    await lone_book.evaluate("await panel.context.save(); await panel.sessionContext.shutdown();")
    await lone_book.reload()
    await expect(transcript).to_be_visible()
    await expect(transcript).to_contain_text("You said: keep this")
    assert await lone_book.evaluate("return panel.model.cells.get(1).trusted")
    for text in ("Loading widget", "model not found"):
        await expect(lone_book.page.get_by_text(text)).to_be_hidden(timeout=15_000)


async def test_without_any_kernel_there_is_the_transcript_alone(book: Book) -> None:
    await book.open(ECHO)
    chat = await book.chat_under(1)
    await chat.say("keep this")
    await expect(chat.answer).to_contain_text("You said: keep this")
    await book.evaluate("""
      await panel.context.save();
      await panel.sessionContext.shutdown();
      panel.dispose();
      const kernelPreference = { shouldStart: false };
      const widget = await app.commands.execute("docmanager:open", { path, kernelPreference });
      await widget.context.ready;
    """)
    transcript = book.page.locator(".jp-Notebook:visible .asnb-transcript")
    await expect(transcript).to_contain_text("You said: keep this")
    await expect(transcript).to_be_visible()
    waiting = book.page.locator(".jp-Notebook:visible").get_by_text("Loading widget")
    await expect(waiting).to_have_count(1)
    await expect(waiting).to_be_hidden()


async def test_a_tool_call_opens(book: Book) -> None:
    await book.open(TOOL, CLERK)
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("What is 17 + 25?")
    tool = chat.answer.locator(".asnb-tool")
    await expect(tool).to_contain_text("add")
    await expect(tool).to_contain_text("done")
    await expect(chat.answer).to_contain_text("The result is 42")
    await expect(chat.answer.locator(".asnb-facts")).to_contain_text("tokens")
    await tool.locator("summary").click()
    await expect(tool).to_contain_text('"a": 17')
    await expect(tool).to_contain_text("42")


async def test_an_error_can_be_retried_and_prints_are_shown(book: Book) -> None:
    await book.open(FLAKY)
    chat = await book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer.locator(".asnb-error")).to_contain_text("ValueError")
    await chat.answer.get_by_role("button", name="Retry").click()
    await expect(chat.answer).to_contain_text("It worked.")
    await expect(chat.answer.locator(".asnb-prints")).to_contain_text("printed words")
    await expect(chat.turns).to_have_count(1)


async def test_a_new_session_and_the_download(book: Book) -> None:
    await book.open(ECHO)
    chat = await book.chat_under(1)
    await chat.say("remember me")
    await expect(chat.answer).to_contain_text("You said: remember me")
    await chat.card.get_by_role("button", name="Download transcript").click()
    async with book.page.expect_download() as download:
        await chat.card.get_by_role("button", name="Markdown").click()
    path = await (await download.value).path()
    assert "You said: remember me" in path.read_text()
    await chat.card.get_by_role("button", name="New session").click()
    await expect(chat.turns).to_have_count(0)


async def test_formulas_are_set_as_the_notebook_sets_them(book: Book) -> None:
    await book.open(
        r"""%%agent_app teacher
@app.query
async def answer(msgs, request):
    yield r"It is $a_1 * b_1$, not $5 or $6."
    yield "\n\n" + r"$$\sum_{i=1}^n \frac{1}{i}$$" + "\n\nDone."
"""
    )
    chat = await book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("not $5 or $6.")
    await expect(chat.answer.locator("mjx-container")).to_have_count(2)
    await expect(chat.answer.locator("mjx-container[display=true]")).to_have_count(1)


async def test_chinese_is_fetched_where_it_is_read(book: Book) -> None:
    await book.open(ECHO, "friday.chat(lang='zh')")
    await book.run(1)
    chat = await book.chat_under(2)
    await expect(chat.card.get_by_role("button", name="发送", exact=True)).to_be_visible()
