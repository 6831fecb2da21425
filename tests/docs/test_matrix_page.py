"""The page of what was tried where names every row there is, and tests that exist."""

from __future__ import annotations

import re

from pages import ROOT

PAGE = (ROOT / "docs" / "matrix.md").read_text("utf-8")
BROWSER = ROOT / "tests" / "browser"


def test_every_row_stands_there_and_passed():
    source = (BROWSER / "test_matrix.py").read_text("utf-8")
    rows = re.findall(r'^    "([\w.-]+)": Row\(', source, re.MULTILINE)
    told = re.findall(r"^\| .*\(`([\w.-]+)`\) \|.*\| passed, \d+ s \|$", PAGE, re.MULTILINE)
    assert told == rows


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)", PAGE)
    assert named
    for file, test in named:
        assert f"def {test}(" in (BROWSER / file).read_text("utf-8"), test
