"""Names of places in code as a notebook's reader knows them: cells, not files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from IPython import get_ipython

_PLACE = re.compile(r"\b(line \d+ of )(\S+)")


def cell_names() -> dict[str, str]:
    """The file names that cells are compiled under, and the cells: `3871.py` → `cell [3]`."""
    shell: Any = get_ipython()
    numbers: dict[str, int] = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return {Path(name).name: f"cell [{number}]" for name, number in numbers.items()}


def readable(text: str) -> str:
    """The text with `line 3 of <a cell's file>` told as `line 3 of cell [5]`."""
    names = cell_names()
    return _PLACE.sub(lambda found: found[1] + names.get(found[2], found[2]), text)
