"""A route that calls its endpoint directly: for the ways in that every question to an agent takes.

FastAPI's own way through a route (two exit stacks, the solving of dependencies, a wrapper around
each piece sent) costs a fifth of a short answer's CPU, and such an endpoint reads its own body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route in the app's schema and behind its middleware, without what its endpoint never uses.

    Its endpoint takes a `Request` and returns a `Response`. Where the user gave the app
    dependencies or a body limit of FastAPI's, it is a route like any other.
    """

    def __init__(
        self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any
    ) -> None:
        super().__init__(path, endpoint, **options)
        if self.dependant.dependencies or options.get("max_body_size") is not None:
            return

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = answer
