"""Chats as parts of something larger: in boxes and tabs, several on a page, followed by code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab_page import TICKER, Chat
from playwright.async_api import expect

if TYPE_CHECKING:
    from lab_page import Book
    from playwright.async_api import Locator

# Under each cell would stand a chat of its own; here other cells show them.
ECHO = """%%agent_app friday --no-chat
@app.query
async def answer(msgs, request):
    yield "You said: " + msgs[-1].text
"""
FIRST = TICKER.replace("ticker", "ticker --no-chat")
SECOND = FIRST.replace("ticker", "tocker").replace('"ticks"', '"tocks"')
BOXES = """import ipywidgets as w
heard = w.Label("nothing yet")
chat = friday.chat(layout=w.Layout(width="100%"))
heard_all = []
def hear(message):
    heard_all.append(message)
    heard.value = f"{len(heard_all)}: {message.text}"
chat.on_message(hear)
busy = w.Label()
chat.observe(lambda change: setattr(busy, "value", f"busy was {change['old']}"), "busy")
w.VBox([w.HTML("<b>Talk to Friday</b>"), chat, w.HBox([heard, busy])])"""
TABS = """tabs = w.Tab([friday.chat(session="first"), friday.chat(session="second")])
tabs.titles = ("First", "Second")
tabs"""
SEVERAL = """w.VBox([ticker.chat(), tocker.chat(), ticker.chat(), ticker.chat(session="other")])"""


def _chat(book: Book, card: Locator) -> Chat:
    return Chat(book.page, card)


def _output(book: Book, index: int) -> Locator:
    return book.page.locator(".jp-Notebook:visible .jp-Cell").nth(index)


async def test_in_a_box_beside_other_widgets_and_followed_by_code(book: Book) -> None:
    await book.open(ECHO, BOXES, "print(len(chat.messages), chat.busy, len(heard_all))")
    await book.run(1)
    chat = await book.chat_under(2)
    await chat.say("hello")
    await expect(chat.answer).to_contain_text("You said: hello")
    output = _output(book, 2)
    await expect(output).to_contain_text("Talk to Friday")
    await expect(output.get_by_text("1: You said: hello")).to_be_visible()
    await expect(output.get_by_text("busy was True")).to_be_visible()
    await book.run(3)
    await expect(_output(book, 3).locator(".jp-OutputArea-output")).to_have_text("2 False 1")
    width = (await chat.card.bounding_box() or {})["width"]
    assert width > 400, "it should fill its box"


async def test_in_tabs_each_with_a_session_of_its_own(lone_book: Book) -> None:
    book = lone_book
    await book.open(ECHO, "import ipywidgets as w", TABS)
    await book.run(1)
    await book.run(2)
    await book.run(3)
    first = _chat(book, _output(book, 3).locator(".asnb-card:visible"))
    await first.say("in the first")
    await expect(first.answer).to_contain_text("You said: in the first")
    await _output(book, 3).get_by_role("tab", name="Second").click()
    second = _chat(book, _output(book, 3).locator(".asnb-card:visible"))
    await expect(second.turns).to_have_count(0)
    await second.say("in the second")
    await expect(second.answer).to_contain_text("You said: in the second")
    await _output(book, 3).get_by_role("tab", name="First").click()
    first = _chat(book, _output(book, 3).locator(".asnb-card:visible"))
    await expect(first.turns).to_have_count(1)
    await expect(first.answer).to_contain_text("You said: in the first")
    await book.reload()
    await _output(book, 3).get_by_role("tab", name="Second").click()
    second = _chat(book, _output(book, 3).locator(".asnb-card:visible"))
    await expect(second.answer).to_contain_text("You said: in the second")


async def test_several_on_a_page_each_stopped_alone(book: Book) -> None:
    """Two agents, one of them in three chats: two views of a session, and another session."""
    await book.open(FIRST, SECOND, "import ipywidgets as w", SEVERAL)
    for index in (1, 2, 3):
        await book.run(index)
    await book.run(4)
    cards = _output(book, 4).locator(".asnb-card")
    await expect(cards).to_have_count(4)
    first, tocker, view, other = (_chat(book, cards.nth(n)) for n in range(4))
    for chat in (first, tocker, other):
        await chat.say("go")
    for chat in (first, tocker, view, other):
        await expect(chat.answer).to_contain_text("word3")
    await tocker.stop.click()
    await book.ceased("tocks")
    await expect(tocker.answer).to_contain_text("Stopped.")
    for chat in (first, other):
        await expect(chat.stop).to_be_visible()
        await expect(chat.answer).not_to_contain_text("Stopped.")
    size = book.grows()
    await other.stop.click()
    await expect(other.answer).to_contain_text("Stopped.")
    await expect(first.answer).not_to_contain_text("Stopped.")
    await expect(first.stop).to_be_visible()
    await view.stop.click()  # the other view of the first
    await book.ceased()
    await expect(first.answer).to_contain_text("Stopped.")
    await expect(view.answer).to_contain_text("Stopped.")
    assert book.grows() > size
    await expect(tocker.turns).to_have_count(1)
