"""What goes in, where only a browser can tell: files, panels over the chat, narrow pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page

    Show = Callable[..., Awaitable[Page]]

# A drop or a paste with files, as the system makes them.
BRING = """([type, selector, names]) => {
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File(["a,b"], name, { type: "text/csv" }));
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
  const event = type === "paste"
    ? new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: transfer })
    : new DragEvent(type, options);
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}"""
SENT = "type => harness.model.sent.filter((message) => message.type === type)"
STILL = "* { animation: none !important; transition: none !important }"


async def _sent(page: Page, kind: str) -> list[dict[str, Any]]:
    return await page.evaluate(SENT, kind)


async def _open_everything(page: Page) -> None:
    """Whatever opens, one after the other, as far as they can be open together."""
    await page.get_by_label("Edit message").first.click()
    await page.get_by_label("Bad answer").last.click()
    await page.evaluate(BRING, ["paste", "textarea[aria-describedby]", ["a.csv"]])
    await page.locator("textarea[aria-describedby]").fill("/")
    await expect(page.locator("[role=option]")).to_have_count(3)
    await page.get_by_label("Settings of this chat").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def _violations(page: Page, options: str = "{}") -> list[Any]:
    await page.add_style_tag(content=STILL)
    await page.add_script_tag(url="axe.min.js")
    found = await page.evaluate(f"axe.run('#stage', {options}).then(result => result.violations)")
    return [
        (v["id"], [(node["html"][:160], node["any"][:1]) for node in v["nodes"]]) for v in found
    ]


@pytest.mark.parametrize("theme", ["lab-light", "lab-dark"])
async def test_axe_finds_nothing_in_what_opens(show: Show, theme: str) -> None:
    page = await show("sessions", theme)
    await _open_everything(page)
    assert await _violations(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_label("Sessions", exact=True).first.click()
    await page.get_by_label("Rename").first.click()
    await page.get_by_label("Delete").last.click()
    assert await _violations(page) == []


async def test_a_narrow_page_holds_it_all(show: Show) -> None:
    page = await show("sessions")
    await page.set_viewport_size({"width": 320, "height": 800})
    await page.add_style_tag(content="#stage { width: 312px !important } body { padding: 4px }")
    await _open_everything(page)
    wide = "document.documentElement.scrollWidth"
    assert await page.evaluate(wide) <= 320
    await page.keyboard.press("Escape")
    await page.get_by_label("Sessions", exact=True).first.click()
    await expect(page.locator(".asnb-session")).to_have_count(5)
    assert await page.evaluate(wide) <= 320
    box = await page.get_by_label("Close").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 320


async def test_files_come_by_drop_paste_and_button(show: Show) -> None:
    page = await show("empty")
    assert await page.evaluate(BRING, ["dragenter", ".asnb-log", ["a.csv"]])
    await expect(page.locator(".asnb-drop")).to_be_visible()
    assert await page.evaluate(BRING, ["drop", ".asnb-log", ["a.csv"]])
    await expect(page.locator(".asnb-drop")).to_be_hidden()
    assert await page.evaluate(BRING, ["paste", "textarea", ["b.csv"]])
    async with page.expect_file_chooser() as waiting:
        await page.get_by_label("Attach files").click()
    chosen = [{"name": "c.bin", "mimeType": "", "buffer": b"\x00\xff"}]
    await (await waiting.value).set_files(chosen)  # type: ignore[arg-type]
    await expect(page.locator(".asnb-attached")).to_have_count(3)
    await expect(page.get_by_label("Send")).to_be_enabled()
    await page.get_by_label("Send").click()
    (message,) = await _sent(page, "send")
    names = [content["filename"] for content in message["content"]]
    assert names == ["a.csv", "b.csv", "c.bin"]
    assert message["content"][2]["file_data"] == "AP8="


async def test_dragged_text_is_not_taken(show: Show) -> None:
    page = await show("empty")
    assert not await page.evaluate(BRING, ["dragover", ".asnb-log", []])


async def test_the_panel_covers_the_chat_and_keeps_the_keys(show: Show) -> None:
    page = await show("sessions")
    await page.get_by_label("Sessions", exact=True).first.click()
    await expect(page.get_by_label("Search sessions")).to_be_focused()
    for _ in range(30):
        await page.keyboard.press("Tab")
        inside = "!document.activeElement.closest('.asnb-stage, .asnb-composer')"
        assert await page.evaluate(inside)
    await page.get_by_label("Search sessions").fill("porto")
    await expect(page.locator(".asnb-session")).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    (message,) = await _sent(page, "open")
    assert message["session_id"] == "s2"
    await expect(page.locator(".asnb-sessions")).to_have_count(0)


async def test_hostile_names_are_only_text(show: Show, outside: list[str]) -> None:
    page = await show("sessions")
    await page.get_by_label("Sessions", exact=True).first.click()
    entry = page.locator(".asnb-session").nth(3)
    await expect(entry).to_contain_text("<b>bold</b> [U+202E] red")
    page = await show("attached")
    await expect(page.locator(".asnb-chip")).to_have_count(4)
    assert await page.locator(".asnb-said img").count() == 1
    assert await page.locator("a[href^='javascript']").count() == 0
    assert outside == []


async def test_the_notebook_can_be_opened(show: Show) -> None:
    page = await show("tool")
    await page.get_by_label("Download transcript").click()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Notebook").click()
    path = Path(await (await waiting.value).path())
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(notebook)  # pyright: ignore[reportUnknownMemberType]
    assert notebook["nbformat_minor"] == 5
    assert "get_weather" in notebook["cells"][-1]["source"]
