"""What the samples of `serve.py` say, as Markdown."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.client import Sample

FOREIGN = 0.15
Shape = tuple[int, int, str]


class Samples(list["Sample"]):
    """All samples of a bench."""

    def of(self, name: str, shape: Shape) -> list[Sample]:
        """One server's at one shape."""
        return [s for s in self if (s.server, s.tokens, s.clients, s.mode) == (name, *shape)]

    def ratios(
        self, shape: Shape, name: str, base: str, value: Callable[[Sample], float]
    ) -> list[float]:
        """One server's value over another's, round by round, least first."""
        own = {s.round: value(s) for s in self.of(name, shape) if s.answers}
        other = {s.round: value(s) for s in self.of(base, shape) if s.answers}
        return sorted(own[n] / other[n] for n in own.keys() & other.keys() if other[n])


def middle(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


def upper(values: list[float], share: float = 0.99) -> float:
    ordered = sorted(values)
    return ordered[math.ceil((len(ordered) - 1) * share)] if ordered else float("nan")


def spread(values: list[float]) -> str:
    if not values:
        return "–"
    return f"{statistics.median(values):.2f} ({values[0]:.2f}–{values[-1]:.2f})"


def table(samples: Samples, servers: list[str], shapes: list[Shape]) -> None:
    """Every server at every shape."""
    print(
        "| tokens | clients | pace | server | answers/s | CPU µs/answer | CPU × bare | "
        "answers/s × bare | first token p50 / p99 ms | whole p50 / p99 ms | disturbed |\n"
        "|--:|--:|---|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for shape in shapes:
        for name in servers:
            print(_row(samples, name, shape))
    print()


def _row(samples: Samples, name: str, shape: Shape) -> str:
    rows = samples.of(name, shape)
    times = [
        f"{middle([middle(t) for t in taken]):.1f} / {middle([upper(t) for t in taken]):.1f}"
        for taken in ([s.first for s in rows], [s.whole for s in rows])
    ]
    bad = sum(s.bad for s in rows)
    cells = [
        *map(str, shape),
        name + (f" (**{bad} bad**)" if bad else ""),
        f"{middle([s.rate for s in rows]):.4g}",
        f"{middle([s.cpu_each for s in rows]):.0f}",
        spread(samples.ratios(shape, name, "bare", lambda s: s.cpu_each)),
        spread(samples.ratios(shape, name, "bare", lambda s: s.rate)),
        *times,
        f"{sum(s.foreign > FOREIGN for s in rows)} of {len(rows)}",
    ]
    return f"| {' | '.join(cells)} |"


def verdicts(samples: Samples, start: dict[str, list[float]], held: dict[str, float]) -> None:
    """The goals, and how they were met."""
    print("| goal | at | measured | met |\n|---|---|--:|---|")

    def row(goal: str, at: str, measured: str, *, met: bool) -> None:
        print(f"| {goal} | {at} | {measured} | {'yes' if met else '**no**'} |")

    shapes = list(dict.fromkeys((s.tokens, s.clients, s.mode) for s in samples))
    flat = [shape for shape in shapes if shape[2] == "yield"]
    for shape in flat:
        at, limit = f"{shape[0]} tokens, {shape[1]} clients", {1: 1.5, 500: 1.3}.get(shape[0])
        got = samples.ratios(shape, "ours", "bare", lambda s: s.cpu_each)
        if limit and got:
            row(f"CPU ≤ {limit} × bare", at, spread(got), met=middle(got) <= limit)
    for shape in flat:
        got = samples.ratios(shape, "ours", "original", lambda s: s.rate)
        if got:
            at = f"{shape[0]} tokens, {shape[1]} clients"
            row("answers/s ≥ 5 × the original's", at, spread(got), met=middle(got) >= 5)
    if start:
        got = sorted(a / b for a, b in zip(start["ours"], start["bare"], strict=True))
        row("start to first /health ≤ 1.5 × bare", "", spread(got), met=middle(got) <= 1.5)
    if held:
        text = f"{held['ours']:+.1f} MiB (bare {held['bare']:+.1f})"
        row("a stalled reader adds nothing", "8 readers", text, met=held["ours"] <= 1)
    print()
