"""An app on a real server, and its streams as a client reads them."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from agentscope_runtime_nb import AgentApp, LocalDeployManager


def events_in(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


async def ask(
    client: httpx2.AsyncClient, body: dict[str, Any], url: str = "/process", **options: Any
) -> list[dict[str, Any]]:
    """Ask an app and collect its events."""
    async with client.stream("POST", url, json=body, **options) as response:
        assert response.status_code == 200, await response.aread()
        return events_in([line async for line in response.aiter_lines()])


def said(events: list[dict[str, Any]]) -> str:
    """The answer's text, from the final response."""
    output = events[-1]["output"]
    return "".join(
        c.get("text") or "" for m in output if m["type"] == "message" for c in m["content"]
    )


@asynccontextmanager
async def serve(app: AgentApp, **client_options: Any):
    """The app on a real server; yields a client of it."""
    manager = LocalDeployManager(port=0)
    deployed = await app.deploy(manager)
    try:
        async with httpx2.AsyncClient(
            base_url=deployed["url"], timeout=20, **client_options
        ) as client:
            yield client
    finally:
        await manager.stop(deployed["deploy_id"])


async def until(condition: Any, seconds: float = 10) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)
