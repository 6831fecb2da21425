"""What an agent's name is bound to in the notebook: stable, whatever version serves."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.notebook.archive import LATEST
from agentscope_runtime_nb.notebook.dialogue import Dialogue

if TYPE_CHECKING:
    from pathlib import Path

    from agentscope_runtime_nb.app import AgentApp
    from agentscope_runtime_nb.notebook.asking import Recipe
    from agentscope_runtime_nb.notebook.host import Host
    from agentscope_runtime_nb.notebook.logbook import Log
    from agentscope_runtime_nb.widgets.chat import ChatWidget


class AgentHandle(Dialogue):
    """An agent of this kernel: ask it, chat with it, serve it, export it.

    Asking keeps to one session, the one the chat shows, unless another is named.

    Attributes:
        name: Its name.
        host: Where it runs.
    """

    def __init__(self, name: str, host: Host) -> None:
        super().__init__(name, host)
        self.uses_model = True
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
    def info(self) -> dict[str, Any]:
        """What its chat offers: starters, commands, settings, models; see `AgentApp.describe`."""
        served = self.host.current(self.name)
        return served.app.describe() if served is not None else {}

    @property
    def url(self) -> str | None:
        """Where its port is, if it has one (see `serve`)."""
        return self.host.url(self.name)

    def chat(self, session: str | None = None, **traits: Any) -> ChatWidget:
        """The chat as a widget; with the same session, another view of the same conversation.

        Args:
            session: A session's id, also of a new one, or `last`; by default the agent's own.
            **traits: Traits of the widget, such as `layout`.
        """
        from agentscope_runtime_nb.widgets.chat import ChatWidget

        if session == LATEST:
            session = self.find(session).session
        return ChatWidget(self, self.conversation(session), **traits)

    def serve(self, port: int | None = None) -> str:
        """Open a port on this machine for the agent.

        Args:
            port: By default 8090, or a free one when that is taken.

        Returns:
            The address.
        """
        return self.host.serve(self.name, port)

    def curl(self, text: str = "Hello") -> Recipe:
        """How to ask the agent from a terminal, as it is served now, and with OpenAI's SDK."""
        from agentscope_runtime_nb.notebook import ways_in

        return ways_in.recipe(self, text or "Hello")

    def logs(self, count: int = 10) -> Log:
        """What became of the agent's last runs, oldest first.

        Args:
            count: How many; the last hundred of replaced versions are kept.
        """
        return self.host.log(self.name, count)

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
