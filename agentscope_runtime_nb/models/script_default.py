"""What a scripted model answers when nobody has written a script: small talk that can be relied on.

It looks at nothing but the conversation: it repeats what the user said before, says who the system
prompt makes it, calls the tool that the text asks for, counts, and shows Markdown. The first rule
that fits answers.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.models.script import Reply, Script, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentscope_runtime_nb.models.conversation import Conversation, OfferedTool

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_QUOTED = re.compile("[\"'\u201c\u2018]([^\"'\u201d\u2019]+)[\"'\u201d\u2019]")
_OBJECT = re.compile(
    r"\b(?:for|of|in|about|at|on|to)\s+(?:the\s+|a\s+|an\s+)?(.+?)[\s?.!]*$", re.IGNORECASE
)
_NEGATIVE = re.compile(r"(?<=\d)\s*-\s*(?=\d)")
_ARITHMETIC = {
    ("add", "sum", "plus"): re.compile(r"\d\s*\+\s*-?\d|\badd|\bsum\b|\bplus\b", re.IGNORECASE),
    ("subtract", "sub", "minus", "difference"): re.compile(
        r"\d\s*[-\u2212\u2013]\s*\d|\bminus\b|\bsubtract|\bdifference\b", re.IGNORECASE
    ),
    ("multiply", "mul", "times", "product"): re.compile(
        r"\d\s*[*\u00d7x]\s*-?\d|\btimes\b|\bmultipl|\bproduct\b", re.IGNORECASE
    ),
    ("divide", "div", "quotient"): re.compile(r"\d\s*[/\u00f7]\s*-?\d|\bdivide", re.IGNORECASE),
}
_CALCULATORS = ("calc", "eval", "math", "arith")
_EXPRESSION = re.compile(r"-?[\d.][\d\s.+\-*/\u00d7\u00f7()]*[\d)]")
_COUNT_LIMIT = 10_000
_COUNT_DELAY = 0.02
_MARKDOWN = """Here is some Markdown.

| fruit | colour | price |
|:------|:-------|------:|
| apple | red    |  1.20 |
| pear  | green  |  0.95 |

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

- a list
- with **bold** and *italic* words, and `code`
"""


def answer(conversation: Conversation) -> Reply:
    """Find the default answer to a conversation."""
    if conversation.tool_results:
        return _tell_results(conversation)
    call = _wanted_call(conversation)
    if call is not None:
        return call
    text = conversation.last_user
    for pattern, reply in _RULES:
        match = re.search(pattern, text, re.IGNORECASE)
        if match:
            return reply(conversation, match)
    return Reply(
        say=f"You said: {_quote(text)}. I am a scripted model: I do not think, but the same "
        "conversation always gets the same answer."
    )


def _tell_results(conversation: Conversation) -> Reply:
    results = [_readable(result) for result in conversation.tool_results]
    if len(results) == 1:
        return Reply(say=f"The result is {results[0]}.")
    names = conversation.tool_names
    if len(names) == len(results):
        pairs = zip(names, results, strict=True)
        return Reply(say="; ".join(f"{name} gives {result}" for name, result in pairs) + ".")
    return Reply(say=f"The results are {', '.join(results)}.")


def _readable(result: str) -> str:
    try:
        value = json.loads(result)
    except ValueError:
        return result.strip()
    return value.strip() if isinstance(value, str) else result.strip()


def _before(conversation: Conversation, _match: re.Match[str]) -> Reply:
    before = conversation.previous_user
    if not before:
        return Reply(say="This is the first thing you have said to me.")
    return Reply(say=f"You said: {_quote(before)}.")


def _who(conversation: Conversation, _match: re.Match[str]) -> Reply:
    prompt = conversation.system.strip()
    if not prompt:
        return Reply(say="I am a scripted model, and nobody has told me to be anything else.")
    called = re.match(r"you are (.+?)(?:[.!\n]|$)", prompt, re.IGNORECASE)
    if called:
        return Reply(say=f"I am {called[1].strip()}.")
    return Reply(say=f"My instructions are: {_quote(prompt)}.")


def _abilities(conversation: Conversation, _match: re.Match[str]) -> Reply:
    text = (
        "I answer from a script: I can repeat what you said, say who I am told to be, count, "
        "show Markdown, think aloud"
    )
    names = ", ".join(tool.name for tool in conversation.tools)
    return Reply(say=f"{text}, and call tools: {names}." if names else f"{text}, and call tools.")


def _count(_conversation: Conversation, match: re.Match[str]) -> Reply:
    end = min(int(match[1]), _COUNT_LIMIT)
    return Reply(say=" ".join(str(number) for number in range(1, end + 1)), delay=_COUNT_DELAY)


def _markdown(_conversation: Conversation, _match: re.Match[str]) -> Reply:
    return Reply(say=_MARKDOWN)


def _thoughtful(_conversation: Conversation, match: re.Match[str]) -> Reply:
    topic = match[1].strip(" ?.!") or "nothing"
    return Reply(
        think=f"They want me to think about {topic}. I take a moment, as people do.",
        say=f"I have thought about {topic}, and it is worth a thought.",
    )


def _greeting(_conversation: Conversation, _match: re.Match[str]) -> Reply:
    return Reply(say="Hello! I am a scripted model. Ask me what I can do.")


_RULES: tuple[tuple[str, Callable[[Conversation, re.Match[str]], Reply]], ...] = (
    (r"what (did|have) i (just )?(say|said|ask)|my (last|previous) (message|question)", _before),
    (r"who are you|what('s| is) your name|what are you\b", _who),
    (r"what can you do|\bhelp\b", _abilities),
    (r"\bcount (?:up )?to (\d{1,6})", _count),
    (r"\b(markdown|table)\b", _markdown),
    (r"\bthink (?:hard |carefully )?about (.+)", _thoughtful),
    (r"^\s*(hello|hi|hey|good (morning|evening|day))\b", _greeting),
)


def _wanted_call(conversation: Conversation) -> Reply | None:
    text = conversation.last_user
    named = [tool for tool in conversation.tools if _names(tool, text)]
    tools = named or [tool for tool in conversation.tools if _computes(tool, text)][:1]
    if not tools and conversation.must_call:
        tools = list(conversation.tools[:1])
    calls: list[ToolCall] = []
    for tool in tools:
        arguments = _arguments(tool, text)
        missing = [name for name in tool.required if name not in arguments]
        if missing and not conversation.must_call:
            return Reply(say=f"I can call {tool.name}, but I need {' and '.join(missing)}.")
        calls.append(ToolCall(tool.name, arguments))
    return Reply(call=tuple(calls)) if calls else None


def _names(tool: OfferedTool, text: str) -> bool:
    words = tool.name.replace("_", " ")
    return bool(re.search(rf"\b({re.escape(tool.name)}|{re.escape(words)})\b", text, re.IGNORECASE))


def _computes(tool: OfferedTool, text: str) -> bool:
    parts = set(tool.name.lower().split("_"))
    if len(_NUMBER.findall(_NEGATIVE.sub(" ", text))) > 1:
        for names, pattern in _ARITHMETIC.items():
            if parts & set(names) and pattern.search(text):
                return True
    return any(part.startswith(_CALCULATORS) for part in parts) and bool(_EXPRESSION.search(text))


def _arguments(tool: OfferedTool, text: str) -> dict[str, Any]:
    """Take a tool's arguments out of a text: numbers in their order, quoted words, the object."""
    numbers = [float(number) for number in _NUMBER.findall(_NEGATIVE.sub(" ", text))]
    quoted = cast("list[str]", _QUOTED.findall(text))
    arguments: dict[str, Any] = {}
    for name, schema in tool.properties.items():
        kind = schema.get("type")
        if kind in {"integer", "number"}:
            if numbers:
                arguments[name] = _number(numbers.pop(0))
        elif kind == "array" and _items(schema) in {"integer", "number"}:
            arguments[name] = [_number(number) for number in numbers]
            numbers.clear()
        elif "enum" in schema:
            arguments[name] = _choice(schema["enum"], text)
        elif kind == "boolean" and name in tool.required:
            arguments[name] = True
        elif kind == "string" and (quoted or name in tool.required):
            arguments[name] = quoted.pop(0) if quoted else _object(tool, text)
    return arguments


def _number(number: float) -> float:
    return int(number) if number.is_integer() else number


def _items(schema: Mapping[str, Any]) -> object:
    return cast("Mapping[str, Any]", schema.get("items") or {}).get("type")


def _choice(options: list[Any], text: str) -> Any:
    said = set(re.findall(r"\w+", text.lower()))
    return next((option for option in options if str(option).lower() in said), options[0])


def _object(tool: OfferedTool, text: str) -> str:
    """Guess what a question is about: an expression, what follows the tool's name or "of"."""
    expression = _EXPRESSION.search(text)
    if expression and _computes(tool, text):
        return expression[0]
    words = re.escape(tool.name.replace("_", " "))
    after = re.search(
        rf"\b(?:{re.escape(tool.name)}|{words})\s+(.+?)[\s?.!]*$", text, re.IGNORECASE
    )
    object_ = _OBJECT.search(after[1]) if after else _OBJECT.search(text)
    if object_:
        return object_[1]
    return after[1] if after else text.strip()


def _quote(text: str) -> str:
    return f"“{text.strip()}”"


DEFAULT = Script(function=answer)
