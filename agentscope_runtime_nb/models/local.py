"""The local model's server as this process sees it: started once, shared, gone when it goes."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from agentscope_runtime_nb.models.errors import ModelError
from agentscope_runtime_nb.models.weights import SMOLLM2, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentscope_runtime_nb.models.weights import Progress

CONTEXT = 8192
SLOTS = 4
MAX_TOKENS = 1024
_START_SECONDS = 300.0  # a large file from a slow disk; a broken one is known at once
_STOP_SECONDS = 5.0
_LOG_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server of ours listens.

    Attributes:
        url: Its OpenAI-compatible base URL.
        key: What it wants as a bearer token.
    """

    url: str
    key: str = field(repr=False)


class LocalServer:
    """One model file, served by a child process on a loopback port with a random key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pid: int | None = None
        self._endpoint: Endpoint | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None if it does not run."""
        process = self._process
        return self._endpoint if process is not None and process.poll() is None else None

    def ensure(self) -> Endpoint:
        """Start the server if it is not running, and wait until it can be asked.

        Returns:
            Where it listens. A server that died is replaced, with a new port and key.

        Raises:
            ModelError: It does not start; the code and the text say why.
        """
        with self._lock:
            endpoint = self.endpoint
            if endpoint is None:
                self._release()
                check_file(self.path)
                require_engine()
                endpoint = self._endpoint = self._start()
            return endpoint

    def stop(self) -> None:
        """End the child process, and wait until it has ended."""
        with self._lock:
            self._release()

    def _start(self) -> Endpoint:
        key = secrets.token_urlsafe(32)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - kept as long as the process
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a script of ours
            [sys.executable, "-P", str(Path(__file__).with_name("local_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # interrupting a cell signals the kernel's whole group
        )
        self._process, self.pid = process, process.pid
        settings = {
            "model": str(self.path),
            "alias": self.path.stem,
            "key": key,
            "context": CONTEXT,
            "slots": SLOTS,
            # The toy may loop for ever; another model knows better when it is done.
            "max_tokens": MAX_TOKENS if self.path.name == SMOLLM2.file else -1,
        }
        try:
            answer = _converse(process, settings)
        except BaseException:  # an interrupt leaves no half-started child either
            self._release()
            raise
        if "url" not in answer:
            log = self._tail()
            self._release()
            raise ModelError(
                "model_start_failed",
                f"The local model server could not load {self.path.name}: "
                f"{answer.get('error', 'it ended without a word').rstrip('.')}.{log}",
            )
        return Endpoint(f"{answer['url']}/v1", key)

    def _tail(self) -> str:
        """Give the end of what the engine said, as lines to put under an error."""
        if self._log is None:
            return ""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _LOG_TAIL))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            lines.append(f"(ended by signal {-code})")
        return "".join(f"\n  {line}" for line in lines[-5:])

    def _release(self) -> None:
        process, self._process, self.pid, self._endpoint = self._process, None, None, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None


def _converse(process: subprocess.Popen[bytes], settings: Mapping[str, object]) -> dict[str, str]:
    """Hand the settings to the child and read its one line; an empty answer if it died."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise AssertionError("both were asked for")
    try:
        stdin.write(json.dumps(settings).encode() + b"\n")
        stdin.flush()
    except BrokenPipeError:
        return {}
    line = b""
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return {"error": f"it was not ready within {_START_SECONDS:.0f} seconds"}
            chunk = os.read(stdout.fileno(), 4096)
            if not chunk:
                return {}
            line += chunk
    return json.loads(line)


def require_engine() -> None:
    """Say what to install if the engine of the local model is missing."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise ModelError(
            "model_engine_missing",
            "The local model needs xllamacpp, which is not installed here: "
            'pip install "agentscope-runtime-nb[local]"',
        )


def check_file(path: Path) -> None:
    """See at a glance whether a path can be a model, before a process is started for it."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(
            "model_file_unreadable", f"{path} cannot be read: {error.strerror or error}"
        ) from error
    if magic != b"GGUF":
        raise ModelError("model_file_invalid", f"{path} is not a GGUF file, or it is damaged.")


_servers: dict[Path, LocalServer] = {}
_owner = os.getpid()
_guard = threading.Lock()


def local_server(path: Path | None = None, *, progress: Progress | None = None) -> LocalServer:
    """Give this process's server of a model file; the default model is fetched if need be.

    Args:
        path: A GGUF file; the default local model unless given.
        progress: Told how far a fetch is.

    Returns:
        The shared server, not necessarily started.
    """
    global _owner  # noqa: PLW0603 - a forked process has children of its own
    if path is None:
        require_engine()  # before 90 MB are fetched in vain
        path = fetch(SMOLLM2, progress=progress)
    with _guard:
        if _owner != os.getpid():
            _servers.clear()
            _owner = os.getpid()
        return _servers.setdefault(path.resolve(), LocalServer(path.resolve()))


def running(path: Path | None = None) -> Endpoint | None:
    """Tell where a model's server listens, if this process has started it."""
    server = _servers.get((path or SMOLLM2.path).resolve())
    return server.endpoint if server is not None else None


def stop_all() -> None:
    """End every local server of this process."""
    if _owner == os.getpid():
        for server in list(_servers.values()):
            server.stop()


atexit.register(stop_all)
