"""What an agent may yield besides strings: small native parts that become events.

They are what our own agent speaks, and the shortest way for plain Python to say more than text:

    yield Reasoning("hm, …")
    yield ToolCall("c1", "add", {"a": 1, "b": 2})
    yield ToolResult("c1", "add", 3)
    yield Usage(input_tokens=12, output_tokens=7)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Text:
    """A piece of the answer, appended to what was said before."""

    delta: str
    agent: str | None = None


@dataclass(slots=True)
class Reasoning:
    """A piece of the agent's thoughts."""

    delta: str
    agent: str | None = None


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


@dataclass(slots=True)
class ToolResult:
    """What a tool returned; anything that has a JSON form, else its `str`."""

    call_id: str
    name: str
    output: Any = None
    failed: bool = False
    agent: str | None = None


@dataclass(slots=True)
class Usage:
    """Tokens of one model call; a run sums them."""

    input_tokens: int = 0
    output_tokens: int = 0


Part = Text | Reasoning | ToolCall | ToolResult | Usage
