"""Conversations that outlive kernels: list, open, edit, fork, rename, rate and keep them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from chat_page import MEMORY, chat, value, words
from real_kernel import LOAD, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from real_kernel import Kernel


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("talks")


@pytest.fixture
def talk(kernels: Callable[..., Kernel], folder: Path) -> Callable[[], Kernel]:
    """Starts kernels that share one data folder, with the agent in each."""

    def start() -> Kernel:
        made = kernels(folder)
        made.run(LOAD)
        return made

    return start


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_a_conversation_outlives_its_kernel(talk: Callable[[], Kernel], end: str) -> None:
    first = talk()
    page = chat(first)
    run_id, answer = page.ask("My name is Ann")
    session = value(first, "friday.session_id")
    if end == "kill":
        first.run("await friday.app.store.flush()")
        os.kill(first.pid, signal.SIGKILL)
    else:
        first.client.shutdown()
    until(lambda: not first.manager.is_alive())
    later = talk()
    page = chat(later)
    assert [(s["session_id"], s["turns"]) for s in page.sessions()] == [(session, 1)]
    shown = page.open(session)
    assert (shown["session_id"], shown["title"]) == (session, "My name is Ann")
    (turn,) = shown["turns"]
    assert turn["run_id"] == run_id
    assert words(turn["events"][-1]) == answer
    assert "My name is Ann" in page.ask("what did I just say?")[1]
    assert value(later, "friday.session_id") == session


def test_another_kernel_opens_it_and_both_see_the_list(
    talk: Callable[[], Kernel],
) -> None:
    one, two = talk(), talk()
    page = chat(one)
    page.ask("The word is plum")
    session = value(one, "friday.session_id")
    two.run(MEMORY.replace("scripted", "scripted --no-chat"))
    assert value(two, "friday.open('last')") == session
    assert "plum" in two.run("friday.ask('what did I just say?')").value["text/plain"]
    assert "plum" in two.run("friday.chat(session='last').messages[0].text").value["text/plain"]
    assert [info["turns"] for info in page.sessions()] == [2]
    assert len(page.open(session)["turns"]) == 2


def test_editing_takes_back_what_came_after(kernel: Kernel) -> None:
    page = chat(kernel, MEMORY.replace("friday", "editor"))
    page.ask("My name is Ann")
    second, _ = page.ask("I live in Rome")
    page.ask("I like tea")
    mark = page.say("edit", run_id=second, text="I live in Oslo")
    kept = page.told("snapshot", mark)["turns"]
    assert len(kept) == 1
    run_id = page.told("turn", mark)["turn"]["run_id"]
    page.final(run_id, mark)
    assert "Oslo" in page.ask("what did I just say?")[1]
    history = value(kernel, "[m.text for m in await editor.app.history(editor.session_id)]")
    assert "Oslo" in history
    assert "Rome" not in history
    assert "tea" not in history
    kernel.run("editor.edit(1, 'I live in Kyiv')")
    assert "Kyiv" in kernel.run("editor.ask('what did I just say?')").value["text/plain"]
    assert value(kernel, "[len(editor.messages), editor.title]") == "[4, 'I live in Kyiv']"


def test_asking_again_leaves_no_double(kernel: Kernel) -> None:
    page = chat(kernel, MEMORY.replace("friday", "asker"))
    run_id, _ = page.ask("one")
    page.ask("two")
    mark = page.say("retry", run_id=run_id)
    again = page.told("turn", mark)["turn"]["run_id"]
    page.final(again, mark)
    asked = "[m.text for m in await asker.app.history(asker.session_id) if m.role == 'user']"
    assert value(kernel, asked) == "['two', 'one']"


def test_a_fork_goes_its_own_way(kernel: Kernel) -> None:
    page = chat(kernel, MEMORY.replace("friday", "forker"))
    first, _ = page.ask("My name is Ann")
    page.ask("I live in Rome")
    old = value(kernel, "forker.session_id")
    shown = page.told("snapshot", page.say("fork", run_id=first))
    assert [turn["run_id"] for turn in shown["turns"]] == [first]
    assert shown["session_id"] != old
    assert "My name is Ann" in page.ask("what did I just say?")[1]
    page.ask("I live in Oslo")
    back = page.open(old)
    assert len(back["turns"]) == 2
    assert "Rome" in page.ask("what did I just say?")[1]
    assert len(page.sessions()) == 2


def test_sessions_are_named_found_and_deleted(kernel: Kernel) -> None:
    page = chat(kernel, MEMORY.replace("friday", "clerk"))
    titles = ["100 % sure", "a_b", 'l\'été "là"', "中文标题"]
    for text in ("first", "second", "third", "fourth"):
        page.told("snapshot", page.say("new_session"))
        page.ask(f"{text} talk")
    listed = page.sessions()
    assert [s["title"] for s in listed] == [
        "fourth talk",
        "third talk",
        "second talk",
        "first talk",
    ]
    for info, title in zip(listed, titles, strict=True):
        page.say("rename", session_id=info["session_id"], title=title)
    assert [s["title"] for s in page.sessions()] == titles
    for search, found in (("%", 1), ("_", 1), ("L'ÉTÉ", 1), ('"là"', 1), ("文标", 1), ("talk", 4)):
        assert len(page.sessions(search)) == found, search
    assert page.sessions("nowhere") == []
    assert value(kernel, "clerk.title") == titles[0]
    assert "中文标题" in kernel.run("clerk.sessions()").value["text/html"]
    assert "<a " not in kernel.run("clerk.sessions()").value["text/html"]
    kernel.run('clerk.open("L\'ÉTÉ")')
    assert value(kernel, "clerk.messages[0].text") == "second talk"
    page.say("delete", session_id=listed[3]["session_id"])
    assert len(page.sessions()) == 3
    opened = value(kernel, "clerk.session_id")
    mark = page.say("delete", session_id=opened)
    fresh = page.told("snapshot", mark)
    assert fresh["turns"] == []
    assert fresh["session_id"] != opened
    assert len(page.sessions()) == 2
