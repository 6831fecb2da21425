"""A chat's settings: which the app offers, what they may be, and how the agent is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import AgentRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentscope_runtime_nb.notebook.turn import Turn

_OWN = (
    "model",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "max_tokens",
    "stop",
    "n",
    "seed",
)
"""Settings that a request has a field for; the others travel in `request.settings`."""


def request(turn: Turn, session_id: str, user_id: str = "") -> AgentRequest:
    """What the agent is asked in a turn."""
    own = {name: value for name, value in turn.settings.items() if name in _OWN}
    rest = {name: value for name, value in turn.settings.items() if name not in _OWN}
    return AgentRequest.model_validate(
        {
            **own,
            "input": turn.input,
            "id": turn.run_id,
            "session_id": session_id,
            "user_id": user_id or None,
            "settings": rest or None,
        }
    )


def merged(
    now: Mapping[str, Any], values: Mapping[str, Any], offered: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings with new values.

    Args:
        now: Those that were chosen before.
        values: New values; None takes one back to the app's own.
        offered: What the app says of itself (`AgentApp.describe`).

    Raises:
        AppError: PARAMETER_VALIDATION: the app does not offer this; the text says what it does.
    """
    known = {setting["name"]: setting for setting in offered.get("settings", ())}
    models = [*offered.get("models", ()), offered.get("model", "")]
    known["model"] = {"kind": "choice", "choices": models}
    chosen = dict(now)
    for name, value in values.items():
        if value is None:
            chosen.pop(name, None)
            continue
        if name not in known:
            there = ", ".join(known)
            text = f"The agent has no setting {name!r}; it has {there}."
            raise AppError("PARAMETER_VALIDATION", text, field=name)
        _check(name, value, known[name])
        chosen[name] = value
    return chosen


def _check(name: str, value: Any, setting: Mapping[str, Any]) -> None:
    kind = setting.get("kind")
    if kind == "choice":
        choices: list[Any] = list(setting.get("choices") or ())
        if value not in choices:
            there = ", ".join(str(choice) for choice in choices if choice)
            text = f"{name} cannot be {value!r}; it may be {there}."
            raise AppError("PARAMETER_VALIDATION", text, field=name)
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {"number": number, "switch": isinstance(value, bool), "text": isinstance(value, str)}
    if not fits.get(str(kind), True):
        text = f"{name} has to be a {'yes or no' if kind == 'switch' else kind}, not {value!r}."
        raise AppError("PARAMETER_VALIDATION", text, field=name)
