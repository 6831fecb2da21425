from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agentscope_runtime_nb.server_extension import registry

pytestmark = pytest.mark.ordinary_user


@pytest.fixture(autouse=True)
def runtime_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path / "runtime"


@pytest.fixture
def listening():
    path = registry.new_socket_path()
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        yield path
    path.unlink(missing_ok=True)
    if path.parent.exists():
        path.parent.rmdir()


def refusal(kernel_id):
    with pytest.raises(registry.RegistryError) as caught:
        registry.read(kernel_id)
    return caught.value.code


def rewrite(path, **changes):
    entry = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(entry))


def test_what_is_written_is_read(listening):
    path = registry.write("k-1", listening, "0.1.0", ["friday"])
    entry = registry.read("k-1")
    assert (entry.pid, entry.socket, entry.apps) == (os.getpid(), str(listening), ("friday",))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_socket_folder_is_private_and_its_path_short(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("long" * 30)))
    path = registry.new_socket_path()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(os.fsencode(path)) <= 100
    path.parent.rmdir()


def test_remove_takes_the_socket_and_its_folder_away(listening):
    path = registry.write("k-1", listening, "0.1.0")
    registry.remove("k-1")
    assert not path.exists()
    assert not listening.parent.exists()
    registry.remove("k-1")


def test_remove_never_takes_what_is_not_a_socket_folder_of_ours(tmp_path):
    precious = tmp_path / "precious" / "file"
    precious.parent.mkdir()
    precious.touch()
    registry.write("k-1", precious, "0.1.0")
    registry.remove("k-1")
    assert precious.exists()


@pytest.mark.parametrize("kernel_id", ["", "../k", "a/b", "k.json", "k\n", "é", "x" * 65])
def test_a_kernel_id_is_no_path(kernel_id):
    assert refusal(kernel_id) == "INVALID_PARAMETER"


def test_an_entry_must_be_whole_and_of_this_schema(listening, runtime_dir):
    assert refusal("k-1") == "KERNEL_NOT_FOUND"
    path = registry.write("k-1", listening, "0.1.0")
    for content in ("", "[]", "null", "{", '{"schema": 1}', "\xff"):
        path.write_text(content, encoding="latin-1")
        assert refusal("k-1") == "REGISTRY_INVALID"
    for changes in (
        {"kernel_id": "k-2"},
        {"pid": "1"},
        {"pid": -1},
        {"pid": True},
        {"socket": "relative"},
        {"socket": 5},
        {"apps": [1]},
    ):
        registry.write("k-1", listening, "0.1.0")
        rewrite(path, **changes)
        assert refusal("k-1") == "REGISTRY_INVALID", changes


@pytest.mark.parametrize(("schema", "side"), [(2, "server's"), (0, "kernel's")])
def test_another_schema_says_which_side_to_upgrade(listening, schema, side):
    rewrite(registry.write("k-1", listening, "0.1.0"), schema=schema)
    with pytest.raises(registry.RegistryError, match=side) as caught:
        registry.read("k-1")
    assert caught.value.code == "SCHEMA_MISMATCH"


def test_an_entry_that_others_can_open_is_not_believed(listening, tmp_path):
    path = registry.write("k-1", listening, "0.1.0")
    path.chmod(0o644)
    assert refusal("k-1") == "REGISTRY_INVALID"
    path.chmod(0o600)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert refusal("k-1") == "REGISTRY_INVALID"


def test_only_a_private_socket_is_followed(listening, tmp_path):
    registry.write("k-1", listening, "0.1.0")
    listening.parent.chmod(0o755)
    assert refusal("k-1") == "REGISTRY_INVALID"
    listening.parent.chmod(0o700)
    (listening.parent / "link").symlink_to(listening)
    registry.write("k-1", listening.parent / "link", "0.1.0")
    assert refusal("k-1") == "REGISTRY_INVALID"
    (listening.parent / "link").unlink()
    registry.write("k-1", tmp_path / "gone", "0.1.0")
    assert refusal("k-1") == "KERNEL_GONE"


def test_sweep_removes_the_dead_and_spares_the_living(listening):
    writer = (
        "import sys; from agentscope_runtime_nb.server_extension import registry;"
        "path = registry.new_socket_path(); registry.write('dead', path, '0.1.0'); print(path)"
    )
    run = subprocess.run([sys.executable, "-c", writer], capture_output=True, text=True, check=True)
    registry.write("living", listening, "0.1.0")
    assert refusal("dead") == "KERNEL_GONE"
    assert registry.sweep() == ["dead"]
    assert not Path(run.stdout.strip()).parent.exists()
    assert registry.read("living").kernel_id == "living"


def test_a_number_used_again_is_another_process(listening):
    path = registry.write("k-1", listening, "0.1.0")
    rewrite(path, started="1")
    assert refusal("k-1") == "KERNEL_GONE"
    rewrite(path, host="another-machine")
    assert registry.sweep() == []
    rewrite(path, host=os.uname().nodename)
    assert registry.sweep() == ["k-1"]
