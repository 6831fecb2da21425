"""What an agent shows and asks: values as a notebook has them, sub-agents, approvals, the gauge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from lab_page import Book, Chat
    from playwright.async_api import Request

VALUES = r'''import base64, struct, zlib
import ipywidgets

class Frame:
    def _repr_html_(self):
        return """<div><style scoped>.dataframe th { color: red }</style>
          <table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th>
          <th>units</th></tr></thead><tbody><tr><th>0</th><td>1204</td></tr></tbody></table></div>"""

class Figure:
    def _repr_png_(self):
        def chunk(kind, data):
            body = kind + data
            return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
        head = struct.pack(">IIBBBBB", 60, 40, 8, 2, 0, 0, 0)
        rows = zlib.compress(b"".join(b"\0" + b"\x1f\x77\xb4" * 60 for _ in range(40)))
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows)
                + chunk(b"IEND", b""))

class Hostile:
    def _repr_html_(self):
        return """<p>harmless words</p><script>window.hostile = 1</script>
          <img src="https://evil.example/a.png" onerror="window.hostile = 2">
          <a href="javascript:window.hostile = 3">press</a>"""

class Styled:
    def _repr_html_(self):
        return """<style>p { color: green; background: url(https://evil.example/b.png) }</style>
          <p>styled words</p><script>parent.hostile = 4</script>"""

slider = ipywidgets.IntSlider(value=7, description="Units")
'''
SHOW = """%%agent_app show
@app.query
async def answer(msgs, request):
    yield "Look."
    for value in (Frame(), Figure(), slider, Hostile(), Styled()):
        yield value
"""
CLERK = '''from agentscope_runtime_nb import tool

@tool(confirm=True)
def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
'''
ASKING = "%%agent_app adder --prompt --model scripted --tools add\nYou are a clerk."
TEAM = """%%agent_app team
from agentscope_runtime_nb.events import Text, ToolCall, ToolResult, Usage
@app.query
async def answer(msgs, request):
    yield ToolCall("c1", "research", {"topic": "tea"})
    yield Text("I look it up.", agent="Scout", parent="c1")
    yield ToolCall("c2", "search", {"query": "tea"}, agent="Scout", parent="c1")
    yield ToolResult("c2", "search", "a leaf", agent="Scout", parent="c1")
    yield ToolResult("c1", "research", "Tea is a leaf.")
    yield "Tea is a leaf."
    yield Usage(input_tokens=90, output_tokens=5, cost=0.0012, window=100)
"""


async def _ask(chat: Chat) -> None:
    await expect(chat.stop).to_have_count(0)
    await chat.say("What is 17 + 25?")
    await expect(chat.card.get_by_role("group", name="Allow add?")).to_be_focused()


async def test_values_show_as_in_the_notebook(lone_book: Book) -> None:
    outside: list[str | None] = []

    def asked(request: Request) -> None:
        # What the frame's own policy refused never left the browser.
        if "evil.example" in request.url and request.failure != "csp":
            outside.append(request.failure)

    lone_book.page.on("requestfinished", asked)
    lone_book.page.on("requestfailed", asked)
    await lone_book.open(VALUES, SHOW, "print('units', slider.value)")
    await lone_book.run(1)
    chat = await lone_book.chat_under(2)
    await chat.say("show me")

    async def all_of_it() -> None:
        await expect(chat.answer.locator(".asnb-html td").last).to_have_text("1204")
        picture = chat.answer.locator("img.asnb-picture")
        await expect(picture).to_be_visible()
        assert (
            await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 60
        )
        await expect(chat.answer.locator(".widget-slider")).to_be_visible()
        await expect(chat.answer).to_contain_text("harmless words")
        inside = chat.answer.frame_locator("iframe").get_by_text("styled words")
        await expect(inside).to_have_css("color", "rgb(0, 128, 0)")

    await all_of_it()
    handle = chat.answer.locator(".widget-slider .noUi-handle")
    await handle.focus()
    await handle.press("ArrowRight")
    await expect(chat.answer.locator(".widget-readout")).to_have_text("8")
    await lone_book.run(3)
    cell = lone_book.page.locator(".jp-Notebook:visible .jp-Cell").nth(3)
    await expect(cell.locator(".jp-OutputArea-output")).to_contain_text("units 8")
    await chat.answer.get_by_role("button", name="Show large").click()
    large = chat.answer.get_by_role("dialog")
    await expect(large).to_be_visible()
    await lone_book.page.keyboard.press("Escape")
    await expect(large).to_have_count(0)
    await lone_book.reload()
    chat = await lone_book.chat(2)
    await all_of_it()
    await expect(chat.answer.locator(".widget-readout")).to_have_text("8")
    assert await lone_book.page.evaluate("window.hostile") is None
    assert outside == []


async def test_a_sub_agent_shows_inside_its_call_and_the_gauge_what_it_took(book: Book) -> None:
    await book.open(TEAM)
    chat = await book.chat_under(1)
    await chat.say("What is tea?")
    call = chat.answer.locator(".asnb-tool").first
    await expect(call).to_contain_text("2 steps")
    await call.locator("summary").click()
    steps = call.get_by_role("group", name="Steps")
    await expect(steps).to_contain_text("Scout")
    await expect(steps).to_contain_text("I look it up.")
    await steps.locator("summary").click()
    await expect(steps).to_contain_text("a leaf")
    await expect(chat.answer.locator(".asnb-facts")).to_contain_text("$0.0012")
    await expect(chat.card.get_by_role("meter")).to_have_attribute("aria-valuenow", "95")


async def test_a_tool_is_allowed_denied_and_always_allowed(book: Book) -> None:
    await book.open(CLERK, ASKING)
    await book.run(1)
    chat = await book.chat_under(2)
    await _ask(chat)
    await chat.card.get_by_role("button", name="with a reason…").click()
    await book.page.keyboard.type("not today")
    await book.page.keyboard.press("Enter")
    await expect(chat.answer).to_contain_text("Denied: not today")
    await expect(chat.answer).to_contain_text("not allowed")
    await expect(chat.turns).to_have_count(1)
    await expect(chat.box).to_be_focused()
    await _ask(chat)
    await chat.say("never mind")
    await expect(chat.turns.nth(1)).to_contain_text("you went on without it")
    await _ask(chat)
    await chat.card.get_by_role("button", name="Always in this session").click()
    await expect(chat.answer).to_contain_text("The result is 42")
    await expect(chat.answer).to_contain_text("Always allowed in this session")
    await expect(chat.stop).to_have_count(0)
    await chat.say("What is 17 + 26?")
    await expect(chat.answer).to_contain_text("The result is 43")


async def test_a_question_survives_a_reload_and_a_restart(lone_book: Book) -> None:
    await lone_book.open(CLERK, ASKING.replace("adder", "keeper"))
    await lone_book.run(1)
    chat = await lone_book.chat_under(2)
    await _ask(chat)
    await lone_book.reload()
    chat = await lone_book.chat(2)
    allow = chat.card.get_by_role("button", name="Allow", exact=True)
    await expect(allow).to_be_visible()
    await lone_book.evaluate("await panel.sessionContext.session.kernel.restart()")
    await expect(chat.banner).to_contain_text("has gone")
    await expect(allow).to_have_count(0)
    await lone_book.run(0)
    await lone_book.run(1)
    chat = await lone_book.chat_under(2)
    await chat.card.get_by_role("group", name="Continue").get_by_role("button").click()
    await chat.card.get_by_role("button", name="Allow", exact=True).click()
    await expect(chat.answer).to_contain_text("The result is 42")
    await expect(chat.turns).to_have_count(1)
