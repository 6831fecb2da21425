"""A chat as the kernel holds it: turns that outlive pages, views and versions of the agent.

A conversation lives on the control thread: whatever it is asked to do is queued there, and so its
listeners (widgets, a waiting cell) hear of everything in one order. The runs themselves are driven
by the agent thread; control reads their logs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import AgentRequest, Message, user_message
from agentscope_runtime_nb.notebook.places import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentscope_runtime_nb.app import Run
    from agentscope_runtime_nb.notebook.threads import LoopThread

FRAME = 1 / 30
_STOP_GRACE = 0.15
_ENDS = frozenset({"completed", "failed", "canceled", "incomplete"})

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Hears what happens in a conversation; called on the control thread."""

    def heard(self, message: dict[str, Any]) -> None:
        """Take a message of the chat's protocol (`turn`, `events`, `log`, `notice`, …)."""

    def state_changed(self) -> None:
        """The conversation's `status` or `session_id` is another."""


class Owner(Protocol):
    """What a conversation needs of the host."""

    control: LoopThread
    agent: LoopThread

    def start_run(self, name: str, request: AgentRequest) -> Run:
        """Start a run of the app that serves under `name` now; on the agent thread."""
        ...

    def forget_turn(self, name: str, session_id: str, run_id: str) -> None:
        """Take a turn out of the agent's memory."""
        ...

    def force(self, run: Run) -> None:
        """End a run although its code goes on."""
        ...


@dataclass(eq=False)
class Turn:
    """One question and its answer."""

    run_id: str
    input: list[dict[str, Any]]
    started: float = field(default_factory=time.time)
    run: Run | None = None
    error: dict[str, str] | None = None
    seq: int = -1
    log: str = ""
    prints: int = 0
    stopped: bool = False
    message_id: str = ""
    failure: str = ""
    final: dict[str, Any] | None = None
    result: Future[dict[str, Any]] = field(default_factory=Future[dict[str, Any]])

    def as_json(self) -> dict[str, Any]:
        """The turn as the front end takes it."""
        if self.final is not None:
            events = [self.final]
        elif self.run is not None:
            events = [json.loads(event.frame) for event in self.run.log.since(-1)]
        else:
            events = []
        return {
            "run_id": self.run_id,
            "input": self.input,
            "events": events,
            "log": self.log,
            "started": self.started,
        }

    def answer(self) -> list[dict[str, Any]]:
        """The agent's finished messages so far."""
        if self.final is not None:
            return self.final["output"] or []
        return list(self.run.snapshot()["output"] or []) if self.run is not None else []


class Conversation:
    """One session with the agent that is called `name`, whatever its version.

    Args:
        owner: The host.
        name: The agent's name.
        session_id: The session; by default a new one.
    """

    def __init__(self, owner: Owner, name: str, session_id: str | None = None) -> None:
        self.name = name
        self.session_id = session_id or str(uuid4())
        self.turns: list[Turn] = []
        self.status: dict[str, str] = {"state": "idle", "detail": "", "run_id": ""}
        self.listeners: list[Listener] = []
        self.on_message: list[Callable[[Message], object]] = []
        self._owner = owner
        self._seen: deque[str] = deque(maxlen=500)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether a turn is being answered."""
        return any(turn.final is None for turn in self.turns[-1:])

    @property
    def messages(self) -> list[Message]:
        """Every message so far, the user's and the agent's."""
        wire = [message for turn in list(self.turns) for message in (*turn.input, *turn.answer())]
        return [Message.model_validate(message) for message in wire]

    def snapshot(self) -> dict[str, Any]:
        """All of it, for a view that has just come."""
        return {
            "type": "snapshot",
            "turns": [turn.as_json() for turn in list(self.turns)],
            "status": self.status,
            "session_id": self.session_id,
        }

    # What may be called from any thread.

    def send(self, said: str | Sequence[Message], message_id: str = "") -> Turn:
        """Say something to the agent.

        Args:
            said: The text, or whole messages.
            message_id: The front end's id for it, which a refusal names.

        Returns:
            The turn; its `result` becomes the final response.
        """
        messages = [user_message(said)] if isinstance(said, str) else list(said)
        wire = [message.model_dump(mode="json") for message in messages]
        turn = Turn(f"response_{uuid4()}", wire, message_id=message_id)
        # The caller's context goes along, so that a display inside the run lands in its cell.
        self._owner.control.call(self._begin, turn)
        return turn

    def stop(self, run_id: str = "") -> None:
        """Stop the run, or the one that is live."""
        self._owner.control.call(self._stop, run_id)

    def take(self, message: dict[str, Any]) -> None:
        """Do what a front end asks; a message that comes twice, by both roads, is done once."""
        self._owner.control.call(self._take, message)

    def notice(self, level: str, text: str) -> None:
        """Tell whoever looks."""
        self._owner.control.call(self._tell, {"type": "notice", "level": level, "text": text})

    # What runs on the control thread.

    def _take(self, message: dict[str, Any]) -> None:
        ident = str(message.get("id") or "")
        if ident:
            if ident in self._seen:
                return
            self._seen.append(ident)
        kind = message.get("type")
        run_id = str(message.get("run_id") or "")
        if kind == "send" and str(message.get("text") or "").strip():
            self.send(str(message["text"]), ident)
        elif kind == "stop":
            self._stop(run_id)
        elif kind == "force":
            self._force(run_id)
        elif kind == "retry":
            self._retry(run_id)
        elif kind == "new_session":
            self._new_session()

    def _begin(self, turn: Turn) -> None:
        if self.busy:
            turn.result.set_exception(
                AppError("SESSION_BUSY", f"{self.name} is still answering in this session.")
            )
            text = "The last answer is not finished: wait for it or press Stop."
            notice = {"type": "notice", "level": "warning", "text": text}
            self._tell(notice | ({"id": turn.message_id} if turn.message_id else {}))
            return
        self.turns.append(turn)
        self._set_status("running", run_id=turn.run_id)
        self._tell({"type": "turn", "turn": turn.as_json()})
        self._owner.agent.call(self._start, turn)
        self._spawn(self._follow(turn))

    async def _follow(self, turn: Turn) -> None:
        """Pass on what the run says, a batch a frame, until it ends."""
        while True:
            over = turn.error is not None or (turn.run is not None and turn.run.log.closed)
            self._pump(turn)
            if over:
                break
            await asyncio.sleep(FRAME)
        self._finish(turn)

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
        last = events[-1]
        if last["object"] == "response" and last["status"] in _ENDS:
            turn.final = last
            if run.failure:
                turn.failure = run.failure
                self._log(turn, run.failure)
        if whole:
            self._tell({"type": "events", "run_id": turn.run_id, "events": events})
        else:  # deltas went between two looks, the finished text being there: tell all of it
            self._tell({"type": "turn", "turn": turn.as_json()})
        for event in events:
            if event["object"] == "message" and event["status"] in _ENDS:
                self._announce(event)

    def _finish(self, turn: Turn) -> None:
        if turn.final is None:
            # It never began, or its log closed without an end: say so in the same grammar.
            turn.final = _last_word(turn, self.session_id)
            self._tell({"type": "events", "run_id": turn.run_id, "events": [turn.final]})
        if turn in self.turns:
            failed = turn.final["status"] == "failed"
            error: dict[str, str] = turn.final["error"] or {}
            detail = error.get("message", "") if failed else ""
            self._set_status("failed" if failed else "idle", detail, run_id=turn.run_id)
        turn.run = None  # its log is not needed any more
        if not turn.result.done():
            turn.result.set_result(turn.final)

    def _stop(self, run_id: str) -> None:
        turn = self._live(run_id)
        if turn is None:
            return
        turn.stopped = True
        if turn.run is None:  # it still waits for the agent's loop, and need not
            turn.error = {"code": "CANCELED", "message": ""}
            return
        turn.run.stop()
        self._spawn(self._await_stop(turn))

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

    def _force(self, run_id: str) -> None:
        turn = self._live(run_id)
        if turn is None:
            return
        turn.stopped = True
        if turn.run is not None:
            self._owner.force(turn.run)
        else:
            turn.error = {"code": "CANCELED", "message": ""}

    def _retry(self, run_id: str) -> None:
        turn = next((turn for turn in self.turns if turn.run_id == run_id), None)
        if turn is None or self.busy:
            return
        messages = [Message.model_validate(message) for message in turn.input]
        self.turns.remove(turn)
        self._owner.forget_turn(self.name, self.session_id, run_id)
        self._tell(self.snapshot())
        self.send(messages)

    def _new_session(self) -> None:
        turn = self._live("")
        if turn is not None and turn.run is not None:
            turn.run.stop()
        self.turns = []
        self.session_id = str(uuid4())
        self._set_status("idle")
        self._tell(self.snapshot())

    def _live(self, run_id: str) -> Turn | None:
        for turn in reversed(self.turns):
            if turn.final is None and run_id in ("", turn.run_id):
                return turn
        return None

    def _log(self, turn: Turn, text: str) -> None:
        turn.log += text
        self._tell({"type": "log", "run_id": turn.run_id, "text": text})

    def _announce(self, event: dict[str, Any]) -> None:
        if self.on_message:
            message = Message.model_validate(event)
            for callback in list(self.on_message):
                self._owner.agent.call(_call, callback, message)

    def _set_status(self, state: str, detail: str = "", run_id: str = "") -> None:
        status = {"state": state, "detail": detail, "run_id": run_id}
        if status != self.status:
            self.status = status
            for listener in list(self.listeners):
                listener.state_changed()

    def _tell(self, message: dict[str, Any]) -> None:
        for listener in list(self.listeners):
            listener.heard(message)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What runs on the agent thread.

    def _start(self, turn: Turn) -> None:
        if turn.stopped:
            turn.error = {"code": "CANCELED", "message": ""}
            return
        try:
            request = AgentRequest.model_validate(
                {"input": turn.input, "session_id": self.session_id, "id": turn.run_id}
            )
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


def _last_word(turn: Turn, session_id: str) -> dict[str, Any]:
    failed = turn.error is not None and not turn.stopped
    return {
        "sequence_number": turn.seq + 1,
        "object": "response",
        "status": "failed" if failed else "canceled",
        "error": turn.error if failed else None,
        "id": turn.run_id,
        "created_at": int(turn.started),
        "completed_at": int(time.time()),
        "output": turn.answer(),
        "usage": None,
        "session_id": session_id,
    }
