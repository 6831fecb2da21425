"""Images, sound, films and files: AgentScope's media type and source as contents of the wire."""

from __future__ import annotations

import mimetypes
from typing import Any


def content_of(
    media_type: str, *, data: str | None = None, url: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """The content that shows a piece of data.

    Args:
        media_type: What it is, such as `image/png`.
        data: The piece, base64-encoded.
        url: Or where it is.
        name: A file's name, where one is given.
    """
    kind, _, form = media_type.partition("/")
    form = form.partition(";")[0]
    place = url or f"data:{media_type};base64,{data or ''}"
    match kind:
        case "image":
            return {"type": "image", "image_url": place}
        case "audio":
            return {"type": "audio", "data": url or data, "format": form}
        case "video":
            return {"type": "video", "video_url": place}
        case _:
            source = {"file_url": url} if url else {"file_data": data}
            return {"type": "file", "filename": name or _name(media_type), **source}


def _name(media_type: str) -> str:
    return f"file{mimetypes.guess_extension(media_type.partition(';')[0]) or ''}"
