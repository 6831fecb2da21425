"""One JupyterLab and one browser for the whole tier; a notebook and a kernel for each test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from lab_page import ARGUMENTS, ROOT, TOKEN, Book, Lab, chromium, on_its_own_page, restored
from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from playwright.async_api import Browser, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them on one event loop, the browser's, and with time for a busy machine."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(120))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab."""
    running = Lab(tmp_path_factory.mktemp("lab"))
    yield running
    running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab_page(lab: Lab, browser: Browser) -> AsyncIterator[Page]:
    """JupyterLab's page, loaded once."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = await context.new_page()
    await page.goto(f"{lab.url}lab?token={TOKEN}")
    await restored(page)
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def book(lab: Lab, lab_page: Page, request: pytest.FixtureRequest) -> AsyncIterator[Book]:
    """A place for a notebook, closed and its kernel ended after the test."""
    made = Book(lab, lab_page)
    yield made
    if request.node.stash.get(_FAILED, False):
        name = re.sub(r"\W+", "-", request.node.name)
        await lab_page.screenshot(path=ROOT / "test-results" / f"{name}.png")
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def lone_book(lab: Lab, browser: Browser) -> AsyncIterator[Book]:
    """The same on a page of its own, which the test may reload."""
    async with on_its_own_page(lab, browser) as made:
        yield made


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """Remember that a test failed, for a picture of the page."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
