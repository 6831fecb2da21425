"""The doctor, as a process of its own, on machines where something is amiss."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from agentscope_runtime_nb.doctor import machine
from agentscope_runtime_nb.doctor.examination import CHECKS, Check, examine
from agentscope_runtime_nb.doctor.findings import fine, release
from agentscope_runtime_nb.doctor.jupyter import _complaints
from agentscope_runtime_nb.models import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "hunter2-hunter2"


@dataclass
class Said:
    """What the doctor said."""

    code: int
    text: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.text)

    def state(self, about: str) -> str:
        (found,) = {f["state"] for f in self.json["findings"] if f["id"] == about}
        return found

    def of(self, about: str) -> list[dict[str, str]]:
        return [f for f in self.json["findings"] if f["id"] == about]


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., Said]:
    """Runs it for somebody with a home of their own, offline, with a model that needs no file."""
    home = tmp_path / "höme of ann"
    home.mkdir()

    def run(*options: str, **environment: str) -> Said:
        settings = os.environ | {
            "HOME": str(home),
            "AGENTSCOPE_NB_DATA": str(home / "data"),
            "AGENTSCOPE_NB_CACHE": str(home / "cache"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "DOCKER_HOST": f"unix://{home}/no.sock",
            "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
            "PIP_CONFIG_FILE": os.devnull,
            "OPENAI_API_KEY": SECRET,
        }
        command = [sys.executable, "-m", "agentscope_runtime_nb.cli", "doctor", *options]
        done = subprocess.run(
            command, env=settings | environment, capture_output=True, timeout=50, check=False
        )
        assert not done.stderr, done.stderr.decode()
        return Said(done.returncode, done.stdout.decode())

    run.home = home  # pyright: ignore[reportFunctionMemberAccess]
    return run


@pytest.mark.ordinary_user
def test_a_machine_that_lacks_what_one_may_do_without(doctor):
    said = doctor("--json")
    assert (said.code, said.json["ready"]) == (0, True)
    assert said.json["schema"] == 1
    assert said.state("docker") == "warning"
    assert said.state("local-model") == "warning"
    assert said.state("data-folder") == said.state("session-file") == "ok"
    assert all(not f["text"].startswith("This ") for f in said.json["findings"])
    assert not list(doctor.home.iterdir()), "it changes nothing"


def test_the_lines_for_people(doctor):
    said = doctor()
    assert "  ✓ python " in said.text
    assert "  ! docker " in said.text
    assert "\x1b" not in said.text
    assert "  ok python " in doctor(PYTHONIOENCODING="ascii", PYTHONUTF8="0").text


def test_nothing_can_answer(doctor):
    said = doctor("--json", OPENAI_API_KEY="")
    assert said.code == 1
    assert said.state("local-model") == "broken"
    assert said.json["seconds"] < 15


def test_secrets_stay_secret(doctor):
    proxy = f"http://ann:{SECRET}@127.0.0.1:1"
    said = doctor("--json", HTTPS_PROXY=proxy, NO_PROXY="", no_proxy="")
    assert SECRET not in said.text
    assert "HTTPS_PROXY" in said.of("proxies")[0]["text"]
    assert said.state("proxies") == "warning"
    assert "OPENAI_API_KEY" in said.of("keys")[0]["text"]


def test_asking_the_model(doctor):
    with ScriptedServer() as model:
        said = doctor("--json", "--ask", OPENAI_BASE_URL=model.url, OPENAI_API_KEY=model.key)
        assert said.state("answer") == "ok"
        said = doctor("--json", "--ask", OPENAI_BASE_URL=model.url, OPENAI_API_KEY="wrong")
    assert (said.code, said.state("answer")) == (1, "broken")


# Storage.


def test_a_data_folder_that_cannot_be(doctor):
    (doctor.home / "file").write_text("")
    said = doctor("--json", AGENTSCOPE_NB_DATA=str(doctor.home / "file" / "data"))
    assert (said.code, said.state("data-folder")) == (1, "broken")
    assert said.of("data-folder")[0]["fix"]


def test_a_session_file_that_others_may_read_or_nobody_can(doctor):
    path = doctor.home / "data" / "sessions.sqlite3"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
    path.chmod(0o644)
    said = doctor("--json")
    assert (said.code, said.state("session-file")) == (0, "warning")
    subprocess.run(said.of("session-file")[0]["fix"], shell=True, check=True)
    assert doctor("--json").state("session-file") == "ok"
    path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 500)
    said = doctor("--json")
    assert (said.code, said.state("session-file")) == (1, "broken")
    subprocess.run(said.of("session-file")[0]["fix"], shell=True, check=True)
    assert doctor("--json").state("session-file") == "ok"


# Ports.


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not machine.is_free(port)
        assert f"(pid {os.getpid()})" in machine.listener(port)
    assert machine.listener(port) == ""


def test_the_port_that_services_take(doctor):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody has it already, which will do
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        said = doctor("--json")
    assert (said.code, said.state("port-8080")) == (0, "warning")
    assert said.of("port-8080")[0]["fix"]


# Docker.


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _Docker(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"Version": "99.1", "ApiVersion": "1.99"}'
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@contextlib.contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_docker_that_answers(doctor):
    path = doctor.home / "d.sock"
    with served(_UnixServer(os.path.relpath(path), _Docker)):
        said = doctor("--json", DOCKER_HOST=f"unix://{path}")
    assert said.state("docker") == "ok"
    assert "99.1" in said.of("docker")[0]["text"]
    said = doctor("--json", DOCKER_HOST=f"unix://{path}")  # its socket is left behind
    assert (said.code, said.state("docker")) == (0, "warning")


# Jupyter.


class _Jupyter(http.server.BaseHTTPRequestHandler):
    version = "0.0.1"
    widgets = "@jupyter-widgets/jupyterlab-manager"

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"token {SECRET}":
            self.send_error(403)
        elif self.path == "/user/ann/agentscope-nb/status" and self.version:
            self._send(json.dumps({"schema": 1, "version": self.version}))
        elif self.path == "/user/ann/lab":
            config = {"federated_extensions": [{"name": self.widgets}]}
            script = '<script id="jupyter-config-data" type="application/json">'
            self._send(f"{script}{json.dumps(config)}</script>")
        else:
            self.send_error(404)

    def _send(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def jupyter(home: Path, **traits: str) -> Iterator[None]:
    """A server that tells of itself as Jupyter's do."""
    handler = type("Jupyter", (_Jupyter,), traits)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    told = {
        "pid": os.getpid(),
        "url": f"http://127.0.0.1:{server.server_port}/user/ann/",
        "base_url": "/user/ann/",
        "token": SECRET,
    }
    (home / "runtime").mkdir(exist_ok=True)
    (home / "runtime" / f"jpserver-{os.getpid()}.json").write_text(json.dumps(told))
    with served(server):
        yield


def test_a_server_with_another_version(doctor):
    with jupyter(doctor.home):
        said = doctor("--json")
    assert (said.code, said.state("jupyter-server")) == (0, "warning")
    fix = said.of("jupyter-server")[0]["fix"]
    assert "pip install agentscope-runtime-nb==" in fix
    assert said.state("server-widgets") == "ok"
    assert SECRET not in said.text


def test_a_server_without_our_part_or_without_widgets(doctor):
    with jupyter(doctor.home, version="", widgets="something-else"):
        said = doctor("--json")
    assert (said.code, said.state("server-widgets")) == (1, "broken")
    assert said.of("jupyter-server")[0]["fix"]


def test_a_server_that_is_gone(doctor):
    with jupyter(doctor.home):
        pass
    said = doctor("--json")  # the process lives, and nobody listens
    assert (said.code, said.state("jupyter-server")) == (0, "warning")


def test_a_broken_registry(doctor):
    folder = doctor.home / "runtime" / "agentscope-nb"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "k1.json").write_text("{")
    (folder / "k1.json").chmod(0o600)
    (folder / "k2.json").write_bytes(b"\xff" * 10)
    (folder / "odd name!.json").write_text("{}")
    said = doctor("--json")
    assert said.code == 0
    found = said.of("kernels")
    assert [f["state"] for f in found] == ["warning", "warning", "warning", "ok"]
    for one in found[:3]:
        subprocess.run(one["fix"], shell=True, check=True)
    assert doctor("--json").state("kernels") == "ok"


# The examination itself.


def test_a_check_that_hangs_and_one_that_fails():
    over = threading.Event()

    def hanging() -> list[Any]:
        over.wait(30)
        return []

    def failing() -> list[Any]:
        raise OSError("no such thing")

    def quick() -> list[Any]:
        return [fine("quick", "It is there.")]

    checks = [Check("A", hanging, 0.3), Check("B", failing), Check("A", quick)]
    began = time.monotonic()
    report = examine(checks=checks)
    over.set()
    assert time.monotonic() - began < 5
    assert [(f.id, f.state) for f in report.groups["A"]] == [
        ("hanging", "warning"),
        ("quick", "ok"),
    ]
    assert [(f.id, f.state) for f in report.groups["B"]] == [("failing", "warning")]
    assert not report.broken


def test_every_check_is_asked_for():
    names = [check.look.__qualname__ + check.look.__module__ for check in CHECKS]
    assert len(names) == len(set(names))


def test_versions_compare_as_numbers():
    assert release("6.9.1") < release("6.31.0rc1") < release("7.4")
    assert release("unknown") == ()


def test_packages_that_do_not_go_together():
    good = {"ipykernel": "7.4.0", "ipywidgets": "8.1.9", "jupyterlab": "4.6.6"}
    found = list(_complaints(good | {"jupyterlab-widgets": "3.0.17"}))
    assert not found
    found = list(_complaints(good))
    assert [(f.id, f.state) for f in found] == [("jupyterlab-widgets", "broken")]
    old = {"ipykernel": "6.29.5", "ipywidgets": "7.8.1", "notebook": "6.5.7"}
    states = {f.id: f.state for f in _complaints(old)}
    assert states["ipywidgets"] == "broken"
    assert states["ipykernel"] == states["notebook"] == "warning"


def test_a_server_extension_that_is_switched_off(doctor):
    folder = doctor.home / "config" / "jupyter_server_config.d"
    folder.mkdir(parents=True)
    switched = {"ServerApp": {"jpserver_extensions": {"agentscope_runtime_nb": False}}}
    (folder / "ours.json").write_text(json.dumps(switched))
    own = {"JUPYTER_CONFIG_DIR": str(folder.parent), "JUPYTER_PREFER_ENV_PATH": "0"}
    said = doctor("--json", **own)
    assert (said.code, said.state("server-extension")) == (0, "warning")
    assert "extension enable agentscope_runtime_nb" in said.of("server-extension")[0]["fix"]


def test_an_index_that_never_answers(doctor):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        said = doctor("--json", PIP_INDEX_URL=index)
    assert (said.code, said.state("local-model")) == (0, "warning")
