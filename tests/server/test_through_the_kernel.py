"""Browser, Jupyter server, kernel, agent: the whole way, with a kernel that is busy."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from pathlib import Path

import pytest
from jupyter_client.manager import AsyncKernelManager

pytestmark = pytest.mark.ordinary_user

LOAD = "%load_ext agentscope_runtime_nb"
CELL = """%%agent_app ticker --no-chat
import asyncio
from pathlib import Path

@app.query
async def ticks(msgs, request):
    for number in range(10_000):
        Path("side-effects").open("a").write(".")
        yield f"{number} "
        await asyncio.sleep(0.02)
"""


class Kernel:
    """A kernel with a ticking agent, whose cells can be kept waiting."""

    def __init__(self, folder: Path, url: str, client) -> None:
        self.folder, self.url, self.client = folder, url, client

    async def run(self, code):
        reply = await self.client.execute_interactive(
            code, timeout=30, allow_stdin=False, output_hook=lambda _: None
        )
        assert reply["content"]["status"] == "ok", reply

    def ticks(self) -> int:
        path = self.folder / "side-effects"
        return path.stat().st_size if path.exists() else 0

    async def come_to_rest(self, within: float) -> None:
        """The agent's side effects cease."""
        until = time.monotonic() + within
        while True:
            before = self.ticks()
            await asyncio.sleep(0.3)
            if self.ticks() == before:
                return
            assert time.monotonic() < until, "the agent goes on"


@pytest.fixture
async def kernel(jupyter, tmp_path):
    kernel_id = str(uuid.uuid4())
    runtime = Path(jupyter.environment["JUPYTER_RUNTIME_DIR"])
    manager = AsyncKernelManager(
        kernel_name="python3", connection_file=str(runtime / f"kernel-{kernel_id}.json")
    )
    environment = {**jupyter.environment, "AGENTSCOPE_NB_DATA": str(tmp_path / "data")}
    await manager.start_kernel(env=environment, cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        made = Kernel(tmp_path, f"{jupyter.root}apps/{kernel_id}/ticker/", client)
        await made.run(LOAD)
        await made.run(CELL)
        yield made
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def first_text(events):
    """Read until the agent speaks; the run's id."""
    run_id = None
    async for line in events:
        if line.startswith("data:"):
            event = json.loads(line.removeprefix("data:"))
            if event["object"] == "response":
                run_id = event["id"]
            if event["object"] == "content":
                return run_id
    raise AssertionError("it never spoke")


async def test_stop_reaches_an_agent_whose_kernel_is_busy(kernel, browser):
    xsrf = {"X-XSRFToken": browser.cookies["_xsrf"]}
    question = {"input": "go"}
    url = kernel.url + "process"
    async with browser.stream("POST", url, json=question, headers=xsrf) as answer:
        assert answer.status_code == 200
        events = answer.aiter_lines()
        run_id = await first_text(events)
        kernel.client.execute("import time; time.sleep(20)")
        await asyncio.sleep(0.5)
        began = time.monotonic()
        stop = await browser.post(
            kernel.url + "process/stop", json={"run_id": run_id}, headers=xsrf
        )
        assert (stop.status_code, stop.json()["stopped"]) == (200, True)
        assert time.monotonic() - began < 1
        last = [line async for line in events if line.startswith("data:")][-1]
    assert json.loads(last.removeprefix("data:"))["status"] == "canceled"
    await kernel.come_to_rest(within=1)


async def test_an_agent_ends_with_the_browser_that_asked(kernel, browser):
    xsrf = {"X-XSRFToken": browser.cookies["_xsrf"]}
    url = kernel.url + "process"
    async with browser.stream("POST", url, json={"input": "go"}, headers=xsrf) as answer:
        await first_text(answer.aiter_lines())
        kernel.client.execute("import time; time.sleep(20)")
        await asyncio.sleep(0.5)
        assert kernel.ticks() > 0
    await kernel.come_to_rest(within=1)


async def test_the_app_knows_where_it_is_seen(kernel, browser):
    answer = await browser.get(kernel.url + "openapi.json")
    assert answer.json()["servers"][0]["url"] + "/" == "/" + kernel.url.split("/", 3)[3]
