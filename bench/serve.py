"""Serving measured: an AgentApp beside a bare FastAPI and the original AgentScope Runtime.

    python bench/serve.py [--quick] [--original] [--json FILE]

The server is pinned to core 0, the client to core 1. The servers take turns, round after round, and
a ratio is formed inside a round against the bare server of that round; what is shown is the median
over rounds (least to most). CPU used by anything else on the machine is metered; a sample disturbed
by more than a seventh of a core is taken again while the time for that lasts, and counted as
disturbed after that. Quote ratios and CPU an answer before answers a second: the former hold when
the machine is busy.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import socket
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import uvloop
from client import Sample, load, memory_of, request_of
from serving import BARE, CLIENT_CORE, OURS, PYDANTIC, Server, Spec, original

FOREIGN = 0.15
MiB = 2**20


class Bench:
    """A set of servers and the samples taken of them."""

    def __init__(self, servers: list[Server], *, rounds: int, seconds: float, patience: float):
        self.servers = servers
        self.rounds = rounds
        self.seconds = seconds
        self.patience = patience
        self.samples: list[Sample] = []

    def take(self, shapes: list[tuple[int, int, str]]) -> None:
        """Measure every shape (tokens, clients, mode) on every server, round after round."""
        for number in range(self.rounds):
            for shape in shapes:
                for server in self.servers:
                    self.samples.append(self._sample(server, shape, number))
            print(f"round {number + 1} of {self.rounds} done", flush=True)

    def _sample(self, server: Server, shape: tuple[int, int, str], number: int) -> Sample:
        tokens, clients, mode = shape
        paced = float(mode[:-2]) / 1000 * tokens if mode.endswith("ms") else 0.0
        while True:
            sample = Sample(server.spec.name, tokens, clients, mode, number)
            gc.collect()
            began = time.perf_counter()
            work = load(
                sample,
                server.port,
                server.pid,
                seconds=max(self.seconds, paced),
                least=clients * (1 if paced else 2),
                limit=60 + 3 * paced,
            )
            uvloop.run(work)
            if sample.foreign <= FOREIGN or self.patience <= 0:
                return sample
            time.sleep(1)
            self.patience -= time.perf_counter() - began

    def of(self, name: str, shape: tuple[int, int, str]) -> list[Sample]:
        return [s for s in self.samples if (s.server, s.tokens, s.clients, s.mode) == (name, *shape)]


def ratios(bench: Bench, shape: tuple[int, int, str], name: str, base: str, value) -> list[float]:
    """One server's value over another's, round by round."""
    own = {s.round: value(s) for s in bench.of(name, shape) if s.answers}
    other = {s.round: value(s) for s in bench.of(base, shape) if s.answers}
    return sorted(own[n] / other[n] for n in own.keys() & other.keys() if other[n])


def spread(values: list[float]) -> str:
    if not values:
        return "–"
    return f"{statistics.median(values):.2f} ({values[0]:.2f}–{values[-1]:.2f})"


def middle(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


def upper(values: list[float], share: float = 0.99) -> float:
    ordered = sorted(values)
    return ordered[int((len(ordered) - 1) * share)] if ordered else float("nan")


def table(bench: Bench, shapes: list[tuple[int, int, str]]) -> None:
    """The samples as Markdown."""
    print(
        "| tokens | clients | pace | server | answers/s | CPU µs/answer | CPU × bare | "
        "answers/s × bare | first token p50 / p99 ms | whole p50 / p99 ms | disturbed |\n"
        "|--:|--:|---|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for shape in shapes:
        for server in bench.servers:
            rows = bench.of(server.spec.name, shape)
            name = server.spec.name
            cpu = ratios(bench, shape, name, "bare", lambda s: s.cpu_each)
            rate = ratios(bench, shape, name, "bare", lambda s: s.rate)
            first = (middle([middle(s.first) for s in rows]), middle([upper(s.first) for s in rows]))
            whole = (middle([middle(s.whole) for s in rows]), middle([upper(s.whole) for s in rows]))
            bad = sum(s.bad for s in rows)
            print(
                f"| {shape[0]} | {shape[1]} | {shape[2]} | {name}{f' (**{bad} bad**)' if bad else ''} "
                f"| {middle([s.rate for s in rows]):.4g} | {middle([s.cpu_each for s in rows]):.0f} "
                f"| {spread(cpu)} | {spread(rate)} | {first[0]:.2f} / {first[1]:.2f} "
                f"| {whole[0]:.2f} / {whole[1]:.2f} "
                f"| {sum(s.foreign > FOREIGN for s in rows)} of {len(rows)} |"
            )
    print()


def starts(specs: list[Spec], rounds: int, data: Path) -> dict[str, list[float]]:
    """Seconds from starting the process to the first answer of /health; servers in turn."""
    took: dict[str, list[float]] = {spec.name: [] for spec in specs}
    for number in range(rounds + 1):
        for spec in specs:
            server = Server(spec, data)
            server.end()
            if number:  # the first time fills the disk's cache
                took[spec.name].append(server.started)
    return took


def stalled(spec: Spec, data: Path, readers: int, seconds: float) -> tuple[float, float]:
    """MiB added while readers ask for 200 MB each and read nothing, and once they have gone."""
    server = Server(spec, data)
    try:
        warm = Sample(spec.name, 50, 4, "yield")
        uvloop.run(load(warm, server.port, server.pid, seconds=0.5, least=20, limit=30))
        before = memory_of(server.pid)
        lines = []
        for number in range(readers):
            line = socket.create_connection(("127.0.0.1", server.port))
            line.sendall(request_of(server.port, "3000 huge", f"stalled-{number}"))
            lines.append(line)
        time.sleep(seconds)
        during = memory_of(server.pid)
        for line in lines:
            line.close()
        time.sleep(1)
        after = memory_of(server.pid)
    finally:
        server.end()
    return (during - before) / MiB, (after - before) / MiB


def verdicts(bench: Bench, start: dict[str, list[float]], stall: dict[str, float]) -> None:
    """The goals, and how they were met."""
    shapes = list(dict.fromkeys((s.tokens, s.clients, s.mode) for s in bench.samples))
    print("| goal | at | measured | met |\n|---|---|--:|---|")

    def row(goal: str, at: str, value: float, text: str, *, met: bool) -> None:
        print(f"| {goal} | {at} | {text or f'{value:.2f}'} | {'yes' if met else '**no**'} |")

    for shape in shapes:
        at = f"{shape[0]} tokens × {shape[1]} clients"
        if shape[2] == "yield" and shape[0] in (1, 500):
            limit = 1.5 if shape[0] == 1 else 1.3
            got = ratios(bench, shape, "ours", "bare", lambda s: s.cpu_each)
            row(f"CPU ≤ {limit} × bare", at, 0, spread(got), met=middle(got) <= limit)
    for shape in shapes:
        got = ratios(bench, shape, "ours", "original", lambda s: s.rate)
        if got and shape[2] == "yield":
            at = f"{shape[0]} tokens × {shape[1]} clients"
            row("answers/s ≥ 5 × the original's", at, 0, spread(got), met=middle(got) >= 5)
    if start:
        got = sorted(a / b for a, b in zip(start["ours"], start["bare"], strict=True))
        row("start to first /health ≤ 1.5 × bare", "", 0, spread(got), met=middle(got) <= 1.5)
    if stall:
        text = f"{stall['ours']:+.1f} MiB (bare {stall['bare']:+.1f})"
        met = stall["ours"] <= max(stall["bare"], 0) + 1
        row("a stalled reader adds nothing", "8 readers of 200 MB", 0, text, met=met)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about two minutes, fewer shapes")
    parser.add_argument("--original", action="store_true", help="install the original if need be")
    parser.add_argument("--tokens", default="1,50,500")
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="how long a sample lasts")
    parser.add_argument("--only", default="", help="rates,paced,start,stalled: leave out the rest")
    parser.add_argument("--servers", default="ours,bare,bare pydantic,original")
    parser.add_argument("--json", type=Path, help="also write the samples here")
    given = parser.parse_args()
    quick = given.quick
    only = given.only.split(",") if given.only else ["rates", "paced", "start", "stalled"]
    os.sched_setaffinity(0, {CLIENT_CORE})
    wanted = [n.strip() for n in given.servers.split(",")]
    specs = [OURS, BARE]
    if "bare pydantic" in wanted and not quick:
        specs.append(PYDANTIC)
    peer = original(install=given.original) if "original" in wanted else None
    specs += [peer] if peer else []
    rounds = given.rounds or (3 if quick else 5)
    seconds = given.seconds or (0.8 if quick else 2.0)
    tokens = [int(n) for n in given.tokens.split(",")]
    clients = [int(n) for n in given.clients.split(",")]
    flat = [(t, c, "yield") for t in tokens for c in clients]
    paced = [(t, c, "20ms") for t in tokens for c in clients]
    if quick:
        flat, paced = [(1, 16, "yield"), (50, 16, "yield"), (500, 16, "yield")], [(50, 64, "20ms")]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        servers = [Server(spec, data) for spec in specs] if {"rates", "paced"} & set(only) else []
        bench = Bench(servers, rounds=rounds, seconds=seconds, patience=30 if quick else 600)
        try:
            if "rates" in only:
                print(f"\n## As fast as it goes ({rounds} rounds of {seconds} s)\n", flush=True)
                bench.take(flat)
                print()
                table(bench, flat)
            if "paced" in only:
                bench.rounds = max(1, rounds // 2)
                print("\n## A token every 20 ms\n", flush=True)
                bench.take(paced)
                print()
                table(bench, paced)
        finally:
            for server in servers:
                server.end()
        start: dict[str, list[float]] = {}
        held: dict[str, float] = {}
        if "start" in only:
            start = starts(specs, 3 if quick else 9, data)
            print("## Start to the first answer of /health\n\n| server | ms | × bare |\n|---|--:|--:|")
            for name, took in start.items():
                got = sorted(a / b for a, b in zip(took, start["bare"], strict=True))
                print(f"| {name} | {middle(took) * 1e3:.0f} | {spread(got)} |")
            print(flush=True)
        if "stalled" in only:
            print("## Readers that ask for 200 MB and read nothing (8 of them)\n")
            print("| server | MiB added meanwhile | MiB still there when they have gone |")
            print("|---|--:|--:|")
            for spec in specs:
                during, after = stalled(spec, data, 8, 3 if quick else 10)
                held[spec.name] = during
                print(f"| {spec.name} | {during:+.1f} | {after:+.1f} |", flush=True)
            print()
    print("## Goals\n")
    verdicts(bench, start, held)
    if given.json:
        given.json.write_text(json.dumps([asdict(s) for s in bench.samples]))


if __name__ == "__main__":
    main()
