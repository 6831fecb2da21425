"""A load generator for streamed answers: closed loop, keep-alive, loopback only, for a set time.

Each worker asks again when its answer has ended. Every answer is checked: status 200 and exactly
as many tokens as asked for; others are counted as bad and their times left out. Answers are
searched in their raw chunked form, since taking the chunks apart would cost the client more than
serving them costs the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = b'"delta":true'
END = b"\r\n0\r\n\r\n"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Connection(asyncio.Protocol):
    """One keep-alive connection, one answer at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[None] | None = None
        self.tokens = self.size = 0
        self.first = 0.0
        self._tail = b""

    def ask(self, request: bytes) -> asyncio.Future[None]:
        """Send a request; done when its answer has ended."""
        self.tokens = self.size = 0
        self.first = 0.0
        self._tail = b""
        self.ok = False
        self.ended = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.ended

    def connection_made(self, transport) -> None:
        """Connected."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Count the tokens of what came; note the first and the end."""
        if not self.size:
            self.ok = data.startswith(b"HTTP/1.1 200")
        self.size += len(data)
        if self._tail:
            data = self._tail + data
        found = data.count(TOKEN)
        if found:
            self.tokens += found
            self.first = self.first or time.perf_counter()
        over = data.endswith(END) or (not self.ok and b"\r\n\r\n" in data)
        if over and not self.ended.done():
            self.ended.set_result(None)
        # Half a token may stand at the end; a whole one has been counted and must not be again.
        self._tail = data[-len(TOKEN) + 1 :]

    def connection_lost(self, error) -> None:
        """Tell who waits for an answer."""
        if self.ended is not None and not self.ended.done():
            self.ended.set_exception(error or ConnectionError("closed early"))


@dataclass
class Sample:
    """What one stretch of load showed."""

    server: str
    tokens: int
    clients: int
    mode: str
    round: int = 0
    wall: float = 0.0
    answers: int = 0
    bad: int = 0
    size: float = 0.0
    cpu: float = 0.0
    client: float = 0.0
    foreign: float = 0.0
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.wall

    @property
    def cpu_each(self) -> float:
        """The server's CPU microseconds an answer."""
        return self.cpu / max(self.answers, 1) * 1e6


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, all threads, by the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:  # a thread that has just ended
            continue
    return total / 1e9


def busy() -> float:
    """CPU seconds that everything on this machine has used."""
    values = [int(v) for v in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(values) - values[3] - values[4]) / TICKS


def memory_of(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def request_of(port: int, text: str, session: str) -> bytes:
    """A whole HTTP request to /process."""
    said = {"role": "user", "type": "message", "content": [{"type": "text", "text": text}]}
    body = {"input": [said], "stream": True, "session_id": session, "user_id": "bench"}
    raw = json.dumps(body).encode()
    return (
        f"POST /process HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(raw)}\r\n\r\n"
    ).encode() + raw


async def load(
    sample: Sample, port: int, pid: int, *, seconds: float, least: int, limit: float
) -> Sample:
    """Fill in a sample: ask for `seconds` and `least` times; an answer may last `limit` seconds."""
    loop = asyncio.get_running_loop()
    text, issued, stop = f"{sample.tokens} {sample.mode}", 0, 0.0

    async def worker(warm: int) -> None:
        nonlocal issued
        _, line = await loop.create_connection(Connection, "127.0.0.1", port)
        while warm or time.perf_counter() < stop or issued < least:
            if not warm:
                issued += 1
            session = f"{sample.server}-{time.monotonic_ns()}"
            began = time.perf_counter()
            async with asyncio.timeout(limit):
                await line.ask(request_of(port, text, session))
            now = time.perf_counter()
            if warm:
                warm -= 1
                if not warm:
                    break
            elif line.ok and line.tokens == sample.tokens:
                sample.answers += 1
                sample.size = line.size
                sample.first.append((line.first - began) * 1e3)
                sample.whole.append((now - began) * 1e3)
            else:
                sample.bad += 1
        line.transport.close()

    if not sample.mode.endswith("ms"):
        await asyncio.gather(*(worker(3) for _ in range(min(sample.clients, 16))))
    cpu, client, used = cpu_of(pid), time.process_time(), busy()
    began = time.perf_counter()
    stop = began + seconds
    await asyncio.gather(*(worker(0) for _ in range(sample.clients)))
    sample.wall = time.perf_counter() - began
    sample.cpu = cpu_of(pid) - cpu
    sample.client = time.process_time() - client
    sample.foreign = max(0.0, busy() - used - sample.cpu - sample.client) / sample.wall
    return sample
