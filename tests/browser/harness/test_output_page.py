"""What an answer shows and asks: keyboard, narrow pages, hostile values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page

    Show = Callable[..., Awaitable[Page]]

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
HUGE = """() => {
  const evil = '\\u202e\\u001b[31m<img src="https://evil.example/x.png" onerror="hostile = 1">';
  const huge = JSON.stringify({text: evil + 'x'.repeat(1000000)});
  const metadata = {agent: evil + 'a'.repeat(500)};
  const data = (type, role, value) => ({object: 'message', id: type, type, role, metadata,
    status: 'completed', content: [{object: 'content', type: 'data', data: value}]});
  const output = [
    data('plugin_call', 'assistant', {call_id: 'c1', name: evil.repeat(9), arguments: huge}),
    data('mcp_approval_request', 'assistant',
      {id: 'apr_c2', call_id: 'c2', name: evil.repeat(9), arguments: huge, server_label: evil}),
    data('plugin_call_output', 'tool', {call_id: 'c1', name: 'x', output: huge}),
  ];
  harness.model.say({type: 'turn', turn: {run_id: 'r', input: [], log: '', events:
    [{object: 'response', id: 'r', status: 'completed', sequence_number: 3, output}]}});
}"""


async def test_a_decision_is_made_by_keyboard(show: Show) -> None:
    page = await show("approvals")
    await page.get_by_role("button", name="Allow", exact=True).first.focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")  # always
    waiting = page.get_by_role("group", name="Allow send_mail?")
    await page.wait_for_function(
        "document.activeElement.getAttribute('aria-label') === 'Allow send_mail?'"
    )
    for _ in range(4):
        await page.keyboard.press("Tab")  # the folded arguments, Allow, Always, Deny
    await page.keyboard.press("Enter")
    assert await waiting.get_attribute("data-state") == "chosen"
    await page.wait_for_function(
        "document.activeElement.getAttribute('aria-label') === 'Allow reboot?'"
    )
    await page.get_by_role("button", name="with a reason…").click()
    await page.keyboard.press("Escape")
    assert await page.get_by_role("textbox", name="Why not?").count() == 0
    await page.get_by_role("button", name="Allow", exact=True).press("Enter")
    sent = await page.evaluate("harness.model.sent.at(-1)")
    assert sent["type"] == "approve"
    assert [(made["id"], made["approve"]) for made in sent["decisions"]] == [
        ("apr_c1", True),
        ("apr_c2", False),
        ("apr_c3", True),
    ]


async def test_values_of_strangers_do_no_harm(show: Show, outside: list[str]) -> None:
    page = await show("rich")
    await page.frame_locator("iframe").get_by_text("0.91").wait_for()
    await page.wait_for_timeout(300)
    assert outside == []
    assert await page.title() == "Chat harness"
    assert await page.locator(".asnb-answer :is(script, style, form)").count() == 0
    assert await page.locator("iframe").get_attribute("sandbox") == ""
    assert await page.evaluate(OVERFLOW) <= 0


async def test_huge_and_hostile_calls_and_questions_fit_the_page(
    show: Show, outside: list[str]
) -> None:
    page = await show("empty")
    await page.set_viewport_size({"width": 420, "height": 900})
    await page.evaluate("document.getElementById('stage').style.width = '380px'")
    await page.evaluate(HUGE)
    await page.wait_for_selector(".asnb-approval")
    folds = page.locator(".asnb-answer summary")
    for index in range(await folds.count()):
        await folds.nth(index).click()
    await page.wait_for_selector(".asnb-approval .asnb-code")
    stage = "document.getElementById('stage')"
    assert await page.evaluate(f"{stage}.scrollWidth - {stage}.clientWidth") <= 0
    assert "[U+202E]" in await page.locator(".asnb-approval-head").inner_text()
    assert await page.evaluate("window.hostile") is None
    assert outside == []


async def test_a_picture_is_shown_large_and_a_table_copied(show: Show) -> None:
    page = await show("rich")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    zoom = page.get_by_role("button", name="Show large")
    await zoom.press("Enter")
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="detached")
    assert await zoom.evaluate("button => button === document.activeElement")
    await page.get_by_role("button", name="Copy as CSV").first.click()
    await page.wait_for_selector("text=Copied")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[1] == "0,North,Q1,1204,18060.50,0.31"
