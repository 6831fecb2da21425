"""The chat's harness page: scenes without a kernel."""

from __future__ import annotations

import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from playwright.async_api import Browser, Page, Request

FRONT_END = Path(__file__).parents[3] / "labextension"
PAGES = FRONT_END / "lib" / "harness"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log line each."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the harness is served."""
    npm = shutil.which("npm")
    if npm is None or not (FRONT_END / "node_modules").exists():
        pytest.fail("the front end's tools are not here: npm ci in labextension")
    subprocess.run([npm, "run", "--silent", "harness"], cwd=FRONT_END, check=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(PAGES)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def outside() -> list[str]:
    """Addresses elsewhere that a page asked for."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def show(
    browser: Browser, address: str, outside: list[str]
) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Open a scene; an error of the page fails the test."""
    context = await browser.new_context(viewport={"width": 840, "height": 900}, locale="en-US")
    errors: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith((address.rsplit("/", 1)[0], "data:", "blob:")):
            outside.append(request.url)

    async def open_scene(scene: str, theme: str = "lab-light") -> Page:
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", asked)
        await page.goto(f"{address}?scene={scene}&theme={theme}")
        await page.wait_for_selector(".asnb-card")
        return page

    yield open_scene
    await context.close()
    assert errors == []
