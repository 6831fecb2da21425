"""What a person adds to a message: images, sounds and files, checked before the agent sees them."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import (
    AudioContent,
    FileContent,
    ImageContent,
    Message,
    RunStatus,
    TextContent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

MOST_FILES = 10
MOST_BYTES = 7 << 20
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif|bmp);base64,(.*)", re.DOTALL)
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}
_SOUNDS = {".wav": "wav", ".mp3": "mp3", ".ogg": "ogg", ".flac": "flac", ".webm": "webm"}


def message_of(text: str, contents: object = None) -> Message:
    """A user's message of a text and what a front end added to it.

    Args:
        text: What was written; may be empty when something was added.
        contents: Wire contents: images as data URIs, files and sounds in base64.

    Raises:
        AppError: PARAMETER_VALIDATION for what is no such thing, BODY_TOO_LARGE.
    """
    added = _checked(contents)
    if not text.strip() and not added:
        raise AppError("PARAMETER_VALIDATION", "The message is empty.")
    said = [TextContent(text=text)] if text.strip() else []
    return Message(role="user", content=[*said, *added], status=RunStatus.COMPLETED)


def contents_of(files: Sequence[str | PathLike[str]]) -> list[dict[str, Any]]:
    """Files as wire contents: images as images, sounds as sounds, all else as files.

    Args:
        files: Paths.

    Raises:
        OSError: One cannot be read.
        AppError: BODY_TOO_LARGE.
    """
    if isinstance(files, str):
        files = [files]
    paths = [Path(file).expanduser() for file in files]
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:
        raise _too_large()
    return [_content_of(path) for path in paths]


def _content_of(path: Path) -> dict[str, Any]:
    data = base64.b64encode(path.read_bytes()).decode()
    mime = mimetypes.guess_type(path.name)[0] or ""
    if mime in _IMAGES:
        url = f"data:{mime};base64,{data}"
        return {"type": "image", "image_url": url, "filename": path.name}
    if path.suffix.lower() in _SOUNDS:
        kind = _SOUNDS[path.suffix.lower()]
        return {"type": "audio", "data": data, "format": kind, "filename": path.name}
    return {"type": "file", "filename": path.name, "file_data": data}


def _checked(contents: object) -> list[Any]:
    if contents is None:
        return []
    if not isinstance(contents, list):
        raise AppError("PARAMETER_VALIDATION", "`content` has to be a list.")
    items = cast("list[Any]", contents)
    if len(items) > MOST_FILES:
        raise AppError("BODY_TOO_LARGE", f"At most {MOST_FILES} files go with a message.")
    size = 0
    made: list[Any] = []
    for item in items:
        kind = cast("dict[str, Any]", item).get("type") if isinstance(item, dict) else None
        check = _KINDS.get(str(kind))
        if check is None:
            known = ", ".join(_KINDS)
            raise AppError(
                "PARAMETER_VALIDATION", f"A message takes {known}; this was {kind or 'no content'}."
            )
        content, length = check(cast("dict[str, Any]", item))
        made.append(content)
        size += length
    if size > MOST_BYTES:
        raise _too_large()
    return made


def _image(item: dict[str, Any]) -> tuple[Any, int]:
    found = _IMAGE.fullmatch(str(item.get("image_url") or ""))
    if found is None:
        raise AppError("PARAMETER_VALIDATION", "An image has to be a data URI of a raster image.")
    named = {"filename": _name(item)} if item.get("filename") else {}
    content = ImageContent.model_validate({"image_url": item["image_url"], **named})
    return content, _length(found[1])


def _file(item: dict[str, Any]) -> tuple[Any, int]:
    data = str(item.get("file_data") or "")
    return FileContent(filename=_name(item), file_data=data), _length(data)


def _audio(item: dict[str, Any]) -> tuple[Any, int]:
    data, kind = str(item.get("data") or ""), str(item.get("format") or "")
    if not re.fullmatch(r"[A-Za-z0-9.+-]{1,40}", kind):
        raise AppError("PARAMETER_VALIDATION", "A sound has to name its format, such as wav.")
    named = {"filename": _name(item)} if item.get("filename") else {}
    content = AudioContent.model_validate({"data": data, "format": kind, **named})
    return content, _length(data)


_KINDS = {"image": _image, "file": _file, "audio": _audio}


def _name(item: dict[str, Any]) -> str:
    """A file's name without a folder or control characters: others show it and may write it."""
    name = re.split(r"[/\\]", str(item.get("filename") or ""))[-1]
    return "".join(c for c in name if c.isprintable())[:200] or "file"


def _length(data: str) -> int:
    if len(data) * 3 // 4 > MOST_BYTES + 2:
        raise _too_large()
    try:
        return len(binascii.a2b_base64(data, strict_mode=True)) if data else 0
    except binascii.Error as error:
        raise AppError("PARAMETER_VALIDATION", "A file's base64 is broken.") from error


def _too_large() -> AppError:
    return AppError(
        "BODY_TOO_LARGE", f"The files of a message may have {MOST_BYTES >> 20} MB together."
    )
