"""A real Jupyter server under a hub's prefix, and real small apps on the sockets of its kernels."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

RESOURCES = Path(__file__).parent / "resources"
BASE = "/user/ann/"


@dataclass
class Jupyter:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    environment: dict[str, str]
    log: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> str:
        return f"{self.origin}{BASE}agentscope-nb/"

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    @property
    def rss(self) -> int:
        """The server's memory, in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError


@dataclass
class Backend:
    """A running app, as a kernel of that server."""

    process: subprocess.Popen[bytes]
    kernel_id: str
    url: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.02)


@contextlib.contextmanager
def running_jupyter(folder: Path, *options: str):
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")},
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_NO_CONFIG": "1",
        "PYTHONUNBUFFERED": "1",
    }
    port, token = free_port(), secrets.token_hex(16)
    log = folder / "jupyter.log"
    (folder / "home").mkdir()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.base_url={BASE}",
                f"--ServerApp.root_dir={folder / 'home'}",
                f"--IdentityProvider.token={token}",
                "--ServerApp.jpserver_extensions=agentscope_runtime_nb=True",
                *options,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    jupyter = Jupyter(process, port, token, environment, log)
    try:
        with httpx2.Client(headers=jupyter.authorization) as client:

            def up():
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(httpx2.TransportError):
                    return client.get(jupyter.root + "status").status_code == 200
                return False

            wait_for(up)
        yield jupyter
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running_backend(jupyter: Jupyter):
    kernel_id = str(uuid.uuid4())
    entry = Path(jupyter.environment["JUPYTER_RUNTIME_DIR"]) / "agentscope-nb" / f"{kernel_id}.json"
    process = subprocess.Popen(
        [sys.executable, RESOURCES / "backend.py", kernel_id],
        env=jupyter.environment,
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_for(entry.exists)
        yield Backend(process, kernel_id, f"{jupyter.root}apps/{kernel_id}/friday/")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(10)


@pytest.fixture
def another_jupyter():
    """A server of one's own: `with another_jupyter(folder, *options) as server`."""
    return running_jupyter


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    with running_jupyter(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="session")
def backend(jupyter):
    with running_backend(jupyter) as app:
        yield app


@pytest.fixture
def new_backend(jupyter):
    with running_backend(jupyter) as app:
        yield app


@pytest.fixture
async def client(jupyter):
    """A program with the token."""
    async with httpx2.AsyncClient(headers=jupyter.authorization, timeout=30) as http:
        yield http


@pytest.fixture
async def stranger():
    """Somebody without a token."""
    async with httpx2.AsyncClient(timeout=30) as http:
        yield http


@pytest.fixture
async def browser(jupyter):
    """A browser that has logged in: it sends cookies and no token."""
    async with httpx2.AsyncClient(timeout=30) as http:
        await http.get(f"{jupyter.origin}{BASE}login")
        answer = await http.get(f"{jupyter.origin}{BASE}api/me?token={jupyter.token}")
        assert answer.status_code == 200
        assert "_xsrf" in http.cookies
        yield http
