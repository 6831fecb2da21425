"""OpenAI's Responses API: POST /compatible-mode/v1/responses, streaming and not.

A turn's session is `conversation`, or that of `previous_response_id`, or a new one.
Source: the event and object models of OpenAI's own SDK, which the tests parse every event with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json
from starlette.responses import Response

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import AgentRequest, encode
from agentscope_runtime_nb.protocols.responses_items import (
    item_of,
    messages_of,
    text_of,
    usage_of,
)
from agentscope_runtime_nb.protocols.streaming import (
    GONE,
    RunStream,
    RunWhole,
    admitted,
    principal_of,
    read_body,
)

if TYPE_CHECKING:
    from agentscope_runtime_nb.app import AgentApp, Run

PATH = "/compatible-mode/v1/responses"
_STATUS = {"canceled": "cancelled", "created": "queued"}


class ResponsesRequest(BaseModel):
    """What a client of the Responses API sends; fields without a use here are kept."""

    model_config = ConfigDict(extra="allow")

    input: str | list[dict[str, Any]]
    model: str | None = None
    instructions: str | None = None
    stream: bool = False
    conversation: str | dict[str, Any] | None = None
    previous_response_id: str | None = None
    user: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    metadata: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None


def mount(app: AgentApp) -> None:
    """Add the route to an app."""

    async def responses(request: Request) -> Response:
        asked = await read_body(request, app, ResponsesRequest)
        run = await admitted(app, _agent_request(app, asked, principal_of(request)), request)
        if run is None:
            return Response(status_code=GONE)
        translation = Translation(run, asked)
        if asked.stream:
            return RunStream(run, translation.encode)
        return RunWhole(run, translation.encode_whole)

    app.add_api_route(PATH, responses, methods=["POST"], tags=["OpenAI"], summary="Responses API")


class Translation:
    """One run's events as the Responses API's."""

    def __init__(self, run: Run, asked: ResponsesRequest) -> None:
        self._run = run
        self._asked = asked
        self._seq = 0
        self._indexes: dict[str, int] = {}
        self._kinds: dict[str, str] = {}
        self._arguments: dict[str, str] = {}

    def encode(self, _seq: int, frame: bytes) -> bytes:
        """The SSE frames of one event; none for what has no counterpart."""
        event = from_json(frame)
        return b"".join(
            b"event: %b\ndata: %b\n\n" % (translated["type"].encode(), encode(translated))
            for translated in self._translate(event)
        )

    def encode_whole(self, final: dict[str, Any]) -> bytes:
        """The Response object of the final event."""
        return encode(self.response(final))

    def response(self, event: dict[str, Any]) -> dict[str, Any]:
        """The Response object for a response event."""
        status, error = event["status"], event["error"]
        return {
            "id": event["id"],
            "object": "response",
            "created_at": event["created_at"],
            "completed_at": event["completed_at"],
            "status": _STATUS.get(status, status),
            "error": error and {"code": "server_error", "message": error["message"]},
            "incomplete_details": None,
            "instructions": self._asked.instructions,
            "max_output_tokens": self._asked.max_output_tokens,
            "metadata": self._asked.metadata or {},
            "model": self._asked.model or "",
            "output": [item_of(message) for message in event["output"] or ()],
            "parallel_tool_calls": True,
            "previous_response_id": self._asked.previous_response_id,
            "conversation": {"id": self._run.session_id},
            "temperature": self._asked.temperature,
            "tool_choice": "auto",
            "tools": self._asked.tools or [],
            "top_p": self._asked.top_p,
            "usage": usage_of(event["usage"]) if event["output"] is not None else None,
        }

    def _translate(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        match event["object"]:
            case "response":
                name = event["status"] if event["status"] != "canceled" else "incomplete"
                return [self._event(f"response.{name}", response=self.response(event))]
            case "message":
                return self._message(event)
            case _:
                return self._content(event)

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        event = {"type": kind, "sequence_number": self._seq, **fields}
        self._seq += 1
        return event

    def _message(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        ident = message["id"]
        if message["status"] == "in_progress":
            index = self._indexes[ident] = len(self._indexes)
            self._kinds[ident] = message["type"]
            if message["type"] not in ("message", "reasoning"):
                return []  # what it calls is not known yet; it is added with its first content
            added = self._event(
                "response.output_item.added", output_index=index, item=item_of(message)
            )
            return [added, self._part(ident, "added", "")]
        index = self._indexes[ident]
        events: list[dict[str, Any]] = []
        if message["status"] != "completed" and message["type"] in ("message", "reasoning"):
            text = "".join(c.get("text") or "" for c in message["content"])
            events += self._text_done(ident, text)
        done = item_of(message)
        return [*events, self._event("response.output_item.done", output_index=index, item=done)]

    def _content(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        ident = content["msg_id"]
        kind = self._kinds[ident]
        if kind in ("message", "reasoning"):
            if content["delta"]:
                name = "output_text" if kind == "message" else "reasoning_text"
                place = self._place(ident)
                extra: dict[str, Any] = {"logprobs": []} if kind == "message" else {}
                delta = content["text"]
                return [self._event(f"response.{name}.delta", **place, delta=delta, **extra)]
            if content["status"] == "completed":
                return self._text_done(ident, text_of(content))
        return self._call(ident, content)

    def _call(self, ident: str, content: dict[str, Any]) -> list[dict[str, Any]]:
        call: dict[str, Any] = content.get("data") or {}
        index = self._indexes[ident]
        events: list[dict[str, Any]] = []
        if ident not in self._arguments:
            self._arguments[ident] = ""
            begun = content | {"data": call | {"arguments": ""}}
            message = {"id": ident, "type": self._kinds[ident], "status": "in_progress"}
            item = item_of(message | {"content": [begun]})
            events.append(self._event("response.output_item.added", output_index=index, item=item))
        if not self._kinds[ident].endswith("call"):
            return events
        place = {"item_id": ident, "output_index": index}
        sent, whole = self._arguments[ident], call.get("arguments", "")
        if whole.startswith(sent) and whole != sent:
            delta = whole[len(sent) :]
            kind = "response.function_call_arguments.delta"
            events.append(self._event(kind, **place, delta=delta))
        self._arguments[ident] = whole
        if content["status"] != "in_progress":
            kind = "response.function_call_arguments.done"
            events.append(self._event(kind, **place, arguments=whole, name=call.get("name", "")))
        return events

    def _text_done(self, ident: str, text: str) -> list[dict[str, Any]]:
        kind = self._kinds[ident]
        name = "output_text" if kind == "message" else "reasoning_text"
        extra: dict[str, Any] = {"logprobs": []} if kind == "message" else {}
        done = self._event(f"response.{name}.done", **self._place(ident), text=text, **extra)
        return [done, self._part(ident, "done", text)]

    def _part(self, ident: str, what: str, text: str) -> dict[str, Any]:
        if self._kinds[ident] == "message":
            part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
        else:
            part = {"type": "reasoning_text", "text": text}
        return self._event(f"response.content_part.{what}", **self._place(ident), part=part)

    def _place(self, ident: str) -> dict[str, Any]:
        return {"item_id": ident, "output_index": self._indexes[ident], "content_index": 0}


def _agent_request(app: AgentApp, asked: ResponsesRequest, principal: str) -> AgentRequest:
    conversation = asked.conversation
    session = conversation.get("id") if isinstance(conversation, dict) else conversation
    user = asked.user
    if session is None and asked.previous_response_id is not None:
        previous = app.runs.get(asked.previous_response_id, principal)
        if previous is None:
            raise AppError(
                "RESOURCE_NOT_FOUND",
                f"There is no response {asked.previous_response_id} here, or no longer. Name the "
                "conversation instead.",
            )
        session, user = previous.session_id, previous.user_id
    messages = messages_of(asked.input)
    if asked.instructions:
        messages.insert(0, {"role": "system", "content": asked.instructions})
    extra = asked.model_extra or {}
    return AgentRequest.model_validate(
        {
            **extra,
            "input": messages,
            "stream": asked.stream,
            "session_id": session,
            "user_id": user,
            "model": asked.model,
            "temperature": asked.temperature,
            "top_p": asked.top_p,
            "max_tokens": asked.max_output_tokens,
            "tools": asked.tools,
            "id": None,
        }
    )
