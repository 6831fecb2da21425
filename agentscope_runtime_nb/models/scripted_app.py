"""The routes of a scripted model, as one ASGI application, and its log of requests."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentscope_runtime_nb.models.conversation import (
    BadRequestError,
    Conversation,
    from_chat,
    from_responses,
)
from agentscope_runtime_nb.models.errors import ModelError
from agentscope_runtime_nb.models.script import Failure, Reply, Script, pieces
from agentscope_runtime_nb.models.wire_chat import ChatWire, error_object
from agentscope_runtime_nb.models.wire_responses import ResponsesWire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive, Scope, Send

_MAX_BODY = 32 << 20
_MAX_LOG = 1000
_CHAT = "/v1/chat/completions"
_RESPONSES = "/v1/responses"


@dataclass
class RequestRecord:
    """One request that a scripted server was sent.

    Attributes:
        path: The route.
        body: The request's JSON.
        stream: Whether the answer was to be streamed.
        last_user: The user's last message.
        status: The HTTP status of the answer, or 0 while there is none.
        sent: How many tokens of the answer have been sent.
        gone: Whether the client went away before the end.
        ended: When it was over, on the clock of `time.monotonic`; None while it runs.
    """

    path: str
    body: Mapping[str, Any]
    stream: bool = False
    last_user: str = ""
    status: int = 0
    sent: int = 0
    gone: bool = False
    ended: float | None = None
    _over: threading.Event = field(default_factory=threading.Event, repr=False)

    def wait(self, timeout: float = 10.0) -> bool:
        """Wait until the request is over; tell whether it is."""
        return self._over.wait(timeout)

    def finish(self) -> None:
        """Note that the request is over."""
        self.ended = time.monotonic()
        self._over.set()


class AbortableProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with the connection within reach of who has to cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the connection to each request that comes by it."""
        super().connection_made(transport)
        self.app = cast("Any", partial(self.app, transport=transport))


class ScriptedApp:
    """The routes, as one ASGI application."""

    def __init__(self, script: Script, key: str) -> None:
        self.records: deque[RequestRecord] = deque(maxlen=_MAX_LOG)
        self._script = script
        self._wanted = f"Bearer {key}".encode()

    async def __call__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        transport: asyncio.Transport | None = None,
    ) -> None:
        """Answer one request."""
        route = (scope["method"], scope["path"])
        if route == ("GET", "/health"):
            await JSONResponse({"status": "ok"})(scope, receive, send)
        elif not secrets.compare_digest(_authorization(scope), self._wanted):
            failure = Failure(401, "invalid_api_key", "This key is not the scripted model's.")
            await _refuse(failure)(scope, receive, send)
        elif route == ("GET", "/v1/models"):
            about = {"id": "scripted", "object": "model", "created": 0, "owned_by": "scripted"}
            listing = JSONResponse({"object": "list", "data": [about]})
            await listing(scope, receive, send)
        elif route in {("POST", _CHAT), ("POST", _RESPONSES)}:
            await self._answer(scope, receive, send, transport)
        else:
            failure = Failure(404, "not_found", f"There is no {route[0]} {route[1]} here.")
            await _refuse(failure)(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, transport: asyncio.Transport | None
    ) -> None:
        try:
            body = await _read(Request(scope, receive))
        except ClientDisconnect:
            return
        except BadRequestError as error:
            failure = Failure(400, "invalid_request", str(error))
            await _refuse(failure)(scope, receive, send)
            return
        record = RequestRecord(scope["path"], body, stream=bool(body.get("stream")))
        self.records.append(record)
        work = asyncio.create_task(self._work(record, scope, send, transport))
        watch = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            record.gone = not work.done()
        finally:
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)
            record.finish()
        work.result() if not work.cancelled() else None

    async def _work(
        self, record: RequestRecord, scope: Scope, send: Send, transport: asyncio.Transport | None
    ) -> None:
        try:
            conversation, wire = _understand(record)
            record.last_user = conversation.last_user
            reply = self._script.choose(conversation)
        except (BadRequestError, ModelError) as error:
            code = error.code if isinstance(error, ModelError) else "invalid_request"
            await _Sender(record, scope, send).refuse(Failure(400, code, str(error)))
            return
        except Exception as error:  # noqa: BLE001 - a function that somebody wrote for a lesson
            failure = Failure(500, "script_failed", f"{type(error).__name__}: {error}")
            await _Sender(record, scope, send).refuse(failure)
            return
        sender = _Sender(record, scope, send)
        exchange = _Exchange(reply, conversation, wire, sender)
        if await exchange.run() and transport is not None:
            transport.abort()
            await asyncio.sleep(0.01)  # lets the protocol see that the line is gone


class _Exchange:
    """One reply on its way to one client."""

    def __init__(
        self,
        reply: Reply,
        conversation: Conversation,
        wire: ChatWire | ResponsesWire,
        sender: _Sender,
    ) -> None:
        self._reply = reply
        self._wire = wire
        self._sender = sender
        self._written = 0
        self._read = conversation.words

    async def run(self) -> bool:
        """Send the reply; tell whether the connection is to be cut now."""
        reply, sender = self._reply, self._sender
        await asyncio.sleep(reply.wait)
        if reply.error is not None and reply.error.after is None:
            await sender.refuse(reply.error)
            return False
        stream = sender.record.stream
        if stream:
            await sender.open_stream()
            await sender.events(self._wire.start())
        async for events in self._paced():
            if stream:
                await sender.events(events)
            sender.record.sent += 1
        if reply.drop_after is not None:
            return True
        if reply.error is not None:
            if stream:
                await sender.events(self._wire.failure(reply.error))
                await sender.close_stream(b"")
            else:
                await sender.refuse(reply.error)
            return False
        usage = reply.usage or (self._read, self._written)
        if stream:
            await sender.events(self._wire.end(reply.finish, usage))
            await sender.close_stream(self._wire.done)
        else:
            await sender.whole(self._wire.whole(reply.finish, usage))
        return False

    async def _paced(self) -> AsyncIterator[list[dict[str, Any]]]:
        reply = self._reply
        ends = [reply.drop_after, reply.error.after if reply.error else None]
        end = min((at for at in ends if at is not None), default=None)
        for piece in pieces(reply):
            if self._written == end:
                return
            if self._written == reply.stall_after:
                await asyncio.sleep(reply.stall_seconds)
            # Without a pause the loop would never look whether the client is still there.
            await asyncio.sleep(reply.delay if self._written else 0)
            self._written += 1
            yield list(self._wire.piece(piece))


class _Sender:
    """Writes an answer, as server-sent events or as one JSON object."""

    def __init__(self, record: RequestRecord, scope: Scope, send: Send) -> None:
        self.record = record
        self._scope = scope
        self._send = send

    async def open_stream(self) -> None:
        self.record.status = 200
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def events(self, events: Any) -> None:
        frames = b"".join(_frame(event) for event in events)
        if frames:
            await self._send({"type": "http.response.body", "body": frames, "more_body": True})

    async def close_stream(self, last: bytes) -> None:
        await self._send({"type": "http.response.body", "body": last})

    async def whole(self, answer: dict[str, Any]) -> None:
        self.record.status = 200
        await JSONResponse(answer)(self._scope, _no_receive, self._send)

    async def refuse(self, failure: Failure) -> None:
        self.record.status = failure.status
        await _refuse(failure)(self._scope, _no_receive, self._send)


def _understand(record: RequestRecord) -> tuple[Conversation, ChatWire | ResponsesWire]:
    if record.path == _RESPONSES:
        conversation = from_responses(record.body)
        return conversation, ResponsesWire(conversation)
    conversation = from_chat(record.body)
    options = record.body.get("stream_options")
    usage = isinstance(options, dict) and bool(cast("Any", options).get("include_usage"))
    return conversation, ChatWire(conversation, include_usage=usage)


async def _read(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise BadRequestError("the request is too large")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise BadRequestError(f"the request is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequestError("the request must be a JSON object")
    return cast("dict[str, Any]", value)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _no_receive() -> Any:
    raise AssertionError("the request has been read")


def _frame(event: Mapping[str, Any]) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _authorization(scope: Scope) -> bytes:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return next((value for name, value in headers if name == b"authorization"), b"")


def _refuse(failure: Failure) -> JSONResponse:
    return JSONResponse({"error": error_object(failure)}, failure.status)
