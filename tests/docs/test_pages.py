"""The reference is whole: every code, option, command, variable and public name stands in it."""

from __future__ import annotations

import re

import pytest
import typer.main
from pages import ROOT

import agentscope_runtime_nb
from agentscope_runtime_nb.app import errors
from agentscope_runtime_nb.cli import cli
from agentscope_runtime_nb.cli.models import models
from agentscope_runtime_nb.notebook import options
from agentscope_runtime_nb.notebook.export import problems

REFERENCE = ROOT / "docs" / "reference"
SOURCES = sorted((ROOT / "agentscope_runtime_nb").rglob("*.py"))
_RAISED = re.compile(
    r"(?:AppError|RegistryError|ModelError|Failure)\(\s*(?:\d+,\s*)?\"(\w+)\""
    r"|\"code\": \"([A-Z_]+)\""
)
_VARIABLE = re.compile(r"(?:environ(?:\.get\(|\[)|_VARIABLE = )\s*[\"'](\w+)")


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


def all_sources() -> str:
    return "\n".join(path.read_text("utf-8") for path in SOURCES)


def test_every_error_code_is_explained():
    raised = {upper or lower for upper, lower in _RAISED.findall(all_sources())}
    known = {*errors._STATUS, *errors._MODEL_CODES.values(), *errors._MODEL_TEXTS, *problems.CODES}
    codes = (raised | known) - {"CANCELED"}  # a stop of a run that had not begun: no error is sent
    missing = sorted(code for code in codes if f"`{code}`" not in page("errors"))
    assert not missing


def test_every_status_is_right():
    for code, status in errors._STATUS.items():
        assert f"| `{code}` | {status} |" in page("errors")


def test_every_code_that_is_explained_exists():
    sources = all_sources()
    codes = re.findall(r"^\| `([\w-]+)` \|", page("errors"), re.MULTILINE)
    assert not [c for c in codes if f'"{c}"' not in sources and not c.endswith(("Error", "error"))]


def test_every_option_of_the_magics():
    listed = page("magics")
    for action in options.cell_parser()._actions:
        for name in action.option_strings:
            assert f"`{name}" in listed or f"[{name}" in listed, name
    for verb in options.VERBS:
        assert f"`%agent_app {verb}" in listed


@pytest.mark.parametrize("group", [cli, models])
def test_every_command_and_option(group):
    listed = page("cli")
    for name, command in typer.main.get_group(group).commands.items():
        assert name in listed
        for parameter in command.params:
            for option in parameter.opts + parameter.secondary_opts:
                if option.startswith("--") and option not in ("--check", "--help"):
                    assert option in listed, f"{name} {option}"


def test_every_public_name():
    listed = page("python")
    missing = [name for name in agentscope_runtime_nb.__all__ if f"`{name}" not in listed]
    assert not missing


def test_every_environment_variable():
    read = set(_VARIABLE.findall(all_sources())) - {"NAME"}  # of a message that shows how
    assert not sorted(name for name in read if f"`{name}`" not in page("settings"))


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=str)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[\w.-]+)?\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for target in (one or other for one, other in targets):
        if not target.startswith(("http:", "https:", "mailto:")):
            lost = not any(
                (folder / target).exists() for folder in (path.parent, path.parent / "x")
            )
            assert not lost, target
