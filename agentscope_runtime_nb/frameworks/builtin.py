"""Our own small agent: a system prompt, tools from Python functions, and any OpenAI-like model.

agent = Agent(system="You are Friday.", model="auto", tools=[add])

@app.query(framework="builtin")
async def friday(msgs, request):
async for part in agent.stream(msgs, await request.history()):
yield part
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.events import Reasoning, Text, ToolCall, ToolResult, Usage, encode
from agentscope_runtime_nb.frameworks.chat_messages import to_chat
from agentscope_runtime_nb.frameworks.functions import FunctionTool, ToolError
from agentscope_runtime_nb.frameworks.plain import adapt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from agentscope_runtime_nb.events import AgentRequest, Message, Part

__all__ = ["Agent", "adapt"]


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments arrive in pieces."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""

    def as_chat(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": self.arguments or "{}"}
        return {"id": self.call_id, "type": "function", "function": function}


class Agent:
    """A tool-calling agent: ask the model, run the tools it calls, until it answers.

    Args:
        system: The system prompt.
        model: A `Model`, or a name that `model()` takes.
        tools: Typed Python functions with docstrings; several calls at once run in parallel.
        max_steps: Model calls a turn; the last one is made without tools, so that it answers.
        **options: Further fields of each request to the model, such as `temperature`.

    Raises:
        DefinitionError: A tool cannot be described, or the model cannot use tools.
    """

    def __init__(
        self,
        system: str = "",
        model: Any = "auto",
        tools: Sequence[Callable[..., Any]] = (),
        *,
        max_steps: int = 8,
        **options: Any,
    ) -> None:
        self.system = system.strip()
        self.model = _named_model(model) if isinstance(model, str) else model
        self.tools = {tool.name: tool for tool in map(FunctionTool, tools)}
        self.max_steps = max_steps
        self.options = options
        if self.tools and not getattr(self.model, "supports_tools", True):
            raise DefinitionError(
                f"{self.model.label} cannot use tools. Leave out tools=…, or use model='scripted' "
                "to learn how tools work, or a model of a service (set OPENAI_API_KEY)."
            )

    async def reply(self, msgs: list[Message], request: AgentRequest) -> AsyncIterator[Part]:
        """Answer a request with its session's history; the query handler of a prompt-only app."""
        async for part in self.stream(msgs, await request.history()):
            yield part

    async def stream(
        self, msgs: Sequence[Message], history: Sequence[Message] = ()
    ) -> AsyncIterator[Part]:
        """Answer.

        Args:
            msgs: This turn's messages.
            history: The conversation before it.

        Yields:
            Text, thoughts, tool calls with growing arguments, their results, and usage.
        """
        chat = to_chat([*history, *msgs])
        if self.system:
            chat.insert(0, {"role": "system", "content": self.system})
        for step in range(1, self.max_steps + 1):
            calls: dict[int, _Call] = {}
            said: list[str] = []
            use_tools = bool(self.tools) and step < self.max_steps
            async for part in self._ask(chat, calls, said, use_tools=use_tools):
                yield part
            if not calls:
                return
            asked = [calls[index] for index in sorted(calls)]
            chat.append(
                {
                    "role": "assistant",
                    "content": "".join(said) or None,
                    "tool_calls": [call.as_chat() for call in asked],
                }
            )
            for call in asked:
                yield ToolCall(call.call_id, call.name, call.arguments)
            results: dict[str, ToolResult] = {}
            async for result in self._run_tools(asked):
                results[result.call_id] = result
                yield result
            chat.extend(_tool_message(results[call.call_id]) for call in asked)

    async def _ask(
        self,
        chat: list[dict[str, Any]],
        calls: dict[int, _Call],
        said: list[str],
        *,
        use_tools: bool,
    ) -> AsyncIterator[Part]:
        """One model call: yields what it says, fills `calls` and `said`."""
        client = await self.model.client()
        request: dict[str, Any] = {
            **getattr(self.model, "options", {}),
            **self.options,
            "model": self.model.name,
            "messages": chat,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if use_tools:
            request["tools"] = [tool.specification() for tool in self.tools.values()]
        async with await client.chat.completions.create(**request) as stream:
            async for chunk in stream:
                if chunk.usage is not None:
                    yield Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                if not chunk.choices:
                    continue
                delta = chunk.choices[0].delta
                thought = getattr(delta, "reasoning_content", None) or getattr(
                    delta, "reasoning", None
                )
                if thought:
                    yield Reasoning(thought)
                if delta.content:
                    said.append(delta.content)
                    yield Text(delta.content)
                for piece in delta.tool_calls or ():
                    call = _grow(calls, piece)
                    yield ToolCall(call.call_id, call.name, call.arguments, done=False)

    async def _run_tools(self, calls: list[_Call]) -> AsyncIterator[ToolResult]:
        """Run calls side by side; results come as they are ready."""
        tasks = {asyncio.ensure_future(self._run_tool(call)) for call in calls}
        try:
            while tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_tool(self, call: _Call) -> ToolResult:
        tool = self.tools.get(call.name)
        try:
            if tool is None:
                known = ", ".join(self.tools) or "none"
                error = f"There is no tool {call.name!r}. Tools: {known}."
                return ToolResult(call.call_id, call.name, {"error": error}, failed=True)
            return ToolResult(call.call_id, call.name, await tool.call(call.arguments))
        except Exception as error:  # noqa: BLE001 - the model is told, and may do better
            text = (
                str(error) if isinstance(error, ToolError) else f"{type(error).__name__}: {error}"
            )
            return ToolResult(call.call_id, call.name, {"error": text}, failed=True)


def _grow(calls: dict[int, _Call], piece: Any) -> _Call:
    call = calls.setdefault(piece.index, _Call())
    call.call_id = call.call_id or piece.id or f"call_{piece.index}"
    if piece.function is not None:
        call.name = call.name or piece.function.name or ""
        call.arguments += piece.function.arguments or ""
    return call


def _tool_message(result: ToolResult) -> dict[str, Any]:
    content = encode(result.output).decode()
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _named_model(name: str) -> Any:
    from agentscope_runtime_nb.models import model

    return model(name)
