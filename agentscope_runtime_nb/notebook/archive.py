"""What an agent's sessions are kept in, as its chats use it: by the agent's name, any version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.app.gate import LOCAL
from agentscope_runtime_nb.notebook.turn import RecentTurns, Turn, stored_turn
from agentscope_runtime_nb.sessions import SessionKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentscope_runtime_nb.notebook.served import Served
    from agentscope_runtime_nb.sessions import SessionInfo

LATEST = "last"
"""The word for the session that was talked in last."""

_MOST = 10_000
_PREFIX = 4


class Owner(Protocol):
    """What an archive needs of the host."""

    recent: RecentTurns

    def current(self, name: str) -> Served | None:
        """The version of an app that serves under `name` now."""
        ...


class Archive:
    """The sessions of the agent that is called `name`. Its methods may be awaited on any loop.

    Args:
        owner: The host.
        name: The agent's name.
    """

    def __init__(self, owner: Owner, name: str) -> None:
        self._owner = owner
        self._name = name

    def key(self, session: str, user: str = "") -> SessionKey:
        """The store's name for a session."""
        return SessionKey(LOCAL, self._served().app.name, user or session, session)

    async def list(
        self, search: str = "", limit: int = 200, session: str | None = None
    ) -> list[SessionInfo]:
        """The sessions, the latest first."""
        app = self._served().app
        return await app.store.sessions(
            LOCAL, app.name, search=search, limit=limit, session=session
        )

    async def info(self, session: str) -> SessionInfo | None:
        """What is known of one session; None when nothing was said in it."""
        found = await self.list(session=session, limit=1)
        return found[0] if found else None

    async def find(self, wanted: str) -> SessionInfo:
        """A session by its id, the beginning of it, its title or a part of that, or `last`.

        Raises:
            AppError: RESOURCE_NOT_FOUND: it is none, or may be several; the text names them.
        """
        exact = await self.info(wanted)
        if exact is not None:
            return exact
        everything = await self.list(limit=_MOST)
        if not everything:
            raise AppError("RESOURCE_NOT_FOUND", f"{self._name} has no sessions yet.")
        if wanted == LATEST:
            return everything[0]
        text = wanted.strip().casefold()
        ways: tuple[list[SessionInfo], ...] = (
            [i for i in everything if len(wanted) >= _PREFIX and i.session.startswith(wanted)],
            [i for i in everything if text and i.title.casefold() == text],
            [i for i in everything if text and text in i.title.casefold()],
        )
        found = next(filter(None, ways), ways[0])
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(f"{info.session} ({info.title})" for info in found[:4])
            raise AppError("RESOURCE_NOT_FOUND", f"Which {wanted!r}? Give the id: {some}.")
        some = ", ".join(repr(info.title) for info in everything[:4])
        raise AppError(
            "RESOURCE_NOT_FOUND",
            f"{self._name} has no session {wanted!r}. The latest are {some}.",
        )

    async def turns(self, session: str, user: str = "") -> list[Turn]:
        """A session's turns, with what this kernel still knows of them."""
        stored = await self._served().app.store.turns(self.key(session, user))
        return [self._owner.recent.enrich(stored_turn(turn, session)) for turn in stored]

    async def rename(self, session: str, title: str, user: str = "") -> None:
        """Give a session a title; an empty one takes it away again."""
        await self._served().app.store.rename(self.key(session, user), title)

    async def delete(self, session: str, user: str = "") -> int:
        """Forget a session.

        Raises:
            AppError: SESSION_BUSY: an answer is under way in it.
        """
        if any(run.session_id == session for run in self._served().app.runs.active()):
            raise AppError("SESSION_BUSY", "An answer is under way in this session: stop it first.")
        return await self._served().app.store.delete(self.key(session, user))

    async def rewind(self, turns: Sequence[Turn], session: str, user: str = "") -> None:
        """Take turns and all after them out of the agent's memory."""
        store, key = self._served().app.store, self.key(session, user)
        for turn in turns:  # a turn that failed is not in there: then the next one is the first
            if await store.rewind(key, turn.run_id):
                return

    async def forget(self, turns: Sequence[Turn], session: str, user: str = "") -> None:
        """Take these turns out of the agent's memory, and no others."""
        store, key = self._served().app.store, self.key(session, user)
        for turn in turns:
            store.forget(key, turn.run_id)
        await store.flush()

    async def fork(self, turns: Sequence[Turn], session: str, user: str = "") -> str:
        """Copy turns into a new session; its id.

        Args:
            turns: The session's first turns, all that are to be copied.
            session: Where they are.
            user: Whose that is.

        Raises:
            AppError: RESOURCE_NOT_FOUND: none of them is remembered.
        """
        store, key = self._served().app.store, self.key(session, user)
        fresh = str(uuid4())
        for turn in reversed(turns):
            if await store.fork(key, turn.run_id, self.key(fresh, fresh)):
                return fresh
        raise AppError("RESOURCE_NOT_FOUND", "There is nothing yet that a fork could begin with.")

    async def rate(
        self, run_id: str, feedback: dict[str, str] | None, session: str, user: str = ""
    ) -> bool:
        """Keep what a person thought of an answer; whether there was such an answer."""
        return await self._served().app.store.rate(self.key(session, user), run_id, feedback)

    def _served(self) -> Served:
        served = self._owner.current(self._name)
        if served is None:
            text = f"{self._name} serves no more: run its cell again."
            raise AppError("RESOURCE_NOT_FOUND", text)
        return served
