"""A conversation to keep or to pass on: as Markdown, JSON or a notebook."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.widgets.lines import YOU, lines
from agentscope_runtime_nb.widgets.markdown import plain_markdown
from agentscope_runtime_nb.widgets.transcript import markdown_line

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.conversation import Conversation
    from agentscope_runtime_nb.notebook.turn import Turn
    from agentscope_runtime_nb.widgets.lines import Line

_FORMATS = {"md": "md", "markdown": "md", "json": "json", "ipynb": "ipynb", "notebook": "ipynb"}
_DATA_URI = re.compile(r"data:(image/(\w+));base64,(.*)", re.DOTALL)


class Transcript(str):
    """A conversation's text, which a notebook shows as what it is."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_markdown_(self) -> str:
        return str(self) if isinstance(self, _Markdown) else f"```json\n{self}\n```"


class _Markdown(Transcript):
    """Markdown."""

    __slots__ = ()


def transcript(
    name: str,
    conversation: Conversation,
    target: str | os.PathLike[str] = "md",
    *,
    overwrite: bool = False,
) -> Transcript | Path:
    """Write a conversation down.

    Args:
        name: The agent's name.
        conversation: The conversation.
        target: A file that ends in `.md`, `.json` or `.ipynb`, or one of these words alone.
        overwrite: Replace a file that is there.

    Returns:
        The text, or the file's path.

    Raises:
        FileExistsError: The file is there.
        ValueError: The ending is none of these.
    """
    given = os.fspath(target)
    turns = [turn for turn in list(conversation.turns) if turn.final is not None]
    if given in _FORMATS:
        form = _FORMATS[given]
        text = _WRITERS[form](name, conversation, turns)
        return _Markdown(text) if form == "md" else Transcript(text)
    path = Path(given).expanduser()
    form = path.suffix.lower().removeprefix(".")
    if form not in _WRITERS:
        raise ValueError(f"A transcript ends in .md, .json or .ipynb; {path.name!r} does not.")
    text = _WRITERS[form](name, conversation, turns)
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FileExistsError(f"{path} is there: overwrite=True replaces it.") from None
    return path


def _markdown(name: str, conversation: Conversation, turns: list[Turn]) -> str:
    said = lines(name, [turn.as_json() for turn in turns])
    parts = [markdown_line(line, lambda line: line.image) for line in said]
    return "\n\n".join([f"# {plain_markdown(conversation.title or name)}", *parts]) + "\n"


def _json(name: str, conversation: Conversation, turns: list[Turn]) -> str:
    whole = {
        "schema": 1,
        "agent": name,
        "session_id": conversation.session_id,
        "title": conversation.title,
        "turns": [_turn_json(turn) for turn in turns],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _turn_json(turn: Turn) -> dict[str, Any]:
    final = turn.final or {}
    kept = ("status", "error", "output", "usage", "created_at", "completed_at")
    return {
        "run_id": turn.run_id,
        "input": turn.input,
        **{name: final.get(name) for name in kept},
        "feedback": turn.feedback,
    }


def _notebook(name: str, conversation: Conversation, turns: list[Turn]) -> str:
    title = plain_markdown(conversation.title or name)
    cells = [_cell("title", f"# {title}")]
    for number, turn in enumerate(turns, 1):
        asked: list[Line] = []
        answered: list[Line] = []
        for line in lines(name, [turn.as_json()]):
            (answered if answered or line.who != YOU else asked).append(line)
        for who, said in (("you", asked), ("agent", answered)):
            if said:
                attachments: dict[str, dict[str, str]] = {}
                parts = [markdown_line(line, _Attach(attachments)) for line in said]
                cells.append(_cell(f"{number}-{who}", "\n\n".join(parts), attachments))
    whole: dict[str, Any] = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _cell(ident: str, text: str, attachments: dict[str, Any] | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "markdown", "id": ident, "metadata": {}, "source": text}
    return cell | ({"attachments": attachments} if attachments else {})


class _Attach:
    """Makes images the attachments of a cell.

    Args:
        attachments: Where they go.
    """

    def __init__(self, attachments: dict[str, dict[str, str]]) -> None:
        self._attachments = attachments

    def __call__(self, line: Line) -> str:
        found = _DATA_URI.fullmatch(line.image)
        if found is None:
            return ""
        mime, kind, data = found.groups()
        name = f"image{len(self._attachments) + 1}.{kind}"
        self._attachments[name] = {mime: data}
        return f"attachment:{name}"


_WRITERS = {"md": _markdown, "json": _json, "ipynb": _notebook}
