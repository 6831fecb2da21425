"""One OpenAI client for each event loop and endpoint, closed when its loop is closed.

A connection belongs to the loop that opened it, so a client cannot be shared between the kernel's
threads. An event loop that is shut down closes its asynchronous generators first; a suspended one
is therefore the place where a client can wait for that and close its sockets in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import weakref
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import openai

T = TypeVar("T")
_Key = tuple[str | None, str, bool]
_Kept = dict[_Key, "tuple[openai.AsyncOpenAI, AsyncGenerator[None, None]]"]
_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Kept] = weakref.WeakKeyDictionary()


async def client_for(base_url: str | None, api_key: str, *, own: bool) -> openai.AsyncOpenAI:
    """Give the running loop's client of an endpoint.

    Args:
        base_url: The endpoint; None for the SDK's default.
        api_key: Its key.
        own: Whether it is a server of ours on this machine: then no proxy stands between, and a
            failure is not worth a second try.

    Returns:
        A client that stays open until it is closed or its loop is.
    """
    kept = _clients.setdefault(asyncio.get_running_loop(), {})
    key = (base_url, api_key, own)
    if key in kept and not kept[key][0].is_closed():
        return kept[key][0]
    # The import takes half a second: not in the loop, where everything else would stand still.
    client = await asyncio.to_thread(_make, base_url, api_key, own)
    if key in kept and not kept[key][0].is_closed():  # somebody was quicker
        await client.close()
        return kept[key][0]
    keeper = _keep(client)
    await anext(keeper)
    kept[key] = (client, keeper)
    return client


async def off_loop(work: Callable[[], T]) -> T:
    """Run what blocks for long in a thread that a process which wants to end need not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if not done.done():  # nobody waits any more if the run was stopped
            done.set_exception(error) if error else done.set_result(cast("T", result))

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as exception:  # noqa: BLE001 - raised where it is awaited
            error = exception
        with contextlib.suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(settle, result, error)

    context = contextvars.copy_context()  # what is printed belongs to the run that waits
    threading.Thread(
        target=context.run, args=(run,), name="agentscope-nb-model-start", daemon=True
    ).start()
    return await done


async def close_clients(base_url: str | None, api_key: str) -> None:
    """Close the running loop's clients of an endpoint."""
    kept = _clients.get(asyncio.get_running_loop(), {})
    for key in [key for key in kept if key[:2] == (base_url, api_key)]:
        _, keeper = kept.pop(key)
        await keeper.aclose()


def _make(base_url: str | None, api_key: str, own: bool) -> openai.AsyncOpenAI:
    import openai

    if not own:
        return openai.AsyncOpenAI(base_url=base_url, api_key=api_key)
    http = openai.DefaultAsyncHttpx2Client(trust_env=False)
    return openai.AsyncOpenAI(base_url=base_url, api_key=api_key, max_retries=0, http_client=http)


async def _keep(client: openai.AsyncOpenAI) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await client.close()
