"""What the README and the tutorial tell a reader to type works, in both languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from pages import ROOT, Reader, blocks, own_environment

from agentscope_runtime_nb.models import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Reader]]:
    readers: list[Reader] = []
    with ScriptedServer() as model:
        own_environment(monkeypatch, model.url, model.key)

        def start(page: str) -> Reader:
            readers.append(Reader(tmp_path, page, monkeypatch))
            return readers[-1]

        yield start
        for one in readers:
            one.close()


@pytest.mark.timeout(200)
def test_the_readme(reader):
    page = reader("README.md")
    page.read()
    abilities, before, *_ = page.answers
    assert "I answer from a script" in abilities
    assert before == "You said: “What can you do?”."


@pytest.mark.timeout(200)  # a kernel's life, three exports and a service
def test_the_tutorial(reader):
    page = reader("docs/tutorial.md")
    page.read()
    assert "In Oslo it is snowing." in page.answers
    assert "The result is 42." in " ".join(page.answers)
    for name in ("tutorial.md", "tutorial.zh.md"):  # what it shows is what it says
        shown = " ".join((ROOT / "docs" / name).read_text("utf-8").split())
        assert all(" ".join(error.split()) in shown for error in page.errors)


@pytest.mark.timeout(120)
def test_the_page_of_the_chat(reader):
    page = reader("docs/chat.md")
    page.read()
    said = "\n".join(page.answers)
    assert "My dog is called Rex" in said
    assert "I still need it" in said
    assert "deleted notes.txt" in said
    assert "| Bergen | yes |" in said


@pytest.mark.timeout(120)
def test_the_page_of_agentscope(reader):
    page = reader("docs/agentscope.md")
    page.read()
    said = "\n".join(page.answers)
    assert "I am Ann." in page.answers[0]
    assert "The result is 42." in said
    assert "bought milk" in said


def test_the_first_page_says_what_the_readme_says():
    tried = {block.code for block in blocks("README.md")}
    assert not [block.code for block in blocks("docs/index.md") if block.code not in tried]


@pytest.mark.parametrize("page", ["README", "docs/index", "docs/tutorial"])
def test_the_chinese_pages_have_the_same_code(page):
    def code(name: str) -> list[str]:
        # Comments and prose in code may be translated; what is typed may not.
        return [re.sub(r"(#|<!--).*", "", block.code) for block in blocks(name)]

    assert code(f"{page}.zh.md") == code(f"{page}.md")
