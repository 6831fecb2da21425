"""Session history in one SQLite file, readable by its owner alone.

Writes are handed to one writer thread. A lone turn is on disk at once; after a commit the thread
rests for a moment, so that a busy service pays one transaction for many turns instead of one each,
and hands the interpreter's lock to and fro as much less. Reads go through the same thread, behind
the writes before them, and end its rest.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import platformdirs

from agentscope_runtime_nb.events import Message, encode
from agentscope_runtime_nb.sessions import records
from agentscope_runtime_nb.sessions.records import SessionInfo, SessionKey, StoredTurn

if TYPE_CHECKING:
    from collections.abc import Callable

REST_SECONDS = 0.05
"""How long the writer rests after a commit: what a killed process can lose of a busy service."""


class StoreError(RuntimeError):
    """The session file cannot be opened or written; the text names it and the way out."""


def default_path() -> Path:
    """Where sessions live: `$AGENTSCOPE_NB_DATA` or the user's data folder."""
    folder = os.environ.get("AGENTSCOPE_NB_DATA")
    base = Path(folder) if folder else Path(platformdirs.user_data_dir("agentscope-nb"))
    return base / "sessions.sqlite3"


class SessionStore:
    """Every app's conversations, keyed by principal, app, user and session.

    Args:
        path: The SQLite file; `default_path()` when None, `":memory:"` for one that is forgotten.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = path if path is not None else default_path()
        self._jobs: queue.SimpleQueue[_Append | _Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wanted = threading.Event()  # somebody waits: no resting

    def append(self, key: SessionKey, turn: StoredTurn) -> None:
        """Add a turn. Returns at once; a later `read` sees it."""
        self._submit(_Append(key, turn))

    def forget(self, key: SessionKey, run: str) -> None:
        """Take one turn back, as when it is asked again. Returns at once; later reads miss it."""

        def drop(db: sqlite3.Connection) -> None:
            db.execute(records.UNKEEP, key)
            db.execute(records.FORGET, (*key, run))

        self._submit(_Call(drop, Future()))

    def keep(self, key: SessionKey, run: str, state: dict[str, Any]) -> None:
        """Keep what a framework knows after a turn, in place of what it knew after the one before.

        Returns at once; a later `kept` sees it.
        """
        row = (*key, run, encode(state).decode())

        def write(db: sqlite3.Connection) -> None:
            db.execute(records.KEEP, row)

        self._submit(_Call(write, Future()))

    async def kept(self, key: SessionKey) -> dict[str, Any] | None:
        """What was kept with the conversation's last turn; None where that has nothing."""
        row = await self._call(lambda db: db.execute(records.KEPT, (*key, *key)).fetchone())
        return json.loads(row[0]) if row else None

    async def read(self, key: SessionKey) -> list[Message]:
        """The conversation so far, oldest first; empty for one that is not known."""
        rows = await self._call(lambda db: db.execute(records.READ, key).fetchall())
        wire = [message for row in rows for side in row for message in json.loads(side)]
        return [Message.model_validate(message) for message in wire]

    async def turns(self, key: SessionKey) -> list[StoredTurn]:
        """The conversation's turns, oldest first, with what is known of each answer."""
        rows = await self._call(lambda db: db.execute(records.TURNS, key).fetchall())
        return [records.turn_of(row) for row in rows]

    async def sessions(
        self,
        principal: str,
        app: str,
        *,
        user: str | None = None,
        session: str | None = None,
        search: str = "",
        limit: int = 100,
    ) -> list[SessionInfo]:
        """An app's conversations, the latest first.

        Args:
            principal: Whose.
            app: The app's name.
            user: Only this subdivision's; all by default.
            session: Only the one with this id.
            search: Words that were said in it or stand in its title, in any case.
            limit: How many at most.
        """
        wanted = {
            "principal": principal,
            "app": app,
            "user": user,
            "session": session,
            "search": search.strip().casefold(),
            "limit": limit,
        }
        rows = await self._call(lambda db: db.execute(records.SESSIONS, wanted).fetchall())
        return [SessionInfo(*row) for row in rows]

    async def rename(self, key: SessionKey, title: str) -> None:
        """Give a conversation a title; an empty one takes it away again."""
        title = " ".join(title.split())

        def write(db: sqlite3.Connection) -> None:
            if title:
                db.execute(records.TITLE, (*key, title))
            else:
                db.execute(records.UNTITLE, key)

        await self._call(write)

    async def delete(self, key: SessionKey) -> int:
        """Forget a conversation; how many turns it had."""

        def drop(db: sqlite3.Connection) -> int:
            db.execute(records.UNTITLE, key)
            db.execute(records.UNKEEP, key)
            return db.execute(records.DELETE, key).rowcount

        return await self._call(drop)

    async def rewind(self, key: SessionKey, run: str) -> int:
        """Forget a turn and all that came after it; how many that were."""

        def drop(db: sqlite3.Connection) -> int:
            dropped = db.execute(records.REWIND, (*key, *key, run)).rowcount
            if dropped:
                db.execute(records.UNKEEP, key)
            return dropped

        return await self._call(drop)

    async def fork(self, key: SessionKey, run: str, into: SessionKey) -> int:
        """Copy the turns up to and including one into another conversation; how many."""

        def copy(db: sqlite3.Connection) -> int:
            copied = db.execute(records.FORK, (*into, *key, *key, run)).rowcount
            titled = db.execute(records.READ_TITLE, key).fetchone()
            if copied:
                db.execute(records.KEEP_COPY, (*into, *key))
            if copied and titled:
                db.execute(records.TITLE, (*into, titled[0]))
            return copied

        return await self._call(copy)

    async def rate(self, key: SessionKey, run: str, feedback: dict[str, Any] | None) -> bool:
        """Keep what a person thought of an answer with it; whether there is such a turn."""
        value = encode(feedback).decode() if feedback else None
        return await self._call(
            lambda db: db.execute(records.RATE, (value, *key, run)).rowcount > 0,
        )

    async def flush(self) -> None:
        """Wait until everything appended so far is on disk."""
        await self._call(lambda _db: None)

    def close(self) -> None:
        """Write what is pending and close the file. A later call opens it again."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._jobs.put(None)
                self._wanted.set()
        if thread is not None:
            thread.join(5)

    def _submit(self, job: _Append | _Call) -> None:
        with self._lock:
            if self._thread is None:
                db = self._open()
                self._thread = threading.Thread(
                    target=self._write, args=(db,), name="agentscope-nb sessions", daemon=True
                )
                self._thread.start()
            self._jobs.put(job)
            if isinstance(job, _Call):
                self._wanted.set()

    async def _call(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        job = _Call(work, Future())
        self._submit(job)
        return await asyncio.wrap_future(job.future)

    def _open(self) -> sqlite3.Connection:
        path = Path(self.path)
        try:
            if str(self.path) != ":memory:":
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            db = sqlite3.connect(path, check_same_thread=False, timeout=10)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            records.prepare(db)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The session file {path} cannot be used ({error}). Free it, or set "
                "AGENTSCOPE_NB_DATA to a folder you can write to."
            ) from error
        return db

    def _write(self, db: sqlite3.Connection) -> None:
        """The writer thread: gather, commit, answer, rest."""
        while True:
            job = self._jobs.get()
            self._wanted.clear()
            batch: list[_Append] = []
            while isinstance(job, _Append):
                batch.append(job)
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            failure = self._commit(db, batch) if batch else None
            if isinstance(job, _Call):
                _answer(job, db, failure)
            elif job is None:
                db.close()
                return
            else:
                self._wanted.wait(REST_SECONDS)

    @staticmethod
    def _commit(db: sqlite3.Connection, batch: list[_Append]) -> sqlite3.Error | None:
        rows = [records.row_of(job.key, job.turn) for job in batch]
        try:
            with db:
                db.executemany(records.INSERT, rows)
        except sqlite3.Error as error:
            import logging

            logging.getLogger(__name__).exception("A turn could not be written to the sessions")
            return error
        return None


class _Append(NamedTuple):
    key: SessionKey
    turn: StoredTurn


class _Call(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]


def _answer(job: _Call, db: sqlite3.Connection, failure: sqlite3.Error | None) -> None:
    if not job.future.set_running_or_notify_cancel():
        return
    try:
        if failure is not None:
            raise failure
        with db:
            job.future.set_result(job.work(db))
    except sqlite3.Error as error:
        job.future.set_exception(StoreError(f"The session file cannot be used ({error})."))
