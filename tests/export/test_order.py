"""What was run against what stands there."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from agentscope_runtime_nb.notebook.export.exporter import export
from agentscope_runtime_nb.notebook.export.problems import ExportError
from agentscope_runtime_nb.notebook.export.recorder import Recorder
from notebooks import app_cell, save

CELLS = ("x = [1]", "y = len(x)", "x.append(2)", app_cell("x, y"))
"""In the saved notebook these are cells 2 to 5."""


@pytest.fixture
def outcome(tmp_path):
    """Export CELLS after runs given as (cell number, source or None, ok); the codes of problems."""

    def run(*runs, cells=CELLS, ids=True):
        notebook = save(tmp_path / "n.ipynb", *cells)
        recorder = Recorder()
        for step in runs:
            number, source, ok = (
                (*step, None, True)[:3] if isinstance(step, tuple) else (step, None, True)
            )
            text = source or (cells[number - 2] if number else "")
            recorder.add(text, cell_id=f"cell-{number}" if number and ids else None, ok=ok)
        try:
            export(
                None,
                tmp_path / "s",
                document=notebook,
                recorder=recorder,
                check=False,
                overwrite=True,
            )
        except ExportError as error:
            return error.codes
        return []

    return run


def test_top_to_bottom(outcome):
    assert outcome(2, 3, 4, 5) == []
    assert outcome(2, 3, 4, 5, ids=False) == []


def test_a_cell_that_was_run_twice_but_set_afresh(outcome):
    assert outcome(2, 2, 3, 4, 5, 5) == []
    assert outcome(2, 4, 4, 2, 3, 4, 5) == []


def test_a_change_made_twice(outcome):
    assert outcome(2, 3, 4, 4, 5) == ["out-of-order"]


def test_another_order(outcome):
    assert outcome(4, 2, 3, 5) == ["out-of-order"]


def test_a_value_from_before(outcome):
    cells = ("a = 1", "b = a + 1", app_cell("b"))
    assert outcome((2, "a = 5"), 3, 2, 4, cells=cells) == ["out-of-order"]
    assert outcome((2, "a = 5"), 3, 2, 3, 4, cells=cells) == []


def test_a_cell_that_was_never_run(outcome):
    assert outcome(2, 3, 5) == ["not-executed"]


def test_a_cell_that_is_not_needed_may_be_left_unrun(outcome):
    assert outcome(2, 4, cells=("x = 1", "unused = 2", app_cell("x"))) == []


def test_a_cell_that_failed(outcome):
    assert outcome(2, 3, 4, (4, None, False), 5) == ["cell-failed"]
    assert outcome(2, 3, (4, None, False), 4, 5) == []


def test_a_cell_that_was_edited_after_it_ran(outcome):
    assert outcome(2, 3, (4, "x.append(99)"), 5) == ["text-differs"]


def test_an_app_that_was_edited_after_it_ran(outcome):
    assert outcome(2, 3, 4, (5, app_cell("x"))) == ["text-differs"]


def test_a_cell_that_is_gone(outcome):
    assert outcome(2, 3, 4, (0, "x.append(5)"), 5) == ["text-differs"]
    assert outcome(2, 3, 4, (0, "print(x)"), (0, "z = 1"), 5) == []


def test_a_cell_that_was_cleared_by_a_later_definition(outcome):
    assert outcome((0, "x = 7"), 2, 3, 4, 5) == []


def test_functions_defined_after_they_are_used(outcome):
    cells = ("def f(): return g()", "def g(): return 1", app_cell("f()"))
    assert outcome(2, 3, 4, cells=cells) == []
    assert outcome(3, 2, 4, cells=cells) == []


def test_tools_taken_before_they_were_redefined(outcome):
    cells = ("def add(a): return a", "tools = [add]", app_cell("tools"))
    assert outcome((2, "def add(a): return -a"), 3, 2, 4, cells=cells) == ["out-of-order"]


def test_without_a_file_what_was_run_is_the_document(tmp_path):
    recorder = Recorder()
    for source in ("x = 1", "x = 1 / 0", app_cell("x")):
        recorder.add(source, ok="/" not in source)
    report = export("friday", tmp_path / "s", recorder=recorder, check=False)
    assert [d.text for d in report.kept if d.cell == 1] == ["x = 1"]


def test_nothing_known_at_all(tmp_path):
    with pytest.raises(ExportError) as caught:
        export("friday", tmp_path / "s")
    assert caught.value.codes == ["no-document"]


def test_the_recorder_in_a_shell():
    shell = InteractiveShell()
    shell.run_cell("early = 1", store_history=True)
    recorder = Recorder(shell)
    shell.user_ns["recorder"] = recorder
    shell.run_cell("recorder.install()", store_history=True, cell_id="b")
    shell.run_cell("1 / 0", store_history=True, cell_id="c")
    shell.run_cell("quiet = 1", silent=True)
    shell.run_cell(
        "seen = [(e.cell_id, e.ok) for e in recorder.executions]", store_history=True, cell_id="d"
    )
    assert shell.user_ns["seen"] == [(None, None), ("b", True), ("c", False), ("d", None)]
    assert [e.source for e in recorder.executions[:2]] == ["early = 1", "recorder.install()"]
    recorder.remove()
    shell.run_cell("after = 1", store_history=True)
    assert len(recorder.executions) == 4
    assert recorder.executions[-1].ok
