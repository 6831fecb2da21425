"""Our own small agent: a system prompt, tools from Python functions, and any OpenAI-like model.

agent = Agent(system="You are Friday.", model="auto", tools=[add])

@app.query(framework="builtin")
async def friday(msgs, request):
async for part in agent.stream(msgs, await request.history()):
yield part
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app.errors import AppError, DefinitionError
from agentscope_runtime_nb.events import (
    ApprovalRequest,
    DataContent,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    always_allowed,
    decisions,
    encode,
    pending,
    user_message,
)
from agentscope_runtime_nb.frameworks import rich
from agentscope_runtime_nb.frameworks.chat_messages import to_chat
from agentscope_runtime_nb.frameworks.functions import FunctionTool, ToolError
from agentscope_runtime_nb.frameworks.plain import adapt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from agentscope_runtime_nb.events import AgentRequest, Decision, Part

__all__ = ["Agent", "adapt"]

_SAMPLING = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "max_tokens",
    "stop",
    "seed",
)


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments arrive in pieces."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""

    def as_chat(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": self.arguments or "{}"}
        return {"id": self.call_id, "type": "function", "function": function}


@dataclass(slots=True)
class _Turn:
    """What one turn needs: the model asked, its options, and the conversation so far."""

    model: Any
    options: dict[str, Any]
    chat: list[dict[str, Any]]
    allowed: set[tuple[str, str]]


class Agent:
    """A tool-calling agent: ask the model, run the tools it calls, until it answers.

    Args:
        system: The system prompt.
        model: A `Model`, or a name that `model()` takes.
        tools: Typed Python functions with docstrings; several calls at once run in parallel.
        confirm: Names of tools that a person has to allow each time, beside those marked so.
        max_steps: Model calls a turn; the last one is made without tools, so that it answers.
        **options: Further fields of each request to the model, such as `temperature`.

    Raises:
        DefinitionError: A tool cannot be described, one to confirm is not there, or the model
            cannot use tools.
    """

    def __init__(
        self,
        system: str = "",
        model: Any = "auto",
        tools: Sequence[Callable[..., Any]] = (),
        *,
        confirm: Sequence[str] = (),
        max_steps: int = 8,
        **options: Any,
    ) -> None:
        self.system = system.strip()
        self.model = _named_model(model) if isinstance(model, str) else model
        self.tools = {tool.name: tool for tool in map(FunctionTool, tools)}
        for name in confirm:
            if name not in self.tools:
                known = ", ".join(self.tools) or "none"
                raise DefinitionError(f"There is no tool {name!r} to confirm. Tools: {known}.")
            self.tools[name].confirm = True
        self.max_steps = max_steps
        self.options = options
        if self.tools and not getattr(self.model, "supports_tools", True):
            raise DefinitionError(
                f"{self.model.label} cannot use tools. Leave out tools=…, or use model='scripted' "
                "to learn how tools work, or a model of a service (set OPENAI_API_KEY)."
            )

    async def reply(self, msgs: list[Message], request: AgentRequest) -> AsyncIterator[Part]:
        """Answer a request with its session's history; the query handler of a prompt-only app.

        The model, if the app offers it, and the sampling options are the request's.
        """
        given = {name: getattr(request, name) for name in _SAMPLING}
        options = {name: value for name, value in given.items() if value is not None}
        history = await request.history()
        async for part in self.stream(msgs, history, model=request.chosen_model, **options):
            yield part

    async def stream(
        self,
        msgs: Sequence[Message],
        history: Sequence[Message] = (),
        *,
        model: Any = None,
        **options: Any,
    ) -> AsyncIterator[Part]:
        """Answer.

        Args:
            msgs: This turn's messages; or the answers to what the last turn wanted to be allowed.
            history: The conversation before it.
            model: Another model, for this turn.
            **options: Further fields of this turn's requests to the model.

        Yields:
            Text, thoughts, tool calls with growing arguments, their results, approval requests
            (after which the turn is over) and usage.

        Raises:
            AppError: APPROVAL_NOT_PENDING, when an answer is to nothing that was asked.
        """
        decided: list[Message] = []
        if answers := decisions(msgs):
            async for part in self._decided(answers, msgs, history):
                if isinstance(part, ToolResult) and part.parent is None:
                    decided.append(_result_message(part))
                yield part
            known = [*history, *decided, *msgs]
            if pending(known):
                return  # the rest has to be decided as well
        known = [*history, *decided, *msgs]
        chat = to_chat(known)
        if self.system:
            chat.insert(0, {"role": "system", "content": self.system})
        turn = _Turn(model or self.model, options, chat, always_allowed(known))
        async for part in self._steps(turn):
            yield part

    def as_tool(self, name: str, description: str) -> Callable[..., AsyncIterator[Part]]:
        """Make the agent a tool of another one; what it does shows inside the call.

        Args:
            name: What the other agent calls it.
            description: When to use it.

        Raises:
            DefinitionError: One of its tools wants to be confirmed; such a tool has to be one of
                the agent that people talk to.
        """
        confirmed = [tool.name for tool in self.tools.values() if tool.confirm]
        if confirmed:
            raise DefinitionError(
                f"{name} cannot be a tool: its own tool {confirmed[0]}() wants to be confirmed. "
                f"Give {confirmed[0]} to the agent that uses {name} instead."
            )

        async def ask(question: str) -> AsyncIterator[Part]:
            async for part in self.stream([user_message(question)]):
                if not isinstance(part, Usage) and part.agent is None:
                    part = replace(part, agent=name)  # noqa: PLW2901 - the same, signed
                yield part

        ask.__name__ = ask.__qualname__ = name
        ask.__doc__ = f"{description}\n\nArgs:\n    question: All that it needs to know."
        ask.__annotations__ = {"question": str}
        return ask

    async def _steps(self, turn: _Turn) -> AsyncIterator[Part]:
        """Ask the model and run what it calls, until it answers or needs a decision."""
        for step in range(1, self.max_steps + 1):
            calls: dict[int, _Call] = {}
            said: list[str] = []
            use_tools = bool(self.tools) and step < self.max_steps
            async for part in self._ask(turn, calls, said, use_tools=use_tools):
                yield part
            if not calls:
                return
            asked = [calls[index] for index in sorted(calls)]
            turn.chat.append(
                {
                    "role": "assistant",
                    "content": "".join(said) or None,
                    "tool_calls": [call.as_chat() for call in asked],
                }
            )
            for call in asked:
                yield ToolCall(call.call_id, call.name, call.arguments)
            held = [call for call in asked if self._is_held(call, turn.allowed)]
            results: dict[str, ToolResult] = {}
            async for part in self._run_tools([call for call in asked if call not in held]):
                if isinstance(part, ToolResult) and part.parent is None:
                    results[part.call_id] = part
                yield part
            for call in held:
                yield ApprovalRequest(call.call_id, call.name, call.arguments or "{}")
            if held:
                return
            turn.chat.extend(_tool_message(results[call.call_id]) for call in asked)

    def _is_held(self, call: _Call, allowed: set[tuple[str, str]]) -> bool:
        """Whether a person has to be asked; not for a call that cannot be made anyway."""
        tool = self.tools.get(call.name)
        if tool is None or not tool.confirm or ("", call.name) in allowed:
            return False
        try:
            tool.check(call.arguments)
        except ToolError:
            return False
        return True

    async def _decided(
        self, answers: dict[str, Decision], msgs: Sequence[Message], history: Sequence[Message]
    ) -> AsyncIterator[Part]:
        """Make the calls that were allowed, and tell of those that were not."""
        open_requests = {payload["id"]: payload for payload in pending(history)}
        found = [
            (open_requests[ident], answers[ident]) for ident in answers if ident in open_requests
        ]
        if not found and all(message.type == "mcp_approval_response" for message in msgs):
            raise AppError(
                "APPROVAL_NOT_PENDING",
                "Nothing waits for this decision: it was made before, or the conversation went on.",
            )
        run: list[_Call] = []
        for payload, decision in found:
            call = _Call(payload["call_id"], payload["name"], payload["arguments"])
            if decision.approve:
                run.append(call)
                continue
            why = f" Their reason: {decision.reason}" if decision.reason else ""
            refusal = {"error": f"The user did not allow this call.{why}"}
            yield ToolResult(call.call_id, call.name, refusal, failed=True)
        async for part in self._run_tools(run):
            yield part

    async def _ask(
        self, turn: _Turn, calls: dict[int, _Call], said: list[str], *, use_tools: bool
    ) -> AsyncIterator[Part]:
        """One model call: yields what it says, fills `calls` and `said`."""
        model = turn.model
        client = await model.client()
        request: dict[str, Any] = {
            **getattr(model, "options", {}),
            **self.options,
            **turn.options,
            "model": model.name,
            "messages": turn.chat,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if use_tools:
            request["tools"] = [tool.specification() for tool in self.tools.values()]
        async with await client.chat.completions.create(**request) as stream:
            async for chunk in stream:
                if chunk.usage is not None:
                    yield _usage(model, chunk.usage)
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

    async def _run_tools(self, calls: list[_Call]) -> AsyncIterator[Part]:
        """Run calls side by side; what they say and their results come as they are ready."""
        said: asyncio.Queue[Part | None] = asyncio.Queue()

        async def run(call: _Call) -> None:
            async for part in self._run_tool(call):
                said.put_nowait(part)

        # All are waited for, also when one fails in a way that no tool may.
        everything = asyncio.gather(*map(run, calls), return_exceptions=True)
        everything.add_done_callback(lambda _: said.put_nowait(None))
        try:
            while (part := await said.get()) is not None:
                yield part
            for failure in everything.result():
                if failure is not None:
                    raise failure
        finally:
            everything.cancel()
            await asyncio.wait([everything])

    async def _run_tool(self, call: _Call) -> AsyncIterator[Part]:
        tool = self.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.tools) or "none"
            error = f"There is no tool {call.name!r}. Tools: {known}."
            yield ToolResult(call.call_id, call.name, {"error": error}, failed=True)
            return
        try:
            async for part in tool.steps(call.call_id, call.arguments):
                if isinstance(part, ToolResult):
                    part.output = await rich.shown(part.output) or part.output
                yield part
        except Exception as error:  # noqa: BLE001 - the model is told, and may do better
            text = (
                str(error) if isinstance(error, ToolError) else f"{type(error).__name__}: {error}"
            )
            yield ToolResult(call.call_id, call.name, {"error": text}, failed=True)


def _usage(model: Any, used: Any) -> Usage:
    given, made = used.prompt_tokens, used.completion_tokens
    cost = model.cost(given, made) if hasattr(model, "cost") else None
    return Usage(given, made, cost, getattr(model, "context_window", None))


def _grow(calls: dict[int, _Call], piece: Any) -> _Call:
    call = calls.setdefault(piece.index, _Call())
    call.call_id = call.call_id or piece.id or f"call_{piece.index}"
    if piece.function is not None:
        call.name = call.name or piece.function.name or ""
        call.arguments += piece.function.arguments or ""
    return call


def _tool_message(result: ToolResult) -> dict[str, Any]:
    return {
        "role": "tool",
        "tool_call_id": result.call_id,
        "content": encode(_read(result.output)).decode(),
    }


def _read(output: Any) -> Any:
    return output.text if isinstance(output, rich.Shown) else output


def _result_message(result: ToolResult) -> Message:
    """A result as the history will have it."""
    output = _tool_message(result)["content"]
    data = {"call_id": result.call_id, "name": result.name, "output": output}
    return Message(type="plugin_call_output", role="tool", content=[DataContent(data=data)])


def _named_model(name: str) -> Any:
    from agentscope_runtime_nb.models import model

    return model(name)
