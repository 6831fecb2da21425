"""Turns as they are answered: begun in order, followed, told to whoever listens, stopped.

All of it happens on the control thread; the runs themselves are driven by the agent thread, and
control reads their logs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.app.runs import MOST_WAITING
from agentscope_runtime_nb.events import Message
from agentscope_runtime_nb.notebook import archive, settings
from agentscope_runtime_nb.notebook.places import readable
from agentscope_runtime_nb.notebook.turn import ENDS, Turn
from agentscope_runtime_nb.sessions import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from agentscope_runtime_nb.app import Run
    from agentscope_runtime_nb.events import AgentRequest
    from agentscope_runtime_nb.notebook.threads import LoopThread

FRAME = 1 / 30
_MOMENT = 0.001
_STOP_GRACE = 0.15

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Hears what happens in a conversation; called on the control thread."""

    def heard(self, message: dict[str, Any]) -> None:
        """Take a message of the chat's protocol (`turn`, `events`, `log`, `notice`, …)."""

    def state_changed(self) -> None:
        """The conversation's `status`, `session_id`, `title` or `settings` is another."""


class Owner(archive.Owner, Protocol):
    """What a conversation needs of the host."""

    control: LoopThread
    agent: LoopThread

    def start_run(self, name: str, request: AgentRequest) -> Run:
        """Start a run of the app that serves under `name` now; on the agent thread."""
        ...

    def session_changed(
        self, name: str, session_id: str, by: LiveTurns | None = None, *, gone: bool = False
    ) -> None:
        """Tell the other conversations that show a session; or did, when it is gone."""
        ...

    def force(self, run: Run) -> None:
        """End a run although its code goes on."""
        ...


class LiveTurns:
    """The turns of one session, whoever looks at them, and the one that is being answered.

    Args:
        owner: The host.
        name: The agent's name.
        session_id: The session; by default a new one.
    """

    def __init__(self, owner: Owner, name: str, session_id: str | None = None) -> None:
        self.name = name
        self.session_id = session_id or str(uuid4())
        self.user_id = ""
        self.title = ""
        self.turns: list[Turn] = []
        self.status: dict[str, str] = {"state": "idle", "detail": "", "run_id": ""}
        self.listeners: list[Listener] = []
        self.on_message: list[Callable[[Message], object]] = []
        self.archive = archive.Archive(owner, name)
        self._owner = owner
        # Whoever reads or writes the session file holds it; what is said meanwhile waits its turn.
        self._order = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._line: deque[Turn] = deque()

    @property
    def busy(self) -> bool:
        """Whether a turn is being answered."""
        return any(turn.final is None or turn.run is not None for turn in self.turns[-1:])

    @property
    def ending(self) -> bool:
        """Whether the last answer has been told and its session is free in a moment."""
        return any(turn.final is not None and turn.run is not None for turn in self.turns[-1:])

    async def ended(self) -> None:
        """Wait for that moment."""
        while self.ending:  # noqa: ASYNC110 - the agent thread ends it
            await asyncio.sleep(_MOMENT)

    def stop_now(self, run_id: str = "") -> None:
        """Stop the run, or the one that is live."""
        turn = self._live(run_id)
        if turn is None:
            return
        turn.stopped = True
        if turn.run is None:  # it still waits for the agent's loop, and need not
            turn.error = {"code": "CANCELED", "message": ""}
            return
        turn.run.stop()
        self.spawn(self._await_stop(turn))

    def force(self, run_id: str) -> None:
        """End a run although its code goes on."""
        turn = self._live(run_id)
        if turn is None:
            return
        turn.stopped = True
        if turn.run is not None:
            self._owner.force(turn.run)
        else:
            turn.error = {"code": "CANCELED", "message": ""}

    def tell(self, message: dict[str, Any]) -> None:
        """Tell every listener."""
        for listener in list(self.listeners):
            listener.heard(message)

    def changed(self) -> None:
        """Tell every listener that the state is another."""
        for listener in list(self.listeners):
            listener.state_changed()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _queue(self, turn: Turn) -> None:
        if not self._order.locked():
            self._begin(turn)
        else:
            self.spawn(self._begin_in_order(turn))

    async def _begin_in_order(self, turn: Turn) -> None:
        async with self._order:
            self._begin(turn)

    def _begin(self, turn: Turn) -> Turn:
        if self.busy:
            if not self._line_up(turn):
                self._refuse(turn, "The last answer is not finished: wait for it or press Stop.")
            return turn
        self.turns.append(turn)
        self._set_status("running", run_id=turn.run_id)
        self.tell({"type": "turn", "turn": turn.as_json()})
        self._owner.agent.call(self._start, turn)
        self.spawn(self._follow(turn))
        return turn

    def _line_up(self, turn: Turn) -> bool:
        """Have a turn wait for the one that is being answered, if it may; or have that one stop."""
        waits = self.ending or turn.on_busy in ("queue", "interrupt")
        if not waits or len(self._line) >= MOST_WAITING:
            return False
        if turn.on_busy == "interrupt":
            self._line.appendleft(turn)
            self.stop_now()  # if it does not end, the status says where it is stuck
        else:
            self._line.append(turn)
        return True

    def _next(self) -> None:
        """Begin what has waited longest."""
        if self._line and not self.busy:
            turn = self._line.popleft()
            turn.started = time.time()
            self._queue(turn)

    def _send_away(self) -> None:
        """Refuse what waits: the conversation is another."""
        while self._line:
            self._refuse(self._line.popleft(), "It was not asked: another conversation has begun.")

    def _refuse(self, turn: Turn, text: str) -> None:
        turn.result.set_exception(
            AppError("SESSION_BUSY", f"{self.name} is still answering in this session.")
        )
        notice = {"type": "notice", "level": "warning", "text": text}
        self.tell(notice | ({"id": turn.message_id} if turn.message_id else {}))

    async def _follow(self, turn: Turn) -> None:
        """Pass on what the run says, a batch a frame, until it ends."""
        while True:
            over = turn.error is not None or (turn.run is not None and turn.run.log.closed)
            self._pump(turn)
            if over:
                break
            # The end has been told and the session is about to be free: that is not a frame's time.
            await asyncio.sleep(FRAME if turn.final is None else _MOMENT)
        self._finish(turn)
        self._next()
        if turn in self.turns:
            await self._after(turn)

    def _pump(self, turn: Turn) -> None:
        run = turn.run
        if run is None:
            return
        prints = run.prints[turn.prints :]
        if prints:
            turn.prints += len(prints)
            self._log(turn, "".join(prints))
        logged = run.log.since(turn.seq)
        if not logged:
            return
        whole = logged[-1].seq - turn.seq == len(logged)
        turn.seq = logged[-1].seq
        events: list[dict[str, Any]] = [json.loads(event.frame) for event in logged]
        displays = turn.new_displays()
        last = events[-1]
        if last["object"] == "response" and last["status"] in ENDS:
            turn.final = last
            if run.failure:
                turn.failure = run.failure
                self._log(turn, run.failure)
        if whole:
            rich = {"displays": displays} if displays else {}
            self.tell({"type": "events", "run_id": turn.run_id, "events": events, **rich})
        else:  # deltas went between two looks, the finished text being there: tell all of it
            self.tell({"type": "turn", "turn": turn.as_json()})
        for event in events:
            if event["object"] == "message" and event["status"] in ENDS:
                self._announce(event)

    def _finish(self, turn: Turn) -> None:
        if turn.final is None:
            # It never began, or its log closed without an end: say so in the same grammar.
            turn.final = turn.last_word(self.session_id)
            self.tell({"type": "events", "run_id": turn.run_id, "events": [turn.final]})
        self._owner.recent.add(turn)
        turn.run = None  # its log is not needed any more
        if turn in self.turns:
            error: dict[str, str] = turn.final["error"] or {}
            detail = error.get("message", "") if turn.failed else ""
            self._set_status("failed" if turn.failed else "idle", detail, run_id=turn.run_id)
        if not turn.result.done():
            turn.result.set_result(turn.final)

    async def _after(self, turn: Turn) -> None:
        """A session is called by its first words; other chats that show it take up the turn."""
        session = self.session_id
        if not self.title and not turn.failed:
            try:
                info = await self.archive.info(session)
            except (AppError, StoreError):
                logger.exception("the title of a session of %s could not be read", self.name)
                return
            if info is not None and session == self.session_id:
                self._set_title(info.title)
        self._owner.session_changed(self.name, session, self)

    async def _await_stop(self, turn: Turn) -> None:
        """Say what still runs, for as long as it does."""
        until = time.monotonic() + _STOP_GRACE
        while turn.final is None:
            if time.monotonic() > until and turn in self.turns:
                where = turn.run.where() if turn.run is not None else None
                detail = readable(f"still running in {where}") if where else "still stopping"
                self._set_status("stopping", detail, run_id=turn.run_id)
                until = time.monotonic() + 0.3
            await asyncio.sleep(0.01)

    def _live(self, run_id: str) -> Turn | None:
        for turn in reversed(self.turns):
            if turn.final is None and run_id in ("", turn.run_id):
                return turn
        return None

    def _log(self, turn: Turn, text: str) -> None:
        turn.log += text
        self.tell({"type": "log", "run_id": turn.run_id, "text": text})

    def _announce(self, event: dict[str, Any]) -> None:
        if self.on_message:
            message = Message.model_validate(event)
            for callback in list(self.on_message):
                self._owner.agent.call(_call, callback, message)

    def _set_title(self, title: str) -> None:
        if title != self.title:
            self.title = title
            self.changed()

    def _set_status(
        self, state: str, detail: str = "", run_id: str = "", *, changed: bool = False
    ) -> None:
        status = {"state": state, "detail": detail, "run_id": run_id}
        if changed or status != self.status:
            self.status = status
            self.changed()

    # What runs on the agent thread.

    def _start(self, turn: Turn) -> None:
        if turn.stopped:
            turn.error = {"code": "CANCELED", "message": ""}
            return
        try:
            request = settings.request(turn, self.session_id, self.user_id)
            run = self._owner.start_run(self.name, request)
        except AppError as error:
            turn.error = {"code": error.code, "message": error.message}
        except Exception as error:
            logger.exception("a run of %s could not start", self.name)
            turn.error = {"code": "AGENT_UNKNOWN_ERROR", "message": f"{type(error).__name__}"}
        else:
            run.start()
            turn.run = run
            if turn.stopped:  # asked for in between
                run.stop()


def _call(callback: Callable[[Message], object], message: Message) -> None:
    result = callback(message)
    if asyncio.iscoroutine(result):
        task = asyncio.get_running_loop().create_task(result)
        task.add_done_callback(_keep_alive.discard)
        _keep_alive.add(task)


_keep_alive: set[asyncio.Task[Any]] = set()  # loops hold tasks weakly
