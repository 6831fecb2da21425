"""Serving measured: an AgentApp beside a bare FastAPI and the original AgentScope Runtime.

    python bench/serve.py [--full] [--original] [--json FILE]

The server is pinned to core 0, the client to core 1. The servers take turns, round after round, and
a ratio is formed inside a round against the bare server of that round; what is shown is the median
over rounds (least to most). CPU used by anything else on the machine is metered; a sample disturbed
by more than a seventh of a core is taken again while the time for that lasts, and counted as
disturbed after that. Quote ratios and CPU an answer before answers a second: the former hold when
the machine is busy.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import socket
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import uvloop
from serving.client import Sample, load, memory_of, request_of
from serving.processes import BARE, CLIENT_CORE, OURS, PYDANTIC, Server, Spec, original
from serving.report import FOREIGN, Samples, Shape, middle, spread, table, verdicts

MiB = 2**20


class Bench:
    """A set of servers and the samples taken of them."""

    def __init__(self, servers: list[Server], seconds: float, patience: float) -> None:
        self.servers = servers
        self.seconds = seconds
        self.patience = patience
        self.samples = Samples()

    def take(self, shapes: list[Shape], rounds: int) -> None:
        """Measure every shape (tokens, clients, mode) on every server, round after round."""
        for number in range(rounds):
            for shape in shapes:
                for server in self.servers:
                    self.samples.append(self._sample(server, shape, number))
            print(f"round {number + 1} of {rounds} done", flush=True)

    def _sample(self, server: Server, shape: Shape, number: int) -> Sample:
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
                least=clients,
                limit=60 + 3 * paced,
            )
            uvloop.run(work)
            if sample.foreign <= FOREIGN or self.patience <= 0:
                return sample
            time.sleep(1)
            self.patience -= time.perf_counter() - began


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


def stalled(spec: Spec, data: Path, readers: int, seconds: float) -> tuple[float, float, float]:
    """MiB added by readers that ask for 200 MB each and read nothing.

    Returns:
        Until the lines between are full, while they stall after that, and a second after they left.
    """
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
        time.sleep(2)
        full = memory_of(server.pid)
        time.sleep(seconds)
        stalling = memory_of(server.pid)
        for line in lines:
            line.close()
        time.sleep(1)
        after = memory_of(server.pid)
    finally:
        server.end()
    return (full - before) / MiB, (stalling - full) / MiB, (after - before) / MiB


def show_starts(specs: list[Spec], rounds: int, data: Path) -> dict[str, list[float]]:
    took = starts(specs, rounds, data)
    print("## Start to the first answer of /health\n\n| server | ms | × bare |\n|---|--:|--:|")
    for name, seconds in took.items():
        got = sorted(a / b for a, b in zip(seconds, took["bare"], strict=True))
        print(f"| {name} | {middle(seconds) * 1e3:.0f} | {spread(got)} |")
    print(flush=True)
    return took


def show_stalled(specs: list[Spec], seconds: float, data: Path) -> dict[str, float]:
    print("## Readers that ask for 200 MB and read nothing (8 of them)\n")
    print("| server | MiB until the lines were full | then, stalled | when they had gone |")
    print("|---|--:|--:|--:|")
    held: dict[str, float] = {}
    for spec in specs:
        full, stalling, after = stalled(spec, data, 8, seconds)
        held[spec.name] = stalling
        print(f"| {spec.name} | {full:+.1f} | {stalling:+.1f} | {after:+.1f} |", flush=True)
    print()
    return held


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--quick", action="store_true", default=True, help="three minutes: default")
    pace.add_argument("--full", action="store_false", dest="quick", help="all shapes: half an hour")
    parser.add_argument("--original", action="store_true", help="install the original if need be")
    parser.add_argument("--tokens", default="1,50,500")
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="how long a sample lasts")
    parser.add_argument("--only", default="rates,paced,start,stalled", help="leave out the rest")
    parser.add_argument("--patience", type=float, help="seconds for taking samples again")
    parser.add_argument("--json", type=Path, help="also write the samples here")
    return parser.parse_args()


def shapes_of(given: argparse.Namespace, mode: str) -> list[Shape]:
    """Tokens and clients to measure at."""
    if given.quick:
        return [(50, 64, mode)] if mode == "20ms" else [(n, 16, mode) for n in (1, 50, 500)]
    tokens, clients = given.tokens.split(","), given.clients.split(",")
    return [(int(t), int(c), mode) for t in tokens for c in clients]


def rates(given: argparse.Namespace, specs: list[Spec], data: Path) -> Samples:
    """Measure and show the load, as fast as it goes and paced."""
    quick = given.quick
    rounds = given.rounds or (3 if quick else 5)
    patience = given.patience if given.patience is not None else (20 if quick else 600)
    servers: list[Server] = []
    try:
        servers.extend(Server(spec, data) for spec in specs)
        bench = Bench(servers, given.seconds or (0.8 if quick else 2.0), patience)
        names = [spec.name for spec in specs]
        for what, mode, title in (
            ("rates", "yield", "As fast as it goes"),
            ("paced", "20ms", "A token every 20 ms"),
        ):
            if what in given.only:
                print(f"\n## {title}\n", flush=True)
                shapes = shapes_of(given, mode)
                bench.take(shapes, rounds if what == "rates" else max(1, rounds // 2))
                print()
                table(bench.samples, names, shapes)
    finally:
        for server in servers:
            server.end()
    return bench.samples


def main() -> None:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended
    os.sched_setaffinity(0, {CLIENT_CORE})
    specs = [OURS, BARE] if given.quick else [OURS, BARE, PYDANTIC]
    peer = original(install=given.original)
    specs += [peer] if peer else []
    samples, start, held = Samples(), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        if "rates" in given.only or "paced" in given.only:
            samples = rates(given, specs, data)
        if "start" in given.only:
            start = show_starts(specs, 3 if given.quick else 9, data)
        if "stalled" in given.only:
            held = show_stalled(specs, 3 if given.quick else 10, data)
    print("## Goals\n")
    verdicts(samples, start, held)
    if given.json:
        given.json.write_text(json.dumps([asdict(s) for s in samples]))


if __name__ == "__main__":
    main()
