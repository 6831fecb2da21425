from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx2
import pytest


async def seen(client, backend, name, within=5.0):
    """When the app noticed what it calls `name`."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        told = (await client.get(backend.url + "seen")).json()
        if name in told:
            return told[name]
        await asyncio.sleep(0.02)
    raise AssertionError(f"the app has not noticed {name}")


class Raw:
    """A browser that reads when it is told to, and no sooner."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def get(cls, jupyter, url, method="GET"):
        reader, writer = await asyncio.open_connection("127.0.0.1", jupyter.port, limit=16_384)
        path = url.removeprefix(jupyter.origin)
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{jupyter.port}\r\n"
        head += f"Authorization: token {jupyter.token}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        return cls(reader, writer)

    async def until(self, text):
        return await asyncio.wait_for(self.reader.readuntil(text), 10)

    def vanish(self):
        self.writer.transport.abort()


# ---- what passes


async def test_events_arrive_one_by_one(client, backend):
    async with client.stream("GET", backend.url + "ticks?n=5&every=0.3") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        times = [time.monotonic() async for line in answer.aiter_lines() if line]
    assert len(times) == 5
    assert times[-1] - times[0] > 0.8


async def test_accept_decides_nothing(client, backend):
    headers = {"Accept": "text/event-stream, application/json", "Accept-Encoding": "gzip"}
    async with client.stream("GET", backend.url + "ticks?n=2&every=2", headers=headers) as answer:
        began = time.monotonic()
        await anext(answer.aiter_raw())
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_request_passes_whole(client, backend, method):
    body = {} if method == "GET" else {"content": b"x" * 70_000}
    url = backend.url + "a%20b/c?x=1&y=%26&x=2"
    answer = (await client.request(method, url, **body)).json()
    assert answer["method"] == method
    assert answer["path"] == "/friday/a%20b/c"
    assert answer["query"] == "x=1&y=%26&x=2"
    assert answer["length"] == len(body.get("content", b""))
    prefix = backend.url.split("/friday/")[0].partition("/user")[2]
    assert answer["headers"]["x-forwarded-prefix"] == "/user" + prefix


async def test_a_head_and_an_empty_answer_pass(client, backend):
    answer = await client.head(backend.url + "page")
    assert (answer.status_code, answer.content) == (200, b"")
    for status in (204, 304, 200, 503):
        answer = await client.get(backend.url + f"plain?status={status}")
        assert (answer.status_code, answer.content) == (status, b"")


async def test_a_large_body_is_passed_on_in_pieces(client, backend):
    async def body():
        for _ in range(320):
            yield b"x" * 65_536

    answer = (await client.post(backend.url + "echo", content=body())).json()
    assert answer["length"] == 320 * 65_536
    assert answer["pieces"] > 20
    assert "content-length" not in answer["headers"]


async def test_an_early_refusal_arrives(client, backend):
    for _ in range(5):
        answer = await client.post(backend.url + "refuses", content=b"x" * 20_000_000)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "TOO_LARGE"


async def test_stop_passes(browser, backend):
    xsrf = {"X-XSRFToken": browser.cookies["_xsrf"]}
    answer = await browser.post(backend.url + "process/stop", json={"run_id": "r"}, headers=xsrf)
    assert (answer.status_code, answer.json()["path"]) == (200, "/friday/process/stop")


# ---- the two ends do not wait for each other in vain


@pytest.mark.parametrize("route", ["quiet", "busy", "silent"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_browser_that_leaves_takes_its_request_along(
    jupyter, client, backend, route, method
):
    name = f"{route}-{method}"
    page = await Raw.get(jupyter, backend.url + f"{route}?name={name}", method)
    if route == "silent":
        await seen(client, backend, f"{name}-asked")
    else:
        await page.until(b"data: ")
    left = time.time()
    page.vanish()
    assert await seen(client, backend, name) - left < 1


async def test_vanished_browsers_leave_nothing_open(jupyter, client, backend):
    async def open_files():
        await client.get(jupyter.root + "status")
        return len(list(Path(f"/proc/{jupyter.process.pid}/fd").iterdir()))

    before = await open_files()
    for number in range(20):
        page = await Raw.get(jupyter, backend.url + f"quiet?name=leak-{number}")
        await page.until(b"data: ")
        page.vanish()
    await seen(client, backend, "leak-19")
    deadline = time.monotonic() + 5
    while await open_files() > before + 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_slow_reader_slows_the_app_and_costs_nothing(jupyter, client, backend):
    await client.get(backend.url + "flood?mb=1")
    before = jupyter.rss
    page = await Raw.get(jupyter, backend.url + "flood?mb=200")
    await page.until(b"\r\n\r\n")
    taken = 0
    while taken < 300_000:
        taken += len(await page.reader.readexactly(10_000))
        await asyncio.sleep(0.1)
    grown, sent = jupyter.rss - before, await seen(client, backend, "sent")
    page.vanish()
    assert grown < 5_000_000
    assert sent < 20_000_000


async def test_a_large_answer_passes_whole_while_others_are_served(jupyter, client, backend):
    before, longest, size = jupyter.rss, 0.0, 0

    async def others():
        nonlocal longest
        while True:
            began = time.monotonic()
            await client.get(jupyter.root + "status")
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.05)

    probing = asyncio.ensure_future(others())
    async with client.stream("GET", backend.url + "flood?mb=200") as answer:
        async for chunk in answer.aiter_raw():
            size += len(chunk)
    probing.cancel()
    assert size == 200 * 2**20
    assert jupyter.rss - before < 5_000_000
    assert longest < 2


async def test_a_line_that_breaks_is_seen_to_break(client, backend):
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.get(backend.url + "breaks")


async def test_a_kernel_that_dies_is_named(client, new_backend):
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.get(new_backend.url + "dies?when=later")
    new_backend.process.wait(5)
    answer = await client.get(new_backend.url + "health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "KERNEL_GONE")


async def test_a_kernel_that_dies_before_it_answers_is_named(client, new_backend):
    answer = await client.post(new_backend.url + "dies?when=now", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "NETWORK_ERROR")
