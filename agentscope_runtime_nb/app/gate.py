"""Who may call: the ASGI middleware in front of every app.

With keys, everything but health needs one. Without keys only this machine may call, and a web page
elsewhere must not: the Host and Origin of each request have to be this machine's.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = frozenset({"/health", "/liveness", "/readiness"})
LOCAL = "local"
PRINCIPAL = "agentscope_nb.principal"


class Gate:
    """Finds out who calls, and turns away who may not.

    Args:
        app: What is behind the gate.
        keys: API keys by the principal's name; none means this machine only.
        open_to_all: Serve without keys beyond this machine, on purpose.
        identify: The service's own `scope → principal name, or None to refuse`; replaces keys.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Mapping[str, str],
        open_to_all: bool = False,
        identify: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self._app = app
        self._keys = {name: key.encode() for name, key in keys.items()}
        self._open = open_to_all
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the call through, with its principal in the scope, or answer it here."""
        if scope["type"] == "http":
            try:
                scope[PRINCIPAL] = self._principal(scope)
            except AppError as error:
                await answer(error, send)
                return
        elif scope["type"] == "websocket":
            try:
                scope[PRINCIPAL] = self._principal(scope)
            except AppError:
                await send({"type": "websocket.close", "code": 1008})
                return
        await self._app(scope, receive, send)

    def _principal(self, scope: Scope) -> str:
        if scope["path"].removeprefix(scope.get("root_path", "")) in OPEN_PATHS:
            return LOCAL
        if self._identify is not None:
            name = self._identify(scope)
            if name is None:
                raise _unauthorised("This service did not recognise the caller.")
            return name
        headers = dict(scope["headers"])
        if self._keys:
            return self._by_key(headers)
        if not self._open:
            _check_local(scope, headers)
        return LOCAL

    def _by_key(self, headers: dict[bytes, bytes]) -> str:
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        found = None
        for name, key in self._keys.items():  # all of them: the time must not tell which fits
            if hmac.compare_digest(given.strip(), key):
                found = name
        if scheme.lower() != b"bearer" or found is None:
            raise _unauthorised(
                "An API key is needed: send it as `Authorization: Bearer …`."
                if not given
                else "The API key is not known here."
            )
        return found


def open_gate(app: Any) -> None:
    """Let everybody in who can reach an app that has no keys. Before it serves."""
    app.open_to_all = True
    for middleware in app.user_middleware:
        if middleware.cls is Gate:
            middleware.kwargs["open_to_all"] = True


@lru_cache(256)  # asked twice a request, nearly always of the same two
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_local(scope: Scope, headers: dict[bytes, bytes]) -> None:
    client = scope.get("client")
    if client is not None and client[0] and not is_loopback(client[0]):
        raise _unauthorised(
            "This service has no API keys and serves its own machine only. Start it with "
            "AGENTSCOPE_NB_API_KEY set, or with --open."
        )
    if client is None or not client[0]:
        return  # a unix socket: its folder says who may come
    host = headers.get(b"host", b"").decode("latin-1")
    if not is_loopback(urlsplit(f"//{host}").hostname or ""):
        raise AppError("ACCESS_DENIED", f"The Host {host!r} is not this machine.")
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and urlsplit(origin).netloc != host:
        raise AppError("ACCESS_DENIED", f"Requests from the web page {origin} are not allowed.")


def _unauthorised(message: str) -> AppError:
    return AppError("AUTH_FAILED", message, headers={"WWW-Authenticate": "Bearer"})


async def answer(error: AppError, send: Send) -> None:
    """Send an error as a JSON response."""
    body = encode(error.body())
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((k.lower().encode(), v.encode()) for k, v in error.headers.items()),
    ]
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": error.status,
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
