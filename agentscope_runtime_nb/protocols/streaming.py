"""A run as an HTTP response: pulled by its reader, ended when the reader goes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from starlette.responses import Response

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.app.gate import LOCAL, PRINCIPAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from agentscope_runtime_nb.app import AgentApp, Run
    from agentscope_runtime_nb.app.run import Reader
    from agentscope_runtime_nb.events import AgentRequest

KEEP_ALIVE_SECONDS = 15.0
GONE = 499
"""The status of what nobody waits for any more; only logs see it."""

_HEADERS: list[tuple[bytes, bytes]] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class _RunResponse(Response):
    """A response that is yet to be made, by driving a run."""

    def __init__(self, run: Run, encode: Callable[..., bytes]) -> None:
        self.run = run
        self.encode = encode
        self.status_code = 200
        self.background = None
        self.body = b""


class RunStream(_RunResponse):
    """Drives a run with the client as its reader.

    The agent waits while the client does not read, so nothing is queued; a comment goes out after
    15 s of silence; the run is stopped when the client has gone.

    Args:
        run: Admitted and not started.
        encode: One event's number and JSON to the bytes to send; empty bytes send nothing.
    """

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        encode, silence, client = self.encode, _Silence(send), Client(self.run, receive)

        async def read(seq: int, frame: bytes) -> None:
            body = encode(seq, frame)
            if body and client.here:
                silence.since = time.monotonic()
                try:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                except OSError:  # the line broke meanwhile
                    client.gone()

        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            silence.watch()
            await client.drive(read)
        finally:
            silence.end()
            self.run.abandon()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class RunWhole(_RunResponse):
    """Drives a run to its end and answers with one JSON object.

    Args:
        run: Admitted and not started.
        encode: The final response event to the body.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""

        async def unread(_seq: int, _frame: bytes) -> None:
            pass

        client = Client(self.run, receive)
        try:
            await client.drive(unread)
        finally:
            self.run.abandon()
        if client.here:
            body = self.encode(self.run.snapshot())
            await Response(body, media_type="application/json")(scope, receive, send)


class _Silence:
    """Sends a comment line when nothing else went out for a while."""

    def __init__(self, send: Send) -> None:
        self.since = time.monotonic()
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Look again when the silence would have lasted long enough."""
        wait = self.since + KEEP_ALIVE_SECONDS - time.monotonic()
        if wait <= 0:
            if self._comment is None or self._comment.done():
                self._comment = asyncio.ensure_future(self._say())
            self.since, wait = time.monotonic(), KEEP_ALIVE_SECONDS
        self._timer = asyncio.get_running_loop().call_later(wait, self.watch)

    def end(self) -> None:
        """No more comments."""
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    async def _say(self) -> None:
        body = b": keep-alive\n\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


class Client:
    """Who waits for a run's answer; the run is stopped when they go.

    Args:
        run: Admitted and not started.
        receive: Tells when the client has gone.

    Attributes:
        here: Whether the client is still there.
    """

    def __init__(self, run: Run, receive: Receive) -> None:
        self.here = True
        self._run = run
        self._receive = receive

    async def drive(self, read: Reader) -> None:
        """Drive the run, with `read` as its reader."""
        watcher = asyncio.ensure_future(self._watch())
        try:
            await self._run.drive(read)
        finally:
            watcher.cancel()

    def gone(self) -> None:
        """The client has gone."""
        self.here = False
        self._run.stop("client gone")

    async def _watch(self) -> None:
        await _gone(self._receive)
        self.gone()


async def admitted(app: AgentApp, asked: AgentRequest, request: Request) -> Run | None:
    """A run for a request, when its session is free or the query's `on_busy` says what then.

    Returns:
        The run; None when the client has gone while it waited.

    Raises:
        AppError: See `AgentApp.admit`.
    """
    principal = principal_of(request)
    on_busy = request.query_params.get("on_busy", "reject")
    if on_busy == "reject":
        return app.start_run(asked, principal)
    admission = asyncio.ensure_future(app.admit(asked, principal, on_busy))
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait({admission, gone}, return_when=asyncio.FIRST_COMPLETED)
        if admission.done():
            return admission.result()
    finally:
        for task in (admission, gone):
            task.cancel()
        await asyncio.wait({admission, gone})
    return None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def principal_of(request: Request) -> str:
    """Who calls; the gate has found out."""
    return request.scope.get(PRINCIPAL, LOCAL)


async def read_body(request: Request, app: AgentApp, model: type[BaseModel]) -> Any:
    """The request's JSON body as `model`.

    Raises:
        AppError: UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_PARAMETER or PARAMETER_VALIDATION.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise AppError(
            "UNSUPPORTED_MEDIA_TYPE", "Send JSON, with the header `Content-Type: application/json`."
        )
    body = await _limited(request, app.max_body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _shape_error(error) from None


async def _limited(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    chunks: list[bytes] = []
    size = int(declared) if declared.isdigit() else 0
    if size <= limit:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                break
            chunks.append(chunk)
    if size > limit:
        raise AppError(
            "BODY_TOO_LARGE",
            f"The body is larger than {limit} bytes. Send files by URL, or raise max_body.",
        )
    return b"".join(chunks)


def _shape_error(error: ValidationError) -> AppError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return AppError("INVALID_PARAMETER", f"The body is not JSON: {first['msg']}.")
    field = ".".join(str(part) for part in first["loc"]) or "the body"
    return AppError("PARAMETER_VALIDATION", f"{field}: {first['msg']}", field=field)
