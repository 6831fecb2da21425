"""What an app offers to whoever talks to it: starters, slash commands, settings, models."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.app.errors import AppError, DefinitionError
from agentscope_runtime_nb.app.query import Handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agentscope_runtime_nb.events import AgentRequest

_NAME = re.compile(r"[A-Za-z][\w-]{0,39}")
_COMMAND = re.compile(r"/([\w-]+)(?:\s+|$)")


@dataclass(slots=True)
class Starter:
    """Something to begin a conversation with: a label, and what is said."""

    label: str
    text: str


@dataclass(slots=True)
class Setting:
    """A value that a person may change for a conversation.

    Attributes:
        name: What the handler finds it by, in `request.settings`.
        kind: `choice`, `number`, `text` or `switch`.
        choices: The values of a choice.
        default: The value until it is changed.
    """

    name: str
    kind: str
    choices: list[Any]
    default: Any

    @classmethod
    def of(cls, name: str, given: Any) -> Setting:
        """From what the app was given: a list of choices, or the default value.

        Raises:
            DefinitionError: The name or the value cannot be a setting.
        """
        if not _NAME.fullmatch(name):
            raise DefinitionError(f"{name!r} cannot be a setting's name: use letters and digits.")
        match given:
            case bool():
                return cls(name, "switch", [], given)
            case int() | float():
                return cls(name, "number", [], given)
            case str():
                return cls(name, "text", [], given)
            case [first, *_]:
                return cls(name, "choice", list(cast("Iterable[Any]", given)), first)
            case _:
                raise DefinitionError(
                    f"The setting {name} has to be a list of choices, a text, a number, or True "
                    f"or False; it is {given!r}."
                )

    def check(self, value: Any) -> Any:
        """The value, if it fits.

        Raises:
            AppError: PARAMETER_VALIDATION.
        """
        fits = {
            "choice": value in self.choices,
            "switch": isinstance(value, bool),
            "number": isinstance(value, (int, float)) and not isinstance(value, bool),
            "text": isinstance(value, str),
        }
        if fits[self.kind]:
            return value
        wanted = f"one of {self.choices}" if self.kind == "choice" else f"a {self.kind}"
        raise AppError(
            "PARAMETER_VALIDATION", f"The setting {self.name} is {wanted}.", field=self.name
        )


class Command:
    """A slash command: `/name rest` is given to a function instead of the query handler."""

    def __init__(self, name: str, description: str, function: Callable[..., Any]) -> None:
        name = name.lstrip("/")
        if not _NAME.fullmatch(name):
            raise DefinitionError(f"/{name} cannot be a command: use letters and digits.")
        self.name = name
        self.description = description or (function.__doc__ or "").strip().partition("\n")[0]
        self.handler = Handler(function, "a command is given its `text` and the `request`")


class Offers:
    """All of an app's.

    Args:
        starters: Texts, or pairs of label and text.
        settings: By name, a list of choices or a default value.
        models: Names that a request may choose from.
    """

    def __init__(
        self,
        starters: Sequence[str | tuple[str, str]] = (),
        settings: Mapping[str, Any] | None = None,
        models: Sequence[str] = (),
    ) -> None:
        self.starters = [
            Starter(given, given) if isinstance(given, str) else Starter(*given)
            for given in starters
        ]
        self.settings = [Setting.of(name, given) for name, given in (settings or {}).items()]
        self.models = list(models)
        self.commands: dict[str, Command] = {}

    def describe(self) -> dict[str, Any]:
        """As JSON, for whoever shows them."""
        return {
            "starters": [asdict(starter) for starter in self.starters],
            "commands": [
                {"name": command.name, "description": command.description}
                for command in self.commands.values()
            ],
            "settings": [asdict(setting) for setting in self.settings],
            "models": self.models,
        }

    def check(self, name: str, value: Any) -> Any:
        """A setting's value, or the name of a model, if that is offered.

        Raises:
            AppError: PARAMETER_VALIDATION; the text says what there is.
        """
        if name == "model":
            return Setting(name, "choice", self.models, None).check(value)
        for setting in self.settings:
            if setting.name == name:
                return setting.check(value)
        there = ", ".join(setting.name for setting in self.settings) or "none"
        text = f"There is no setting {name!r}; there is: {there}."
        raise AppError("PARAMETER_VALIDATION", text, field=name)

    def fill(self, request: AgentRequest) -> None:
        """Check a request's settings and add the defaults of those it leaves out.

        Raises:
            AppError: PARAMETER_VALIDATION, for a value that does not fit.
        """
        if not self.settings:
            return
        given = request.settings or {}
        own = {
            setting.name: setting.check(given[setting.name])
            if setting.name in given
            else setting.default
            for setting in self.settings
        }
        request.settings = given | own

    def command_of(self, request: AgentRequest) -> tuple[Command, str] | None:
        """The command that a request is, and the text after it."""
        if not self.commands or not request.input:
            return None
        text = request.input[-1].text.strip()
        found = _COMMAND.match(text)
        command = self.commands.get(found[1]) if found else None
        return (command, text[found.end() :]) if command and found else None
