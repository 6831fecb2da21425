"""Approvals: a tool call that a person has to allow before it is made.

Nothing waits in memory. A run that needs a decision says what it wants to do and ends; the decision
is the next request's input, also after a restart. What is still open, was decided, or is allowed
for the whole session is read from the conversation alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from agentscope_runtime_nb.events.wire import DataContent, Message, MessageType, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


class Decision(NamedTuple):
    """What was decided about one request.

    Attributes:
        approve: Whether the call may be made.
        reason: Why, in a person's words.
        always: Whether the tool may be called from now on in this session without asking.
    """

    approve: bool
    reason: str | None = None
    always: bool = False


def approval_response(
    approval_request_id: str, approve: bool, reason: str | None = None, *, always: bool = False
) -> Message:
    """The message that answers a request.

    Args:
        approval_request_id: The request's `id`.
        approve: Whether the call may be made.
        reason: Why; a refusal's reason is told to the agent.
        always: Allow the tool for the rest of the session.
    """
    data = {
        "approval_request_id": approval_request_id,
        "approve": approve,
        "reason": reason,
        "always": always and approve,
    }
    return Message(
        type=MessageType.MCP_APPROVAL_RESPONSE,
        role="user",
        status=RunStatus.COMPLETED,
        content=[DataContent(data=data, status=RunStatus.COMPLETED)],
    )


def pending(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Requests that were neither answered nor talked past, in order.

    Args:
        messages: A conversation, oldest first. A user's message of another kind withdraws what
            was open before it.

    Returns:
        Their payloads: `id`, `call_id`, `name`, `arguments` (JSON text), `server_label`.
    """
    waiting: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message.type == MessageType.MCP_APPROVAL_REQUEST:
            waiting |= {payload["id"]: payload for payload in _payloads(message, "id")}
        elif message.type == MessageType.MCP_APPROVAL_RESPONSE:
            for payload in _payloads(message, "approval_request_id"):
                waiting.pop(payload["approval_request_id"], None)
        elif message.type == MessageType.MESSAGE and message.role == "user":
            waiting.clear()
    return list(waiting.values())


def decisions(messages: Iterable[Message]) -> dict[str, Decision]:
    """What was decided, by the id of the request; the first answer counts."""
    found: dict[str, Decision] = {}
    for message in messages:
        if message.type == MessageType.MCP_APPROVAL_RESPONSE:
            for payload in _payloads(message, "approval_request_id"):
                approve = payload.get("approve") is True
                always = approve and payload.get("always") is True
                reason = payload.get("reason")
                decision = Decision(approve, str(reason) if reason else None, always)
                found.setdefault(payload["approval_request_id"], decision)
    return found


def always_allowed(messages: Iterable[Message]) -> set[tuple[str, str]]:
    """The tools that were allowed for the whole session, as pairs of server label and name."""
    known = list(messages)
    lasting = {ident for ident, decision in decisions(known).items() if decision.always}
    return {
        (payload.get("server_label") or "", payload["name"])
        for message in known
        if message.type == MessageType.MCP_APPROVAL_REQUEST
        for payload in _payloads(message, "id")
        if payload["id"] in lasting
    }


def _payloads(message: Message, key: str) -> list[dict[str, Any]]:
    datas = [c.data for c in message.content or () if isinstance(c, DataContent) and c.data]
    return [data for data in datas if isinstance(data.get(key), str)]
