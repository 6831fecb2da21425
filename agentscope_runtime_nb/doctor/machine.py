"""Looks at what the machine has to give: ports and room on its disks."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agentscope_runtime_nb.doctor.findings import Finding, broken, fine, size, warning
from agentscope_runtime_nb.models.weights import SMOLLM2, cache_folder
from agentscope_runtime_nb.sessions.store import default_path

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS = {8080: "agentscope-nb run", 8090: "NAME.serve()"}
_FULL, _TIGHT = 20_000_000, 500_000_000
_LISTENS = "0A"


def ports() -> Iterator[Finding]:
    """The ports that are taken when none is named."""
    for port, user in PORTS.items():
        about = f"port-{port}"
        if is_free(port):
            yield fine(about, f"Free; `{user}` takes it.")
            continue
        who = listener(port) or "another user's program"
        if user.startswith("agentscope-nb"):
            text = f"{who} listens on it: give `{user}` another one."
            yield warning(about, text, f"{user} service --port {port + 1}")
        else:
            yield warning(about, f"{who} listens on it: `{user}` takes a free one instead.")


def is_free(port: int) -> bool:
    """Whether one could listen on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listener(port: int) -> str:
    """Who listens on a port, as `python3 (pid 12)`; empty if that is not for us to know."""
    if sys.platform != "linux":
        return _lsof(port)
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for file in (folder / "fd").iterdir():
                if str(file.readlink()) in inodes:
                    # The name alone: arguments may hold a token.
                    name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f"{name} (pid {folder.name})"
    return ""


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _lsof(port: int) -> str:
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=3, check=False)  # noqa: S603
        found = {line[0]: line[1:] for line in done.stdout.splitlines() if line}
        if "p" in found:
            return f"{found.get('c', 'a program')} (pid {found['p']})"
    return ""


def disks() -> Iterator[Finding]:
    """Room where we write, and what our caches take of it."""
    yield _room("disk-data", default_path().parent, "sessions", 0)
    missing = 0 if SMOLLM2.present else SMOLLM2.archive_size + SMOLLM2.size
    yield _room("disk-cache", cache_folder(), "the local model", missing)
    yield _room("disk-temporary", Path(tempfile.gettempdir()), "sockets and drafts", 0)


def _room(about: str, folder: Path, what: str, needed: int) -> Finding:
    there = nearest(folder)
    free = shutil.disk_usage(there).free
    used = f", which takes {size(_taken(folder))} now" if about == "disk-cache" else ""
    text = f"{size(free)} free in {folder} for {what}{used}."
    if free < _FULL:
        return broken(about, f"Only {text}", f"du -xh {there} | sort -h | tail")
    if free < max(_TIGHT, needed):
        return warning(about, f"Only {text}")
    return fine(about, text)


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    # os.path, since a folder that is closed to us is to be passed over.
    return next(one for one in (folder, *folder.absolute().parents) if os.path.isdir(one))  # noqa: PTH112


def _taken(folder: Path) -> int:
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total
