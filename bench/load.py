"""Loading measured: the import, `%load_ext`, and a cell of `%%agent_app` to its first token.

    python bench/load.py [--rounds 9]

Processes take turns, round after round; shown is the median (least to most). The machine's other
work adds to all of them alike, so compare within the table. The kernel is a real one, spoken to as
a front end does; the model is the scripted one, which answers at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "kernel"))
from real_kernel import LOAD, Kernel, custom  # noqa: E402 - the kernel of the tests

BUDGET = 100  # ms, the import over bare Python

IMPORTS = {
    "bare Python": "pass",
    "agentscope_runtime_nb": "import agentscope_runtime_nb",
    "… and AgentApp": "from agentscope_runtime_nb import AgentApp",
    "fastapi and uvicorn, to compare": "import fastapi, uvicorn",
}
SHELL = """
import time, json
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "agentscope_runtime_nb")
print(json.dumps(time.perf_counter() - began))
"""
CELL = "%%agent_app friday --prompt --model scripted\nYou are Friday."


def spread(seconds: list[float]) -> str:
    """Milliseconds: median, least and most."""
    least, middle, most = min(seconds), statistics.median(seconds), max(seconds)
    return f"{middle * 1e3:.0f} | {least * 1e3:.0f}–{most * 1e3:.0f}"


def timed(work: Callable[[], Any]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def imports(rounds: int) -> bool:
    """Print what imports cost; true when ours is within its budget."""
    took: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, code in IMPORTS.items():
            seconds = timed(lambda code=code: python(code))
            if number:  # the first time fills the disk's cache
                took[name].append(seconds)
    print("| a process that imports | ms | least–most | over bare Python, ms |")
    print("|---|--:|--:|--:|")
    over = {}
    for name, seconds in took.items():
        # The least of many is what the machine's other work disturbed least.
        over[name] = (min(seconds) - min(took["bare Python"])) * 1e3
        print(f"| {name} | {spread(seconds)} | {over[name]:+.0f} |")
    return over["agentscope_runtime_nb"] <= BUDGET


def first_delta(kernel: Kernel, comm: str, mark: int) -> None:
    """Wait for the first token of an answer."""

    def spoken(message: dict[str, Any]) -> bool:
        said = custom(message, comm)
        events = said.get("events") or said.get("turn", {}).get("events", ())
        # An answer that was over before its first batch went out comes whole.
        return any(e.get("text") or e.get("output") for e in events)

    kernel.wait(spoken, after=mark, timeout=60)


def ask(kernel: Kernel, comm: str, number: int) -> float:
    """Seconds from sending a question to its first token; waits for the answer's end."""
    mark = kernel.mark
    began = time.perf_counter()
    kernel.say(comm, {"type": "send", "id": f"q{number}", "text": "Hello, who are you?"})
    first_delta(kernel, comm, mark)
    took = time.perf_counter() - began
    kernel.state(comm, after=mark, state="idle")
    return took


def cells(rounds: int) -> None:
    """Print what the first minutes in a notebook cost, step by step."""
    steps: dict[str, list[float]] = {
        "`%load_ext` in an IPython shell": [],
        "`%load_ext` as a kernel's first cell": [],
        "`%%agent_app` cell, run": [],
        "first question to its first token": [],
        "**cell to first token** (the two above)": [],
        "second question to its first token": [],
        "the same cell, run again": [],
    }
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            shell = json.loads(python(SHELL).splitlines()[-1])
            kernel = Kernel(Path(folder), {})
            try:
                loaded = timed(lambda kernel=kernel: kernel.run(LOAD))
                began = time.perf_counter()
                result = kernel.run(CELL)
                ran = time.perf_counter() - began
                comm = kernel.widget(result)
                first, second = ask(kernel, comm, 1), ask(kernel, comm, 2)
                again = timed(lambda kernel=kernel: kernel.run(CELL))
            finally:
                kernel.close()
        took = (shell, loaded, ran, first, ran + first, second, again)
        for step, seconds in zip(steps.values(), took, strict=True):
            step.append(seconds)
    print("\n| step | ms | least–most |\n|---|--:|--:|")
    for name, seconds in steps.items():
        print(f"| {name} | {spread(seconds)} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    good = imports(rounds)
    cells(max(1, rounds // 3))
    print(f"\nimport ≤ {BUDGET} ms over bare Python: {'yes' if good else '**no**'}")


if __name__ == "__main__":
    main()
