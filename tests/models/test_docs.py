"""The page about the scripted model is true: its code runs, and its table is whole."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from agentscope_runtime_nb.models import Reply, load_script
from agentscope_runtime_nb.models.conversation import Conversation, Turn

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scripted-model.md"


def test_the_examples_run(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("import Agent, AgentApp, model", "import model"), names)
    assert names["teacher"].provider == "scripted"
    turns = (Turn("user", "What is the weather in Oslo?"),)
    (call,) = load_script(names["lesson"]).choose(Conversation("m", turns)).call
    assert (call.name, call.arguments) == ("get_weather", {"city": "Oslo"})
    assert load_script(names["script"]).choose(Conversation("m", turns)).say


def test_every_field_is_in_the_table():
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    fields = {field.name for field in dataclasses.fields(Reply)}
    assert fields - {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {
        "stall_seconds"  # explained with stall_after
    }


def test_every_code_is_in_the_docs():
    room = PAGE.parents[1] / "agentscope_runtime_nb" / "models"
    source = "".join(path.read_text("utf-8") for path in room.glob("*.py"))
    codes = set(re.findall(r'"((?:model|script)_[a-z_]+)"', source)) - {"script_default"}
    assert len(codes) > 10
    told = (PAGE.parent / "models.md").read_text("utf-8")
    assert not sorted(code for code in codes if f"`{code}`" not in told)
