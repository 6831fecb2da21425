"""A server and a kernel in two environments, as under a hub: they share a user and no packages.

The kernel's environment holds the package and ipykernel, and no part of a Jupyter server. The
server has the package too, which opens the road by HTTP, or lacks it: then all goes by the comm.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx2
import pytest
import pytest_asyncio
from lab_page import ROOT, TICKER, TOKEN, Book, Lab, on_its_own_page
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.async_api import Browser, Response

# The first test may have to make the kernel's environment.
pytestmark = pytest.mark.timeout(900)

CLERK = "%%agent_app clerk --prompt --model scripted\nYou are a clerk."
WHERE = """import sys
from importlib.util import find_spec
print(sys.prefix, [name for name in ("jupyterlab", "jupyter_server") if find_spec(name)])"""


@pytest.fixture(scope="module")
def kernel_python() -> Path:
    """The Python of an environment with the package and ipykernel alone, made once."""
    home = ROOT / ".cache" / "kernel-env"
    python = home / "bin" / "python"
    stamp = home / "stamp"
    made_from = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    made_from.update(f"{ROOT} {sys.version}".encode())
    if stamp.exists() and stamp.read_text() == made_from.hexdigest():
        return python
    shutil.rmtree(home, ignore_errors=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Its front end is built already.
    environment = os.environ | {"SKIP_JUPYTER_BUILDER": "1"}
    for command in ([sys.executable, "-m", "venv", home], [*pip, "ipykernel", "-e", ROOT]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    stamp.write_text(made_from.hexdigest())
    return python


@pytest.fixture(scope="module")
def two_homes(kernel_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that has the package; its kernels have it in an environment of their own."""
    running = Lab(tmp_path_factory.mktemp("two-homes"), kernel=kernel_python)
    yield running
    running.close()


@pytest.fixture(scope="module")
def bare_server(kernel_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that knows nothing of the package; only its kernels have it."""
    running = Lab(tmp_path_factory.mktemp("bare"), kernel=kernel_python, package=False)
    yield running
    running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def book(two_homes: Lab, browser: Browser) -> AsyncIterator[Book]:
    """A notebook of the server that has the package."""
    async with on_its_own_page(two_homes, browser) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def bare_book(bare_server: Lab, browser: Browser) -> AsyncIterator[Book]:
    """A notebook of the server that lacks it."""
    async with on_its_own_page(bare_server, browser) as made:
        yield made


async def test_talking_to_a_kernel_elsewhere_and_reloading(book: Book, kernel_python: Path) -> None:
    await book.open(CLERK, WHERE)
    chat = await book.chat_under(1)
    await book.run(2)
    cell = book.page.locator(".jp-Notebook:visible .jp-Cell").nth(2)
    await expect(cell.locator(".jp-OutputArea-output")).to_have_text(
        f"{kernel_python.parents[1]} []"
    )
    await chat.say("My cat is grey.")
    await expect(chat.answer).to_contain_text("You said: “My cat is grey.”")
    await chat.say("What did I just say?")
    await expect(chat.turns).to_have_count(2)
    await expect(chat.answer).to_contain_text("My cat is grey.")
    await book.reload()
    chat = await book.chat(1)
    await expect(chat.turns).to_have_count(2)
    await expect(chat.turns.first).to_contain_text("You said: “My cat is grey.”")
    await expect(chat.answer).to_contain_text("My cat is grey.")
    await chat.say("And now?")
    await expect(chat.turns).to_have_count(3)
    await expect(chat.answer).to_contain_text("And now?")


async def test_stopping_by_http_while_a_cell_blocks_the_kernel(book: Book) -> None:
    await book.open(TICKER, "import time; time.sleep(12)")
    chat = await book.chat_under(1)
    await chat.say("go")
    await expect(chat.answer).to_contain_text("word3")
    await expect(chat.answer).not_to_contain_text("word599")
    began = time.monotonic()
    await book.run(2, wait=False)
    await asyncio.sleep(0.5)
    async with book.page.expect_response(_to_the_app) as told:
        await chat.stop.click()
    assert (await told.value).status == 200
    await book.ceased()
    await expect(chat.answer).to_contain_text("Stopped.")
    assert time.monotonic() - began < 11, "the cell should still be running"


async def test_without_the_package_in_the_server_all_goes_by_the_comm(bare_book: Book) -> None:
    url, params = bare_book.lab.url, {"token": TOKEN}
    for path in ("agentscope-nb/status", "lab/extensions/agentscope-runtime-nb/package.json"):
        assert httpx2.get(f"{url}{path}", params=params).status_code == 404, path
    await bare_book.open(CLERK, TICKER)
    chat = await bare_book.chat_under(1)
    await chat.say("My cat is grey.")
    await expect(chat.answer).to_contain_text("You said: “My cat is grey.”")
    await chat.say("What did I just say?")
    await expect(chat.turns).to_have_count(2)
    await expect(chat.answer).to_contain_text("My cat is grey.")
    ticker = await bare_book.chat_under(2)
    await ticker.say("go")
    await expect(ticker.answer).to_contain_text("word3")
    await expect(ticker.answer).not_to_contain_text("word599")
    await ticker.stop.click()
    await bare_book.ceased()
    await expect(ticker.answer).to_contain_text("Stopped.")
    await bare_book.reload()
    chat = await bare_book.chat(1)
    await expect(chat.turns).to_have_count(2)


def _to_the_app(response: Response) -> bool:
    return "/agentscope-nb/apps/" in response.url and response.request.method == "POST"
