"""What only a browser can tell: accessibility, hostile answers, frames, keyboard, scrolling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page

    Show = Callable[..., Awaitable[Page]]

BELOW = "e => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight)"


# Between the themes only the colours differ.
@pytest.mark.parametrize(
    ("theme", "options"),
    [("lab-light", "{}"), ("lab-dark", "{runOnly: ['color-contrast', 'link-in-text-block']}")],
)
async def test_axe_finds_nothing_serious(show: Show, theme: str, options: str) -> None:
    page = await show("all", theme)
    await page.locator("summary").evaluate_all("folds => folds.forEach(fold => fold.click())")
    # What breathes is checked at rest.
    still = "* { animation: none !important; transition: none !important }"
    await page.add_style_tag(content=still)
    await page.add_script_tag(url="axe.min.js")
    found = await page.evaluate(f"axe.run('#stage', {options}).then(result => result.violations)")
    assert [
        (v["id"], [(node["html"][:160], node["any"][:1]) for node in v["nodes"]])
        for v in found
        if v["impact"] in ("serious", "critical")
    ] == []


async def test_a_hostile_answer_does_no_harm(show: Show, outside: list[str]) -> None:
    page = await show("hostile")
    await page.wait_for_timeout(500)
    assert outside == []
    assert await page.title() == "Chat harness"
    assert await page.locator("#stage :is(script, iframe, form, input)").count() == 0
    text = await page.locator(".asnb-answer").inner_text()
    for named in ("[blocked script]", "[blocked link]", "Image blocked: evil.example/log"):
        assert named in text
    assert "(evil.example)" in text


@pytest.mark.parametrize("kind", ["prose", "line", "code"])
async def test_ten_thousand_tokens_do_not_freeze_the_page(show: Show, kind: str) -> None:
    page = await show("empty")
    frames = await page.evaluate(f"harness.stream(harness.model, '{kind}', 10000, 2)")
    # bench/widget.py holds the page to its budget on a quiet machine; here only a freeze fails.
    assert frames["worst"] < 1500
    assert await page.locator(".asnb-foot").count() == 1


async def test_a_huge_line_of_code_is_laid_out_in_pieces(show: Show) -> None:
    page = await show("empty")
    await page.evaluate(
        """() => {
          const text = '```json\\n"' + 'x'.repeat(300000) + '"\\n```\\n';
          const output = [{object: 'message', id: 'm', type: 'message', role: 'assistant',
            status: 'completed', content: [{object: 'content', type: 'text', text}]}];
          harness.model.say({type: 'turn', turn: {run_id: 'r', input: [], log: '', events:
            [{object: 'response', id: 'r', status: 'completed', sequence_number: 3, output}]}});
        }"""
    )
    await page.wait_for_selector(".asnb-piece")
    assert await page.locator(".asnb-piece").count() > 50
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_newest_stays_in_sight_unless_one_reads(show: Show) -> None:
    page = await show("talk")
    log = page.locator(".asnb-log")
    await page.wait_for_timeout(300)
    assert await log.evaluate(BELOW) < 24
    await page.evaluate("harness.stream(harness.model, 'prose', 800, 1)")
    assert await log.evaluate(BELOW) < 24
    await log.hover()
    await page.mouse.wheel(0, -500)
    await page.wait_for_selector(".asnb-jump")
    await page.wait_for_timeout(300)
    top = await log.evaluate("e => e.scrollTop")
    await page.evaluate("harness.model.say({type: 'log', run_id: 'load', text: 'a\\nb\\nc\\n'})")
    await page.wait_for_timeout(700)
    assert await log.evaluate("e => e.scrollTop") == top
    await page.locator(".asnb-jump").click()
    await page.wait_for_selector(".asnb-jump", state="detached")
    assert await log.evaluate(BELOW) < 24


async def test_everything_is_reached_by_keyboard(show: Show) -> None:
    page = await show("tool")
    seen: set[str] = set()
    for _ in range(20):
        await page.keyboard.press("Tab")
        label = "document.activeElement.getAttribute('aria-label')"
        seen.add(await page.evaluate(f"{label} || document.activeElement.tagName"))
    assert seen >= {
        "Sessions",
        "New session",
        "Download transcript",
        "Edit message",
        "Attach files",
        "Good answer",
        "Conversation with friday",
        "SUMMARY",
        "Copy answer",
        "Message friday",
    }
    await page.locator("summary").nth(1).focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".asnb-tool[open] .asnb-code")


@pytest.mark.parametrize(("choice", "part"), [("Markdown", "## You"), ("JSON", '"turns"')])
async def test_the_transcript_is_downloaded(show: Show, choice: str, part: str) -> None:
    page = await show("tool")
    await page.get_by_label("Download transcript").click()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name=choice).click()
    download = await waiting.value
    assert download.suggested_filename.startswith("friday-")
    text = Path(await download.path()).read_text(encoding="utf-8")
    assert part in text
    assert "get_weather" in text


async def test_code_is_copied(show: Show) -> None:
    page = await show("answer")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".asnb-code button").click()
    await page.wait_for_selector("text=Copied")
    assert "class Run:" in await page.evaluate("navigator.clipboard.readText()")
