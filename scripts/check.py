"""Lint and test, then say what ran, what did not, and why: `check.py [part …]`.

Without a part: all but `soak`. A part that cannot run is named with its cause; where CI is set, it
and every skipped test count as failed. The last line is the sum.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import ordinary_user

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
REPORTS = ROOT / ".cache" / "reports"
FRONT_END = ROOT / "labextension"
IN_CI = bool(os.environ.get("CI"))

TIERS = ("unit", "docs", "frameworks", "kernel", "server", "export", "models", "browser")
PARTS = ("lint", *TIERS, "frontend", "ordinary-user", "soak")
PART_SECONDS = 1800
SLOWEST = 10
NO_TESTS = 5  # pytest's code for it


@dataclass
class Case:
    """A test, or a tool that was run."""

    name: str
    seconds: float
    outcome: str = "passed"
    reason: str = ""


@dataclass
class Part:
    """What came out of one part."""

    name: str
    cases: list[Case] = field(default_factory=list[Case])
    not_run: str = ""
    seconds: float = 0.0

    def count(self, outcome: str) -> int:
        """How many ended so."""
        return sum(case.outcome == outcome for case in self.cases)


def main() -> int:
    """Run the parts asked for; 0 if all that ran passed."""
    asked = sys.argv[1:] or [part for part in PARTS if part != "soak"]
    if unknown := [part for part in asked if part not in PARTS]:
        print(f"check.py: no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
        return 2
    os.chdir(ROOT)
    REPORTS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    parts = [measured(name) for name in asked]
    return summary(parts, time.monotonic() - began)


def measured(name: str) -> Part:
    """Run one part."""
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    if name == "lint":
        part = lint()
    elif name == "frontend":
        part = front_end()
    elif name == "ordinary-user":
        part = as_ordinary_user()
    else:
        part = pytest_part(name)
    part.seconds = time.monotonic() - began
    return part


def lint() -> Part:
    """Run the linters, two at a time; what they say is shown when they are not content."""
    tools: dict[str, tuple[Path, list[str]]] = {
        "pyright": (ROOT, [str(BIN / "pyright")]),
        "ruff check": (ROOT, [str(BIN / "ruff"), "check", "--quiet"]),
        "ruff format": (ROOT, [str(BIN / "ruff"), "format", "--check", "--quiet"]),
        "import-linter": (ROOT, [str(BIN / "lint-imports"), "--no-cache"]),
    }
    if (FRONT_END / "package.json").exists():
        tools["biome and tsc"] = (FRONT_END, ["npm", "run", "--silent", "lint"])
        tools["bundle sizes"] = (FRONT_END, ["npm", "run", "--silent", "budget"])

    def run(tool: str) -> tuple[Case, str]:
        folder, command = tools[tool]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=PART_SECONDS,
        )
        outcome = "failed" if done.returncode else "passed"
        said = done.stdout.decode(errors="replace") if done.returncode else ""
        return Case(tool, time.monotonic() - began, outcome), said

    part = Part("lint")
    with ThreadPoolExecutor(2) as pool:
        for case, said in pool.map(run, tools):
            print(f"{case.outcome} {case.name} ({case.seconds:.1f} s)\n{said}", end="", flush=True)
            part.cases.append(case)
    return part


def front_end() -> Part:
    """Run the front end's own tests."""
    if not (FRONT_END / "package.json").exists():
        return Part("frontend", not_run="there is no front end yet")
    report = REPORTS / "frontend.xml"
    options = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={report}"]
    command = ["npm", "test", "--silent", "--", *options]
    return reported("frontend", command, report, cwd=FRONT_END)


def pytest_part(name: str) -> Part:
    """Run the tests of one folder, or, for `soak`, those that are marked so."""
    report = REPORTS / f"{name}.xml"
    if name == "soak":
        chosen = ["-m", "soak", "--timeout=1500", "tests"]
    else:
        chosen = ["-m", "not soak", f"tests/{name}"]
    return reported(name, [*pytest_command(report), *chosen], report)


def as_ordinary_user() -> Part:
    """Run the tests that are marked so in a home that is not root's."""
    user = ordinary_user.prepare(ROOT)
    print(user.described)
    report = user.home / "report.xml"
    options = ["-m", "ordinary_user and not soak", "-p", "no:cacheprovider"]
    command = [*pytest_command(report), *options, f"--basetemp={user.home / 'tmp'}", "tests"]
    return reported("ordinary-user", command, report, user=user)


def pytest_command(report: Path) -> list[str]:
    """The start of each call of pytest."""
    return [str(BIN / "python"), "-m", "pytest", "-q", "--no-header", f"--junitxml={report}"]


def reported(
    name: str,
    command: list[str],
    report: Path,
    *,
    cwd: Path = ROOT,
    user: ordinary_user.OrdinaryUser | None = None,
) -> Part:
    """Run a command that shows its own progress, and read the report that it leaves."""
    report.unlink(missing_ok=True)
    settings = environment() if user is None else user.environment(environment())
    whole = command if user is None else [*user.become, *command]
    process = subprocess.Popen(whole, cwd=cwd, env=settings, stdin=subprocess.DEVNULL)
    try:
        code = process.wait(PART_SECONDS)
    except BaseException as error:
        process.kill()
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        code = -1
    part = Part(name, read(report))
    if code == NO_TESTS:
        part.not_run = "there are no tests yet"
    elif code and not part.count("failed"):
        cause = f"ended after {PART_SECONDS} s" if code == -1 else f"ended with code {code}"
        part.cases.append(Case(f"{name}: {cause}", 0.0, "failed"))
    return part


def environment() -> dict[str, str]:
    """The variables for every part: our tools first, what is downloaded kept here."""
    here = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "AGENTSCOPE_NB_CACHE": str(ROOT / ".cache"),
        "PLAYWRIGHT_BROWSERS_PATH": str(ROOT / ".cache" / "browsers"),
        "IPYTHONDIR": str(ROOT / ".cache" / "ipython"),
        "JUPYTER_CONFIG_DIR": str(ROOT / ".cache" / "jupyter"),
        "PYTHONUNBUFFERED": "1",
    }
    return {**os.environ, **here}


def read(report: Path) -> list[Case]:
    """Read the cases of a JUnit report; none if there is no whole one."""
    try:
        root = ET.parse(report).getroot()
    except (OSError, ET.ParseError):
        return []
    cases: list[Case] = []
    for element in root.iter("testcase"):
        name = f"{element.get('classname', '')}::{element.get('name', '')}"
        case = Case(name, float(element.get("time") or 0))
        for child in element:
            if child.tag in ("failure", "error"):
                case.outcome = "failed"
            elif child.tag == "skipped":
                case.outcome, case.reason = "skipped", child.get("message") or "no reason given"
        cases.append(case)
    return cases


def summary(parts: list[Part], seconds: float) -> int:
    """Print what came out of it all."""
    print("\n== summary")
    print(f"{'':16}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>10}")
    for part in parts:
        counts = "".join(f"{part.count(kind):8}" for kind in ("passed", "failed", "skipped"))
        print(f"{part.name:16}{counts}{part.seconds:10.1f}")
    cases = [case for part in parts for case in part.cases]
    failed = [case for case in cases if case.outcome == "failed"]
    skipped = [case for case in cases if case.outcome == "skipped"]
    missing = [part for part in parts if part.not_run]
    for title, lines in (
        ("did not run", [f"{part.name}: {part.not_run}" for part in missing]),
        ("skipped", [f"{case.name}: {case.reason}" for case in skipped]),
        ("failed", [case.name for case in failed]),
    ):
        if lines:
            print(f"\n{title}:", *lines, sep="\n  ")
    slow = sorted(cases, key=lambda case: -case.seconds)[:SLOWEST]
    print("\nslowest:", *(f"{case.seconds:6.1f} s  {case.name}" for case in slow), sep="\n  ")
    bad = len(failed)
    if IN_CI and (skipped or missing):
        print("\nIn CI, what is skipped or does not run counts as failed.")
        bad += len(skipped) + len(missing)
    passed = sum(part.count("passed") for part in parts)
    print(f"\n{passed} passed, {bad} failed in {seconds:.0f} s", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
