"""What our tools say past AgentScope, whose events carry a tool's text and nothing richer.

A tool lays a part aside under its call's id and yields an empty chunk; the event that AgentScope
makes of that brings the adapter here, in the stream's order.
"""

from __future__ import annotations

from collections import defaultdict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentscope_runtime_nb.events import Part
    from agentscope_runtime_nb.frameworks.rich import Shown


@dataclass(slots=True)
class Aside:
    """One run's.

    Attributes:
        parts: Said and not yet written, by the call they happen in.
        values: What tools returned that a notebook can show, by call.
    """

    parts: defaultdict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))
    values: dict[str, Shown] = field(default_factory=dict[str, Any])


current: ContextVar[Aside | None] = ContextVar("aside", default=None)
"""That of the run in whose handler this is executed; None outside."""
