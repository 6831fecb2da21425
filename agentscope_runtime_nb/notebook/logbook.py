"""What became of an agent's last runs: `%agent_app logs`.

Apps keep their runs for a while; what a replaced version did is written down here before it is let
go, so that the run that made you mend the cell can still be looked at.
"""

from __future__ import annotations

import html
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentscope_runtime_nb.app import Run

KEPT = 100
"""Records an agent, and notices in all, that are kept."""
_MOST = 20_000  # characters of a text, from its end
_ASKED = 60
_MARKS = {"completed": "✓", "failed": "✗", "canceled": "■", "in_progress": "…"}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was said about runs."""

    run_id: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """One run, as far as a log tells of it.

    Attributes:
        run_id: The run.
        at: When it began, in Unix seconds.
        seconds: How long it took, or has taken.
        status: How it ended, or `in_progress`.
        session: Its conversation.
        asked: How the question begins.
        printed: What the agent printed.
        error: The code and the message of its failure.
        traceback: And where it happened.
        notices: What else was said about it.
    """

    run_id: str
    at: float
    seconds: float
    status: str
    session: str
    asked: str
    printed: str
    error: str
    traceback: str
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run, notices: Iterable[Notice] = ()) -> Record:
        """Write a run down as it is now."""
        ended = run.ended_at or time.monotonic()
        until = run.created_at + 1 + ended - run.began_at
        error: dict[str, str] = (run.snapshot() if run.done else {}).get("error") or {}
        asked = " ".join(" ".join(message.text for message in run.request.input).split())
        about = [n for n in notices if n.run_id in ("", run.id)]
        return cls(
            run.id,
            run.created_at,
            ended - run.began_at,
            run.status,
            run.session_id,
            asked if len(asked) <= _ASKED else asked[: _ASKED - 1] + "…",
            _end("".join(run.prints)),
            f"{error['code']}: {error.get('message', '')}" if error else "",
            _end(run.failure or ""),
            tuple(n.text for n in about if run.created_at <= n.at <= until),
        )

    @property
    def head(self) -> str:
        """When it ran, how it ended, how long it took."""
        when = time.strftime("%H:%M:%S", time.localtime(self.at))
        mark = _MARKS.get(self.status, "·")
        return f"{when}  {mark} {self.status}  {self.seconds:.1f} s"

    @property
    def parts(self) -> list[tuple[str, str]]:
        """What there is to read, with what it is."""
        found = [("notice", text) for text in self.notices]
        found += [("printed", self.printed.rstrip("\n"))]
        # A traceback ends with what the error says; without one the code has to do.
        found += [("error", self.traceback.rstrip("\n") or self.error)]
        return [(kind, text) for kind, text in found if text]


class Log:
    """The last runs of an agent, oldest first; a sequence of records that shows itself.

    Args:
        name: The agent.
        records: Its runs.
    """

    def __init__(self, name: str, records: Sequence[Record]) -> None:
        self.name = name
        self.records = list(records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]

    def __repr__(self) -> str:
        if not self.records:
            return f"{self.name} has not been asked yet, or not for a while."
        blocks: list[str] = []
        for record in self.records:
            lines = [f"{record.head}  {record.run_id}", f"    asked: {record.asked}"]
            for kind, text in record.parts:
                lines += [f"    {kind}:", *(f"      {line}" for line in text.split("\n"))]
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def _repr_html_(self) -> str:
        if not self.records:
            return html.escape(repr(self))
        last = self.records[-1]
        return "".join(_row(r, unfolded=r is last or r.status == "failed") for r in self.records)


class Logbook:
    """Keeps what replaced versions did, and what was said about runs. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._past: dict[str, deque[Record]] = defaultdict(partial(deque[Record], maxlen=KEPT))
        self._notices: deque[Notice] = deque(maxlen=KEPT)

    def note(self, run_id: str, text: str) -> None:
        """Something was said about a run, or about all that are under way when it is empty."""
        with self._lock:
            self._notices.append(Notice(run_id, time.time(), text))

    def keep(self, name: str, runs: Iterable[Run]) -> None:
        """Write the runs of a version down that is let go."""
        with self._lock:
            self._past[name].extend(Record.of(run, self._notices) for run in runs)

    def log(self, name: str, runs: Iterable[Run], count: int) -> Log:
        """The last runs of an agent.

        Args:
            name: The agent.
            runs: Those that its versions still keep.
            count: How many to show.
        """
        with self._lock:
            records = {r.run_id: r for r in self._past[name]}
            records |= {run.id: Record.of(run, self._notices) for run in runs}
        found = sorted(records.values(), key=lambda record: record.at)
        return Log(name, found[-count:] if count > 0 else [])


def _end(text: str) -> str:
    return text if len(text) <= _MOST else "…" + text[-_MOST:]


def _row(record: Record, *, unfolded: bool) -> str:
    colour = "var(--jp-error-color1, #c62828)" if record.status == "failed" else "inherit"
    parts = "".join(_part(kind, text) for kind, text in record.parts)
    asked = (
        f"{html.escape(record.asked)} <code style='opacity:.6;background:none;font-size:85%'>"
        f"{html.escape(record.run_id)}</code>"
    )
    body = parts or "<div style='opacity:.75;margin:.3em 0 .3em 1.2em'>It printed nothing.</div>"
    return (
        f"<details{' open' if unfolded and parts else ''}><summary>"
        f"<code style='color:{colour};background:none'>{html.escape(record.head)}</code> {asked}"
        f"</summary>{body}</details>"
    )


def _part(kind: str, text: str) -> str:
    colour = "var(--jp-error-color1, #c62828)" if kind == "error" else "inherit"
    edge = "var(--jp-border-color2, #8888)"
    return (
        f"<div style='margin:.3em 0 .3em 1.2em;opacity:.75'>{kind}</div>"
        f"<pre style='margin:0 0 .5em 1.2em;padding:.3em .8em;border-left:3px solid {edge};"
        f"color:{colour};white-space:pre-wrap;max-height:24em;overflow:auto'>"
        f"{html.escape(text)}</pre>"
    )
