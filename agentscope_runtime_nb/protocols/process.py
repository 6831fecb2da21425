"""Our own protocol: ask an agent, stop it, read a run back, health.

The wire format is AgentScope Runtime's; `docs/protocol.md` describes it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from agentscope_runtime_nb.app.admission import ON_BUSY
from agentscope_runtime_nb.app.endpoint import STREAM_HEADERS
from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import AgentRequest, AgentResponse, encode
from agentscope_runtime_nb.protocols.route import DirectRoute
from agentscope_runtime_nb.protocols.streaming import (
    GONE,
    KEEP_ALIVE_SECONDS,
    RunStream,
    RunWhole,
    admitted,
    principal_of,
    read_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agentscope_runtime_nb.app import AgentApp, Run

PROTOCOL = 1


class StopRequest(BaseModel):
    """Which run to stop: by its id, or by its session."""

    run_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None


def mount(app: AgentApp) -> None:
    """Add the routes to an app."""
    path = app.endpoint_path
    schema: dict[str, Any] = {}  # filled when the app is to be described
    app.describers.append(lambda: schema.update(_described()))

    async def process(request: Request) -> Response:
        asked = await read_body(request, app, AgentRequest)
        run = await admitted(app, asked, request)
        if run is None:
            return Response(status_code=GONE)
        if asked.stream:
            return RunStream(run, _framed(run.id))
        return RunWhole(run, encode)

    async def stop(request: Request) -> Response:
        asked = await read_body(request, app, StopRequest)
        return JSONResponse(stop_run(app, asked, principal_of(request)))

    async def read(run_id: str, request: Request) -> Response:
        run = _find(app, run_id, request)
        return Response(encode(run.snapshot()), media_type="application/json")

    async def events(run_id: str, request: Request) -> Response:
        run = _find(app, run_id, request)
        return StreamingResponse(
            _follow(run, _last_seen(request)),
            media_type="text/event-stream",
            headers=STREAM_HEADERS,
        )

    app.router.add_api_route(
        path,
        process,
        route_class_override=DirectRoute,
        methods=["POST"],
        openapi_extra=schema,
        response_model=None,
        responses={200: {"model": AgentResponse}},
        summary="Ask the agent",
        tags=["agent"],
    )
    app.add_api_route(f"{path}/stop", stop, methods=["POST"], tags=["agent"], summary="Stop a run")
    app.add_api_route(f"{path}/runs/{{run_id}}", read, tags=["agent"], summary="Read a run back")
    app.add_api_route(
        f"{path}/runs/{{run_id}}/events", events, tags=["agent"], summary="Replay and follow a run"
    )
    for probe in ("/health", "/liveness", "/readiness"):
        app.add_api_route(
            probe, _probe(app, probe), tags=["health"], summary=f"{probe[1:].title()}"
        )
    app.add_api_route("/", _index(app), tags=["health"], summary="What is served here")


def _described() -> dict[str, Any]:
    """What FastAPI cannot read from the handler's signature."""
    body = AgentRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    on_busy = {
        "name": "on_busy",
        "in": "query",
        "description": "What to do when the session has a run under way",
        "schema": {"enum": list(ON_BUSY), "default": ON_BUSY[0]},
    }
    content = {"application/json": {"schema": body}}
    return {"parameters": [on_busy], "requestBody": {"required": True, "content": content}}


def stop_run(app: AgentApp, asked: StopRequest, principal: str) -> dict[str, Any]:
    """Stop the run that is meant.

    Returns:
        `stopped` (whether it hit a live run), `run_id`, and `where` when code still runs.
    """
    run = None
    if asked.run_id is not None:
        run = app.runs.get(asked.run_id, principal)
    elif asked.session_id is not None:
        run = app.runs.of_session(asked.session_id, asked.user_id, principal)
    else:
        raise AppError("PARAMETER_VALIDATION", "Give a run_id or a session_id.", field="run_id")
    if run is None or not run.stop():
        return {"stopped": False, "run_id": run.id if run else None}
    return {"stopped": True, "run_id": run.id, "where": run.where()}


def _framed(run_id: str) -> Any:
    prefix = f"id: {run_id}:".encode()

    def frame(seq: int, event: bytes) -> bytes:
        return b"%b%d\ndata: %b\n\n" % (prefix, seq, event)

    return frame


def _find(app: AgentApp, run_id: str, request: Request) -> Run:
    run = app.runs.get(run_id, principal_of(request))
    if run is None:
        raise AppError("RESOURCE_NOT_FOUND", f"There is no run {run_id} here, or no longer.")
    return run


def _last_seen(request: Request) -> int:
    _, _, number = request.headers.get("last-event-id", "").rpartition(":")
    return int(number) if number.isdigit() else -1


async def _follow(run: Run, seen: int) -> AsyncIterator[bytes]:
    frame = _framed(run.id)
    quiet = 0.0
    while True:
        closed = run.log.closed
        fresh = run.log.since(seen)
        for event in fresh:
            seen = event.seq
            yield frame(event.seq, event.frame)
        if closed:
            return
        quiet = 0.0 if fresh else quiet + 0.03
        if quiet >= KEEP_ALIVE_SECONDS:
            yield b": keep-alive\n\n"
            quiet = 0.0
        await asyncio.sleep(0.03)


def _probe(app: AgentApp, path: str) -> Any:
    async def probe() -> Response:
        ready = not app.runs.draining or path != "/readiness"
        body = {"status": "healthy" if ready else "draining", "runs": len(app.runs.active())}
        return JSONResponse(body, 200 if ready else 503)

    return probe


def _index(app: AgentApp) -> Any:
    async def index() -> Response:
        return JSONResponse(
            {
                "service": app.name,
                "description": app.description,
                "protocol": PROTOCOL,
                "offers": app.describe(),
                "endpoints": {
                    "process": app.endpoint_path,
                    "stop": f"{app.endpoint_path}/stop",
                    "responses": "/compatible-mode/v1/responses",
                    "health": "/health",
                    "docs": app.docs_url,
                },
            }
        )

    return index
