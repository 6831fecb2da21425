"""Environments for servers and kernels, made once and kept in `.cache/environments`.

An overlay is a virtual environment that sees this one's packages behind its own: it costs what it
replaces. `bare` makes one that sees nothing of this one's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".cache" / "environments"
_JUPYTER = re.compile(r"jupyter|notebook|ipy|anywidget|tornado|traitlets")
_VERSIONS = """import importlib.metadata as m, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = m.version(name)
    except m.PackageNotFoundError:
        pass
print(json.dumps(found))"""


def overlay(name: str, *requirements: str) -> Path:
    """An environment with these packages in front of this one's.

    Args:
        name: Its folder.
        *requirements: What is replaced or added.

    Returns:
        Its Python.
    """
    return _made(name, requirements, sees_ours=True)


def bare(name: str, *requirements: str) -> Path:
    """An environment with these packages, what they need, and ours from this checkout.

    Returns:
        Its Python.
    """
    return _made(name, (*requirements, "-e", str(ROOT)), sees_ours=False)


def proxy() -> Path:
    """The proxy that a hub needs, from npm; its program."""
    home = HOME / "configurable-http-proxy"
    program = home / "node_modules" / ".bin" / "configurable-http-proxy"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text("{}")
        quietly = ("--no-audit", "--no-fund", "--loglevel=error", "--fetch-timeout=60000")
        _run("the hub's proxy", "npm", "install", *quietly, "configurable-http-proxy@5", cwd=home)
    return program


def versions(python: Path, *names: str) -> dict[str, str]:
    """Which versions of packages an environment has, and of Python."""
    done = subprocess.run(
        [python, "-c", _VERSIONS, *names], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def _made(name: str, requirements: tuple[str, ...], *, sees_ours: bool) -> Path:
    home = HOME / name
    python = home / "bin" / "python"
    stamp = home / "stamp"
    made_from = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    made_from.update(f"{ROOT} {sys.version} {requirements} {sees_ours}".encode())
    if sees_ours:  # what was not replaced has to stay what it was made beside
        made_from.update("\n".join(sorted(_packages())).encode())
    if stamp.exists() and stamp.read_text() == made_from.hexdigest():
        return python
    stamp.unlink(missing_ok=True)
    if sees_ours:  # cheap to make anew
        shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    without = ["--without-pip"] if sees_ours else []
    if not python.exists():
        _run(f"an environment ({name})", sys.executable, "-m", "venv", *without, home)
    if sees_ours:
        ours = sysconfig.get_path("purelib")
        inner = sysconfig.get_path("purelib", vars={"base": str(home)})
        # Not just a line with the folder: its own .pth files have to count, too.
        (Path(inner) / "beside.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(f"{' '.join(requirements)}", *pip, *requirements)
    if sees_ours:
        _link_data(Path(sys.prefix), home)
    stamp.write_text(made_from.hexdigest())
    return python


def _packages() -> list[str]:
    folder = Path(sysconfig.get_path("purelib"))
    return [path.name for path in folder.glob("*.dist-info") if _JUPYTER.match(path.name)]


def _link_data(ours: Path, theirs: Path) -> None:
    """Give an overlay this environment's Jupyter files, where it has none of its own."""
    lab = theirs / "share" / "jupyter" / "lab"
    whole = (lab / "static").exists()  # a JupyterLab of its own takes nothing from another
    for folder in ("etc/jupyter", "share/jupyter"):
        _link_missing(ours / folder, theirs / folder, lab if whole else None)


def _link_missing(source: Path, target: Path, skipped: Path | None) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        place = target / entry.name
        if place == skipped:
            continue
        if not place.exists():
            place.symlink_to(entry)
        elif entry.is_dir():
            _link_missing(entry, place, skipped)


def _run(what: str, *command: object, cwd: Path = ROOT) -> None:
    """Run a command, and say what for: it may take a while."""
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        # The front end is built already.
        env=os.environ | {"SKIP_JUPYTER_BUILDER": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    sys.__stderr__.write(f"\nset-up: {what}: {time.monotonic() - began:.0f} s\n")
