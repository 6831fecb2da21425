"""What a session is made of, and the SQL that keeps it: one row a turn, one row a given title."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from agentscope_runtime_nb.events import Message, encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_WORDS = 80
"""Characters of a turn that a list of sessions shows."""

VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS turns (
  id INTEGER PRIMARY KEY,
  principal TEXT NOT NULL, app TEXT NOT NULL, user TEXT NOT NULL, session TEXT NOT NULL,
  run TEXT NOT NULL, at REAL NOT NULL,
  input TEXT NOT NULL, output TEXT NOT NULL, response TEXT NOT NULL,
  asked TEXT NOT NULL, answered TEXT NOT NULL, said TEXT NOT NULL, feedback TEXT
);
CREATE INDEX IF NOT EXISTS turns_by_session ON turns (principal, app, user, session, id);
CREATE TABLE IF NOT EXISTS titles (
  principal TEXT NOT NULL, app TEXT NOT NULL, user TEXT NOT NULL, session TEXT NOT NULL,
  title TEXT NOT NULL, PRIMARY KEY (principal, app, user, session)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (
  principal TEXT NOT NULL, app TEXT NOT NULL, user TEXT NOT NULL, session TEXT NOT NULL,
  run TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (principal, app, user, session)
) WITHOUT ROWID;
"""

WHERE = "principal = ? AND app = ? AND user = ? AND session = ?"
INSERT = (
    "INSERT INTO turns (principal, app, user, session, run, at, input, output, response, asked,"
    " answered, said) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
READ = f"SELECT input, output FROM turns WHERE {WHERE} ORDER BY id"  # noqa: S608 - no value in it
TURNS = f"SELECT run, at, input, output, response, feedback FROM turns WHERE {WHERE} ORDER BY id"  # noqa: S608
DELETE = f"DELETE FROM turns WHERE {WHERE}"  # noqa: S608
FORGET = f"{DELETE} AND run = ?"
UNTITLE = f"DELETE FROM titles WHERE {WHERE}"  # noqa: S608
TITLE = "INSERT OR REPLACE INTO titles VALUES (?, ?, ?, ?, ?)"
READ_TITLE = f"SELECT title FROM titles WHERE {WHERE}"  # noqa: S608
_FIRST = f"(SELECT min(id) FROM turns WHERE {WHERE} AND run = ?)"  # noqa: S608
REWIND = f"{DELETE} AND id >= {_FIRST}"
FORK = f"""
INSERT INTO turns (principal, app, user, session, run, at, input, output, response, asked, answered,
  said, feedback)
SELECT ?, ?, ?, ?, run, at, input, output, response, asked, answered, said, feedback
FROM turns WHERE {WHERE} AND id <= {_FIRST} ORDER BY id
"""  # noqa: S608
KEEP = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?, ?)"
# Of the last turn alone: what was kept with another one does not fit the conversation any more.
KEPT = f"""
SELECT state FROM states WHERE {WHERE}
AND run = (SELECT run FROM turns WHERE {WHERE} ORDER BY id DESC LIMIT 1)
"""  # noqa: S608
UNKEEP = f"DELETE FROM states WHERE {WHERE}"  # noqa: S608
KEEP_COPY = f"INSERT OR REPLACE INTO states SELECT ?, ?, ?, ?, run, state FROM states WHERE {WHERE}"  # noqa: S608
RATE = f"UPDATE turns SET feedback = ? WHERE {WHERE} AND run = ?"  # noqa: S608

SESSIONS = """
WITH found AS (
  SELECT principal, app, user, session, count(*) AS turns, min(at) AS created, max(at) AS updated,
    max(id) AS latest, min(CASE WHEN asked != '' THEN id END) AS opening,
    max(instr(said, :search)) AS hit
  FROM turns
  WHERE principal = :principal AND app = :app AND (:user IS NULL OR user = :user)
    AND (:session IS NULL OR session = :session)
  GROUP BY user, session
)
SELECT found.session, found.user, coalesce(titles.title, first.asked, ''), turns, created, updated,
  last.answered
FROM found
LEFT JOIN titles ON (titles.principal, titles.app, titles.user, titles.session)
  = (found.principal, found.app, found.user, found.session)
LEFT JOIN turns AS first ON first.id = opening
JOIN turns AS last ON last.id = latest
WHERE :search = '' OR hit > 0 OR instr(casefold(titles.title), :search) > 0
ORDER BY latest DESC LIMIT :limit
"""


class SessionKey(NamedTuple):
    """Whose conversation it is. `user` subdivides within a principal."""

    principal: str
    app: str
    user: str
    session: str


class SessionInfo(NamedTuple):
    """A session in a list.

    Attributes:
        session: Its id.
        user: The subdivision it belongs to.
        title: The one it was given, else the first words said in it.
        turns: How many questions were answered.
        created: Unix seconds of the first turn.
        updated: Unix seconds of the last one.
        preview: The first words of the last answer.
    """

    session: str
    user: str
    title: str
    turns: int
    created: float
    updated: float
    preview: str


@dataclass(slots=True)
class StoredTurn:
    """One question and its answer, as it is kept.

    Attributes:
        run: The run's id.
        at: When it ended, Unix seconds.
        input: The messages that were sent.
        output: The messages that came back.
        response: The rest of the final response: `status`, `usage`, `created_at`, `completed_at`.
        feedback: What a person thought of it: `rating` and `comment`.
    """

    run: str
    at: float
    input: Sequence[Message | dict[str, Any]]
    output: Sequence[Message | dict[str, Any]]
    response: dict[str, Any] = field(default_factory=dict[str, Any])
    feedback: dict[str, Any] | None = None


def row_of(key: SessionKey, turn: StoredTurn) -> tuple[Any, ...]:
    """The row that `INSERT` takes."""
    given, made = _json(turn.input), _json(turn.output)
    asked, answered = json.loads(given), json.loads(made)
    said = "\n".join(_said(message) for side in (asked, answered) for message in side).casefold()
    response = encode(turn.response).decode()
    ends = (_first_words(asked), _first_words(answered))
    return (*key, turn.run, turn.at, given, made, response, *ends, said)


def turn_of(row: tuple[Any, ...]) -> StoredTurn:
    """A row that `TURNS` found."""
    run, at, given, made, response, feedback = row
    return StoredTurn(
        run,
        at,
        json.loads(given),
        json.loads(made),
        json.loads(response),
        json.loads(feedback) if feedback else None,
    )


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables, and take over what an earlier version wrote."""
    db.create_function("casefold", 1, _casefold, deterministic=True)
    db.executescript(_SCHEMA)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version >= VERSION:
        return
    with db:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'messages'").fetchone():
            _take_over(db)
        db.execute(f"PRAGMA user_version = {VERSION}")


def _take_over(db: sqlite3.Connection) -> None:
    """Version 1 had one row a message, the user's and the agent's alike."""
    found: dict[tuple[Any, ...], StoredTurn] = {}
    order = "SELECT principal, app, user, session, run, at, message FROM messages ORDER BY id"
    for *key, run, at, text in db.execute(order):
        turn = found.setdefault((*key, run), StoredTurn(run, at, [], [], {"status": "completed"}))
        message = json.loads(text)
        side = turn.input if message.get("role") == "user" else turn.output
        side.append(message)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    rows = [row_of(SessionKey(*place[:4]), turn) for place, turn in found.items()]
    db.executemany(INSERT, rows)
    db.execute("DROP TABLE messages")


def _casefold(text: str | None) -> str:
    return (text or "").casefold()  # SQLite's own lower() knows ASCII alone


def _json(messages: Sequence[Message | dict[str, Any]]) -> str:
    return f"[{','.join(encode(message).decode() for message in messages)}]"


def _said(message: dict[str, Any], *fields: str) -> str:
    """A message's words, and what its files are called; or one of these."""
    if message.get("type", "message") != "message":
        return ""
    contents = message.get("content") or ()
    found = [str(c.get(f) or "") for c in contents for f in fields or ("text", "filename")]
    return "\n".join(text for text in found if text)


def _first_words(messages: list[dict[str, Any]]) -> str:
    text = "\n".join(_said(message, "text") for message in messages)
    if not text.strip():
        text = ", ".join(name for message in messages if (name := _said(message, "filename")))
    line = " ".join(text[: _WORDS * 4].split())
    return line if len(line) <= _WORDS else f"{line[: _WORDS - 1]}…"
