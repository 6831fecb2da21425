"""Agents that leave a trace for as long as they run: a file that grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from real_kernel import until

if TYPE_CHECKING:
    from real_kernel import Kernel

TICKERS = {
    "tick_async": """
@app.query
async def answer(msgs, request):
    for n in range(3000):
        tick()
        await asyncio.sleep(0.01)
        yield "."
""",
    "tick_sync": """
@app.query
def answer(msgs, request):
    for n in range(3000):
        tick()
        time.sleep(0.01)
        yield "."
""",
    "tick_task": """
@app.query
async def answer(msgs, request):
    async def work():
        for n in range(3000):
            tick()
            await asyncio.sleep(0.01)
    async with asyncio.TaskGroup() as group:
        group.create_task(work())
    yield "done"
""",
    "tick_thread": """
@app.query
async def answer(msgs, request):
    for n in range(3000):
        await asyncio.to_thread(tick)
        await asyncio.to_thread(time.sleep, 0.01)
    yield "done"
""",
}
TICK = """
import asyncio, time
def tick():
    with open("ticks", "a") as file:
        file.write("x")
"""


def ticks(kernel: Kernel) -> int:
    path = kernel.folder / "ticks"
    return path.stat().st_size if path.exists() else 0


def ticking(kernel: Kernel) -> None:
    before = ticks(kernel)
    until(lambda: ticks(kernel) > before)


def ceased(kernel: Kernel) -> None:
    """It ticked a hundred times a second; 200 ms after the stop it does no more."""
    time.sleep(0.2)
    count = ticks(kernel)
    time.sleep(0.3)
    assert ticks(kernel) == count
