"""Looks at the interpreter and what surrounds it: version, home, locale, proxies, clock, Node."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import pwd
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import agentscope_runtime_nb
from agentscope_runtime_nb.doctor.findings import (
    DISTRIBUTION,
    Finding,
    as_root,
    broken,
    command,
    fine,
    pip,
    release,
    warning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (3, 11)
NODE = 20
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
_HERE = Path(agentscope_runtime_nb.__file__).parent


def python() -> Iterator[Finding]:
    """The interpreter and the system."""
    at = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST:
        yield broken("python", f"{at} is too old: 3.11 or newer is needed.")
    elif sys.platform not in {"linux", "darwin"}:
        yield broken("python", f"{at}: use it in WSL, the Linux of Windows.", "wsl --install")
    else:
        yield fine("python", f"{at}, in {sys.prefix}.")


def package() -> Iterator[Finding]:
    """This package: what is installed, and what this process has loaded."""
    loaded = agentscope_runtime_nb.__version__
    try:
        installed = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        yield broken("package", f"{_HERE} is imported, but it was never installed.", reinstall())
        return
    if installed == loaded:
        yield fine("package", f"{DISTRIBUTION} {installed}, from {_HERE}.")
    elif checkout():
        text = f"The checkout is {loaded}, and was installed when it was {installed}."
        yield warning("package", text, reinstall())
    else:
        text = f"{installed} is installed, but this process still runs {loaded}: restart it."
        yield warning("package", text)


def checkout() -> Path | None:
    """The folder of the sources, when the package is used from there."""
    return _HERE.parent if (_HERE.parent / "labextension" / "package.json").exists() else None


def reinstall() -> str:
    """How to put the package's files into this environment again, Jupyter's part among them."""
    root = checkout()
    if root is not None:
        return pip("-e", root)
    version = agentscope_runtime_nb.__version__
    return pip("--force-reinstall", "--no-deps", f"{DISTRIBUTION}=={version}")


def home() -> Iterator[Finding]:
    """HOME, which everything else hangs from."""
    told = os.environ.get("HOME", "")
    try:
        real = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        real = ""
    if not told:
        yield warning("home", "HOME is not set.", command("export", f"HOME={real or '/tmp'}"))  # noqa: S108
    elif not Path(told).is_dir():
        yield warning("home", f"HOME is {told}, which is no folder.", command("mkdir", "-p", told))
    elif not os.access(told, os.W_OK | os.X_OK):
        text = f"Nothing can be written in HOME, {told}; give other folders by AGENTSCOPE_NB_DATA "
        yield warning("home", f"{text}and AGENTSCOPE_NB_CACHE.")
    elif Path(told).stat().st_uid not in {os.getuid(), 0}:
        yield warning("home", f"HOME, {told}, belongs to another user (sudo without -H does that).")
    else:
        yield fine("home", f"{told}.")


def locale() -> Iterator[Finding]:
    """How text becomes bytes here."""
    encodings = {
        "file names": sys.getfilesystemencoding(),
        "output": getattr(sys.stdout, "encoding", None) or "utf-8",
    }
    odd = [f"{what}: {name}" for what, name in encodings.items() if "utf" not in name.lower()]
    if odd:
        text = f"This process does not speak UTF-8 ({', '.join(odd)})."
        yield warning("locale", text, "export LANG=C.UTF-8 PYTHONUTF8=1")
    else:
        yield fine("locale", "UTF-8 for file names and output.")


def proxies() -> Iterator[Finding]:
    """Proxy variables, by name; their values may hold a login."""
    names = [n for p in _PROXIES for n in (p, p.upper()) if os.environ.get(n)]
    if not names:
        yield fine("proxies", "No proxy is set.")
        return
    spared = os.environ.get("no_proxy", "") + "," + os.environ.get("NO_PROXY", "")
    words = {word.strip().lower() for word in spared.split(",")}
    if words & {"*", "127.0.0.1", "127.0.0.0/8"}:
        yield fine("proxies", f"{', '.join(names)} set, and this machine is exempt.")
        return
    yield warning(
        "proxies",
        f"{', '.join(names)} set, and not for others only: requests to 127.0.0.1 may go astray.",
        'export NO_PROXY="127.0.0.1,localhost,$NO_PROXY"',
    )


def clock() -> Iterator[Finding]:
    """The clock, as far as one can tell without another."""
    now = time.time()
    newest = Path(__file__).stat().st_mtime
    shown = time.strftime("%Y-%m-%d %H:%M %Z")
    if now < newest - 86_400:
        text = f"It says {shown}, which is before this package was installed: certificates fail."
        yield warning("clock", text, as_root("timedatectl set-ntp true"))
    else:
        yield fine("clock", f"{shown}.")


def node() -> Iterator[Finding]:
    """Node, which only a checkout needs, to build the front end."""
    root = checkout()
    if root is None:
        return
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    need = "the front end is built with it"
    if found is None:
        text = f"There is no Node, and {need}; `make setup` gets one."
        yield warning("node", text, command("make", "-C", root, "setup"))
        return
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.sub(r"^v", "", done.stdout.strip())
    if release(version)[:1] < (NODE,):
        text = f"Node {version or 'that does not run'} at {found}, but {need}: {NODE} or newer."
        yield warning("node", text, command("make", "-C", root, "setup"))
    else:
        yield fine("node", f"Node {version}, which builds a checkout's front end.")
