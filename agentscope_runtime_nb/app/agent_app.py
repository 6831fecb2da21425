"""AgentApp: an agent as a FastAPI application.

The smallest one is a function:

    app = AgentApp("echo")

    @app.query
    async def echo(msgs, request):
        yield "You said: " + msgs[-1].text
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fastapi import FastAPI, Request
from starlette.responses import Response

from agentscope_runtime_nb.app.admission import admit
from agentscope_runtime_nb.app.endpoint import as_endpoint
from agentscope_runtime_nb.app.errors import AppError, DefinitionError
from agentscope_runtime_nb.app.gate import LOCAL, Gate
from agentscope_runtime_nb.app.offers import Command, Offers
from agentscope_runtime_nb.app.query import Handler
from agentscope_runtime_nb.app.run import Run
from agentscope_runtime_nb.app.runs import Runs
from agentscope_runtime_nb.events import encode, fresh_id
from agentscope_runtime_nb.sessions import SessionKey, SessionStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from pathlib import Path

    from agentscope_runtime_nb.app.run import Adapter
    from agentscope_runtime_nb.events import AgentRequest, Message

MAX_BODY = 10 * 1024 * 1024

_F = TypeVar("_F", bound="Callable[..., Any]")


class AgentApp(FastAPI):
    """An agent as a FastAPI application: routes, middleware and dependencies are FastAPI's own.

    Args:
        app_name: The agent's name, for people and for its sessions.
        app_description: What it is for, in a sentence.
        framework: What the query handler yields, unless `@app.query` says otherwise.
        model: A `Model`, or a name that `model()` takes; the handler finds it as `app.model`.
        tools: Python functions for the agent; the handler finds them as `app.tools`.
        api_keys: Keys that callers must send: a list, or a dict of principal to key. By default
            the one in `AGENTSCOPE_NB_API_KEY`, if set.
        identify: Own authentication: takes the ASGI scope, returns the principal's name or None.
        open_to_all: Serve beyond this machine without keys, on purpose.
        starters: What a chat offers to begin with: texts, or pairs of label and text.
        settings: What may be set for a conversation, by name: a list of choices, or the default.
            The handler finds the values in `request.settings`.
        models: Names of models that a request may choose from, by `model`.
        store: Where sessions are kept: a path, `":memory:"`, or a `SessionStore`.
        max_runs: How many runs at once; more are answered with 429.
        max_body: The largest request body, in bytes.
        endpoint_path: Where the agent is asked.
        lifespan: An async context manager around the app's life, as FastAPI's.
        before_start: Called with the app when it starts; may be a coroutine function.
        after_finish: Called with the app when it has ended; may be a coroutine function.
        **fastapi: Passed on to FastAPI.
    """

    def __init__(
        self,
        app_name: str = "AgentScope Runtime API",
        app_description: str = "",
        *,
        framework: str = "plain",
        model: Any = None,
        tools: Sequence[Callable[..., Any]] = (),
        api_keys: Sequence[str] | Mapping[str, str] | None = None,
        identify: Callable[[Any], str | None] | None = None,
        open_to_all: bool = False,
        starters: Sequence[str | tuple[str, str]] = (),
        settings: Mapping[str, Any] | None = None,
        models: Sequence[str] = (),
        store: str | Path | SessionStore | None = None,
        max_runs: int = 256,
        max_body: int = MAX_BODY,
        endpoint_path: str = "/process",
        lifespan: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None,
        before_start: Callable[[Any], Any] | None = None,
        after_finish: Callable[[Any], Any] | None = None,
        **fastapi: Any,
    ) -> None:
        fastapi.setdefault("title", app_name)
        fastapi.setdefault("description", app_description)
        super().__init__(lifespan=self._live, **fastapi)
        self.name = app_name
        self.framework = framework
        self.model = _named_model(model) if isinstance(model, str) else model
        self.tools = list(tools)
        self.offers = Offers(starters, settings, models)
        self.keys = _keys(api_keys)
        self.open_to_all = open_to_all
        self.identified = identify is not None
        self.store = store if isinstance(store, SessionStore) else SessionStore(store)
        self.runs = Runs(max_runs)
        self.max_body = max_body
        self.endpoint_path = endpoint_path
        self.describers: list[Callable[[], object]] = []
        self.handler: Handler | None = None
        self.home: asyncio.AbstractEventLoop | None = None
        self._adapter: Adapter | None = None
        self._hooks = (before_start, after_finish)
        self._starters: list[Callable[..., Any]] = []
        self._stoppers: list[Callable[..., Any]] = []
        self._user_lifespan = lifespan
        self.add_middleware(Gate, keys=self.keys, open_to_all=open_to_all, identify=identify)
        self.add_exception_handler(AppError, _error_response)
        for point in sorted(entry_points(group="agentscope_runtime_nb.protocols")):
            point.load()(self)

    @overload
    def query(self, function: _F) -> _F: ...
    @overload
    def query(self, *, framework: str | None = None) -> Callable[[_F], _F]: ...
    def query(
        self, function: Callable[..., Any] | None = None, *, framework: str | None = None
    ) -> Any:
        """Make a function the agent's query handler: `@app.query` or `@app.query(framework=…)`.

        Args:
            function: Takes `msgs` and `request`; sync or async, a generator or not.
            framework: What it yields; the app's own default when None.

        Raises:
            DefinitionError: The framework is not known, or the function's arguments do not fit.
        """
        adapter = _adapter(framework or self.framework)
        if function is None:
            return partial(self.query, framework=framework)
        self.handler = Handler(function)
        self._adapter = adapter
        return function

    def command(
        self, name: str, description: str = ""
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a function a slash command: it answers `/name …` instead of the query handler.

            @app.command("dice", "Roll dice")
            async def dice(text, request):
                yield str(random.randint(1, int(text or 6)))

        Args:
            name: What is written after the slash.
            description: What it does, for the list; the docstring's first line by default.

        Raises:
            DefinitionError: It cannot be a command's name, or the arguments do not fit.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            command = Command(name, description, function)
            self.offers.commands[command.name] = command
            return function

        return register

    def offer(
        self,
        *,
        starters: Sequence[str | tuple[str, str]] = (),
        settings: Mapping[str, Any] | None = None,
        models: Sequence[str] = (),
    ) -> None:
        """Say what the app offers, as the constructor's arguments of these names do.

        For the cells of a notebook, where `app` is there already.

        Raises:
            DefinitionError: A setting is none.
        """
        commands = self.offers.commands
        self.offers = Offers(starters, settings, models)
        self.offers.commands = commands

    def describe(self) -> dict[str, Any]:
        """What it offers: starters, commands, settings, models, and the model it uses."""
        return {**self.offers.describe(), "model": str(getattr(self.model, "name", ""))}

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI schema. What takes a while to describe is described now, not at start."""
        while self.describers:
            self.describers.pop()()
        return super().openapi()

    def endpoint(self, path: str, methods: Sequence[str] = ("POST",)) -> Any:
        """Serve a function of one's own at `path`; a generator's items become SSE frames."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.add_api_route(path, as_endpoint(function), methods=list(methods))
            return function

        return register

    def init(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run a function at start, as the original's `@app.init`; it is given the app's state."""
        self._starters.append(function)
        return function

    def shutdown(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run a function at the end, as the original's `@app.shutdown`."""
        self._stoppers.append(function)
        return function

    def check(self) -> None:
        """Find out whether the app can serve.

        Raises:
            DefinitionError: It has no query handler.
        """
        if self.handler is None:
            raise DefinitionError(
                f"{self.name} has no query handler. Decorate a function with @app.query:\n\n"
                "    @app.query\n    async def answer(msgs, request):\n        yield 'Hello'"
            )

    def start_run(self, request: AgentRequest, principal: str = LOCAL) -> Run:
        """The one door for every way in: make a run and admit it. Then drive or start it.

        Raises:
            AppError: The session is busy, a limit is reached, or the app is draining.
            DefinitionError: There is no query handler.
        """
        run = self._new_run(request, principal)
        self.runs.admit(run)
        return run

    async def admit(
        self, request: AgentRequest, principal: str = LOCAL, on_busy: str = "reject"
    ) -> Run:
        """The same door for who can wait: `queue` for a busy session, or `interrupt` its run.

        Raises:
            AppError: As `start_run`; eight wait already, the run does not end, or a later request
                interrupted this one.
            DefinitionError: There is no query handler.
        """
        run = self._new_run(request, principal)
        await admit(self.runs, run, on_busy)
        return run

    def _new_run(self, request: AgentRequest, principal: str) -> Run:
        self.check()
        request.session_id = request.session_id or fresh_id()
        request.user_id = request.user_id or request.session_id
        self.offers.fill(request)
        if request.model in self.offers.models:
            request.bind_model(_offered_model(request.model))
        key = SessionKey(principal, self.name, request.user_id, request.session_id)
        request.bind_history(partial(self.store.read, key), partial(self.store.kept, key))
        adapter = self._adapter
        if adapter is None:
            raise DefinitionError(f"{self.name} has no framework.")
        return Run(request, key, stream=self._call, adapter=adapter, ended=self._run_ended)

    async def history(
        self, session_id: str, user_id: str | None = None, principal: str = LOCAL
    ) -> list[Message]:
        """A session's messages, oldest first."""
        key = SessionKey(principal, self.name, user_id or session_id, session_id)
        return await self.store.read(key)

    async def drain(self, seconds: float = 30) -> None:
        """Refuse new runs, give those under way `seconds`, then stop them."""
        await self.runs.drain(seconds)

    def run(self, host: str | None = None, port: int | None = None, **uvicorn_options: Any) -> None:
        """Serve until interrupted. For scripts; in a notebook it says what to use instead.

        Args:
            host: `HOST` or 127.0.0.1 by default.
            port: `PORT` or 8080 by default.
            **uvicorn_options: Passed on to uvicorn.

        Raises:
            RuntimeError: An event loop is running here already, as in a notebook.
            DefinitionError: There is no query handler, or it would serve strangers without keys.
        """
        from agentscope_runtime_nb.app.serving import serve

        serve(
            self,
            host or os.environ.get("HOST", "127.0.0.1"),
            port if port is not None else int(os.environ.get("PORT", "8080")),
            **uvicorn_options,
        )

    async def deploy(self, manager: Any, **options: Any) -> dict[str, Any]:
        """Hand the app over to a deploy manager.

        Returns:
            At least `deploy_id` and `url`.
        """
        self.check()
        return await manager.deploy(self, **options)

    def _call(self, run: Run) -> AsyncIterator[Any]:
        handler, msgs = self.handler, run.request.input
        command = self.offers.command_of(run.request)
        if command is not None:
            handler, msgs = command[0].handler, command[1]
        if handler is None:
            raise DefinitionError(f"{self.name} has no query handler.")
        values = {"self": self.state, "msgs": msgs, "request": run.request, "response": None}
        return handler.stream(values, run.on_worker)

    def _run_ended(self, run: Run) -> None:
        # A failed turn is not remembered: asked again, it is asked afresh.
        if run.status != "failed" and (run.output or run.status == "completed"):
            self.store.append(run.key, run.turn())
            if run.request.kept is not None:
                self.store.keep(run.key, run.id, run.request.kept)
        self.runs.ended(run)

    @asynccontextmanager
    async def _live(self, _app: FastAPI) -> AsyncGenerator[Any]:
        """The app's life: hooks, then the user's lifespan innermost; drained before it ends."""
        self.check()
        self.home = asyncio.get_running_loop()
        self.runs.draining = False
        before, after = self._hooks
        async with AsyncExitStack() as stack:
            stack.callback(self.store.close)
            if after is not None:
                stack.push_async_callback(_maybe_await, after, self)
            for stopper in reversed(self._stoppers):
                stack.push_async_callback(_maybe_await, stopper, self.state)
            if before is not None:
                await _maybe_await(before, self)
            for starter in self._starters:
                await _maybe_await(starter, self.state)
            state = None
            if self._user_lifespan is not None:
                state = await stack.enter_async_context(self._user_lifespan(self))
            stack.push_async_callback(self.drain, 0)
            yield state
        self.home = None


async def _maybe_await(function: Callable[..., Any], argument: Any) -> None:
    takes = inspect.signature(function).parameters
    result = function(argument) if takes else function()
    if inspect.isawaitable(result):
        await result


async def _error_response(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)  # noqa: S101 - registered for it
    return Response(
        encode(error.body()), error.status, headers=error.headers, media_type="application/json"
    )


def _keys(given: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    if given is None:
        own = os.environ.get("AGENTSCOPE_NB_API_KEY")
        return {"key": own} if own else {}
    if isinstance(given, str):
        return {"key": given}
    if isinstance(given, Mapping):
        return dict(given)
    return {f"key{number}": key for number, key in enumerate(given, 1)}


def _named_model(name: str) -> Any:
    from agentscope_runtime_nb.models import model

    return model(name)


def _offered_model(name: str) -> Any:
    from agentscope_runtime_nb.models import ModelError

    try:
        return _named_model(name)
    except ModelError as error:
        raise AppError("PARAMETER_VALIDATION", str(error), field="model") from error


def _adapter(framework: str) -> Adapter:
    points = {p.name: p for p in entry_points(group="agentscope_runtime_nb.frameworks")}
    if framework in points:
        return points[framework].load()
    raise DefinitionError(
        f"There is no framework {framework!r} here. Known: {', '.join(sorted(points))}."
    )
