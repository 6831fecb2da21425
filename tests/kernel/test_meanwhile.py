"""What is said in a chat while it is being answered: refused, kept for later, or said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from real_kernel import until

from agentscope_runtime_nb import AppError
from agentscope_runtime_nb.app.runs import MOST_WAITING

if TYPE_CHECKING:
    from real_kernel import Shell

SLOW = """%%agent_app slow --no-chat
import asyncio
@app.query
async def answer(msgs, request):
    yield f"{len(await request.history())}: {msgs[-1].text}"
    await asyncio.sleep(30 if "long" in msgs[-1].text else 0)
"""


def test_what_is_said_meanwhile_waits_or_interrupts(shell: Shell) -> None:
    shell.run(SLOW)
    talk = shell["slow"].conversation("talk")
    first = talk.send("long")
    until(lambda: talk.turns and talk.turns[0].seq >= 3)  # it has said something
    later = talk.send("later", on_busy="queue")
    with pytest.raises(AppError, match="still answering"):
        talk.send("refused").result.result(5)
    talk.take({"id": "m1", "type": "send", "text": "now", "on_busy": "interrupt"})
    assert first.result.result(10)["status"] == "canceled"
    assert later.result.result(10)["status"] == "completed"
    said = [turn.final["output"][-1]["content"][0]["text"] for turn in talk.turns if turn.final]
    assert said == ["0: long", "2: now", "4: later"]


def test_the_line_has_an_end_and_a_new_conversation_has_none(shell: Shell) -> None:
    shell.run(SLOW)
    talk = shell["slow"].conversation("talk")
    first = talk.send("long")
    turns = [talk.send(str(number), on_busy="queue") for number in range(MOST_WAITING + 1)]
    with pytest.raises(AppError):
        turns[-1].result.result(5)
    assert not turns[0].result.done()
    talk.take({"id": "m2", "type": "new_session"})
    assert first.result.result(10)["status"] == "canceled"
    for turn in turns[:-1]:
        with pytest.raises(AppError):
            turn.result.result(5)
