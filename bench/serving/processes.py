"""The bench's servers: which there are, starting and ending them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ORIGINAL = HERE.parent / ".cache" / "original-1.1.5"
SERVER_CORE, CLIENT_CORE = 0, min(1, (os.cpu_count() or 1) - 1)
PROBE = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Spec:
    """A server of the bench."""

    name: str
    script: str
    python: str = sys.executable
    bare: str = ""


OURS = Spec("ours", "ours.py")
BARE = Spec("bare", "bare.py")
PYDANTIC = Spec("bare, pydantic", "bare.py", bare="pydantic")


def original(*, install: bool) -> Spec | None:
    """The original in an environment of its own; None, with a word, when it is not to be had."""
    python = ORIGINAL / "bin" / "python"
    if not (ORIGINAL / "installed").exists():
        if not install:
            print("The original is not installed; `--original` installs it. Left out.")
            return None
        print("Installing agentscope-runtime==1.1.5 into .cache/ …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", ORIGINAL], check=True)
        pip = [python, "-m", "pip", "install", "-q", "agentscope-runtime==1.1.5"]
        if subprocess.run(pip, check=False, capture_output=True).returncode:
            print("It does not install here. Left out.")
            return None
        (ORIGINAL / "installed").touch()
    return Spec("original", "original.py", str(python))


class Server:
    """One server process, pinned to its core."""

    def __init__(self, spec: Spec, data: Path) -> None:
        self.spec = spec
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = os.environ | {"BENCH_BARE": spec.bare, "AGENTSCOPE_NB_DATA": str(data)}
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [spec.python, HERE / "servers" / spec.script, "--port", str(self.port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),  # noqa: PLW1509 - Linux
        )
        try:
            self._await_health(began + 60)
        except BaseException:
            self.end()
            raise
        self.started = time.perf_counter() - began

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def end(self) -> None:
        """End it by its id."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _await_health(self, deadline: float) -> None:
        while time.perf_counter() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.spec.name} ended at once: run {self.spec.script} alone.")
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=30) as line,
            ):
                line.sendall(PROBE)
                if line.recv(100).startswith(b"HTTP/1.1 200"):
                    return
            time.sleep(0.002)
        raise SystemExit(f"{self.spec.name} did not answer /health within a minute.")
