"""A chat's settings: which the app offers, what they may be, and how the agent is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.events import AgentRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentscope_runtime_nb.app import AgentApp
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


def merged(now: Mapping[str, Any], values: Mapping[str, Any], app: AgentApp) -> dict[str, Any]:
    """Settings with new values.

    Args:
        now: Those that were chosen before.
        values: New values; None takes one back to the app's own.
        app: Says what it offers.

    Raises:
        AppError: PARAMETER_VALIDATION: the app does not offer this; the text says what it does.
    """
    chosen = dict(now)
    for name, value in values.items():
        own = value is None or (name == "model" and value == getattr(app.model, "name", ""))
        if own:
            chosen.pop(name, None)
        else:
            chosen[name] = app.offers.check(name, value)
    return chosen
