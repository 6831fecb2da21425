"""The session store on real files."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from typing import TYPE_CHECKING, Any

import pytest

from agentscope_runtime_nb.sessions import SessionKey, SessionStore, StoredTurn, StoreError

if TYPE_CHECKING:
    from pathlib import Path

KEY = SessionKey("local", "app", "u", "s")


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "type": "message", "content": [{"type": "text", "text": text}]}


def turn(run: str, asked: str = "asked", answered: str = "answered") -> StoredTurn:
    return StoredTurn(run, 1.5, [message(asked)], [message(answered, "assistant")])


async def test_what_was_said_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "földer with space" / "s.sqlite3"
    store = SessionStore(path)
    store.append(KEY, turn("r1", "one", "two"))
    assert [m.text for m in await store.read(KEY)] == ["one", "two"]
    store.close()
    again = SessionStore(path)
    assert [m.text for m in await again.read(KEY)] == ["one", "two"]
    assert await again.read(KEY._replace(user="other")) == []
    assert await again.delete(KEY) == 1
    assert await again.read(KEY) == []
    again.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_turn_can_be_taken_back(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    for run in ("r1", "r2"):
        store.append(KEY, turn(run, f"asked in {run}"))
    store.forget(KEY, "r1")
    store.forget(KEY._replace(session="other"), "r2")
    assert [m.text for m in await store.read(KEY)] == ["asked in r2", "answered"]
    store.close()


async def test_sessions_are_listed_latest_first_and_found_by_what_was_said(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    one, two = KEY._replace(session="one"), KEY._replace(session="two")
    store.append(one, turn("r1", "Wo ist die STRASSE?\nBitte.", "100% sure_ly 'there'"))
    store.append(two, turn("r2", "hello", "hi"))
    store.append(one, turn("r3", "", "again"))
    store.append(KEY._replace(app="other"), turn("r4"))
    found = await store.sessions("local", "app")
    assert [info.session for info in found] == ["one", "two"]
    assert (found[0].title, found[0].turns, found[0].preview) == (
        "Wo ist die STRASSE? Bitte.",
        2,
        "again",
    )

    async def ids(search: str) -> list[str]:
        return [info.session for info in await store.sessions("local", "app", search=search)]

    assert await ids("straße") == ["one"]
    assert await ids("100% sure_") == ["one"]
    assert await ids("'there'") == ["one"]
    assert await ids("%") == ["one"]
    assert await ids("nowhere") == []
    await store.rename(two, " Grüße \n an alle ")
    assert await ids("GRÜSSE") == ["two"]
    assert [s.title for s in await store.sessions("local", "app", session="two")] == [
        "Grüße an alle"
    ]
    await store.rename(two, "")
    assert [s.title for s in await store.sessions("local", "app", limit=9)][1] == "hello"
    assert await store.sessions("stranger", "app") == []
    store.close()


async def test_a_fork_goes_its_own_way(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    for run in ("r1", "r2", "r3"):
        store.append(KEY, turn(run, run))
    other = KEY._replace(user="f", session="f")
    assert await store.fork(KEY, "r2", other) == 2
    assert await store.fork(KEY, "nothing", KEY._replace(session="g")) == 0
    assert await store.rewind(KEY, "r2") == 2
    assert [t.run for t in await store.turns(KEY)] == ["r1"]
    assert [t.run for t in await store.turns(other)] == ["r1", "r2"]
    assert await store.rewind(KEY, "nothing") == 0
    store.close()


async def test_feedback_stays_with_its_turn(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    store.append(KEY, turn("r1"))
    assert await store.rate(KEY, "r1", {"rating": "down", "comment": "wrong"})
    assert not await store.rate(KEY, "nothing", {"rating": "up"})
    assert [t.feedback for t in await store.turns(KEY)] == [{"rating": "down", "comment": "wrong"}]
    assert await store.rate(KEY, "r1", None)
    assert (await store.turns(KEY))[0].feedback is None
    store.close()


async def test_what_a_framework_keeps_belongs_to_the_last_turn() -> None:
    store = SessionStore(":memory:")
    copy = KEY._replace(session="copy")
    assert await store.kept(KEY) is None
    for run in ("r1", "r2"):
        store.append(KEY, turn(run, "a", "b"))
        store.keep(KEY, run, {"after": run})
    assert await store.kept(KEY) == {"after": "r2"}
    await store.fork(KEY, "r2", copy)
    assert await store.kept(copy) == {"after": "r2"}
    await store.fork(KEY, "r1", copy := KEY._replace(session="earlier"))
    assert await store.kept(copy) is None
    store.append(KEY, turn("r3", "another handler's", ""))
    assert await store.kept(KEY) is None
    for run, take_back in (("r4", store.rewind), ("r5", store.forget)):
        store.append(KEY, turn(run, "a", "b"))
        store.keep(KEY, run, {"after": run})
        done = take_back(KEY, run)
        if done is not None:
            await done
        assert await store.kept(KEY) is None
    store.append(KEY, turn("r6", "a", "b"))
    store.keep(KEY, "r6", {"after": "r6"})
    await store.delete(KEY)
    store.append(KEY, turn("r6", "a", "b"))
    assert await store.kept(KEY) is None
    store.close()


async def test_what_the_first_version_wrote_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, principal TEXT, app TEXT, user TEXT,"
            " session TEXT, run TEXT, at REAL, message TEXT)"
        )
        for role, text in (("user", "asked"), ("assistant", "answered")):
            content = f'{{"role":"{role}","content":[{{"type":"text","text":"{text}"}}]}}'
            db.execute("INSERT INTO messages VALUES (NULL,?,?,?,?,?,?,?)", (*KEY, "r", 1, content))
    db.close()
    store = SessionStore(path)
    assert [m.text for m in await store.read(KEY)] == ["asked", "answered"]
    (found,) = await store.turns(KEY)
    assert (len(found.input), len(found.output)) == (1, 1)
    store.close()


async def test_many_writers_keep_their_order(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    for number in range(500):
        store.append(KEY._replace(session=str(number % 5)), turn("r", str(number), ""))
    counts = [
        [int(m.text) for m in await store.read(KEY._replace(session=str(s))) if m.text]
        for s in range(5)
    ]
    store.close()
    assert all(numbers == sorted(numbers) and len(numbers) == 100 for numbers in counts)


async def test_two_processes_may_share_the_file(tmp_path: Path) -> None:
    one, two = SessionStore(tmp_path / "s.sqlite3"), SessionStore(tmp_path / "s.sqlite3")
    one.append(KEY, turn("r1", "a", "b"))
    await one.flush()
    two.append(KEY, turn("r2", "c", "d"))
    assert [m.text for m in await two.read(KEY)] == ["a", "b", "c", "d"]
    assert [m.text for m in await one.read(KEY)] == ["a", "b", "c", "d"]
    one.close()
    two.close()


async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="AGENTSCOPE_NB_DATA"):
        await SessionStore(path).read(KEY)


async def test_reads_work_from_several_loops(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    store.append(KEY, turn("r", "a", "b"))
    here = await store.read(KEY)
    there = await asyncio.to_thread(lambda: asyncio.run(store.read(KEY)))
    assert [m.text for m in here] == [m.text for m in there] == ["a", "b"]
    store.close()


async def test_a_file_names_a_session_only_when_nothing_was_said(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    file = {"type": "file", "filename": "report.txt"}
    for session, text in (("said", "Look at this"), ("silent", "")):
        asked = message(text)
        asked["content"].append(file)
        store.append(KEY._replace(session=session), StoredTurn("r", 1, [asked], []))
    found = {info.session: info.title for info in await store.sessions("local", "app")}
    assert found == {"said": "Look at this", "silent": "report.txt"}
    assert len(await store.sessions("local", "app", search="report")) == 2
    store.close()
