"""Imports of the original, rewritten in scripts, notebooks and Markdown."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import agentscope_runtime_nb
from agentscope_runtime_nb.cli import cli
from agentscope_runtime_nb.cli.import_rewriter import look_up, rewrite, table
from agentscope_runtime_nb.cli.migrate import migrate_text
from notebooks import save

PUBLIC = {
    "agentscope_runtime.engine": ["AgentApp", "Runner", "LocalDeployManager", "DeployManager"],
    "agentscope_runtime.engine.app": ["AgentApp"],
    "agentscope_runtime.engine.deployers.local_deployer": ["LocalDeployManager"],
    "agentscope_runtime.engine.schemas.agent_schemas": ["AgentRequest", "Message", "TextContent"],
    "agentscope_runtime.engine.services.sandbox": ["SandboxService"],
    "agentscope_runtime.sandbox": ["BaseSandbox", "GuiSandboxAsync", "CloudSandbox"],
    "agentscope_runtime.sandbox.box.dummy.dummy_sandbox": ["DummySandbox"],
    "agentscope_runtime.sandbox.registry": ["SandboxRegistry"],
    "agentscope_runtime.adapters.agentscope.memory": ["AgentScopeSessionHistoryMemory"],
    "agentscope_runtime.engine.services.agent_state": ["InMemoryStateService"],
    "agentscope_runtime.engine.deployers.kubernetes_deployer": ["KubernetesDeployManager"],
    "agentscope_runtime.engine.tracing": ["trace", "TraceType"],
    "agentscope_runtime.tools": ["Tool", "ModelstudioSearchLite"],
}


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, ns in PUBLIC.items() for n in ns])
def test_public_imports_have_an_answer(module, name):
    entry = look_up(module, name)
    assert entry.ours or "no public name" not in entry.why


def test_every_name_of_ours_can_be_imported_and_every_other_says_why():
    for names in table().values():
        for value in names.values():
            if value.startswith("- "):
                kind, _, reason = value[2:].partition(": ")
                assert kind in {"later", "never"}
                assert reason
            else:
                getattr(agentscope_runtime_nb, value)


def test_what_has_the_same_name_here_is_mapped_to_it():
    ours = set(agentscope_runtime_nb.__all__)
    differ = {("agentscope_runtime.engine.schemas.agent_schemas", "ToolCall"),
              ("agentscope_runtime.tools.modelstudio_memory", "Message")}  # fmt: skip
    for module, names in table().items():
        for name, value in names.items():
            if name in ours and (module, name) not in differ:
                assert value == name


@pytest.fixture(scope="session")
def original() -> zipfile.Path:
    """The original's last release that the table is of: its wheel, fetched once, not installed."""
    folder = Path(__file__).parents[2] / ".cache" / "original"
    if not list(folder.glob("*.whl")):
        wheel = ["agentscope-runtime==1.1.5", "--no-deps", "--only-binary=:all:"]
        command = [sys.executable, "-m", "pip", "download", "-q", "-d", folder, *wheel]
        subprocess.run(command, check=True, capture_output=True, timeout=50)
    return zipfile.Path(next(folder.glob("*.whl")))


@pytest.mark.parametrize("part", ["engine", "sandbox", "tools"])
def test_the_table_is_complete(part: str, original: zipfile.Path):
    source = (original / "agentscope_runtime" / part / "__init__.py").read_text("utf-8")
    names = {
        alias.name  # what it takes from its own modules is what it offers
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert names
    assert names <= set(table()[f"agentscope_runtime.{part}"])


CASES = [
    ("from agentscope_runtime.engine import AgentApp\n", "from agentscope_runtime_nb import AgentApp\n"),
    (
        "from agentscope_runtime.engine.app.agent_app import AgentApp as A  # app\n",
        "from agentscope_runtime_nb import AgentApp as A  # app\n",
    ),
    (
        "from  agentscope_runtime.engine.schemas.agent_schemas  import (\n    Role,  # who\n\n    Message,\n)\n",
        "from  agentscope_runtime_nb  import (\n    Role,  # who\n\n    Message,\n)\n",
    ),
    ("from agentscope_runtime.engine \\\n    import AgentApp\n", "from agentscope_runtime_nb \\\n    import AgentApp\n"),
    ("import agentscope_runtime as ar\nar.engine.AgentApp('é')\n", "import agentscope_runtime_nb as ar\nar.AgentApp('é')\n"),
    (
        "import agentscope_runtime.engine\nx = 'é', agentscope_runtime.engine.AgentApp('é').run\n",
        "import agentscope_runtime_nb\nx = 'é', agentscope_runtime_nb.AgentApp('é').run\n",
    ),
    ("é = 1; from agentscope_runtime.engine import AgentApp; y = 2\n", "é = 1; from agentscope_runtime_nb import AgentApp; y = 2\n"),
    ("s = '''\nfrom agentscope_runtime.engine import AgentApp\n'''\n", None),
    ("# from agentscope_runtime.engine import AgentApp\n", None),
    ("from agentscope_runtime_nb import AgentApp\n", None),
    ("from my.agentscope_runtime import x\nfrom .agentscope_runtime import y\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CASES)
def test_rewritten_in_place(before, after):
    change = rewrite(before)
    assert change.text == (before if after is None else after)
    assert not change.missing
    assert rewrite(change.text).text == change.text


GONE = [
    "from agentscope_runtime.sandbox import BaseSandbox\n",
    "from agentscope_runtime.sandbox import (\n    BaseSandbox,\n    GuiSandbox,\n)\nx = 1\n",
    "if x:\n    from agentscope_runtime.sandbox import BaseSandbox\nelse:\n    y = 1\n",
    "try:\n    from agentscope_runtime.sandbox import A\n    from agentscope_runtime.sandbox import B\nexcept ImportError:\n    pass\n",
    "def f():\n    '''Doc.'''\n    from agentscope_runtime.engine import AgentApp, Runner\n    return AgentApp\n",
    "from agentscope_runtime.engine import Runner, AgentApp, DeployManager\n",
    "from agentscope_runtime.engine import AgentApp, Runner, DeployManager\n",
    "from agentscope_runtime.engine import (AgentApp,\n    Runner,  # r\n    )\n",
]  # fmt: skip


@pytest.mark.parametrize("before", GONE)
def test_what_is_not_available_becomes_a_comment(before):
    change = rewrite(before)
    tree = ast.parse(change.text)
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= {"agentscope_runtime_nb"}
    assert change.missing
    assert "# agentscope-nb migrate:" in change.text
    again = rewrite(change.text)
    assert (again.text, again.missing) == (change.text, [])


@pytest.mark.parametrize(
    "before",
    [
        "from agentscope_runtime.engine import *\n",
        "import agentscope_runtime.sandbox\nx = agentscope_runtime.sandbox.BaseSandbox()\n",
        "x = 1; from agentscope_runtime.sandbox import BaseSandbox\n",
    ],
)
def test_what_a_person_has_to_look_at_is_left_alone(before):
    change = rewrite(before)
    assert change.text == before
    assert change.missing


def test_a_notebook_keeps_its_bytes_apart_from_the_imports(tmp_path):
    path = save(
        tmp_path / "n.ipynb",
        "%load_ext x\n!ls | grep é\nfrom agentscope_runtime.engine import AgentApp\nfiles = !ls\nAgentApp",
        "%%time\nfrom agentscope_runtime.engine import AgentApp",
        "%%bash\nfrom agentscope_runtime.engine import AgentApp",
        "%%agent_app friday --prompt\nUse from agentscope_runtime.engine import AgentApp",
    )
    before = path.read_text()
    after, missing = migrate_text(before, ".ipynb")
    assert not missing
    changed = [
        (a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b
    ]
    assert len(changed) == 2
    cells = json.loads(after)["cells"]
    assert "".join(cells[1]["source"]).startswith(
        "%load_ext x\n!ls | grep é\nfrom agentscope_runtime_nb import AgentApp\nfiles = !ls\n"
    )
    assert migrate_text(after, ".ipynb") == (after, [])


def test_markdown_fences():
    before = (
        "Use `from agentscope_runtime.engine import AgentApp`.\n\n- like\n\n    ```python\n    import os\n"
        "    from agentscope_runtime.engine import AgentApp\n    ```\n\n~~~py\nfrom agentscope_runtime.sandbox "
        "import BaseSandbox\n~~~\n```text\nfrom agentscope_runtime.engine import AgentApp\n```\n"
    )
    after, missing = migrate_text(before, ".md")
    assert "\n    from agentscope_runtime_nb import AgentApp\n    ```" in after
    assert "```text\nfrom agentscope_runtime.engine" in after
    assert [item.line for item in missing] == [11]


@pytest.mark.parametrize(
    ("text", "options", "code", "rewritten"),
    [
        ("x = 1\n", [], 0, False),
        ("from agentscope_runtime.engine import AgentApp\n", [], 0, True),
        ("from agentscope_runtime.engine import AgentApp\n", ["--check"], 1, False),
        ("from agentscope_runtime.engine import AgentApp\n", ["--diff"], 0, False),
        ("from agentscope_runtime.sandbox import BaseSandbox\n", [], 3, True),
        ("def f(:\nfrom agentscope_runtime.engine import AgentApp\n", [], 1, False),
    ],
)
def test_exit_codes(text, options, code, rewritten, tmp_path):
    path = tmp_path / "x.py"
    path.write_text(text)
    result = CliRunner().invoke(cli, ["migrate", str(path), *options])
    assert result.exit_code == code
    assert (path.read_text() != text) == rewritten
