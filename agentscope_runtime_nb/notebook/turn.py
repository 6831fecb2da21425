"""A question and its answer, as the kernel holds them."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentscope_runtime_nb.app import Run
    from agentscope_runtime_nb.sessions import StoredTurn

ENDS = frozenset({"completed", "failed", "canceled", "incomplete"})
_DECISION = "mcp_approval_response"


@dataclass(eq=False)
class Turn:
    """One question and its answer.

    Attributes:
        run_id: The run that answers.
        input: What was said, as wire messages.
        settings: The chat's settings when it was said.
        on_busy: What it does while another is being answered: `queue`, `interrupt`, or nothing.
        final: The final response, once there is one.
        displays: MIME bundles that the answer's messages name, in the kernel that ran it.
        feedback: What a person thought of the answer.
        result: Becomes the final response.
    """

    run_id: str
    input: list[dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    started: float = field(default_factory=time.time)
    run: Run | None = None
    error: dict[str, str] | None = None
    seq: int = -1
    log: str = ""
    prints: int = 0
    stopped: bool = False
    message_id: str = ""
    on_busy: str = ""
    failure: str = ""
    final: dict[str, Any] | None = None
    displays: dict[str, Any] = field(default_factory=dict[str, Any])
    feedback: dict[str, Any] | None = None
    result: Future[dict[str, Any]] = field(default_factory=Future[dict[str, Any]])

    @property
    def continues(self) -> bool:
        """Whether it only decides what the turn above asked, and so goes on with that."""
        return bool(self.input) and all(m.get("type") == _DECISION for m in self.input)

    @property
    def failed(self) -> bool:
        """Whether the agent failed; such a turn it does not remember."""
        return self.final is not None and self.final["status"] == "failed"

    def as_json(self) -> dict[str, Any]:
        """The turn as the front end takes it."""
        if self.final is not None:
            events = [self.final]
        elif self.run is not None:
            events = [json.loads(event.frame) for event in self.run.log.since(-1)]
        else:
            events = []
        return {
            "run_id": self.run_id,
            "input": self.input,
            "events": events,
            "log": self.log,
            "started": self.started,
            "displays": self.displays,
            "feedback": self.feedback,
        }

    def answer(self) -> list[dict[str, Any]]:
        """The agent's finished messages so far."""
        if self.final is not None:
            return self.final["output"] or []
        return list(self.run.snapshot()["output"] or []) if self.run is not None else []

    def new_displays(self) -> dict[str, Any]:
        """The displays that came since this was last asked."""
        if self.run is None:
            return {}
        # A copy: the agent's thread may be adding to it.
        fresh = {k: v for k, v in dict(self.run.displays).items() if k not in self.displays}
        self.displays |= fresh
        return fresh

    def last_word(self, session_id: str) -> dict[str, Any]:
        """A final response for a run that never began, or whose log closed without an end."""
        failed = self.error is not None and not self.stopped
        return {
            "sequence_number": self.seq + 1,
            "object": "response",
            "status": "failed" if failed else "canceled",
            "error": self.error if failed else None,
            "id": self.run_id,
            "created_at": int(self.started),
            "completed_at": int(time.time()),
            "output": self.answer(),
            "usage": None,
            "session_id": session_id,
        }


def stored_turn(stored: StoredTurn, session_id: str) -> Turn:
    """A finished turn as the session file has it."""
    response = stored.response
    started = response.get("created_at") or stored.at
    final = {
        "sequence_number": 0,
        "object": "response",
        "status": response.get("status") or "completed",
        "error": response.get("error"),
        "id": stored.run,
        "created_at": int(started),
        "completed_at": response.get("completed_at") or int(stored.at),
        "output": list(stored.output),
        "usage": response.get("usage"),
        "session_id": session_id,
    }
    turn = Turn(stored.run, [dict(message) for message in stored.input], started=float(started))
    turn.final = final
    turn.feedback = stored.feedback
    turn.result.set_result(final)
    return turn


class RecentTurns:
    """What the session file does not keep of finished turns: displays, prints, tracebacks.

    Args:
        most: How many turns.
        most_bytes: How much their displays may take together.
    """

    def __init__(self, most: int = 200, most_bytes: int = 64 << 20) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._bytes = 0

    def add(self, turn: Turn) -> None:
        """Keep a finished turn, if it has such a thing; the oldest make room."""
        if turn.run_id in self._turns or not (turn.displays or turn.log or turn.failure):
            return
        self._turns[turn.run_id] = turn
        self._bytes += _size(turn.displays.values())
        while len(self._turns) > self._most or self._bytes > self._most_bytes:
            _, oldest = self._turns.popitem(last=False)
            self._bytes -= _size(oldest.displays.values())

    def enrich(self, turn: Turn) -> Turn:
        """Give a turn from the session file what is known of it here."""
        known = self._turns.get(turn.run_id)
        if known is not None:
            turn.displays, turn.log, turn.failure = known.displays, known.log, known.failure
        return turn


def _size(displays: Iterable[dict[str, Any]]) -> int:
    return sum(len(str(value)) for shown in displays for value in shown.get("data", {}).values())
