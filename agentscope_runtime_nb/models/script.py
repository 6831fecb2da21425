"""What a scripted model answers: replies, how one is chosen, and what may stand in it."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from agentscope_runtime_nb.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentscope_runtime_nb.models.conversation import Conversation, OfferedTool

Finish = Literal["stop", "length", "content_filter"]

_PLACE = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+")
_ARGUMENT_CHUNK = 8
_FOREVER = 3600.0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model calls.

    Attributes:
        name: The tool's name.
        arguments: Its arguments; text in them is a template. A string is sent as it is, so that a
            lesson can show arguments that are not JSON.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in place of an answer, or in the middle of one.

    Attributes:
        status: The HTTP status, if nothing has been sent yet.
        code: The error's code.
        message: The error's text.
        after: How many tokens are sent before it; None means that it is the whole answer.
    """

    status: int = 500
    code: str = "server_error"
    message: str = "The script asks for this error."
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    r"""One answer, and when it is given.

    Texts are templates: ``{last_user}``, ``{previous_user}``, ``{tool_result}`` (of the last call),
    ``{tool_results}``, ``{tool_result_1}``…, ``{turn}``, ``{system}``, ``{model}``, and the groups
    of ``when`` as ``{1}`` or by name. Other braces stay as they are.

    Attributes:
        when: A regular expression searched in the user's last message, whatever the case; None
            fits every message.
        turn: Fits only the user's message of this number, counted from 1.
        say: The text of the answer.
        think: What the model thinks before it answers.
        call: The tools that it calls, at once if there are several.
        then: The answer when the tools have returned; it may call again.
        repeat: How many times the text is said, for long answers.
        wait: Seconds before the first token.
        delay: Seconds before each further token.
        finish: Why the answer ends, if not because it calls a tool.
        usage: Tokens of input and output, if not the words counted.
        error: An error instead of the answer, or after some of it.
        drop_after: The connection is cut after this many tokens.
        stall_after: Nothing more comes after this many tokens, for ``stall_seconds``.
        stall_seconds: How long; the answer then goes on.
    """

    when: str | None = None
    turn: int | None = None
    say: str = ""
    think: str = ""
    call: tuple[ToolCall, ...] = ()
    then: Reply | None = None
    repeat: int = 1
    wait: float = 0.0
    delay: float = 0.0
    finish: Finish = "stop"
    usage: tuple[int, int] | None = None
    error: Failure | None = None
    drop_after: int | None = None
    stall_after: int | None = None
    stall_seconds: float = _FOREVER


@dataclass(frozen=True, slots=True)
class Piece:
    """What is sent at once, like a token.

    Attributes:
        kind: Thinking, text, the start of a tool call or some of its arguments.
        text: The piece of text; a call's name where it starts.
        index: Which call it belongs to.
    """

    kind: Literal["think", "text", "call", "arguments"]
    text: str
    index: int = 0


Answerer = Callable[["Conversation"], "Reply | Mapping[str, Any] | str"]


@dataclass(frozen=True, slots=True)
class Script:
    """Replies in order of preference, or a function that gives one.

    The reply is chosen by the conversation in the request and by nothing else, so a retry, a second
    view and a replay get the same.
    """

    replies: tuple[Reply, ...] = ()
    function: Answerer | None = None

    def choose(self, conversation: Conversation) -> Reply:
        """Find the reply to a conversation and fill it in.

        Args:
            conversation: What was asked.

        Returns:
            The reply with its templates filled in, for exactly this moment: after each round of
            tool calls that is the ``then`` of the one before.
        """
        if self.function is not None:
            return _filled(_reply(self.function(conversation), "the function's answer"), {})
        for reply in self.replies:
            match = re.search(reply.when or "", conversation.last_user, re.IGNORECASE)
            if match and reply.turn in {None, len(conversation.users)}:
                values = _values(conversation, match)
                return _filled(_after(reply, conversation.rounds), values, conversation.tools)
        text = json.dumps(conversation.last_user[:200], ensure_ascii=False)
        failure = Failure(400, "script_no_reply", f"No reply of the script fits {text}.")
        return Reply(error=failure)


def load_script(given: Any) -> Script:
    """Read a script.

    Args:
        given: A list of replies (`Reply` or dictionaries with its fields), a function of the
            conversation, a script, or the path of a JSON file with such a list.

    Returns:
        The script.

    Raises:
        ModelError: It is not one; the text names the reply and the field.
    """
    if isinstance(given, Script):
        return given
    if isinstance(given, str | Path):
        try:
            given = json.loads(Path(given).expanduser().read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise _invalid(f"the script file {str(given)!r} cannot be read: {error}") from error
    if callable(given):
        return Script(function=cast("Answerer", given))
    if isinstance(given, Reply | Mapping) or not isinstance(given, Iterable):
        raise _invalid("a script is a list of replies")
    replies = [
        _reply(entry, f"reply {number}")
        for number, entry in enumerate(cast("Iterable[Any]", given), start=1)
    ]
    return Script(tuple(replies))


def pieces(reply: Reply) -> Iterator[Piece]:
    """Cut a filled-in reply into what is sent at once; joined again it is the reply."""
    for word in _WORD.findall(reply.think):
        yield Piece("think", word)
    words = _WORD.findall(reply.say)
    for _ in range(reply.repeat):
        for word in words:
            yield Piece("text", word)
    for index, call in enumerate(reply.call):
        yield Piece("call", call.name, index)
        text = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
        for start in range(0, len(text), _ARGUMENT_CHUNK):
            yield Piece("arguments", text[start : start + _ARGUMENT_CHUNK], index)


def _after(reply: Reply, rounds: int) -> Reply:
    for _ in range(rounds):
        # A tool that was called without a "then" has its result said.
        reply = reply.then or Reply(say="{tool_result}")
    return reply


def _values(conversation: Conversation, match: re.Match[str]) -> dict[str, str]:
    results = [_plain(result) for result in conversation.tool_results]
    values = {
        "last_user": conversation.last_user,
        "previous_user": conversation.previous_user,
        "system": conversation.system,
        "model": conversation.model,
        "turn": str(len(conversation.users)),
        "tool_result": results[-1] if results else "",
        "tool_results": ", ".join(results),
    }
    values |= {f"tool_result_{number}": text for number, text in enumerate(results, start=1)}
    values |= {str(number): text or "" for number, text in enumerate(match.groups(), start=1)}
    return values | {name: text or "" for name, text in match.groupdict().items()}


def _plain(result: str) -> str:
    """Take a text out of its JSON quotes, as a tool's result often comes."""
    try:
        value = json.loads(result)
    except ValueError:
        return result
    return value if isinstance(value, str) else result


def _filled(reply: Reply, values: Mapping[str, str], tools: tuple[OfferedTool, ...] = ()) -> Reply:
    schemas = {tool.name: tool.properties for tool in tools}
    calls = tuple(
        ToolCall(call.name, _arguments(call.arguments, values, schemas.get(call.name, {})))
        for call in reply.call
    )
    return dataclasses.replace(
        reply, say=_fill(reply.say, values), think=_fill(reply.think, values), call=calls
    )


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)


def _arguments(
    arguments: Mapping[str, Any] | str, values: Mapping[str, str], schemas: Mapping[str, Any]
) -> Mapping[str, Any] | str:
    if isinstance(arguments, str):
        return _fill(arguments, values)
    return {
        name: _typed(_fill_in(value, values), value, schemas.get(name, {}))
        for name, value in arguments.items()
    }


def _fill_in(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _fill(value, values)
    if isinstance(value, list):
        return [_fill_in(item, values) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _fill_in(item, values) for name, item in items}
    return value


def _typed(filled: Any, template: Any, schema: Mapping[str, Any]) -> Any:
    """Give a number that came out of a template as a number, where the tool wants one."""
    if filled == template or schema.get("type") not in {"integer", "number"}:
        return filled
    try:
        number = float(filled)
    except (TypeError, ValueError):
        return filled
    return int(number) if number.is_integer() else number


def _reply(given: Any, where: str) -> Reply:
    if isinstance(given, str):
        return Reply(say=given)
    if isinstance(given, Reply):
        made = given
    elif isinstance(given, Mapping):
        made = Reply(**_reply_fields(cast("Mapping[str, Any]", given), where))
    else:
        raise _invalid(f"{where} is neither a text nor a dictionary")
    _check(made, where)
    return made


def _reply_fields(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    fields = _known(given, Reply, where)
    if "call" in fields:
        calls: Any = fields["call"]
        many = cast("list[Any]", calls if isinstance(calls, list | tuple) else [calls])
        fields["call"] = tuple(_call(call, where) for call in many)
    if fields.get("then") is not None:
        fields["then"] = _reply(fields["then"], f"{where}, then")
    if isinstance(fields.get("error"), Mapping):
        fields["error"] = Failure(**_known(fields["error"], Failure, f"{where}, error"))
    if fields.get("usage") is not None:
        fields["usage"] = tuple(fields["usage"])
    return fields


def _call(given: Any, where: str) -> ToolCall:
    if isinstance(given, ToolCall):
        return given
    if isinstance(given, str):
        return ToolCall(given)
    if not isinstance(given, Mapping) or "name" not in given:
        raise _invalid(f"{where}: a call is a dictionary with a name and arguments")
    return ToolCall(**_known(cast("Mapping[str, Any]", given), ToolCall, f"{where}, call"))


def _known(given: Mapping[str, Any], cls: type, where: str) -> dict[str, Any]:
    names = [entry.name for entry in dataclasses.fields(cls)]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise _invalid(f"{where} has an unknown field {name!r}; {hint}")
    return dict(given)


def _check(reply: Reply, where: str) -> None:
    try:
        re.compile(reply.when or "")
    except re.error as error:
        raise _invalid(f"{where}: 'when' is not a regular expression: {error}") from error
    for name in ("say", "think"):
        if not isinstance(getattr(reply, name), str):
            raise _invalid(f"{where}: {name!r} must be a text")
    for name in ("wait", "delay", "stall_seconds", "repeat"):
        value: object = getattr(reply, name)
        if not isinstance(value, int | float) or value < 0:
            raise _invalid(f"{where}: {name!r} must be a number that is not negative")


def _invalid(message: str) -> ModelError:
    return ModelError("script_invalid", message[:1].upper() + message[1:])
