"""Whole exports of real notebooks, and every way in which one is refused."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import ast
import json
import os
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agentscope_runtime_nb import Agent
from agentscope_runtime_nb.notebook.export.document import Document
from agentscope_runtime_nb.notebook.export.exporter import export
from agentscope_runtime_nb.notebook.export.problems import ExportError
from notebooks import app_cell, codes, plan, save

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-proj-" + "Zk3Vq8Lw2Xt9Rb6Nf1Yc" * 2


@pytest.fixture(scope="module")
def notebook(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "prices.py").write_text(
        "from tariffs.basic import BASE\n\ndef price(n):\n    return BASE * n\n"
    )
    (folder / "tariffs").mkdir()
    (folder / "tariffs" / "__init__.py").write_text("")
    (folder / "tariffs" / "basic.py").write_text("from . import rates\nBASE = rates.RATE\n")
    (folder / "tariffs" / "rates.py").write_text("import typer\nRATE = 3\n")
    (folder / "faq.txt").write_text("Opening hours: 9 to 5")
    return save(
        folder / "shop.ipynb",
        "%load_ext agentscope_runtime_nb",
        "import os\nfrom pathlib import Path\nfrom prices import price\nimport pandas_is_not_needed",
        ("temperature = 0.3\ncurrency: str = 'EUR'", ["parameters"]),
        "catalogue = {'tea': 2}\ncatalogue['coffee'] = 4\ncatalogue",
        "faq = Path('faq.txt').read_text()",
        "%env SHOP_MODE=test\n%pip install -q rich",
        "def cost(name: str, count: int) -> str:\n    '''What some cost.'''\n"
        "    return f'{price(catalogue[name] * count)} {currency}'",
        app_cell(
            "cost('tea', 2) + faq + os.environ.get('SHOP_GREETING', '')", "--tools cost -d 'A shop'"
        ),
        "friday.ask('hello')",
    )


@pytest.fixture(scope="module")
def exported(notebook, tmp_path_factory):
    target = tmp_path_factory.mktemp("out") / "service"
    return target, export("friday", target, document=notebook)


def test_everything_is_written(exported):
    target, report = exported
    assert {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} == set(
        report.files
    )
    assert {
        "app.py", "pyproject.toml", ".env.example", "Dockerfile", ".dockerignore", "README.md",
        "tests/test_smoke.py", "prices.py", "tariffs/__init__.py", "tariffs/basic.py",
        "tariffs/rates.py", "faq.txt", ".agentscope-nb.json",
    } == set(report.files)  # fmt: skip


def test_the_requirements_are_pinned(exported):
    from importlib.metadata import version

    _, report = exported
    assert report.requirements == [
        f"agentscope-runtime-nb=={version('agentscope-runtime-nb')}",
        f"rich=={version('rich')}",
        f"typer=={version('typer')}",
    ]


def test_settings_can_be_overridden(exported):
    target, report = exported
    assert "FRIDAY_CURRENCY" in report.environment
    code = "import app; print(app.currency)"
    environment = {**os.environ, "FRIDAY_CURRENCY": "USD"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=target, env=environment, capture_output=True, check=False
    )
    assert done.stdout.decode().strip() == "USD"


def test_the_environment_is_named_without_values(exported):
    target, _ = exported
    text = (target / ".env.example").read_text()
    assert "SHOP_GREETING=\n" in text
    assert "SHOP_MODE=\n" in text


def test_the_smoke_test_passes_in_a_process_of_its_own(exported):
    target, _ = exported
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:randomly",
            "-p",
            "no:asyncio",
            "-p",
            "no:cacheprovider",
        ],
        cwd=target,
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()[-2000:]


def test_the_report_shows_every_statement(exported):
    _, report = exported
    why = {d.text: d for d in report.decisions}
    assert not why["import pandas_is_not_needed"].kept
    assert why["catalogue['coffee'] = 4"].kept
    assert "catalogue" in report._repr_html_()
    assert "| 5 |" in report._repr_markdown_()


def test_the_same_bytes_twice_in_another_process(notebook, exported, tmp_path):
    target, _ = exported
    command = [
        sys.executable,
        "-m",
        "agentscope_runtime_nb.cli",
        "export",
        str(notebook),
        "-o",
        str(tmp_path / "b"),
    ]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr.decode()
    for path in target.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and ".pytest_cache" not in path.parts:
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(target)).read_bytes()


def test_a_prompt_becomes_the_built_in_agent(tmp_path):
    prompt = 'You are "Friday".\n\n  Be \\brief. \'\'\'"""'
    notebook = save(
        tmp_path / "n.ipynb",
        "def add(a: int, b: int) -> int:\n    '''Add.'''\n    return a + b",
        f"%%agent_app friday --prompt --model scripted --tools add\n{prompt}",
    )
    report = export(None, tmp_path / "s", document=notebook)
    tree = ast.parse((tmp_path / "s" / "app.py").read_text())
    literals = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    assert prompt in literals
    assert report.fingerprint["tools"] == ["add"]
    assert report.fingerprint["model"].startswith("scripted")
    assert "[local]" not in report.requirements[0]


def test_what_is_confirmed_and_offered_goes_along(tmp_path):
    options = (
        "--model scripted --tools add --confirm add --starters 'Hi;\"Sing\"' --models scripted"
    )
    notebook = save(
        tmp_path / "n.ipynb",
        "def add(a: int, b: int) -> int:\n    '''Add.'''\n    return a + b",
        f"%%agent_app friday --prompt {options}\nYou are Friday.",
    )
    export(None, tmp_path / "s", document=notebook)
    namespace = runpy.run_path(str(tmp_path / "s" / "app.py"))
    offers = namespace["app"].describe()
    assert [starter["text"] for starter in offers["starters"]] == ["Hi", '"Sing"']
    assert offers["models"] == ["scripted"]
    agents = [value for value in namespace.values() if isinstance(value, Agent)]
    assert [agent.tools["add"].confirm for agent in agents] == [True]


def test_the_local_model_brings_its_extra(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "%%agent_app friday --prompt\nYou are Friday.")
    report = export(None, tmp_path / "s", document=notebook, check=False)
    assert report.requirements[0].startswith("agentscope-runtime-nb[local]==")


# -- the target ----------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path) -> Path:
    return save(tmp_path / "small.ipynb", "x = 1", app_cell("x"))


def refused(*args, **options) -> list[str]:
    with pytest.raises(ExportError) as caught:
        export(*args, **options)
    return caught.value.codes


def test_a_folder_of_another_kind_is_left_alone(small, tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "thesis.tex").write_text("years of work")
    assert refused(None, target, document=small, check=False) == ["target-exists"]
    assert (target / "thesis.tex").read_text() == "years of work"


def test_an_earlier_export_is_replaced_and_own_files_are_kept(small, tmp_path):
    target = tmp_path / "s"
    export(None, target, document=small, check=False)
    (target / ".env").write_text("KEY=mine")
    (target / "notes").mkdir()
    (target / "notes" / "a.md").write_text("mine")
    save(small, "y = 2", app_cell("y"))
    export(None, target, document=small, check=False)
    assert "y = 2" in (target / "app.py").read_text()
    assert (target / ".env").read_text() == "KEY=mine"
    assert (target / "notes" / "a.md").read_text() == "mine"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".s-")]


def test_a_file_edited_by_hand_is_not_overwritten_unasked(small, tmp_path):
    target = tmp_path / "s"
    export(None, target, document=small, check=False)
    with (target / "app.py").open("a") as file:
        file.write("# mine\n")
    assert refused(None, target, document=small, check=False) == ["target-edited"]
    export(None, target, document=small, check=False, overwrite=True)


def test_a_failed_check_leaves_the_earlier_export(small, tmp_path):
    target = tmp_path / "s"
    export(None, target, document=small)
    before = (target / "app.py").read_bytes()
    save(small, "x = 1 / 0", app_cell("x"))
    with pytest.raises(ExportError) as caught:
        export(None, target, document=small)
    assert caught.value.codes == ["import-failed"]
    assert caught.value.problems[0].cell == 2
    assert (target / "app.py").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "small.ipynb"]


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([app_cell("nowhere")], "undefined-name"),
        (["y = x + 1", "x = 1", app_cell("y")], "defined-later"),
        (["x = 1", "del x", app_cell("x")], "deleted-name"),
        (["x = _ + 1", app_cell("x")], "memory-only"),
        (["x = Out[3]", app_cell("x")], "memory-only"),
        (["%%capture out\nprint(1)", app_cell("out")], "memory-only"),
        (["x = input('key? ')", app_cell("x")], "keyboard-input"),
        (["import getpass\nx = getpass.getpass()", app_cell("x")], "keyboard-input"),
        (["x = !ls", app_cell("x")], "shell-magic"),
        (["x = %sql select 1", app_cell("x")], "shell-magic"),
        (["%%bash --out x\nls", app_cell("x")], "shell-magic"),
        (["%run other.py", app_cell("x")], "shell-magic"),
        (["if True:\n    x = 1\n    !ls", app_cell("x")], "shell-magic"),
        (["%%agent_app other\n@app.query\ndef q(msgs): ...", app_cell("other")], "other-app"),
        ([app_cell("friday")], "other-app"),
        (["app = 3", "x = app", app_cell("x")], "name-clash"),
        (["def f(:\n  x = 1", app_cell("f")], "bad-syntax"),
        (["%%agent_app friday\ndef f(:"], "bad-syntax"),
        ([app_cell(), app_cell("1")], "app-defined-twice"),
    ],
)
def test_refused(cells, expected):
    assert codes(*cells, name="friday") == [expected]


def test_a_name_of_the_kernel_alone_is_told_from_nothing():
    assert codes(app_cell("x"), namespace={"x": 1}) == ["memory-only"]


@pytest.mark.parametrize(
    ("cells", "name", "expected"),
    [
        (["x = 1"], None, ["no-app"]),
        ([app_cell()], "saturday", ["no-such-app"]),
        ([app_cell(), "%%agent_app monday\n1"], None, ["app-not-chosen"]),
        (["%%agent_app friday --no-such\n1"], None, ["bad-app-cell"]),
    ],
)
def test_which_app(cells, name, expected):
    with pytest.raises(ExportError) as caught:
        plan(*cells, name=name)
    assert sorted(caught.value.codes) == expected


def test_every_problem_is_told_at_once(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "a = !ls", f"key = '{KEY}'", app_cell("a, b, key"))
    found = refused(None, tmp_path / "s", document=notebook)
    assert sorted(found) == ["literal-secret", "shell-magic", "undefined-name"]
    assert not (tmp_path / "s").exists()


# -- secrets -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        f"x = '{KEY}'",
        "password = 'hunter2!'\nx = password",
        "import os\nos.environ['OPENAI_API_KEY'] = 'q8Lw2Xt9Rb6Nf1YcZk3V'\nx = 1",
        "x = dict(api_key='q8Lw2Xt9Rb6Nf1YcZk3V')",
        "x = {'access_token': 'q8Lw2Xt9Rb6Nf1YcZk3V'}",
        f"x = 1  # {KEY}",
        "x = 'postgres://ann:s3cr3t99@db.example.org/x'",
        "x = 'Bearer abcdefghij0123456789'",
        "x = 'aG7kP2mQ9xR4tV8wZ1cB6nJ3sD5fH0yL'",
        "def f(token='q8Lw2Xt9Rb6Nf1YcZk3V'): ...\nx = f",
    ],
)
def test_a_secret_stops_the_export_and_is_never_shown(cell, tmp_path, capfd):
    notebook = save(tmp_path / "n.ipynb", cell, app_cell("x"))
    with pytest.raises(ExportError) as caught:
        export(None, tmp_path / "s", document=notebook)
    assert set(caught.value.codes) == {"literal-secret"}
    shown = str(caught.value) + "".join(capfd.readouterr())
    for secret in (
        KEY,
        "hunter2!",
        "q8Lw2Xt9Rb6Nf1YcZk3V",
        "s3cr3t99",
        "abcdefghij0123456789",
        "aG7kP2mQ9xR4",
    ):
        assert secret not in shown
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "cell",
    [
        "import os\nx = os.environ['OPENAI_API_KEY']",
        "import os\nx = os.getenv('API_KEY', 'your-api-key')",
        "x = dict(api_key='EMPTY', token='<eos>', max_tokens=5, tokenizer='cl100k_base')",
        "x = 'd41d8cd98f00b204e9800998ecf8427e'",
        "x = '2f1e4c0a-9d3b-4e53-8f1a-7f6f3f0b2a11'",
        "x = 'https://example.org/a/very/long/path/to/some/File_Name_2024.html'",
        f"x = '{KEY}'  # not a secret",
        "password = ''\nx = password",
        "api_key = 'OPENAI_API_KEY'\nx = api_key",
    ],
)
def test_no_false_alarm(cell, tmp_path):
    notebook = save(tmp_path / "n.ipynb", cell, app_cell("x"))
    export(None, tmp_path / "s", document=notebook, check=False)


def test_a_secret_that_is_not_needed_does_not_leave(tmp_path):
    notebook = save(tmp_path / "n.ipynb", f"unused = '{KEY}'", "x = 1", app_cell("x"))
    report = export(None, tmp_path / "s", document=notebook, check=False)
    everything = "".join(p.read_text() for p in (tmp_path / "s").rglob("*") if p.is_file())
    assert (
        KEY not in everything + report.explain() + report._repr_html_() + report._repr_markdown_()
    )


def test_a_secret_in_a_local_module_stops_the_export(tmp_path):
    (tmp_path / "helper.py").write_text(f"KEY = '{KEY}'\n")
    notebook = save(tmp_path / "n.ipynb", "from helper import KEY", app_cell("KEY"))
    assert refused(None, tmp_path / "s", document=notebook) == ["literal-secret"]


# -- documents -----------------------------------------------------------------------------


def test_percent_scripts_and_commented_magics(tmp_path):
    script = tmp_path / "n.py"
    script.write_text(
        '# ---\n# jupyter: {}\n# ---\n\n# %% [markdown]\n# # Title\n\n# %% id="abc"\n'
        "x = '''\n# %% not a cell\n'''\n\n# %% tags=[\"parameters\"]\nn = 3\n\n"
        "# %%\n# %%agent_app friday\n@app.query\nasync def f(msgs, request):\n    yield x * n\n"
    )
    document = Document.read(script)
    assert [cell.id for cell in document.cells] == ["abc", None, None]
    report = export(None, tmp_path / "s", document=script, check=False)
    assert "FRIDAY_N" in report.environment


def test_a_wholly_commented_app_cell(tmp_path):
    script = tmp_path / "n.py"
    script.write_text(
        "# %%\n# %%agent_app friday --prompt --model scripted\n# You are Friday.\n# Be brief.\n"
    )
    export(None, tmp_path / "s", document=script, check=False)
    assert "You are Friday.\nBe brief." in (tmp_path / "s" / "app.py").read_text()


@pytest.mark.parametrize("content", ["", "{}", "[1]", "\x00"])
def test_a_file_that_is_no_notebook(content, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(content)
    assert refused(None, tmp_path / "s", document=path) == ["unreadable-document"]


def test_an_old_notebook_format(tmp_path):
    path = tmp_path / "n.ipynb"
    cell = {"cell_type": "code", "input": [app_cell()], "language": "python", "outputs": [], "metadata": {},
            "collapsed": False, "prompt_number": 1}  # fmt: skip
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": [cell], "metadata": {}}],
    }
    path.write_text(json.dumps(old))
    export(None, tmp_path / "s", document=path, check=False)


def test_large_and_private_files_are_named_not_shipped(tmp_path):
    (tmp_path / "big.csv").write_bytes(b"x" * 2_000_000)
    (tmp_path / "server.key").write_text("k")
    notebook = save(
        tmp_path / "n.ipynb",
        "a = open('big.csv').read()\nb = open('server.key').read()\nc = lambda: open('gone.csv')\n"
        "d = lambda: open('out.txt', 'w')\ne = lambda: open('/etc/hostname')",
        app_cell("a, b, c, d, e"),
    )
    report = export(None, tmp_path / "s", document=notebook, check=False)
    notes = " ".join(report.notes)
    for name in ("big.csv", "server.key", "gone.csv", "out.txt", "/etc/hostname"):
        assert name in notes
    assert not {"big.csv", "server.key"} & set(report.files)


def test_a_value_that_env_sets_is_there_in_the_check_and_nowhere_else(tmp_path):
    notebook = save(
        tmp_path / "n.ipynb",
        "%env SHOP_PLACE=Atlantis\n!export OTHER=Atlantis",
        "import os\nx = os.environ['SHOP_PLACE']",
        app_cell("x"),
    )
    report = export(None, tmp_path / "s", document=notebook)
    written = "".join(p.read_text() for p in (tmp_path / "s").rglob("*") if p.is_file())
    shown = report.explain() + report._repr_html_() + report._repr_markdown_() + str(report)
    assert "Atlantis" not in written + shown


def test_a_package_that_is_not_installed_is_named(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "import no_such_package", app_cell("no_such_package"))
    with pytest.raises(ExportError) as caught:
        export(None, tmp_path / "s", document=notebook)
    assert caught.value.codes == ["import-failed"]
    assert "no_such_package" in caught.value.problems[0].fix


def test_a_package_with_its_texts_and_a_folder_that_is_no_package(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "__init__.py").write_text(
        "from importlib.resources import files\nHELLO = files(__name__).joinpath('hello.txt').read_text()\n"
    )
    (tmp_path / "prompts" / "hello.txt").write_text("hello")
    (tmp_path / "rich").mkdir()
    notebook = save(
        tmp_path / "n.ipynb", "import rich\nfrom prompts import HELLO", app_cell("rich, HELLO")
    )
    report = export(None, tmp_path / "s", document=notebook)
    assert {"prompts/__init__.py", "prompts/hello.txt"} <= set(report.files)
    assert any(r.startswith("rich==") for r in report.requirements)
