"""A bare FastAPI: a StreamingResponse of SSE frames serialised before the first request.

It sends what ours sends, event for event and byte for byte (ids and times aside), and does nothing
else: no run, no session, no stop, no history. That is the floor of serving with FastAPI.
`BENCH_BARE=pydantic` builds and dumps one pydantic model per token instead, as people write it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import uvicorn
from agent import port, tokens
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUN, MESSAGE, SESSION = f"response_{uuid4()}", f"msg_{uuid4()}", f"bench-{uuid4().hex[:12]}"
NOW = 1_800_000_000
HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def frame(seq: int, event: dict) -> bytes:
    """One event as ours frames it."""
    body = json.dumps({"sequence_number": seq} | event, separators=(",", ":"))
    return f"id: {RUN}:{seq}\ndata: {body}\n\n".encode()


def response(status: str, output: list | None = None) -> dict:
    return {
        "object": "response",
        "status": status,
        "error": None,
        "id": RUN,
        "created_at": NOW,
        "completed_at": NOW if output else None,
        "output": output,
        "usage": None,
        "session_id": SESSION,
    }


def message(status: str, content: list | None = None) -> dict:
    return {
        "object": "message",
        "status": status,
        "error": None,
        "id": MESSAGE,
        "type": "message",
        "role": "assistant",
        "content": content,
        "code": None,
        "message": None,
        "usage": None,
        "metadata": None,
    }


def content(text: str, status: str, *, delta: bool) -> dict:
    return {
        "object": "content",
        "status": status,
        "error": None,
        "type": "text",
        "index": 0,
        "delta": delta,
        "msg_id": MESSAGE,
        "text": text,
    }


FIRST = [
    frame(0, response("created")),
    frame(1, response("in_progress")),
    frame(2, message("in_progress")),
]
DELTAS = [frame(3 + n, content(f"tok{n} ", "in_progress", delta=True)) for n in range(1000)]
LAST: dict[int, list[bytes]] = {}


def last(count: int) -> list[bytes]:
    """The closing events after `count` tokens; made once."""
    if count not in LAST:
        whole = content("".join(f"tok{n} " for n in range(count)), "completed", delta=False)
        whole = {"sequence_number": count + 3} | whole
        said = {"sequence_number": count + 4} | message("completed", [whole])
        LAST[count] = [
            frame(count + 3, whole),
            frame(count + 4, said),
            frame(count + 5, response("completed", [said])),
        ]
    return LAST[count]


async def ready(text: str) -> AsyncIterator[bytes]:
    for event in FIRST:
        yield event
    count = 0
    async for token in tokens(text):
        yield DELTAS[count] if len(token) < 99 else token.encode()
        count += 1
    if count <= len(DELTAS):
        for event in last(count):
            yield event


class Delta(BaseModel):
    """A token's event."""

    sequence_number: int
    object: str = "content"
    status: str = "in_progress"
    error: dict | None = None
    type: str = "text"
    index: int = 0
    delta: bool = True
    msg_id: str
    text: str


async def modelled(text: str) -> AsyncIterator[str | bytes]:
    for event in FIRST:
        yield event
    seq = 3
    async for token in tokens(text):
        made = Delta(sequence_number=seq, msg_id=MESSAGE, text=token)
        yield f"id: {RUN}:{seq}\ndata: {made.model_dump_json()}\n\n"
        seq += 1
    for event in last(seq - 3):
        yield event


stream = modelled if os.environ.get("BENCH_BARE") == "pydantic" else ready
app = FastAPI()


@app.get("/health")
async def health():
    return {"status": "healthy"}


@app.post("/process")
async def process(body: dict):
    text = body["input"][0]["content"][0]["text"]
    return StreamingResponse(stream(text), media_type="text/event-stream", headers=HEADERS)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port())
