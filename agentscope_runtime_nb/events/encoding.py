"""From event to JSON bytes. A delta is written once, straight into its frame."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import to_json


def encode(value: Any) -> bytes:
    """JSON of any event or object; what has no JSON form becomes its `str`."""
    try:
        return to_json(value, inf_nan_mode="null", serialize_unknown=True)
    except ValueError:  # a lone surrogate, as half an emoji from a tokenizer
        return to_json(_repaired(value), inf_nan_mode="null", serialize_unknown=True)


def encode_text(text: str) -> bytes:
    """A JSON string. Lone surrogates become U+FFFD, since UTF-8 has no form for them."""
    try:
        return encode_basestring(text).encode()
    except UnicodeEncodeError:
        return encode_basestring(repaired_text(text)).encode()


def repaired_text(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return repaired_text(value)
    match value:
        case dict():
            items = cast("dict[Any, Any]", value).items()
            return {_repaired(k): _repaired(v) for k, v in items}
        case BaseModel():
            return _repaired(value.model_dump())
        case list() | tuple():
            return [_repaired(v) for v in cast("list[Any]", value)]
        case _:
            return value
