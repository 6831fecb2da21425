"""A small app on a kernel's socket: `backend.py KERNEL_ID`, registered as a kernel would.

Its routes each show one behaviour; `/friday/seen` tells what happened in the earlier ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from urllib.parse import parse_qs

import uvicorn

from agentscope_runtime_nb.server_extension import registry

seen: dict[str, object] = {"sent": 0}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    name = scope["path"].removeprefix("/friday/")
    route = ROUTES.get(name, echo)
    query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
    await route(scope, receive, send, query)


async def head(send, status=200, kind="application/json", **headers):
    pairs = [(b"content-type", kind.encode())]
    pairs += [
        (key.replace("_", "-").encode(), value.encode("latin-1")) for key, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def part(send, body=b"", more=True):
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def reply(send, value, status=200, **headers):
    await head(send, status, **headers)
    await part(send, json.dumps(value).encode(), more=False)


async def whole_body(receive):
    body, pieces = b"", 0
    while True:
        message = await receive()
        body += message.get("body", b"")
        pieces += 1
        if not message.get("more_body"):
            return body, pieces


async def echo(scope, receive, send, query):
    body, pieces = await whole_body(receive)
    await reply(send, {
        "method": scope["method"],
        "path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": {key.decode(): value.decode() for key, value in scope["headers"]},
        "length": len(body),
        "pieces": pieces,
    })  # fmt: skip


async def told(scope, receive, send, query):
    await reply(send, seen)


async def ticks(scope, receive, send, query):
    await head(send, kind="text/event-stream")
    for number in range(int(query["n"])):
        await part(send, b"data: %d\n\n" % number)
        await asyncio.sleep(float(query["every"]))
    await part(send, more=False)


async def quiet(scope, receive, send, query):
    """One event, then silence until the other side is gone."""
    await whole_body(receive)
    await head(send, kind="text/event-stream")
    await part(send, b"data: first\n\n")
    while (await receive())["type"] != "http.disconnect":
        pass
    seen[query["name"]] = time.time()


async def silent(scope, receive, send, query):
    """Not even a head."""
    await whole_body(receive)
    seen[query["name"] + "-asked"] = time.time()
    while (await receive())["type"] != "http.disconnect":
        pass
    seen[query["name"]] = time.time()


async def busy(scope, receive, send, query):
    """Events without end, one every 50 ms, until the other side is gone."""
    await head(send, kind="text/event-stream")
    gone = asyncio.ensure_future(whole_disconnect(receive))
    while not gone.done():
        await part(send, b"data: more\n\n")
        await asyncio.sleep(0.05)
    seen[query["name"]] = time.time()


async def whole_disconnect(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


async def flood(scope, receive, send, query):
    """So many MB as fast as they are taken."""
    await head(send, kind="application/octet-stream")
    seen["sent"] = 0
    block = bytes(range(256)) * 256
    for _ in range(int(query["mb"]) * 16):
        await part(send, block)
        seen["sent"] += len(block)
    await part(send, more=False)


async def breaks(scope, receive, send, query):
    """A line that breaks in the middle."""
    await head(send, kind="text/event-stream")
    await part(send, b"data: half\n\n")
    await asyncio.sleep(0.1)
    raise ConnectionAbortedError


async def dies(scope, receive, send, query):
    """A kernel that is killed in the middle, or before it has answered."""
    if query["when"] == "later":
        await head(send, kind="text/event-stream")
        await part(send, b"data: half\n\n")
        await asyncio.sleep(0.1)
    os._exit(1)


async def refuses(scope, receive, send, query):
    """A refusal that does not wait for the body."""
    await reply(send, {"error": {"code": "TOO_LARGE"}}, 413)


async def page(scope, receive, send, query):
    await head(
        send,
        kind="text/html",
        set_cookie="a=b",
        access_control_allow_origin="*",
        content_security_policy="default-src *",
        service_worker_allowed="/",
        x_frame_options="ALLOWALL",
        cache_control="no-cache",
        content_disposition='inline; filename="h\xf6me"',
    )
    await part(send, b"<script>fetch('/api/contents')</script>", more=False)


async def plain(scope, receive, send, query):
    await send({"type": "http.response.start", "status": int(query["status"]), "headers": []})
    await part(send, more=False)


async def elsewhere(scope, receive, send, query):
    await reply(send, {}, 307, location=query["to"])


ROUTES = {
    "seen": told,
    "ticks": ticks,
    "quiet": quiet,
    "silent": silent,
    "busy": busy,
    "flood": flood,
    "breaks": breaks,
    "dies": dies,
    "refuses": refuses,
    "page": page,
    "plain": plain,
    "elsewhere": elsewhere,
}


def main(kernel_id: str) -> None:
    path = registry.new_socket_path()
    server = uvicorn.Server(uvicorn.Config(app, uds=str(path), lifespan="off", log_level="error"))

    async def serve():
        task = asyncio.ensure_future(server.serve())
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        registry.write(kernel_id, path, "0.1.0", ["friday"])
        await task

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
    registry.remove(kernel_id)


if __name__ == "__main__":
    main(sys.argv[1])
