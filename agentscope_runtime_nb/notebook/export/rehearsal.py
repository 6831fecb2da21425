"""Imports an export in a process of its own, before it is called done.

The child gets the same interpreter and packages, but neither the notebook's folder nor its
memory: what the export forgot is missing there. It writes what it found into a file, since the
app may print.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 120


@dataclass(frozen=True)
class Outcome:
    """What a rehearsal found: the app's fingerprint, or why there is none."""

    fingerprint: dict[str, Any] | None
    error: str = ""
    line: int | None = None
    """The line of `app.py` that failed."""


def rehearse(
    folder: Path,
    avoid: Path | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    seconds: float = TIMEOUT,
) -> Outcome:
    """Import the app in a folder.

    Args:
        folder: The export.
        avoid: The notebook's folder, which the child must not import from.
        variables: Environment variables that the notebook sets.
        seconds: How long it may take.
    """
    with tempfile.TemporaryDirectory(prefix="agentscope-nb-") as scratch:
        answer = Path(scratch) / "answer.json"
        command = [sys.executable, "-P", "-B", "-m", __name__, str(folder), str(answer)]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                command,
                cwd=scratch,
                env={**_environment(avoid), **(variables or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(None, f"importing it took more than {seconds:.0f} seconds")
        try:
            found = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            return Outcome(None, " ".join(tail) or f"the process ended with code {done.returncode}")
    if "error" in found:
        return Outcome(None, found["error"], found.get("line"))
    return Outcome(found)


def _environment(avoid: Path | None) -> dict[str, str]:
    environment = dict(os.environ)
    if avoid is not None and (paths := environment.get("PYTHONPATH")):
        kept = [p for p in paths.split(os.pathsep) if p and Path(p).resolve() != avoid.resolve()]
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    environment.pop("PYTHONSTARTUP", None)
    return environment


def differences(live: dict[str, Any], fresh: dict[str, Any]) -> dict[str, str]:
    """What differs between two fingerprints: what → a sentence about it."""
    found: dict[str, str] = {}
    for key, noun in (("routes", "routes"), ("tools", "tools")):
        missing = sorted(set(live[key]) - set(fresh[key]))
        extra = sorted(set(fresh[key]) - set(live[key]))
        if missing or extra:
            texts = [f"lacks {', '.join(missing)}"] * bool(missing)
            texts += [f"has {', '.join(extra)} besides"] * bool(extra)
            found[key] = f"the exported app's {noun} differ: it {' and '.join(texts)}"
    if live["handler"] != fresh["handler"]:
        found["handler"] = (
            f"the handler is {live['handler']}() in the kernel and "
            f"{fresh['handler']}() in the export"
        )
    for name, value in live["values"].items():
        other = fresh["values"].get(name)
        if other != value:
            found[f"value:{name}"] = _told(name, value, other)
    return found


def _told(name: str, live: str, fresh: str | None) -> str:
    one = live.rpartition(" ")[0]
    if fresh is None:
        return f"`{name}` is {_article(one)} in the kernel and missing in the export"
    two = fresh.rpartition(" ")[0]
    if one == two:
        return f"`{name}` is {_article(one)} in both, with other contents"
    return f"`{name}` is {_article(one)} in the kernel and {_article(two)} in the export"


def _article(kind: str) -> str:
    return f"{'an' if re.match('[aeiouAEIOU]', kind) else 'a'} {kind}"


def _child(folder: str, answer: str) -> None:
    """Import the app and write down what it is."""
    import importlib
    import traceback

    os.chdir(folder)
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module("app")
        from agentscope_runtime_nb.notebook.export.fingerprint import fingerprint

        module.app.check()
        result = fingerprint(module.app)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        own = str(Path(folder) / "app.py")
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == own]
        if isinstance(error, SyntaxError) and error.filename == own:
            lines.append(error.lineno)
        result = {"error": f"{type(error).__name__}: {error}", "line": lines[-1] if lines else None}
    Path(answer).write_text(json.dumps(result), encoding="utf-8")
    os._exit(0)  # threads that the app started do not hold the answer back


if __name__ == "__main__":
    _child(*sys.argv[1:3])
