"""What a chat in JupyterLab takes in: files, commands, settings; and the sessions that it keeps."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

if TYPE_CHECKING:
    from lab_page import Book, Chat
    from playwright.async_api import Locator

# Says what it got, byte for byte.
WITNESS = """%%agent_app witness
import base64
app.offer(
    starters=[("Greet", "hello from a starter")],
    settings={"tone": ["warm", "terse"], "loud": False},
    models=["local", "scripted"],
)

@app.command("shout", "Say it loud")
def shout(text, request):
    return text.upper()

@app.query
async def answer(msgs, request):
    for part in msgs[-1].content:
        if part.type == "image":
            yield f"image {part.image_url[:22]}; "
        elif part.type == "audio":
            yield f"sound {part.format} {len(part.data)}; "
        elif part.type == "file":
            yield f"file {part.filename} {base64.b64decode(part.file_data)!r}; "
    settings = request.settings or {}
    yield f"{settings.get('tone')} {settings.get('loud')} {request.model}: {msgs[-1].text}"
"""
ECHO = """%%agent_app {name}
@app.query
async def answer(msgs, request):
    said = [message.text for message in await request.history() if message.role == "user"]
    yield f"You said: {{msgs[-1].text}}, after {{len(said)}}."
"""
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAA"
    "AElFTkSuQmCC"
)
BRING = """(target, [type, name, mime, data]) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: mime }));
  const options = { bubbles: true, cancelable: true };
  target.dispatchEvent(type === "paste"
    ? new ClipboardEvent(type, { ...options, clipboardData: transfer })
    : new DragEvent(type, { ...options, dataTransfer: transfer }));
}"""


def _button(chat: Chat, name: str) -> Locator:
    return chat.card.get_by_role("button", name=name, exact=True)


async def _printed(book: Book, index: int, source: str) -> Any:
    """What a cell prints, as JSON."""
    await book.run(index, f"import json; print(json.dumps({source}))")
    cell = book.page.locator(".jp-Notebook:visible .jp-Cell").nth(index)
    text = await cell.locator(".jp-OutputArea-output").first.inner_text()
    return json.loads(text)


async def test_files_arrive_as_they_are(book: Book) -> None:
    await book.open(WITNESS)
    chat = await book.chat_under(1)
    table = base64.b64encode(b"a,b\n1,2\n").decode()
    await chat.card.locator(".asnb-log").evaluate(BRING, ["drop", "t.csv", "text/csv", table])
    await chat.box.evaluate(BRING, ["paste", "dot.png", "image/png", PNG])
    async with book.page.expect_file_chooser() as waiting:
        await _button(chat, "Attach files").click()
    sound = {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF"}
    await (await waiting.value).set_files([sound])  # type: ignore[list-item]
    await expect(chat.card.locator(".asnb-box .asnb-attached")).to_have_count(3)
    await chat.say("look")
    await expect(chat.answer).to_contain_text(r"file t.csv b'a,b\n1,2\n'; ")
    await expect(chat.answer).to_contain_text("image data:image/png;base64,; ")
    await expect(chat.answer).to_contain_text("sound wav 8; ")
    await expect(chat.turns.locator(".asnb-thumb img")).to_have_count(1)
    await expect(chat.turns.locator(".asnb-chip")).to_have_count(2)
    # JupyterLab did neither upload what was dropped nor paste a cell.
    assert not (book.lab.root / "t.csv").exists()
    assert await book.evaluate("return panel.content.widgets.length") == 2


async def test_starters_commands_settings_and_feedback(book: Book) -> None:
    await book.open(WITNESS, "0")
    chat = await book.chat_under(1)
    await _button(chat, "Greet").click()
    await expect(chat.answer).to_contain_text("warm False")
    await expect(chat.answer).to_contain_text("hello from a starter")
    await chat.box.fill("/")
    await expect(chat.card.get_by_role("option")).to_have_text("/shoutSay it loud")
    await chat.box.press("Tab")
    await chat.box.press_sequentially("quietly")
    await chat.box.press("Enter")
    await expect(chat.answer).to_contain_text("QUIETLY")
    await _button(chat, "Settings of this chat").click()
    settings = chat.card.get_by_role("dialog")
    await settings.get_by_label("Model").select_option("scripted")
    await settings.get_by_label("tone").select_option("terse")
    await settings.get_by_role("switch").click()
    await chat.page.keyboard.press("Escape")
    await expect(chat.card.locator(".asnb-model")).to_have_text("scripted")
    await chat.say("well?")
    await expect(chat.answer).to_contain_text("terse True scripted: well?")
    await chat.answer.get_by_role("button", name="Bad answer").click()
    await chat.answer.get_by_label("What was wrong? (optional)").fill("too short")
    await chat.page.keyboard.press("Enter")
    await expect(chat.answer.get_by_role("button", name="Bad answer")).to_have_attribute(
        "aria-pressed", "true"
    )
    kept = await _printed(book, 2, "[t.feedback for t in witness.conversation().turns]")
    assert kept == [None, None, {"rating": "down", "comment": "too short"}]


async def test_a_question_is_edited_and_gone_on_from(book: Book) -> None:
    await book.open(ECHO.format(name="editor"))
    chat = await book.chat_under(1)
    for text in ("one", "two", "three"):
        await chat.say(text)
        await expect(chat.answer).to_contain_text(f"You said: {text}")
    second = chat.turns.nth(1)
    await second.get_by_role("button", name="Edit message").click()
    form = chat.card.locator(".asnb-editor")
    await expect(form).to_contain_text("The turn after it will be taken back.")
    await form.locator("textarea").fill("two and a half")
    await form.get_by_role("button", name="Send").click()
    await expect(chat.answer).to_contain_text("You said: two and a half, after 1.")
    await expect(chat.turns).to_have_count(2)
    await chat.turns.first.get_by_role("button", name="Fork from here").click()
    await expect(chat.banner).to_contain_text("A new session")
    await expect(chat.turns).to_have_count(1)
    await chat.say("elsewhere")
    await expect(chat.answer).to_contain_text("You said: elsewhere, after 1.")
    await _button(chat, "Sessions").click()
    await expect(chat.card.locator(".asnb-session")).to_have_count(2)


async def test_sessions_outlive_the_kernel(book: Book) -> None:
    await book.open(ECHO.format(name="librarian"))
    chat = await book.chat_under(1)
    await chat.say("about a zebra")
    await expect(chat.answer).to_contain_text("after 0.")
    await _button(chat, "New session").click()
    await chat.say("about an okapi")
    await expect(chat.answer).to_contain_text("okapi, after 0.")
    await book.evaluate("await panel.sessionContext.session.kernel.restart()")
    await expect(chat.banner).to_contain_text("has gone")
    await book.run(0)
    chat = await book.chat_under(1)
    entry = chat.card.locator(".asnb-recent-entry").filter(has_text="about an okapi")
    await entry.click()
    await expect(chat.answer).to_contain_text("You said: about an okapi")
    await expect(chat.card.locator(".asnb-title")).to_have_text("about an okapi")
    await _button(chat, "Sessions").click()
    await chat.card.get_by_label("Search sessions").fill("zebra")
    found = chat.card.locator(".asnb-session")
    await expect(found).to_have_count(1)
    await found.get_by_role("button", name="Rename").click()
    await found.get_by_label("Rename").first.fill("Stripes")
    await chat.page.keyboard.press("Enter")
    await expect(found).to_contain_text("Stripes")
    await found.get_by_role("button", name="Stripes").click()
    await expect(chat.card.locator(".asnb-title")).to_have_text("Stripes")
    await chat.say("and now")
    await expect(chat.answer).to_contain_text("You said: and now, after 1.")
    await _button(chat, "Sessions").click()
    await expect(found).to_have_count(2)
    await found.filter(has_text="Stripes").get_by_role("button", name="Delete").click()
    await chat.card.get_by_role("group", name="Delete").get_by_role("button", name="Delete").click()
    await expect(found).to_have_count(1)
    await chat.page.keyboard.press("Escape")
    await expect(chat.turns).to_have_count(0)


async def test_a_file_of_the_file_browser_is_dropped(book: Book) -> None:
    (book.lab.root / "from the lab.csv").write_text("a,b\n")
    await book.open(WITNESS.replace("witness", "collector"))
    chat = await book.chat_under(1)
    await book.evaluate("await app.commands.execute('filebrowser:activate')")
    await book.evaluate("await app.commands.execute('filebrowser:refresh')")
    item = book.page.locator(".jp-DirListing-item").filter(has_text="from the lab.csv")
    await chat.box.scroll_into_view_if_needed()
    await item.hover()
    await book.page.mouse.down()
    box = await chat.box.bounding_box()
    assert box is not None
    await book.page.mouse.move(box["x"] + 30, box["y"] - 20, steps=8)
    await expect(chat.card.locator(".asnb-drop")).to_be_visible()
    await book.page.mouse.up()
    await expect(chat.card.locator(".asnb-drop")).to_be_hidden()
    await expect(chat.card.locator(".asnb-box .asnb-chip")).to_contain_text("from the lab.csv")
    await chat.say("look")
    await expect(chat.answer).to_contain_text(r"file from the lab.csv b'a,b\n'; ")
    assert (book.lab.root / "from the lab.csv").exists()
