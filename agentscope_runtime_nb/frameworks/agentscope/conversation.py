"""One turn of a session with an agent, or a team of them, that remembers the turns before.

AgentScope keeps what an agent remembers in its `AgentState`, to be saved and loaded for each
session. Here it is kept with the session's last turn. Where that has none, since turns were taken
back or another handler answered it, the conversation is read from the session's messages.
"""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from agentscope.agent import Agent
from agentscope.event import ConfirmResult, ToolResultEndEvent, UserConfirmResultEvent
from agentscope.event import ExternalExecutionResultEvent as ResultsEvent
from agentscope.event import UserInterruptEvent as InterruptEvent
from agentscope.message import ToolCallBlock, ToolCallState, ToolResultBlock
from agentscope.state import AgentState
from pydantic import ValidationError

from agentscope_runtime_nb.app.errors import AppError, DefinitionError
from agentscope_runtime_nb.events import decisions
from agentscope_runtime_nb.frameworks.agentscope.events import Resumed, Voice
from agentscope_runtime_nb.frameworks.agentscope.messages import (
    close_calls,
    results_in,
    to_agentscope,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from agentscope.permission import PermissionRule
    from agentscope.pipeline import PipelineProtocol

    from agentscope_runtime_nb.events import AgentRequest, Decision, Message

_locks: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()
_made: WeakKeyDictionary[Agent, AgentState] = WeakKeyDictionary()
"""What agents were made with, since one that is used again has known a session."""


async def reply(agent: Agent | PipelineProtocol, request: AgentRequest) -> AsyncGenerator[Any]:
    """Answer a request with an agent or a pipeline, which remembers the session.

    What a person has decided about a tool call that waited for it goes on with that call; a text
    in its place means no. Give each request an agent of its own; one that several share answers
    them one after another.

    Args:
        agent: Made with its model and tools; what it remembers is put into it here.
        request: The handler's.

    Yields:
        AgentScope's events, for the framework `agentscope`.

    Raises:
        AppError: APPROVAL_NOT_PENDING, a decision about a call that does not wait for one.
    """
    lock = _locks.setdefault(agent, asyncio.Lock())
    async with lock:
        turn = _Turn(agent, request)
        await turn.remember()
        try:
            async for event in turn.events():
                yield event
        finally:
            turn.keep()


class _Turn:
    """A request being answered by an agent, or by several that a pipeline holds."""

    def __init__(self, agent: Agent | PipelineProtocol, request: AgentRequest) -> None:
        self._stream: Any = agent.reply_stream
        # Pipelines lack the option, which is there for structured outputs.
        self._whole = {"yield_final_msg": True} if isinstance(agent, Agent) else {}
        self._request = request
        self._agents = {found.name: found for found in _agents_of(agent)}
        if not self._agents:
            raise DefinitionError(
                "reply() takes AgentScope's Agent, or a pipeline that holds some, not a "
                f"{type(agent).__name__}. Yield what that gives you, without reply()."
            )
        self._first = next(iter(self._agents.values()))
        self._reasons: dict[str, str] = {}
        for found in self._agents.values():
            # Else a stop would look like an answer.
            told = {"interruption_raise_cancelled_error": True}
            found.react_config = found.react_config.model_copy(update=told)

    async def remember(self) -> None:
        """Put into the agents what they knew after the session's last turn."""
        kept = await self._request.recall()
        states = _states(kept) if kept else None
        for agent in self._agents.values():
            _put(deepcopy(_made.setdefault(agent, agent.state.model_copy(deep=True))), agent.state)
            agent.state.session_id = self._request.session_id or agent.state.session_id
        if states is None:
            await self._read(await self._request.history())
            return
        for name, state in states.items():
            if name in self._agents:
                _add(state, self._agents[name].state)

    def keep(self) -> None:
        """Keep what the agents know now with this turn."""
        for name, agent in self._agents.items():
            waiting = agent.state.has_awaiting_tool_calls(name)
            close_calls(agent.state.context, waiting=waiting)
        states = {name: agent.state.model_dump(mode="json") for name, agent in self._agents.items()}
        self._request.keep({"agentscope": states})

    async def events(self) -> AsyncGenerator[Any]:
        """Go on with what waited, then answer what was said."""
        if self._waiting():
            yield self._resumed()
        async for event in self._answered():
            yield event
        said = to_agentscope(self._request.input, name=self._first.name)
        if not said:
            return
        # A client that keeps the conversation itself sends what was answered before, too.
        past = max((n for n, msg in enumerate(said, 1) if msg.role == "assistant"), default=0)
        if self._waiting():
            async for event in self._stream(InterruptEvent(reply_id=self._first.state.reply_id)):
                yield event
        self._first.state.context.extend(said[:past])
        async for event in self._stream(said[past:], **self._whole):
            yield event

    async def _answered(self) -> AsyncGenerator[Any]:
        """What follows from decisions, and from results of tools that others executed."""
        given = decisions(self._request.input)
        results = results_in(self._request.input)
        found = False
        for agent, calls in self._waiting().items():
            decided = [
                self._confirmed(call, given[f"apr_{call.id}"])
                for call in calls
                if call.state == ToolCallState.ASKING and f"apr_{call.id}" in given
            ]
            brought = [results[call.id] for call in calls if call.id in results]
            ident = agent.state.reply_id
            if decided:
                event = UserConfirmResultEvent(reply_id=ident, confirm_results=decided)
            elif brought:
                event = ResultsEvent(reply_id=ident, execution_results=brought)
            else:
                continue
            found = True
            async for native in self._stream(event, **self._whole):
                self._explain(agent, native)
                yield native
        if given and not found:
            raise AppError("APPROVAL_NOT_PENDING", "No tool call is waiting for this decision.")

    def _confirmed(self, call: ToolCallBlock, decision: Decision) -> ConfirmResult:
        if decision.reason and not decision.approve:
            self._reasons[call.id] = decision.reason
        rules = call.suggested_rules if decision.always else None
        return ConfirmResult(confirmed=decision.approve, tool_call=call, rules=rules)

    def _explain(self, agent: Agent, event: Any) -> None:
        """Tell the model why a call was refused; AgentScope has no field for it."""
        if not isinstance(event, ToolResultEndEvent) or event.tool_call_id not in self._reasons:
            return
        reason = self._reasons.pop(event.tool_call_id)
        for block in agent.state.context[-1].content:
            if isinstance(block, ToolResultBlock) and block.id == event.tool_call_id:
                block.output = f"{block.output} Their reason: {reason}"

    def _waiting(self) -> dict[Agent, list[ToolCallBlock]]:
        """Calls that wait for somebody, by agent."""
        asked = {a: a.state.get_awaiting_tool_calls(name) for name, a in self._agents.items()}
        return {agent: calls for agent, calls in asked.items() if calls}

    def _resumed(self) -> Resumed:
        waiting = self._waiting()
        every = [call for calls in waiting.values() for call in calls]
        replies = {
            agent.state.reply_id: Voice(agent=agent.name, parent=_assignment(agent, waiting))
            for agent in waiting
        }
        return Resumed(replies, {call.id: (call.name, call.input) for call in every})

    async def _read(self, history: list[Message]) -> None:
        """Tell the first agent what the messages alone tell."""
        agent, state = self._first, self._first.state
        told = to_agentscope(history, name=agent.name)
        lasting = {ident for ident, decision in decisions(history).items() if decision.always}
        for message in told:
            for call in message.get_content_blocks("tool_call"):
                call.suggested_rules = await self._rules(call)
                if f"apr_{call.id}" in lasting:
                    _allow(state, call.suggested_rules)
        state.context.extend(told)
        if told and told[-1].role == "assistant":
            state.reply_id = told[-1].id  # so that a reply that waits goes on

    async def _rules(self, call: ToolCallBlock) -> list[PermissionRule]:
        tool = await self._first.toolkit.get_tool(call.name)
        return await tool.generate_suggestions(json.loads(call.input)) if tool else []


def _agents_of(agent: Any) -> Iterator[Agent]:
    """An agent, or those that a pipeline holds: its own first, then the members of its team."""
    if isinstance(agent, Agent):
        yield agent
        return
    held = cast("dict[str, Any]", vars(agent)).values()
    yield from (value for value in held if isinstance(value, Agent))
    members = cast("dict[str, Any]", getattr(agent, "members", {}))
    yield from (member.agent for member in members.values())


def _states(kept: dict[str, Any]) -> dict[str, AgentState] | None:
    try:
        given = cast("dict[str, Any]", kept["agentscope"])
        return {name: AgentState.model_validate(state) for name, state in given.items()}
    except (KeyError, ValidationError):  # another handler's, or another version's
        return None


def _put(made: AgentState, state: AgentState) -> None:
    """Make a state what it was at first, in place, since others hold it and its permissions."""
    for name in AgentState.model_fields:
        if name != "permission_context":
            setattr(state, name, getattr(made, name))
    for name in type(made.permission_context).model_fields:
        setattr(state.permission_context, name, getattr(made.permission_context, name))


def _add(known: AgentState, state: AgentState) -> None:
    """Put in what was known; the permissions stay as the code says, with what was allowed since."""
    for name in AgentState.model_fields:
        if name not in ("permission_context", "session_id"):
            setattr(state, name, getattr(known, name))
    for rules in known.permission_context.allow_rules.values():
        _allow(state, rules)


def _allow(state: AgentState, rules: list[PermissionRule]) -> None:
    allowed = state.permission_context.allow_rules
    for rule in rules:
        known = allowed.setdefault(rule.tool_name, [])
        if rule not in known:
            known.append(rule)


def _assignment(agent: Agent, waiting: dict[Agent, list[ToolCallBlock]]) -> str | None:
    """The call of another agent that set this one to work."""
    for other, calls in waiting.items():
        for call in calls if other is not agent else ():
            if call.state == ToolCallState.SUBMITTED and json.dumps(agent.name) in call.input:
                return call.id
    return None
