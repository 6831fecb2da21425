"""A request to a model as a conversation, whichever of the two APIs it came by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REMINDER = ("<system-reminder>", "</system-reminder>")

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool that the request lets the model call.

    Attributes:
        name: What it is called.
        description: What it does.
        parameters: The JSON schema of its arguments.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """The schemas of its arguments by name."""
        found = self.parameters.get("properties", {})
        return cast("Mapping[str, Mapping[str, Any]]", found)

    @property
    def required(self) -> Sequence[str]:
        """The names of the arguments that must be given."""
        return cast("Sequence[str]", self.parameters.get("required", ()))


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation.

    Attributes:
        role: Who speaks.
        text: What is said, or what a tool returned.
        calls: The names of the tools that an assistant's message calls.
    """

    role: Role
    text: str
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """What a model is asked: the messages so far and the tools it may call.

    Attributes:
        model: The model's name as the request gives it.
        turns: The messages, system messages apart.
        system: The system messages' text.
        tools: The tools offered; none where the request forbids them.
        must_call: Whether the request insists on a tool call.
    """

    model: str
    turns: tuple[Turn, ...]
    system: str = ""
    tools: tuple[OfferedTool, ...] = ()
    must_call: bool = False

    @cached_property
    def users(self) -> tuple[str, ...]:
        """What the user has said, oldest first."""
        return tuple(turn.text for turn in self.turns if turn.role == "user")

    @property
    def last_user(self) -> str:
        """The user's last message, or nothing."""
        return self.users[-1] if self.users else ""

    @property
    def previous_user(self) -> str:
        """The user's message before the last one, or nothing."""
        return self.users[-2] if len(self.users) > 1 else ""

    @cached_property
    def since_user(self) -> tuple[Turn, ...]:
        """What came after the user's last message: tool calls and their results."""
        for index in range(len(self.turns) - 1, -1, -1):
            if self.turns[index].role == "user":
                return self.turns[index + 1 :]
        return self.turns

    @property
    def rounds(self) -> int:
        """How many times tools have been called since the user's last message."""
        turns = self.since_user
        return sum(
            1
            for before, turn in zip((None, *turns), turns, strict=False)
            # Parallel calls come as one message in one API and as several in the other.
            if turn.calls and not (before is not None and before.calls)
        )

    @property
    def tool_results(self) -> tuple[str, ...]:
        """What the tools of the last round returned, in order."""
        results: list[str] = []
        for turn in reversed(self.since_user):
            if turn.role != "tool":
                break
            results.append(turn.text)
        return tuple(reversed(results))

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools that were called last."""
        names: list[str] = []
        for turn in reversed(self.since_user):
            if turn.calls:
                names = [*turn.calls, *names]
            elif names:
                break
        return tuple(names)

    @property
    def words(self) -> int:
        """The length of all that is said, in words; this is what the usage counts."""
        return sum(len(text.split()) for text in (self.system, *(t.text for t in self.turns)))

    @cached_property
    def fingerprint(self) -> str:
        """A short name for exactly this conversation."""
        told = [self.model, self.system, [(t.role, t.text, t.calls) for t in self.turns]]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:20]


class BadRequestError(ValueError):
    """A request that no OpenAI-compatible server would take."""


def from_chat(body: Mapping[str, Any]) -> Conversation:
    """Read a request to ``/v1/chat/completions``."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("'messages' must be a non-empty list")
    system: list[str] = []
    turns: list[Turn] = []
    for message in _dicts(cast("list[Any]", messages), "messages"):
        text = _text(message.get("content"))
        role = message.get("role")
        if role in {"system", "developer"}:
            system.append(text)
        elif role == "assistant":
            calls = _dicts(message.get("tool_calls") or [], "tool_calls")
            turns.append(Turn("assistant", text, tuple(_called(call) for call in calls)))
        elif role in {"user", "tool"}:
            if not _is_reminder(role, text):
                turns.append(Turn(role, text))
        else:
            raise BadRequestError(f"unknown role {role!r}")
    return _conversation(body, system, turns)


def from_responses(body: Mapping[str, Any]) -> Conversation:
    """Read a request to ``/v1/responses``."""
    given: object = body.get("input")
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise BadRequestError("'input' must be a string or a non-empty list")
    items = _dicts(cast("list[Any]", given), "input")
    system = [str(body["instructions"])] if body.get("instructions") else []
    turns: list[Turn] = []
    for item in items:
        kind = item.get("type", "message")
        if kind == "function_call":
            turns.append(Turn("assistant", "", (str(item.get("name", "")),)))
        elif kind == "function_call_output":
            turns.append(Turn("tool", _text(item.get("output"))))
        elif kind == "message":
            text, role = _text(item.get("content")), item.get("role")
            if role in {"system", "developer"}:
                system.append(text)
            elif role in {"user", "assistant"}:
                turns.append(Turn(role, text))
            else:
                raise BadRequestError(f"unknown role {role!r}")
        elif kind != "reasoning":
            raise BadRequestError(f"unknown item type {kind!r}")
    return _conversation(body, system, turns)


def _conversation(body: Mapping[str, Any], system: list[str], turns: list[Turn]) -> Conversation:
    choice = body.get("tool_choice", "auto")
    tools = [] if choice == "none" else _dicts(body.get("tools") or [], "tools")
    offered = [_tool(tool) for tool in tools if tool.get("type", "function") == "function"]
    if isinstance(choice, dict):
        chosen = cast("dict[str, Any]", choice)
        wanted = _called(chosen)
        offered = [tool for tool in offered if tool.name == wanted] or offered
    return Conversation(
        model=str(body.get("model") or "scripted"),
        turns=tuple(turns),
        system="\n".join(system),
        tools=tuple(offered),
        must_call=choice == "required" or isinstance(choice, dict),
    )


def _tool(tool: Mapping[str, Any]) -> OfferedTool:
    described = cast("Mapping[str, Any]", tool.get("function") or tool)
    return OfferedTool(
        str(described.get("name", "")),
        str(described.get("description") or ""),
        cast("Mapping[str, Any]", described.get("parameters") or {}),
    )


def _called(call: Mapping[str, Any]) -> str:
    return str((call.get("function") or call).get("name", ""))


def _is_reminder(role: str, text: str) -> bool:
    """Whether a framework says it in the user's place, such as what time it is.

    It is passed over: nobody said it, and with the time in it no two conversations were the same.
    """
    told = text.strip()
    return role == "user" and told.startswith(_REMINDER[0]) and told.endswith(_REMINDER[1])


def _text(content: object) -> str:
    """Take the text out of a content, which is a string or a list of parts."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise BadRequestError("a content must be a string or a list of parts")
    parts = _dicts(cast("list[Any]", content), "content")
    return "".join(str(part.get("text") or "") for part in parts)


def _dicts(items: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(items, list):
        raise BadRequestError(f"{name!r} must be a list")
    found = cast("list[Any]", items)
    if not all(isinstance(item, dict) for item in found):
        raise BadRequestError(f"{name!r} must hold objects")
    return cast("list[dict[str, Any]]", found)
