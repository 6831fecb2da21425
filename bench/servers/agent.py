"""The agent that every server of the bench serves, so that only the serving differs.

The request's text says what it does: `50 yield` says 50 tokens and gives the loop back before each,
as a model's stream does; `50 20ms` sleeps before each; `50 huge` says tokens of 64 KiB.
Runs in the original's environment too: standard library only.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WIDE = "x" * 65536


async def tokens(text: str) -> AsyncIterator[str]:
    """What the agent says."""
    count, _, mode = text.partition(" ")
    pause = float(mode[:-2]) / 1000 if mode.endswith("ms") else 0.0
    wide = WIDE if mode == "huge" else ""
    for number in range(int(count)):
        await asyncio.sleep(pause)
        yield f"tok{number} {wide}"


def port() -> int:
    """The port that the bench chose."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args().port
