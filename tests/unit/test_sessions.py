"""The session store on real files."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING, Any

import pytest

from agentscope_runtime_nb.sessions import SessionKey, SessionStore, StoreError

if TYPE_CHECKING:
    from pathlib import Path

KEY = SessionKey("local", "app", "u", "s")


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


async def test_what_was_said_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "földer with space" / "s.sqlite3"
    store = SessionStore(path)
    store.append(KEY, "r1", [message("one"), message("two")])
    assert [m.text for m in await store.read(KEY)] == ["one", "two"]
    store.close()
    again = SessionStore(path)
    assert [m.text for m in await again.read(KEY)] == ["one", "two"]
    assert await again.read(KEY._replace(user="other")) == []
    assert await again.delete(KEY) == 2
    assert await again.read(KEY) == []
    again.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_turn_can_be_taken_back(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    for run in ("r1", "r2"):
        store.append(KEY, run, [message(f"asked in {run}"), message("answered")])
    store.forget(KEY, "r1")
    store.forget(KEY._replace(session="other"), "r2")
    assert [m.text for m in await store.read(KEY)] == ["asked in r2", "answered"]
    store.close()


async def test_many_writers_keep_their_order(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    for number in range(500):
        store.append(KEY._replace(session=str(number % 5)), "r", [message(str(number))])
    counts = [
        [int(m.text) for m in await store.read(KEY._replace(session=str(s)))] for s in range(5)
    ]
    store.close()
    assert all(numbers == sorted(numbers) and len(numbers) == 100 for numbers in counts)


async def test_two_processes_may_share_the_file(tmp_path: Path) -> None:
    one, two = SessionStore(tmp_path / "s.sqlite3"), SessionStore(tmp_path / "s.sqlite3")
    one.append(KEY, "r", [message("a")])
    await one.flush()
    two.append(KEY, "r", [message("b")])
    assert [m.text for m in await two.read(KEY)] == ["a", "b"]
    assert [m.text for m in await one.read(KEY)] == ["a", "b"]
    one.close()
    two.close()


async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="AGENTSCOPE_NB_DATA"):
        await SessionStore(path).read(KEY)


async def test_reads_work_from_several_loops(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "s.sqlite3")
    store.append(KEY, "r", [message("a")])
    here = await store.read(KEY)
    there = await asyncio.to_thread(lambda: asyncio.run(store.read(KEY)))
    assert [m.text for m in here] == [m.text for m in there] == ["a"]
    store.close()
