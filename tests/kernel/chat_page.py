"""A chat widget as its page uses it: messages to the kernel, and what comes back."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from real_kernel import customs, until

if TYPE_CHECKING:
    from real_kernel import Kernel

_numbers = itertools.count()
MEMORY = "%%agent_app friday --prompt --model scripted\nYou are Friday."


class Chat:
    """A chat widget as its page uses it."""

    def __init__(self, kernel: Kernel, ident: str) -> None:
        self.kernel = kernel
        self.ident = ident
        self.last = ""

    def say(self, kind: str, **fields: Any) -> int:
        """Send a message; where its answers begin."""
        self.last = f"message{next(_numbers)}"
        mark = self.kernel.mark
        self.kernel.say(self.ident, {"id": self.last, "type": kind, **fields})
        return mark

    def ask(self, text: str, kind: str = "send", **fields: Any) -> tuple[str, str]:
        """Say something and wait; the run and the answer."""
        mark = self.say(kind, text=text, **fields)
        run_id = self.kernel.custom(self.ident, "turn", after=mark)["turn"]["run_id"]
        final = self.final(run_id, mark)
        return run_id, words(final)

    def final(self, run_id: str, mark: int) -> dict[str, Any]:
        """A run's final response."""

        def found() -> list[dict[str, Any]]:
            told = customs(self.kernel, self.ident, mark, kind="events", run_id=run_id)
            events = [event for message in told for event in message["events"]]
            turns = customs(self.kernel, self.ident, mark, kind="turn")
            events += [
                e for m in turns if m["turn"]["run_id"] == run_id for e in m["turn"]["events"]
            ]
            ends = ("completed", "failed", "canceled")
            return [e for e in events if e["object"] == "response" and e["status"] in ends]

        until(lambda: bool(found()))
        return found()[0]

    def told(self, kind: str, mark: int, **fields: Any) -> dict[str, Any]:
        """The next message of a kind."""
        return self.kernel.custom(self.ident, kind, after=mark, **fields)

    def sessions(self, search: str = "") -> list[dict[str, Any]]:
        return self.told("sessions", self.say("sessions", search=search))["sessions"]

    def open(self, session_id: str) -> dict[str, Any]:
        return self.told("snapshot", self.say("open", session_id=session_id))


def words(response: dict[str, Any]) -> str:
    return "".join(
        content.get("text") or ""
        for message in response["output"]
        if message["type"] == "message"
        for content in message["content"]
    )


def chat(kernel: Kernel, cell: str = MEMORY) -> Chat:
    return Chat(kernel, kernel.widget(kernel.run(cell)))


def value(kernel: Kernel, code: str) -> str:
    return kernel.run(code).value["text/plain"].strip("'\"")
