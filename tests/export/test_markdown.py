"""Markdown notebooks: what is a cell, and what only looks like one."""

from __future__ import annotations

import pytest

from agentscope_runtime_nb.notebook.export.markdown import read_markdown


def test_cells_with_their_numbers_tags_and_ids():
    text = (
        "---\njupyter:\n  kernelspec: python3\n---\n\n# Title\n\nText.\n\n"
        '```python tags=["parameters", "export"] id="abc"\nx = 1\n\ny = 2\n```\n\n'
        "```ipython3\nz = 3\n```\n\nMore text.\n\n"
        "~~~python\nv = '```'\n~~~\n"
    )
    found = [(b.number, b.id, b.source, sorted(b.tags)) for b in read_markdown(text)]
    assert found == [
        (2, "abc", "x = 1\n\ny = 2", ["export", "parameters"]),
        (3, None, "z = 3", []),
        (5, None, "v = '```'", []),
    ]


@pytest.mark.parametrize(
    "options", [":tags: [parameters]\n:other: x\n", "---\ntags: [parameters]\n---\n"]
)
def test_mysts_code_cells(options):
    (cell,) = read_markdown(f"```{{code-cell}} ipython3\n{options}x = 1\n```\n")
    assert (cell.source, cell.tags) == ("x = 1", {"parameters"})


@pytest.mark.parametrize(
    "text",
    [
        "```bash\nls\n```",
        "```python .noeval\nx = 1\n```",
        "````text\n```python\nx = 1\n```\n````",
        "```pythonic\nx = 1\n```",
        "    ```python\n    x = 1\n    ```",
        "Inline ```python``` only.",
        "",
    ],
)
def test_what_is_no_cell(text):
    assert not read_markdown(text)


def test_a_fence_that_is_never_closed_runs_to_the_end():
    assert [b.source for b in read_markdown("```python\nx = 1\ny = 2")] == ["x = 1\ny = 2"]
