"""Looks at Docker and bubblewrap. Agents and services run without; images are built with Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from agentscope_runtime_nb.doctor.findings import Finding, as_root, fine, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOR = "Only images of exported services need it"
_SECONDS = 3.0
# What may forbid user namespaces: its name, the value that does, one that does not.
_SWITCHES = {
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel.unprivileged_userns_clone": ("0", "1"),
    "user.max_user_namespaces": ("0", "15000"),
}


def docker() -> Iterator[Finding]:
    """The Docker daemon: its socket, whether it answers, whether we may ask."""
    address = os.environ.get("DOCKER_HOST", "")
    if address and not address.startswith(("unix://", "tcp://", "http://")):
        scheme = address.partition("://")[0]
        yield warning("docker", f"DOCKER_HOST leads elsewhere by {scheme}; it was not asked.")
        return
    if address and not address.startswith("unix://"):
        yield _asked(None, f"http://{address.partition('://')[2]}")
        return
    socket = Path(address.removeprefix("unix://")) if address else _socket()
    if socket is None or not socket.exists():
        where = f"at {socket}, as DOCKER_HOST says" if socket else "here"
        if shutil.which("docker") or shutil.which("dockerd"):
            text = f"Docker is installed, but no daemon listens {where}. {_FOR}."
            yield warning("docker", text, _start())
        else:
            text = f"There is no Docker {where}. {_FOR}."
            yield warning("docker", text, _install("docker.io"))
        return
    yield _asked(socket, "http://docker")


def _socket() -> Path | None:
    """Where the daemon listens: the system's, a rootless one, Docker Desktop's."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [Path("/var/run/docker.sock"), Path.home() / ".docker" / "run" / "docker.sock"]
    places += [Path(runtime) / "docker.sock"] if runtime else []
    return next((place for place in places if place.exists()), None)


def _asked(socket: Path | None, base: str) -> Finding:
    where = socket or base
    if socket is not None and not os.access(socket, os.R_OK | os.W_OK):
        text = f"You may not use Docker: {socket} is closed to you. {_FOR}."
        return warning("docker", text, f"{as_root('usermod -aG docker $USER')} && newgrp docker")
    transport = httpx2.HTTPTransport(uds=str(socket)) if socket else None
    try:
        with httpx2.Client(transport=transport, timeout=_SECONDS, trust_env=False) as client:
            answer = client.get(f"{base}/version")
            said: Any = json.loads(answer.text)
            version, api = said["Version"], said.get("ApiVersion", "?")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, KeyError, TypeError) as error:
        text = f"Docker does not answer at {where} ({type(error).__name__}). {_FOR}."
        return warning("docker", text, _start())
    return fine("docker", f"Docker {version} answers at {where} (API {api}).")


def bubblewrap() -> Iterator[Finding]:
    """Bubblewrap, which makes boxes without Docker; and whether the system lets it."""
    if sys.platform != "linux":
        return
    found = shutil.which("bwrap")
    spare = "Nothing in this version needs it"
    if found is None:
        text = f"bubblewrap is not installed. {spare}."
        yield warning("bubblewrap", text, _install("bubblewrap"))
        return
    version = _run(found, "--version").stdout.strip().removeprefix("bubblewrap ")
    tried = _run(found, "--unshare-user", "--ro-bind", "/", "/", "true")
    if tried.returncode == 0:
        yield fine("bubblewrap", f"bubblewrap {version}, and user namespaces are allowed.")
        return
    said = (tried.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    for name, (bad, good) in _SWITCHES.items():
        if _switch(name) == bad:
            text = f"bubblewrap {version}, but {name} is {bad}, so it may make no box. {spare}."
            yield warning("bubblewrap", text, as_root(f"sysctl -w {name}={good}"))
            return
    yield warning("bubblewrap", f"bubblewrap {version} makes no box here: {said}. {spare}.")


def _switch(name: str) -> str:
    try:
        return Path("/proc/sys", *name.split(".")).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603


def _start() -> str:
    if sys.platform == "darwin":
        return "open -a Docker"
    systemd = Path("/run/systemd/system").is_dir()
    return as_root("systemctl start docker" if systemd else "service docker start")


def _install(package: str) -> str:
    for tool, words in (
        ("apt-get", "apt-get install"),
        ("dnf", "dnf install"),
        ("pacman", "pacman -S"),
        ("brew", "brew install"),
    ):
        if shutil.which(tool):
            name = package if tool == "apt-get" else re.sub(r"\.io$", "", package)
            return f"{words} {name}" if tool == "brew" else as_root(f"{words} {name}")
    return ""
