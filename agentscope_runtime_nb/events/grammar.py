"""The grammar of a run as a checker: feed it every event, it names the first broken rule.

Adapters of third parties can use it in their tests:

    check(events)           # raises GrammarError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENDS = {"completed", "canceled", "failed", "incomplete"}


class GrammarError(AssertionError):
    """A stream broke a rule of the grammar."""


class Grammar:
    """Follows one run's events.

    Attributes:
        ended: Whether the response has ended.
    """

    def __init__(self) -> None:
        self.ended = False
        self._next = 0
        self._state = "new"
        self._open: dict[str, dict[str, Any]] = {}
        self._finished: list[str] = []

    def feed(self, event: dict[str, Any]) -> None:
        """Take the next event.

        Raises:
            GrammarError: It is not allowed here; the text says why.
        """
        if self.ended:
            self._fail(event, "nothing may follow the end of the response")
        if event["sequence_number"] != self._next:
            self._fail(event, f"sequence_number should be {self._next}")
        self._next += 1
        getattr(self, f"_{event['object']}")(event)

    def _response(self, event: dict[str, Any]) -> None:
        status = event["status"]
        order = {"new": "created", "created": "in_progress"}
        if self._state in order:
            if status != order[self._state]:
                self._fail(event, f"expected response.{order[self._state]}")
            self._state = status
            return
        if status not in _ENDS:
            self._fail(event, "a response ends as completed, canceled, failed or incomplete")
        if self._open:
            self._fail(event, f"parts are still open: {sorted(self._open)}")
        if [m["id"] for m in event["output"]] != self._finished:
            self._fail(event, "output should hold every finished message, in order")
        if (status == "failed") != (event["error"] is not None):
            self._fail(event, "error stands on failed responses and only there")
        self.ended = True

    def _message(self, event: dict[str, Any]) -> None:
        self._running(event)
        ident, status = event["id"], event["status"]
        if status == "in_progress":
            if ident in self._open or ident in self._finished:
                self._fail(event, "a message opens once")
            self._open[ident] = {"text": "", "done": 0}
            return
        part = self._open.pop(ident, None)
        if part is None:
            self._fail(event, "a message that is not open cannot end")
        elif status not in _ENDS:
            self._fail(event, "unknown status")
        elif status == "completed" and part["done"] != len(event["content"] or ()):
            self._fail(event, "every content completes before its message, once")
        self._finished.append(ident)

    def _content(self, event: dict[str, Any]) -> None:
        self._running(event)
        part = self._open.get(event["msg_id"])
        if part is None:
            self._fail(event, "a content belongs to an open message")
            return
        if event["status"] == "in_progress":
            if part["done"]:
                self._fail(event, "no delta may follow a completed content")
            if event["delta"]:
                part["text"] += event["text"]
            return
        if event["delta"]:
            self._fail(event, "a finished content is whole, not a delta")
        if event["index"] != part["done"]:
            self._fail(event, f"index should be {part['done']}")
        if part["text"] and event["status"] == "completed" and event["text"] != part["text"]:
            self._fail(event, "the full text should be its deltas joined")
        part["done"] += 1

    def _running(self, event: dict[str, Any]) -> None:
        if self._state != "in_progress":
            self._fail(event, "parts come after response.in_progress")

    @staticmethod
    def _fail(event: dict[str, Any], why: str) -> None:
        raise GrammarError(
            f"event {event.get('sequence_number')} ({event.get('object')}.{event.get('status')}): "
            f"{why}"
        )


def check(events: Iterable[dict[str, Any]]) -> None:
    """Check a whole stream, from `response.created` to its end.

    Raises:
        GrammarError: At the first event that breaks a rule, or when the end is missing.
    """
    grammar = Grammar()
    for event in events:
        grammar.feed(event)
    if not grammar.ended:
        raise GrammarError("the response never ended")
