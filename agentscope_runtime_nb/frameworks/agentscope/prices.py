"""What a model call cost, where the model is one that `chat_model` made.

AgentScope's events name the model and nothing else of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from agentscope_runtime_nb.models import Model

_known: WeakValueDictionary[str, Model] = WeakValueDictionary()


def know(model: Model) -> None:
    """Remember who serves a model."""
    _known[model.name] = model


def of(name: str, input_tokens: int, output_tokens: int) -> tuple[float | None, int | None]:
    """A call's cost in US dollars, and how many tokens the model can take; None where unknown."""
    model = _known.get(name)
    if model is None:
        return None, None
    return model.cost(input_tokens, output_tokens), model.context_window
