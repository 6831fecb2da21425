"""The answers that need no script, from the conversation alone."""

from __future__ import annotations

import pytest

from agentscope_runtime_nb.models.conversation import Conversation, OfferedTool, Turn, from_chat
from agentscope_runtime_nb.models.script_default import DEFAULT


def tool(name, required=None, **properties):
    schema = {"type": "object", "properties": properties}
    return OfferedTool(name, "", schema | {"required": required or list(properties)})


NUMBER = {"type": "number"}
TEXT = {"type": "string"}
TOOLS = (
    tool("add", a=NUMBER, b=NUMBER),
    tool("multiply", x=NUMBER, y=NUMBER),
    tool("get_weather", city=TEXT, unit={"type": "string", "enum": ["C", "F"]}),
    tool("look_up", required=["word"], word=TEXT, limit={"type": "integer"}),
    tool("calculator", expression=TEXT),
    tool("total", numbers={"type": "array", "items": {"type": "number"}}),
)


def ask(*texts, tools=(), system="", **options):
    turns = []
    for text in texts[:-1]:
        turns += [Turn("user", text), Turn("assistant", "…")]
    turns.append(Turn("user", texts[-1]))
    return DEFAULT.choose(Conversation("m", tuple(turns), system, tuple(tools), **options))


def test_it_knows_what_was_just_said():
    assert "the sky is blue" in ask("the sky is blue", "What did I just say?").say
    assert "first" in ask("what did I just say?").say


def test_it_is_who_the_prompt_says():
    assert ask("who are you?", system="You are Friday, a pirate. Be brief.").say == (
        "I am Friday, a pirate."
    )
    assert ask("Who are you?").say


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("add 2 and 3", "add", {"a": 2, "b": 3}),
        ("What is 2 + 3?", "add", {"a": 2, "b": 3}),
        ("what is 2+-3.5", "add", {"a": 2, "b": -3.5}),
        ("please multiply 4 by 5", "multiply", {"x": 4, "y": 5}),
        ("what's 4 times 5?", "multiply", {"x": 4, "y": 5}),
        ("get_weather for Oslo", "get_weather", {"city": "Oslo", "unit": "C"}),
        ("get weather in 'Rio' in F", "get_weather", {"city": "Rio", "unit": "F"}),
        ('look up "agent" with 3 results', "look_up", {"word": "agent", "limit": 3}),
        ("look up agents", "look_up", {"word": "agents"}),
        ("what is (2 + 3) * 4 - 1 by the calculator", "calculator", None),
        ("give the total of 1, 2 and 3", "total", {"numbers": [1, 2, 3]}),
    ],
)
def test_it_calls_the_tool_that_is_asked_for(text, name, arguments):
    calls = ask(text, tools=TOOLS).call
    assert [call.name for call in calls] == [name]
    if arguments is not None:
        assert calls[0].arguments == arguments


def test_a_calculator_gets_the_expression():
    (call,) = ask("what is 12 * (3 - 1)?", tools=[TOOLS[4]]).call
    assert call.arguments == {"expression": "12 * (3 - 1)"}


def test_several_named_tools_are_called_at_once():
    calls = ask("add and multiply 2 and 3", tools=TOOLS).call
    assert [call.name for call in calls] == ["add", "multiply"]


def test_without_tools_it_does_not_call():
    assert not ask("add 2 and 3").call
    assert not ask("I like Oslo", tools=TOOLS).call
    assert ask("I like Oslo", tools=TOOLS, must_call=True).call


def test_it_asks_for_what_is_missing():
    reply = ask("add 2", tools=TOOLS)
    assert not reply.call
    assert "b" in reply.say


def test_it_states_the_result():
    turns = [Turn("user", "add 2 and 3"), Turn("assistant", "", ("add",)), Turn("tool", "5")]
    assert DEFAULT.choose(Conversation("m", tuple(turns), "", TOOLS)).say == "The result is 5."
    turns[1:] = [Turn("assistant", "", ("add", "multiply")), Turn("tool", "5"), Turn("tool", "6")]
    said = DEFAULT.choose(Conversation("m", tuple(turns), "", TOOLS)).say
    assert said == "add gives 5; multiply gives 6."


def test_it_counts_shows_markdown_and_thinks():
    assert ask("count to 5").say == "1 2 3 4 5"
    assert "|" in ask("show me a table").say
    reply = ask("think about whales")
    assert "whales" in reply.think
    assert "whales" in reply.say


@pytest.mark.parametrize("text", ["", "   ", "hello", "什么?", "x" * 10_000, "what can you do?"])
def test_it_always_says_something(text):
    assert ask(text, tools=TOOLS).say


def test_what_a_framework_says_in_the_users_place_is_passed_over() -> None:
    reminder = "<system-reminder>It is ten o'clock.</system-reminder>"
    said = {"role": "user", "content": "hello"}
    conversation = from_chat({"messages": [said, {"role": "user", "content": reminder}]})
    assert conversation.users == ("hello",)
    assert conversation.fingerprint == from_chat({"messages": [said]}).fingerprint
