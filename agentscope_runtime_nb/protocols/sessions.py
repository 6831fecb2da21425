"""Conversations over HTTP: list, read, rename, delete and fork them, and rate their answers.

Every one belongs to the caller; another's is not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from pydantic import BaseModel, Field
from starlette.responses import Response

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import encode, fresh_id
from agentscope_runtime_nb.protocols.streaming import principal_of, read_body
from agentscope_runtime_nb.sessions import SessionKey

if TYPE_CHECKING:
    from agentscope_runtime_nb.app import AgentApp
    from agentscope_runtime_nb.sessions import SessionInfo, StoredTurn

MOST = 1000


class Title(BaseModel):
    """A session's new title; an empty one takes it away."""

    title: str = Field(max_length=200)


class Fork(BaseModel):
    """Where a copy of a session ends, and what it is called."""

    run_id: str
    session_id: str | None = None


class Feedback(BaseModel):
    """What a person thought of an answer; without a rating it is taken back."""

    rating: Literal["up", "down"] | None = None
    comment: str = Field(default="", max_length=4000)
    session_id: str | None = None
    user_id: str | None = None


def mount(app: AgentApp) -> None:
    """Add the routes to an app."""
    routes = Routes(app)
    one = "/sessions/{session_id}"
    for path, method, handler, summary in (
        ("/sessions", "GET", routes.listed, "List conversations"),
        (one, "GET", routes.read, "Read a conversation"),
        (one, "PATCH", routes.rename, "Give a conversation a title"),
        (one, "DELETE", routes.delete, "Forget a conversation"),
        (f"{one}/fork", "POST", routes.fork, "Copy a conversation up to a turn"),
    ):
        app.add_api_route(path, handler, methods=[method], tags=["sessions"], summary=summary)
    app.add_api_route(
        f"{app.endpoint_path}/runs/{{run_id}}/feedback",
        routes.rate,
        methods=["POST"],
        tags=["agent"],
        summary="Say what an answer was worth",
    )


class Routes:
    """The handlers, for one app."""

    def __init__(self, app: AgentApp) -> None:
        self._app = app

    async def listed(
        self, request: Request, search: str = "", limit: int = 100, user_id: str | None = None
    ) -> Response:
        """The caller's conversations, the latest first."""
        found = await self._app.store.sessions(
            principal_of(request),
            self._app.name,
            user=user_id,
            search=search,
            limit=max(0, min(limit, MOST)),
        )
        return _json({"sessions": [_brief(info) for info in found]})

    async def read(self, session_id: str, request: Request, user_id: str | None = None) -> Response:
        """A conversation with its turns, oldest first."""
        key, info = await self._known(session_id, user_id, request)
        turns = await self._app.store.turns(key)
        return _json(_brief(info) | {"messages": [_turn(turn) for turn in turns]})

    async def rename(
        self, session_id: str, request: Request, user_id: str | None = None
    ) -> Response:
        """Give it a title."""
        key, _ = await self._known(session_id, user_id, request)
        asked: Title = await read_body(request, self._app, Title)
        await self._app.store.rename(key, asked.title)
        _, info = await self._known(session_id, user_id, request)
        return _json(_brief(info))

    async def delete(
        self, session_id: str, request: Request, user_id: str | None = None
    ) -> Response:
        """Forget it, unless a run is under way in it."""
        key, _ = await self._known(session_id, user_id, request)
        busy = self._app.runs.of_session(session_id, key.user, key.principal)
        if busy is not None:
            raise AppError(
                "SESSION_BUSY",
                f"Session {session_id} has a run under way ({busy.id}). Stop it first.",
                run_id=busy.id,
            )
        return _json({"deleted": await self._app.store.delete(key)})

    async def fork(self, session_id: str, request: Request, user_id: str | None = None) -> Response:
        """Copy it up to and including a turn."""
        key, _ = await self._known(session_id, user_id, request)
        asked: Fork = await read_body(request, self._app, Fork)
        ident = asked.session_id or fresh_id()
        # A session without a user of its own is keyed by its id, and so is its copy.
        user = ident if key.user == key.session else key.user
        into = key._replace(session=ident, user=user)
        if await self._app.store.turns(into):
            raise AppError("ID_IN_USE", f"There is a session {ident} already.")
        copied = await self._app.store.fork(key, asked.run_id, into)
        if not copied:
            raise _missing(f"There is no turn {asked.run_id} in session {session_id}.")
        return _json({"session_id": ident, "turns": copied})

    async def rate(self, run_id: str, request: Request) -> Response:
        """Keep what a person thought of an answer with it."""
        asked: Feedback = await read_body(request, self._app, Feedback)
        principal = principal_of(request)
        run = self._app.runs.get(run_id, principal)
        if run is not None:
            key = run.key
        elif asked.session_id:
            user = asked.user_id or asked.session_id
            key = SessionKey(principal, self._app.name, user, asked.session_id)
        else:
            raise _missing(f"There is no run {run_id} here, or no longer: name its session_id.")
        value = {"rating": asked.rating, "comment": asked.comment} if asked.rating else None
        if not await self._app.store.rate(key, run_id, value):
            raise _missing(f"There is no turn {run_id} in session {key.session}.")
        return _json({"run_id": run_id, "feedback": value})

    async def _known(
        self, session_id: str, user_id: str | None, request: Request
    ) -> tuple[SessionKey, SessionInfo]:
        principal = principal_of(request)
        found = await self._app.store.sessions(
            principal, self._app.name, user=user_id or session_id, session=session_id
        )
        if not found:
            raise _missing(f"There is no session {session_id} here.")
        return SessionKey(principal, self._app.name, found[0].user, session_id), found[0]


def _missing(text: str) -> AppError:
    return AppError("RESOURCE_NOT_FOUND", text)


def _brief(info: SessionInfo) -> dict[str, Any]:
    return {
        "session_id": info.session,
        "user_id": info.user,
        "title": info.title,
        "turns": info.turns,
        "created": info.created,
        "updated": info.updated,
        "preview": info.preview,
    }


def _turn(turn: StoredTurn) -> dict[str, Any]:
    return {
        "run_id": turn.run,
        "at": turn.at,
        "input": turn.input,
        "output": turn.output,
        "feedback": turn.feedback,
        **turn.response,
    }


def _json(value: Any) -> Response:
    return Response(encode(value), media_type="application/json")
