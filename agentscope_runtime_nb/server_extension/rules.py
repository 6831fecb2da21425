"""What may pass through the app proxy, in either direction.

Allow-lists, since what Jupyter, a hub or a browser may add tomorrow is not known today. Towards the
app nothing passes that opens Jupyter (cookies, tokens, XSRF); towards the browser nothing that sets
cookies, loosens its rules, or names another site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .upstream import Headers

# No scripts, no origin, nothing fetched from elsewhere, no frame around it.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; frame-ancestors 'none'"
)

_REQUEST_HEADERS = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "If-Modified-Since",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    "Traceparent",
    "Tracestate",
    "User-Agent",
)
_ANSWER_HEADERS = frozenset({
    "accept-ranges",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "retry-after",
    "traceparent",
    "x-accel-buffering",
})  # fmt: skip
# Jupyter takes its token from the query too.
_JUPYTER_PARAMETERS = frozenset({"token", "_xsrf", "no_track_activity"})

_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_HIDDEN = re.compile(r"%(?:2f|5c|[01][0-9a-f]|7f)", re.IGNORECASE)  # separators, control characters
_DOTS = frozenset({".", ".."})
_QUERY = re.compile(r"[!-~]*")


def target(app: str, rest: str, query: str) -> str | None:
    """What to ask the kernel for.

    Args:
        app: The app's name, checked already.
        rest: The path after it, as it came over the wire: still percent-encoded.
        query: The query, likewise.

    Returns:
        The request target, or None when the path is not a plain one: with `.` or `..` steps,
        separators in disguise, control characters or anything else that two programs might read
        in two ways.
    """
    if not (_PATH.fullmatch(rest) and _QUERY.fullmatch(query)) or _HIDDEN.search(rest):
        return None
    steps = re.sub("%2e", ".", rest, flags=re.IGNORECASE).split("/")
    if not _DOTS.isdisjoint(steps):
        return None
    parameters = [part for part in query.split("&") if not _is_jupyters(part)]
    return f"/{app}/{rest}" + (f"?{'&'.join(parameters)}" if any(parameters) else "")


def request_headers(given: Headers, prefix: str) -> Headers:
    """The headers of the request to the app.

    Args:
        given: The browser's; how the body is framed is taken over with them.
        prefix: What the proxy took off the front of the path (ASGI's `root_path`).
    """
    found = {name.lower(): value for name, value in given}
    headers = [("Host", "localhost"), ("Connection", "close"), ("X-Forwarded-Prefix", prefix)]
    headers += [(name, found[name.lower()]) for name in _REQUEST_HEADERS if name.lower() in found]
    if "transfer-encoding" in found:
        headers.append(("Transfer-Encoding", "chunked"))
    elif "content-length" in found:
        headers.append(("Content-Length", found["content-length"]))
    return headers


def answer_headers(given: Headers, app: str, prefix: str) -> Iterable[tuple[str, str]]:
    """The headers of the app's answer that the browser may see.

    Args:
        given: The app's, names in lower case.
        app: The app that answers; a redirect may lead to it and nowhere else.
        prefix: What the proxy took off the front of the path.
    """
    for name, value in given:
        if name in _ANSWER_HEADERS:
            yield name, value
        elif name == "location" and (place := _location(value, app, prefix)):
            yield name, place


def _location(value: str, app: str, prefix: str) -> str | None:
    """Where a redirect leads, seen from the browser; None if that is not within the app."""
    place = urlsplit(value)
    if place.scheme not in ("", "http") or place.netloc not in ("", "localhost"):
        return None
    path = place.path.removeprefix(prefix)
    if not path.startswith(f"/{app}/") or target(app, path[len(app) + 2 :], place.query) is None:
        return None
    return prefix + path + (f"?{place.query}" if place.query else "")


def _is_jupyters(parameter: str) -> bool:
    return unquote_plus(parameter.partition("=")[0]) in _JUPYTER_PARAMETERS
