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
_HEAD = ("Where", "Server", "Kernel", "Messages by", "Files by", "Busy kernel", "Came of it")
_SERVERS = {"jupyterhub": "JupyterHub", "notebook": "Notebook", "jupyterlab": "JupyterLab"}
_REST = {
    "python": "Python",
    "jupyter_server": "Jupyter Server",
    "ipywidgets": "ipywidgets",
    "anywidget": "anywidget",
    "IPython": "IPython",
}


def main() -> int:
    """Renew the rows that have run."""
    page = PAGE.read_text("utf-8")
    results = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    rows = dict(_rows(page)) | {name: row(name, result) for name, result in results.items()}
    order = re.findall(r'^    "([\w.-]+)": Row\(', TESTS.read_text("utf-8"), re.MULTILINE)
    if missing := [name for name in order if name not in results]:
        print(f"matrix.py: these have not run here: {', '.join(missing)}")
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    lines += [rows[name] for name in order if name in rows]
    if not missing:
        lines += ["", f"In all of them: {rest(results)}."]
    elif kept := re.search(r"^In all of them: .*$", page, re.MULTILINE):
        lines += ["", kept[0]]
    PAGE.write_text(_TABLE.sub(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], page), "utf-8")
    return 1 if missing else 0


def row(name: str, result: dict[str, Any]) -> str:
    """The row of one result."""
    steps = result["steps"]
    failed = next((step for step, seconds in steps.items() if seconds < 0), "a check at the end")
    seconds = sum(value for value in steps.values() if value > 0)
    soon = {True: "at once", False: "after the cell"}.get(result.get("stops a busy kernel"), "?")
    server = [f"{_SERVERS[part]} {v}" for part, v in result["server"].items() if part in _SERVERS]
    cells = (
        f"{result['what']} (`{name}`)",
        ", ".join(server),
        f"ipykernel {result['kernel']['ipykernel']}",
        result["road"],
        result["files"],
        soon,
        f"passed, {seconds:.0f} s" if result["passed"] else f"**failed** at: {failed}",
    )
    return _line(cells)


def rest(results: dict[str, dict[str, Any]]) -> str:
    """The versions of what is not told row by row; all that there were."""
    told: list[str] = []
    for part, label in _REST.items():
        sides = [result[side] for result in results.values() for side in ("server", "kernel")]
        found = sorted({side[part] for side in sides if part in side})
        told.append(f"{label} {' and '.join(found)}")
    return ", ".join(told)


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rows(page: str) -> list[tuple[str, str]]:
    table = _TABLE.search(page)
    lines = table[0].splitlines() if table else []
    return [(m[1], line) for line in lines if (m := re.search(r"\(`([\w.-]+)`\)", line))]


if __name__ == "__main__":
    sys.exit(main())
