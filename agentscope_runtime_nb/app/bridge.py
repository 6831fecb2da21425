"""Hands a whole ASGI call from one event loop to another, back-pressure and disconnects included.

A user's coroutines, clients and locks belong to the loop that they were made on; a server on
another thread reaches them through here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def across(
    loop: asyncio.AbstractEventLoop, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Run `app` on another thread's loop for a call that arrived on this one.

    Each message is awaited where it belongs before the other side goes on, so a slow reader slows
    the app, and a reader that has gone is noticed by it.

    Args:
        loop: Where the app lives.
        app: The ASGI application.
        scope: The call's scope.
        receive: This loop's receive.
        send: This loop's send.
    """
    here = asyncio.get_running_loop()

    async def far_receive() -> Message:
        return await _on(here, receive)

    async def far_send(message: Message) -> None:
        await _on(here, send, message)

    async def call() -> None:
        await app(scope, far_receive, far_send)

    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), loop))


async def _on(
    loop: asyncio.AbstractEventLoop, function: Callable[..., Awaitable[Any]], *args: Any
) -> Any:
    async def call() -> Any:
        return await function(*args)

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), loop))
