"""How something that takes a while shows under a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from real_kernel import Kernel, Result

SLOW = """
import time
from agentscope_runtime_nb.progress import steps, transfer
with steps("Exporting it", 2) as step:
    step("reading")
    time.sleep({seconds})
    step("writing")
"""
FETCH = """
from agentscope_runtime_nb.progress import transfer
def fetch():
    with transfer("Fetching it") as tell:
        for done in range(0, 101, 10):
            tell(done * 1_000_000, 100_000_000)
"""


def shows(result: Result) -> list[dict[str, str]]:
    """What the cell displayed, first and then over it."""
    kinds = ("display_data", "update_display_data")
    return [m["content"]["data"] for m in result.messages if m["msg_type"] in kinds]


def test_steps_that_take_a_while_end_as_a_line(kernel: Kernel) -> None:
    first, *_, last = shows(kernel.run(SLOW.format(seconds=0.9)))
    assert "<progress" in first["text/html"]
    assert first["text/plain"] == "Exporting it: reading"
    assert last["text/plain"].startswith("Exporting it · ")
    assert "text/html" not in last


def test_quick_steps_show_nothing(kernel: Kernel) -> None:
    assert not shows(kernel.run(SLOW.format(seconds=0)))


def test_a_transfer_shows_at_once_and_in_a_thread_as_text(kernel: Kernel) -> None:
    assert "<progress" in shows(kernel.run(FETCH + "fetch()"))[0]["text/html"]
    result = kernel.run(
        "from threading import Thread; t = Thread(target=fetch); t.start(); t.join()"
    )
    assert not shows(result)
    assert "Fetching it: 100 of 100 MB" in result.text
