"""Rich values: what a notebook can show, and what of it every client can.

A DataFrame, a figure, an image or a widget has a MIME bundle. A notebook shows that; over HTTP it
becomes an image, a Markdown table or text.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, cast

MAX_BUNDLE = 5 * 1024 * 1024
"""Bytes above which a rich form is not kept, and the plain one alone is shown."""

_PLAIN = (str, bytes, int, float, complex, dict, list, tuple, set)
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
_BAR = "\\|"
_NOTHING_RICH = {"text/plain"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in its two forms.

    Attributes:
        contents: What every client can show: an image, or a table or text in Markdown.
        bundle: What a notebook can, `data` (MIME type to text, base64 or JSON) and `metadata`;
            None when it is too large to be kept.
    """

    contents: list[dict[str, Any]]
    bundle: dict[str, Any] | None

    @property
    def text(self) -> str:
        """It as a model reads it."""
        (content,) = self.contents
        return content["text"] if content["type"] == "text" else "[an image, shown to the user]"

    @property
    def media(self) -> list[dict[str, Any]]:
        """Its contents that are no text."""
        return [content for content in self.contents if content["type"] != "text"]


async def shown(value: Any) -> Shown | None:
    """Have a value show itself, in a thread: a first plot can take a second.

    Returns:
        Its forms; None for what has only a text.
    """
    if value is None or isinstance(value, (_PLAIN, Shown)):
        return value if isinstance(value, Shown) else None
    return await asyncio.to_thread(_show, value)


def _show(value: Any) -> Shown | None:
    bundle = _bundle_of(value)
    return Shown(_plain_contents(bundle), _kept(bundle)) if bundle is not None else None


def _bundle_of(value: Any) -> dict[str, Any] | None:
    data, metadata = _forms(value)
    if "image/png" not in data and type(value).__module__.startswith("matplotlib."):
        data = data | _figure(value)
    if not set(data) - _NOTHING_RICH:
        return None
    return {"data": {mime: _jsonable(part) for mime, part in data.items()}, "metadata": metadata}


def _plain_contents(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    data: dict[str, Any] = bundle["data"]
    for mime in _IMAGES:
        if mime in data:
            return [{"type": "image", "image_url": _data_uri(mime, data[mime])}]
    return [{"type": "text", "text": _text(data)}]


def _kept(bundle: dict[str, Any]) -> dict[str, Any] | None:
    size = sum(len(part) if isinstance(part, str) else 1000 for part in bundle["data"].values())
    return bundle if size <= MAX_BUNDLE else None


def _text(data: dict[str, Any]) -> str:
    if "text/markdown" in data:
        return str(data["text/markdown"])
    table = _markdown_table(str(data.get("text/html", "")))
    if table:
        return table
    if "text/latex" in data:
        return str(data["text/latex"])
    if "text/plain" in data:
        return f"```text\n{data['text/plain']}\n```"
    mime, value = next(iter(data.items()))
    return value if isinstance(value, str) else f"```json\n{json.dumps(value)}\n```  ({mime})"


def _forms(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook would show: its forms, and what is said about them."""
    formatter = _formatter()
    if not callable(getattr(value, "_ipython_display_", None)):
        return formatter.format(value)
    # It shows itself, in whichever cell runs just then: only what it can be asked for counts.
    found: Any = formatter.mimebundle_formatter(value) or {}
    data, metadata = cast("Any", found if isinstance(found, tuple) else (found, {}))
    return {"text/plain": repr(value)} | data, metadata


def _formatter() -> Any:
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.interactiveshell import InteractiveShell

    # The shell's own knows what was registered in the notebook, such as figures.
    if InteractiveShell.initialized():
        return InteractiveShell.instance().display_formatter
    return DisplayFormatter()


def _figure(value: Any) -> dict[str, Any]:
    figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if "matplotlib.figure" not in sys.modules or not hasattr(figure, "savefig"):
        return {}
    from IPython.core import pylabtools

    draw: Any = pylabtools.print_figure  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    picture = draw(figure, fmt="png", base64=True)
    return {"image/png": picture} if picture else {}


def _jsonable(part: Any) -> Any:
    return base64.b64encode(part).decode() if isinstance(part, bytes) else part


def _data_uri(mime: str, part: Any) -> str:
    if mime == "image/svg+xml":
        part = base64.b64encode(str(part).encode()).decode()
    return f"data:{mime};base64,{''.join(str(part).split())}"


def _markdown_table(html: str) -> str:
    reader = _Table()
    reader.feed(html)
    rows = [[" ".join(cell.split()) for cell in row] for row in reader.rows if row]
    if not rows:
        return ""
    width = max(map(len, rows))
    whole = [[*row, *[""] * (width - len(row))] for row in rows]
    lines = [f"| {' | '.join(cell.replace('|', _BAR) for cell in row)} |" for row in whole]
    lines.insert(1, f"|{' --- |' * width}")
    return "\n".join(lines)


class _Table(HTMLParser):
    """Reads the cells of the first table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False
        self._over = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        if tag == "tr" and not self._over:
            self.rows.append([])
        elif tag in ("td", "th") and self.rows and not self._over:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")
        self._over = self._over or tag == "table"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data
