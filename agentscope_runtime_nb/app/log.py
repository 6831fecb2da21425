"""A run's event log: what was sent, kept small, readable from any thread."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import NamedTuple


class Logged(NamedTuple):
    """One event.

    Attributes:
        seq: Its sequence number.
        frame: Its JSON.
        message: The message it belongs to; None for the response's own.
        passing: Whether the finished content will replace it.
    """

    seq: int
    frame: bytes
    message: str | None
    passing: bool


class RunLog:
    """Events in order. When a content completes its deltas go, so that a replay gives snapshots.

    Attributes:
        closed: No more events will come.
        size: Bytes held.
    """

    def __init__(self) -> None:
        self.closed = False
        self.size = 0
        self._events: list[Logged] = []
        self._live: set[str] = set()
        self._lock = threading.Lock()

    def add(self, seq: int, frame: bytes, message: str | None, passing: bool) -> None:
        """Append an event; one that ends a content or a message takes its deltas' place."""
        with self._lock:
            if passing and message is not None:
                self._live.add(message)
            elif message in self._live:
                self._live.discard(message)
                kept = [e for e in self._events if not (e.passing and e.message == message)]
                self.size = sum(len(e.frame) for e in kept)
                self._events = kept
            self._events.append(Logged(seq, frame, message, passing))
            self.size += len(frame)

    def since(self, seq: int) -> list[Logged]:
        """Events after `seq`; -1 for all."""
        with self._lock:
            start = bisect_right(self._events, seq, key=lambda event: event.seq)
            return self._events[start:]
