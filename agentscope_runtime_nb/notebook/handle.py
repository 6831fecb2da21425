"""What an agent's name is bound to in the notebook: stable, whatever version serves."""

from __future__ import annotations

import asyncio
import contextlib
import html
from concurrent.futures import TimeoutError as WaitTimeout
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.notebook.answer import Answer
from agentscope_runtime_nb.notebook.display import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from agentscope_runtime_nb.app import AgentApp
    from agentscope_runtime_nb.events import Message
    from agentscope_runtime_nb.notebook.conversation import Conversation, Turn
    from agentscope_runtime_nb.notebook.host import Host
    from agentscope_runtime_nb.widgets.chat import ChatWidget

_TICK = 0.1
_SESSIONS = 100


class AgentHandle:
    """An agent of this kernel: ask it, chat with it, serve it, export it.

    Asking keeps to one session, the one the chat shows, unless another is named.

    Attributes:
        name: Its name.
        host: Where it runs.
    """

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self.host = host
        self.uses_model = True
        self._own: Conversation | None = None
        self._others: dict[str, Conversation] = {}
        self._widget: ChatWidget | None = None

    @property
    def app(self) -> AgentApp:
        """The version of the app that serves now."""
        served = self.host.current(self.name)
        if served is None:
            raise RuntimeError(f"{self.name} serves no more: run its cell again.")
        return served.app

    @property
    def model(self) -> Any:
        """The model it was given."""
        return self.app.model

    @property
    def model_label(self) -> str:
        """The model's name for people, if the agent uses it."""
        return str(getattr(self.app.model, "label", "")) if self.uses_model else ""

    @property
    def description(self) -> str:
        """What it is for."""
        return self.app.description

    @property
    def url(self) -> str | None:
        """Where its port is, if it has one (see `serve`)."""
        return self.host.url(self.name)

    @property
    def session_id(self) -> str:
        """The session that `ask` and the chat keep to."""
        return self.conversation().session_id

    @property
    def messages(self) -> list[Message]:
        """That session's messages."""
        return self.conversation().messages

    def conversation(self, session: str | None = None) -> Conversation:
        """The agent's own conversation, or that of a session named."""
        if self._own is None:
            self._own = self.host.conversation(self.name)
        if session is None or session == self._own.session_id:
            return self._own
        if session not in self._others:
            self._make_room()
            self._others[session] = self.host.conversation(self.name, session)
        return self._others[session]

    def ask(self, text: str, session: str | None = None) -> Answer:
        """Ask and wait for the answer; interrupting the cell stops the agent.

        Args:
            text: What to say.
            session: A session's id; by default the one that the chat shows.

        Returns:
            The answer, which displays as what it is.

        Raises:
            AgentFailedError: The agent failed.
            RuntimeError: Called from inside an agent, where it would wait for itself.
        """
        if self.host.agent.is_current() or self.host.control.is_current():
            raise RuntimeError(
                f"{self.name}.ask() would block the agents' loop. Here: await {self.name}(…)"
            )
        conversation = self.conversation(session)
        with Progress(self.name, conversation) as progress:
            turn = conversation.send(text)
            try:
                self._wait(turn, progress)
            except KeyboardInterrupt:
                conversation.stop(turn.run_id)
                with contextlib.suppress(BaseException):
                    turn.result.result(timeout=2)
                raise
            return Answer.of(turn)

    async def __call__(self, text: str, session: str | None = None) -> Answer:
        """Ask, without blocking whatever else runs; cancelling stops the agent."""
        conversation = self.conversation(session)
        turn = conversation.send(text)
        try:
            await asyncio.shield(asyncio.wrap_future(turn.result))
        except asyncio.CancelledError:
            conversation.stop(turn.run_id)
            raise
        return Answer.of(turn)

    def chat(self, session: str | None = None, **traits: Any) -> ChatWidget:
        """The chat as a widget; with the same session, another view of the same conversation.

        Args:
            session: A session's id; by default the agent's own.
            **traits: Traits of the widget, such as `layout`.
        """
        from agentscope_runtime_nb.widgets.chat import ChatWidget

        return ChatWidget(self, self.conversation(session), **traits)

    def serve(self, port: int | None = None) -> str:
        """Open a port on this machine for the agent.

        Args:
            port: By default 8090, or a free one when that is taken.

        Returns:
            The address.
        """
        return self.host.serve(self.name, port)

    def stop(self) -> str:
        """Stop what the agent is doing and close its port; says what that was."""
        closed = self.host.unserve(self.name)
        stopped = self.host.stop_runs(self.name)
        runs = {0: "nothing was running", 1: "stopped 1 run"}.get(
            stopped, f"stopped {stopped} runs"
        )
        return f"{self.name}: {runs}{', closed its port' if closed else ''}"

    def export(self, path: str | Path, **options: Any) -> Any:
        """Write the agent as a service of its own.

        Args:
            path: A new folder.
            **options: The exporter's.
        """
        from agentscope_runtime_nb.notebook.export.live import export_live

        return export_live(self, path, **options)

    def cell_chat(self) -> ChatWidget:
        """The chat under the agent's cell: the same one however often the cell runs."""
        if self._widget is None or self._widget.comm is None:
            self._widget = self.chat()
        self._widget.refresh()
        return self._widget

    def _make_room(self) -> None:
        """Keep the latest sessions, and those that something shows; the history has them all."""
        idle = [c for c in self._others.values() if not c.busy and not c.listeners]
        for conversation in idle[: max(len(self._others) - _SESSIONS, 0)]:
            del self._others[conversation.session_id]
            self.host.forget(conversation)

    def _wait(self, turn: Turn, progress: Progress) -> None:
        while True:
            try:
                turn.result.result(timeout=_TICK)
            except WaitTimeout:
                progress.update()
            else:
                return

    def __repr__(self) -> str:
        parts = [f"<agent {self.name}"]
        if self.host.current(self.name) is None:
            return f"{parts[0]}: serves no more>"
        if self.model_label:
            parts.append(f"model {self.model_label}")
        if self.url:
            parts.append(self.url)
        return ", ".join(parts) + ">"

    def _repr_html_(self) -> str:
        if self.host.current(self.name) is None:
            return html.escape(repr(self))
        rows = [("Agent", self.name), ("About", self.description), ("Model", self.model_label)]
        rows += [("Address", self.url or ""), ("Routes", ", ".join(self.routes()))]
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for key, value in rows
            if value
        )
        return f"<table>{cells}</table>"

    def routes(self) -> list[str]:
        """The paths it answers, as `POST /process`."""
        found: list[str] = []
        for route in self.app.routes:
            methods = sorted(set(getattr(route, "methods", None) or ()) - {"HEAD", "OPTIONS"})
            path = getattr(route, "path", "")
            if methods and path not in (
                "/openapi.json",
                "/docs",
                "/redoc",
                "/docs/oauth2-redirect",
            ):
                found.append(f"{'/'.join(methods)} {path}")
        return found
