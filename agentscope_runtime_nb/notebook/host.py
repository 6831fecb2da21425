"""The kernel's house of apps: two threads, the apps by name, their swaps, runs and chats."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app import serving
from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.app.gate import LOCAL
from agentscope_runtime_nb.events import RunStoppedError
from agentscope_runtime_nb.notebook import control
from agentscope_runtime_nb.notebook.conversation import Conversation
from agentscope_runtime_nb.notebook.failures import FailureHandler
from agentscope_runtime_nb.notebook.logbook import Logbook
from agentscope_runtime_nb.notebook.places import readable
from agentscope_runtime_nb.notebook.served import Served, settle
from agentscope_runtime_nb.notebook.threads import Blockage, LoopThread, Watchdog, raise_in_thread
from agentscope_runtime_nb.notebook.turn import RecentTurns
from agentscope_runtime_nb.server_extension import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentscope_runtime_nb.app import AgentApp, Run
    from agentscope_runtime_nb.events import AgentRequest
    from agentscope_runtime_nb.notebook.live_turns import LiveTurns
    from agentscope_runtime_nb.notebook.logbook import Log

_PORT = 8090

logger = logging.getLogger(__name__)


class Host:
    """Everything that runs in a kernel on behalf of its agents; made by the first one.

    Args:
        kernel_id: The kernel's id, or "" outside of a Jupyter kernel.
        version: This package's version, for the registry.
    """

    def __init__(self, kernel_id: str = "", version: str = "") -> None:
        self.kernel_id = kernel_id
        self.control = LoopThread("agentscope-control")
        self.agent = LoopThread("agentscope-agent")
        self.chats: dict[str, Callable[[dict[str, Any]], None]] = {}
        self.recent = RecentTurns()
        self.closed = False
        self._version = version
        self._apps: dict[str, Served] = {}
        self._retiring: dict[str, list[Served]] = {}
        self._retirements: set[asyncio.Task[None]] = set()
        self._conversations: list[Conversation] = []
        self._ports: dict[str, control.Listener] = {}
        self._door: control.Listener | None = None
        self._logbook = Logbook()
        self._guard = threading.Lock()
        self._failures = FailureHandler(self.agent.loop, self.notice)
        self._failures.install()
        watchdog = Watchdog(self.agent, self._blocked)
        self._watching = self.control.submit(watchdog.watch())
        if kernel_id:
            registry.sweep()
            path = registry.new_socket_path()
            self._door = control.unix_listener(self, path)
            self.control.run(self._door.start())
            self._register()
        atexit.register(self.close)

    # Apps.

    def names(self) -> list[str]:
        """The apps that serve."""
        return sorted(self._apps)

    def current(self, name: str) -> Served | None:
        """The version of an app that serves now."""
        return self._apps.get(name)

    def install(self, name: str, app: AgentApp) -> None:
        """Start an app and have it take its name over; what the old version does, it finishes.

        Args:
            name: The name to serve under.
            app: The app.

        Raises:
            DefinitionError: The app is not whole; the old one goes on serving.
            Exception: Whatever its start-up raised; likewise.
        """
        app.check()
        served = Served(app)
        self.agent.run(served.start())
        with self._guard:
            old = self._apps.get(name)
            self._apps[name] = served
        if old is not None:
            self._retiring.setdefault(name, []).append(old)
            self.agent.call(self._retire, name, old)
        self._register()

    # Runs.

    def start_run(self, name: str, request: AgentRequest) -> Run:
        """Start a run of the current version. On the agent thread.

        Raises:
            AppError: There is no such app, or it does not admit the run.
        """
        served = self._apps.get(name)
        if served is None:
            raise AppError("RESOURCE_NOT_FOUND", f"{name} serves no more: run its cell again.")
        return served.app.start_run(request)

    def find_run(self, name: str, run_id: str, principal: str = LOCAL) -> Run | None:
        """A run of any version that still lives."""
        for served in self._versions(name):
            run = served.app.runs.get(run_id, principal)
            if run is not None:
                return run
        return None

    def stop_run(
        self,
        name: str,
        *,
        run_id: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        principal: str = LOCAL,
    ) -> Run | None:
        """Stop a run by its id or its session.

        Returns:
            The run that was hit.
        """
        for served in self._versions(name):
            for run in served.app.runs.active():
                named = run.id == run_id if run_id else run.session_id == session_id
                whose = run.principal == principal and user_id in (None, run.user_id)
                if named and whose and run.stop():
                    for conversation in list(self._conversations):
                        conversation.stop(run.id)  # so that its chats say what they wait for
                    return run
        return None

    def stop_runs(self, name: str) -> int:
        """Stop all that an app is doing; how many runs that was."""
        runs = [run for served in self._versions(name) for run in served.app.runs.active()]
        return sum(
            self.stop_run(name, run_id=run.id, principal=run.principal) is not None for run in runs
        )

    def force(self, run: Run) -> None:
        """End a run although its code goes on, and unblock the agent's loop if that holds it."""
        task = asyncio.current_task(self.agent.loop)
        blocks = task is not None and task.get_name() == run.id
        run.force()
        if blocks:
            raise_in_thread(self.agent.ident, RunStoppedError)

    def log(self, name: str, count: int) -> Log:
        """What became of an agent's last runs."""
        runs = [run for served in self._versions(name) for run in served.app.runs.recent()]
        return self._logbook.log(name, runs, count)

    # Chats.

    def forget(self, conversation: Conversation) -> None:
        """Let go of a conversation that nobody looks at."""
        self._conversations.remove(conversation)

    def conversation(self, name: str, session_id: str | None = None) -> Conversation:
        """A new conversation with an app."""
        conversation = Conversation(self, name, session_id)
        self._conversations.append(conversation)
        return conversation

    def session_changed(
        self, name: str, session_id: str, by: LiveTurns | None = None, *, gone: bool = False
    ) -> None:
        """Have the conversations that show a session, beside the one that changed it, look anew."""
        for other in list(self._conversations):
            if other is by or (other.name, other.session_id) != (name, session_id):
                continue
            if gone:
                other.new_session()
            else:
                other.spawn(other.restore())

    def chat_message(self, widget_id: str, message: dict[str, Any]) -> bool:
        """Hand a chat widget what its front end sent over HTTP."""
        take = self.chats.get(widget_id)
        if take is None:
            return False
        take(message)
        return True

    def notice(self, run_id: str, text: str, level: str = "warning") -> None:
        """Tell the chats that show a run, or all that are busy when it is empty."""
        self._logbook.note(run_id, text)
        for conversation in list(self._conversations):
            live = any(turn.run_id == run_id for turn in conversation.turns[-1:])
            if live or (not run_id and conversation.busy):
                conversation.notice(level, text)

    # Ports.

    def serve(self, name: str, port: int | None = None) -> str:
        """Open a port on this machine for one app.

        Args:
            name: The app.
            port: The port; by default 8090, or a free one when that is taken.

        Returns:
            The address.

        Raises:
            OSError: The port asked for is in use.
        """
        if name in self._ports:
            if port in (None, self._ports[name].address[1]):
                return self.url(name) or ""
            self.unserve(name)
        try:
            sock = serving.listen("127.0.0.1", _PORT if port is None else port)
        except OSError:
            if port is not None:
                raise
            sock = serving.listen("127.0.0.1", 0)
        listener = control.tcp_listener(self, name, sock)
        self.control.run(listener.start())
        self._ports[name] = listener
        return self.url(name) or ""

    def unserve(self, name: str) -> bool:
        """Close an app's port."""
        listener = self._ports.pop(name, None)
        if listener is None:
            return False
        self.control.run(listener.stop())
        return True

    def url(self, name: str) -> str | None:
        """Where an app's port is, if it has one."""
        listener = self._ports.get(name)
        return f"http://127.0.0.1:{listener.address[1]}" if listener is not None else None

    @property
    def socket(self) -> str:
        """The unix socket that has every app under its name; empty outside of a Jupyter kernel."""
        return str(self._door.address) if self._door is not None else ""

    def close(self) -> None:
        """End everything: runs, lifespans, sockets, threads, the registry's entry. Once."""
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)
        for conversation in self._conversations:
            conversation.notice("warning", "The agents of this kernel have been taken down.")
        for name in {*self._apps, *self._retiring}:
            for served in self._versions(name):
                for run in served.app.runs.active():
                    run.stop("shutdown")
        finished = threading.Event()
        self.agent.call(self._finish_apps, finished)
        finished.wait(3)
        self._watching.cancel()
        with contextlib.suppress(Exception):
            self.control.submit(self._close_doors()).result(timeout=4)
        self.control.close()
        self.agent.close(timeout=1)
        self._failures.remove()
        if self.kernel_id:
            registry.remove(self.kernel_id)

    def _versions(self, name: str) -> list[Served]:
        current = self._apps.get(name)
        return ([current] if current is not None else []) + list(self._retiring.get(name, ()))

    def _register(self) -> None:
        if self._door is not None:
            registry.write(self.kernel_id, self._door.address, self._version, self.names())

    def _retire(self, name: str, served: Served) -> None:
        async def retire() -> None:
            try:
                await served.retire()
            finally:
                self._logbook.keep(name, served.app.runs.recent())
                self._retiring[name].remove(served)

        task = asyncio.get_running_loop().create_task(retire())
        self._retirements.add(task)
        task.add_done_callback(self._retirements.discard)

    def _finish_apps(self, finished: threading.Event) -> None:
        names = {*self._apps, *self._retiring}
        everyone = [served for name in names for served in self._versions(name)]
        ends = settle(*(served.finish(2) for served in everyone), seconds=2.5)
        task = asyncio.get_running_loop().create_task(ends)
        task.add_done_callback(lambda _: finished.set())
        self._retirements.add(task)

    async def _close_doors(self) -> None:
        doors = [*self._ports.values(), *([self._door] if self._door is not None else [])]
        await settle(*(door.stop() for door in doors), seconds=3.5)

    def _blocked(self, blockage: Blockage | None) -> None:
        if blockage is None:
            return
        where = readable(blockage.where) if blockage.where else "code outside of the notebook"
        text = (
            f"The agents' event loop has not moved for {blockage.seconds:.0f} s: {where} blocks "
            "it, and every other agent waits. `await` there instead (asyncio.sleep, an async "
            "client, asyncio.to_thread), or make the handler a plain `def`, which has a thread of "
            "its own."
        )
        logger.info("%s\n%s", text, blockage.stack)
        self.notice("", text)
