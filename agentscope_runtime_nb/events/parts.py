"""What an agent may yield besides strings: small native parts that become events.

They are what our own agent speaks, and the shortest way for plain Python to say more than text:

    yield Reasoning("hm, …")
    yield ToolCall("c1", "add", {"a": 1, "b": 2})
    yield ToolResult("c1", "add", 3)
    yield Usage(input_tokens=12, output_tokens=7)

What happens in a tool call, as the words of a sub-agent do, names it by `parent`, its call id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Text:
    """A piece of the answer, appended to what was said before."""

    delta: str
    agent: str | None = None
    parent: str | None = None


@dataclass(slots=True)
class Reasoning:
    """A piece of the agent's thoughts."""

    delta: str
    agent: str | None = None
    parent: str | None = None


@dataclass(slots=True)
class ToolCall:
    """A call of a tool.

    Attributes:
        call_id: Ties the result to it.
        name: The tool.
        arguments: A dict, or the JSON text so far.
        done: False while the arguments are still arriving.
    """

    call_id: str
    name: str
    arguments: dict[str, Any] | str = ""
    done: bool = True
    agent: str | None = None
    parent: str | None = None


@dataclass(slots=True)
class ToolResult:
    """What a tool returned: what has a JSON form, what a notebook can show, else its `str`."""

    call_id: str
    name: str
    output: Any = None
    failed: bool = False
    agent: str | None = None
    parent: str | None = None


@dataclass(slots=True)
class ApprovalRequest:
    """Whether a tool call, reported before, may be made. The run then ends.

    The next request brings the answer, as `approval_response` makes it.
    """

    call_id: str
    name: str
    arguments: dict[str, Any] | str = ""
    server: str = ""
    agent: str | None = None
    parent: str | None = None


@dataclass(slots=True)
class Usage:
    """One model call; a run sums them.

    Attributes:
        input_tokens: What it was given.
        output_tokens: What it made.
        cost: In US dollars, where that is known.
        window: How many tokens the model can take at once, where that is known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    window: int | None = None


Part = Text | Reasoning | ToolCall | ToolResult | ApprovalRequest | Usage
