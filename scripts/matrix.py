"""Write the table of `docs/matrix.md` from what the tests left in `.cache/reports/matrix`.

`make test` and `make soak` run the rows; this only tells what came of them. A row that is in the
page and has not run here since stays as it is.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "matrix.md"
RESULTS = ROOT / ".cache" / "reports" / "matrix"
TESTS = ROOT / "tests" / "browser" / "test_matrix.py"
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
_HEAD = (
    "Where",
    "Server",
    "Kernel",
    "Messages by",
    "Files by",
    "Stop under a busy cell",
    "Came of it",
)
_SHORT = {
    "jupyterhub": "JupyterHub",
    "notebook": "Notebook",
    "jupyterlab": "JupyterLab",
    "jupyter_server": "Jupyter Server",
    "python": "Python",
}


def main() -> int:
    """Renew the rows that have run."""
    page = PAGE.read_text("utf-8")
    rows = dict(_rows(page))
    for path in sorted(RESULTS.glob("*.json")):
        rows[path.stem] = row(path.stem, json.loads(path.read_text("utf-8")))
    order = re.findall(r'^    "([\w.-]+)": Row\(', TESTS.read_text("utf-8"), re.MULTILINE)
    if missing := [name for name in order if name not in rows]:
        print(f"matrix.py: these have not run: {', '.join(missing)}")
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    lines += [rows[name] for name in order if name in rows]
    PAGE.write_text(_TABLE.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], page), "utf-8")
    return 1 if missing else 0


def row(name: str, result: dict[str, Any]) -> str:
    """The row of one result."""
    steps = result["steps"]
    failed = next((step for step, seconds in steps.items() if seconds < 0), "a check at the end")
    seconds = sum(value for value in steps.values() if value > 0)
    soon = {True: "at once", False: "after the cell"}.get(result.get("stops a busy kernel"), "?")
    cells = (
        f"{result['what']} (`{name}`)",
        _versions(result["server"]),
        _versions(result["kernel"]),
        result["road"],
        result["files"],
        soon,
        f"passed, {seconds:.0f} s" if result["passed"] else f"**failed** at: {failed}",
    )
    return _line(cells)


def _versions(found: dict[str, str]) -> str:
    return ", ".join(f"{_SHORT.get(name, name)} {version}" for name, version in found.items())


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rows(page: str) -> list[tuple[str, str]]:
    table = _TABLE.search(page)
    lines = table[0].splitlines() if table else []
    return [(m[1], line) for line in lines if (m := re.search(r"\(`([\w.-]+)`\)", line))]


if __name__ == "__main__":
    sys.exit(main())
