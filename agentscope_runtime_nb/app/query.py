"""The user's query handler, whatever kind of function it is, as one asynchronous stream.

An async generator is used as it is. A coroutine's value, or a generator it returns, is passed on.
Sync functions and generators run in a worker thread of their own, so that they block nobody.
"""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import queue
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.events import RunStoppedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable

_NAMES = {
    "self": "self",
    "msgs": "msgs",
    "messages": "msgs",
    "request": "request",
    "response": "response",
}
_END = object()


class Handler:
    """A query handler and how to call it.

    Args:
        function: Takes any of `msgs` (this turn's messages), `request` and, as the original's
            handlers do, `self` (the app's state) and `response` (None).
        given: What to say of the arguments to whoever wants others.

    Raises:
        DefinitionError: It wants arguments that a handler is not given.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        given: str = "a query handler is given `msgs` and `request`",
    ) -> None:
        self._given = given
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self._arguments = self._bind(inspect.signature(function))

    def stream(
        self, values: dict[str, Any], started: Callable[[Worker], None]
    ) -> AsyncIterator[Any]:
        """Call it.

        Args:
            values: By name: `self`, `msgs`, `request`, `response`.
            started: Told of the worker when one is used.
        """
        args = [values[name] for name, keyword in self._arguments if not keyword]
        kwargs = {keyword: values[name] for name, keyword in self._arguments if keyword}
        function = self.function
        if inspect.isasyncgenfunction(function) or inspect.isasyncgenfunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
        ):
            return function(*args, **kwargs)
        if inspect.iscoroutinefunction(function):
            return _from_coroutine(function, args, kwargs)
        return _from_thread(lambda: function(*args, **kwargs), started)

    def _bind(self, signature: inspect.Signature) -> list[tuple[str, str]]:
        """Pairs of value name and keyword ("" for a positional argument)."""
        bound: list[tuple[str, str]] = []
        spare = ["msgs", "request"]
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            value = _NAMES.get(parameter.name)
            if value is None and parameter.default is parameter.empty and spare:
                value = spare[0]  # its own names for the two that every handler gets
            if value is None:
                if parameter.default is parameter.empty:
                    raise DefinitionError(
                        f"{self.name}() wants an argument `{parameter.name}`, but {self._given}. "
                        "Remove it or give it a default."
                    )
                continue
            if value in spare:
                spare.remove(value)
            keyword = parameter.name if parameter.kind == parameter.KEYWORD_ONLY else ""
            bound.append((value, keyword))
        return bound


class Worker:
    """A daemon thread that runs one handler's steps, in one context, one after another."""

    def __init__(self) -> None:
        self._steps: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._thread = threading.Thread(target=self._work, name="agentscope-nb run", daemon=True)
        self._forced = False
        self._busy = False
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a step is being executed."""
        return self._busy

    @property
    def ident(self) -> int:
        """The thread's id."""
        return self._thread.ident or 0

    async def call(self, step: Callable[[], Any]) -> Any:
        """Run a step; cancelled, wait for the step's end first, since a thread cannot be."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._steps.put((step, future))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done() and not self._forced:
                await asyncio.wait([future], timeout=0.1)
            # Whenever it ends, its error is looked at, so that it is not reported as lost.
            future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    def force(self) -> None:
        """Raise inside the thread at its next bytecode, and no longer wait for it."""
        self._forced = True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self.ident), ctypes.py_object(RunStoppedError)
        )

    def end(self) -> None:
        """Let the thread end after its current step."""
        self._steps.put(None)

    def _work(self) -> None:
        while (job := self._steps.get()) is not None:
            step, future = job
            result, failure = None, None
            self._busy = True
            try:
                result = self._context.run(step)
            except StopIteration:
                failure = RuntimeError("the handler raised StopIteration")
            except BaseException as error:  # noqa: BLE001 - carried over to the caller
                failure = error
            self._busy = False
            self._answer(future, result, failure)

    def _answer(
        self, future: asyncio.Future[Any], result: Any, failure: BaseException | None
    ) -> None:
        def settle() -> None:
            if future.done():
                return
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)

        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop has closed: nobody waits any more
            self._steps.put(None)


async def _from_coroutine(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> AsyncIterator[Any]:
    async for item in _each(await function(*args, **kwargs)):
        yield item


async def _from_thread(
    call: Callable[[], Any], started: Callable[[Worker], None]
) -> AsyncIterator[Any]:
    worker = Worker()
    started(worker)
    values: Generator[Any] | None = None
    try:
        result = await worker.call(call)
        if not inspect.isgenerator(result):
            async for item in _each(result):
                yield item
            return
        values = cast("Generator[Any]", result)
        while (item := await worker.call(lambda: next(result, _END))) is not _END:
            yield item
    finally:
        if values is not None:
            await worker.call(values.close)
        worker.end()


async def _each(value: Any) -> AsyncIterator[Any]:
    """A returned value's items: of a generator or list each one, else the value alone."""
    if hasattr(value, "__aiter__"):
        async for item in value:
            yield item
    elif inspect.isgenerator(value) or isinstance(value, (list, tuple)):
        for item in cast("Iterable[Any]", value):
            yield item
    elif value is not None:
        yield value
