"""Python functions as AgentScope's tools, beside its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentscope.mcp import MCPClient
from agentscope.message import TextBlock, ToolCallState, ToolResultState
from agentscope.permission import PermissionBehavior, PermissionDecision
from agentscope.tool import ToolBase, ToolChunk, Toolkit

from agentscope_runtime_nb.events import ToolResult, encode
from agentscope_runtime_nb.frameworks import rich
from agentscope_runtime_nb.frameworks.agentscope import aside
from agentscope_runtime_nb.frameworks.functions import FunctionTool, ToolError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from agentscope.state import AgentState


def toolkit(*tools: Callable[..., Any] | ToolBase | MCPClient, **options: Any) -> Toolkit:
    """Make a toolkit of functions and of AgentScope's own tools.

    A function of ours may be called without asking, unless it is marked `@tool(confirm=True)`;
    AgentScope's own tools keep their own permissions.

    Args:
        *tools: Typed functions with docstrings, AgentScope's tools, connected MCP clients.
        **options: More arguments of `Toolkit`, such as `skills_or_loaders`.

    Raises:
        DefinitionError: A function cannot be described to a model.
    """
    clients = [tool for tool in tools if isinstance(tool, MCPClient)]
    others = [tool for tool in tools if not isinstance(tool, MCPClient)]
    own = [tool if isinstance(tool, ToolBase) else _Function(tool) for tool in others]
    return Toolkit(tools=own, mcps=clients, **options)


class _Function(ToolBase):
    """A function: checked and called as by our own agent, a sync one in a thread."""

    is_concurrency_safe = True
    is_read_only = False
    is_state_injected = True  # which tells the call's id

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._tool = FunctionTool(function)
        self._taken: set[tuple[int, str]] = set()  # by state and call
        self.name = self._tool.name
        self.description = self._tool.description
        self.input_schema = self._tool.parameters

    async def check_permissions(self, *_args: Any, **_kwargs: Any) -> PermissionDecision:
        """Ask where the function is marked so."""
        ask = self._tool.confirm
        behavior = PermissionBehavior.ASK if ask else PermissionBehavior.ALLOW
        return PermissionDecision(behavior=behavior, message=f"{self.name} is a function.")

    async def call(self, _agent_state: AgentState, **arguments: Any) -> AsyncGenerator[ToolChunk]:  # pyright: ignore[reportIncompatibleMethodOverride] - AgentScope takes either
        """Call it; what it says meanwhile is laid aside."""
        call_id = self._call_id(_agent_state, arguments)
        said = aside.current.get()
        block = TextBlock(text="")  # one for all chunks, which AgentScope joins by its id
        try:
            async for part in self._tool.steps(call_id, json.dumps(arguments)):
                if not isinstance(part, ToolResult) or part.parent is not None:
                    if said is not None:
                        said.parts[call_id].append(part)
                        yield ToolChunk(content=[block])
                    continue
                shown = await rich.shown(part.output)
                if said is not None and shown is not None:
                    said.values[call_id] = shown
                text = shown.text if shown else part.output
                yield _chunk(block, text if isinstance(text, str) else encode(text).decode())
        except Exception as error:  # noqa: BLE001 - the model is told, and may do better
            kind = "" if isinstance(error, ToolError) else f"{type(error).__name__}: "
            yield _chunk(block, f"{kind}{error}", ToolResultState.ERROR)
        finally:
            self._taken.discard((id(_agent_state), call_id))

    def _call_id(self, state: AgentState, arguments: dict[str, Any]) -> str:
        """Which call this is. AgentScope does not say, so: the first that looks like it."""
        for block in reversed(state.context[-1].content if state.context else ()):
            if (
                block.type == "tool_call"
                and block.name == self.name
                and block.state == ToolCallState.ALLOWED
                and (id(state), block.id) not in self._taken
                and _same(block.input, arguments)
            ):
                self._taken.add((id(state), block.id))
                return block.id
        return ""


def _chunk(
    block: TextBlock, text: str, state: ToolResultState = ToolResultState.RUNNING
) -> ToolChunk:
    return ToolChunk(content=[TextBlock(id=block.id, text=text)], state=state)


def _same(given: str, arguments: dict[str, Any]) -> bool:
    try:
        return json.loads(given or "{}") == arguments
    except ValueError:
        return not arguments  # AgentScope has repaired what the model wrote
