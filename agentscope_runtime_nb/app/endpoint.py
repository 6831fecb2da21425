"""`@app.endpoint`: a function of one's own as a route; generators stream as SSE."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from agentscope_runtime_nb.events import encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_log = logging.getLogger("agentscope_runtime_nb.endpoint")
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def as_endpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as FastAPI takes it: a generator wrapped into a stream of SSE frames."""
    if not (inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function)):
        return function

    async def stream(*args: Any, **kwargs: Any) -> StreamingResponse:
        items = function(*args, **kwargs)
        if inspect.isgenerator(items):
            items = iterate_in_threadpool(items)
        return StreamingResponse(
            _frames(items), media_type="text/event-stream", headers=STREAM_HEADERS
        )

    # FastAPI reads the parameters here; `functools.wraps` would show it a generator to iterate.
    signature = inspect.signature(function, eval_str=True)
    stream.__signature__ = signature.replace(return_annotation=StreamingResponse)  # pyright: ignore[reportFunctionMemberAccess]
    stream.__name__, stream.__doc__ = function.__name__, function.__doc__
    return stream


async def _frames(items: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    try:
        async for item in items:
            yield b"data: " + encode(item) + b"\n\n"
    except Exception:  # noqa: BLE001 - the client is told in its own stream
        _log.exception("An endpoint's stream failed")
        error = {"code": "AGENT_UNKNOWN_ERROR", "message": "The stream failed; the log says why."}
        yield b"data: " + encode({"error": error}) + b"\n\n"
