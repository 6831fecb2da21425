"""Talking to an agent from a notebook: ask, decide, go back, and find earlier conversations."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import TimeoutError as WaitTimeout
from typing import TYPE_CHECKING, Any, TypeVar

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import approvals
from agentscope_runtime_nb.notebook.answer import Answer, refusals
from agentscope_runtime_nb.notebook.contents import contents_of, message_of
from agentscope_runtime_nb.notebook.display import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from os import PathLike
    from pathlib import Path

    from agentscope_runtime_nb.events import Message
    from agentscope_runtime_nb.notebook.conversation import Conversation, Turn
    from agentscope_runtime_nb.notebook.host import Host
    from agentscope_runtime_nb.notebook.listing import SessionListing
    from agentscope_runtime_nb.notebook.transcripts import Transcript
    from agentscope_runtime_nb.sessions import SessionInfo

    Files = Sequence[str | PathLike[str]]

T = TypeVar("T")

_TICK = 0.1
_SESSIONS = 100


class Dialogue:
    """An agent as somebody to talk to.

    Asking keeps to one session, the one the chat shows, unless another is named.

    Attributes:
        name: Its name.
        host: Where it runs.
    """

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self.host = host
        self._own: Conversation | None = None
        self._others: list[Conversation] = []

    @property
    def session_id(self) -> str:
        """The session that `ask` and the chat keep to."""
        return self.conversation().session_id

    @property
    def title(self) -> str:
        """What that session is called: the title it was given, else its first words."""
        return self.conversation().title

    @property
    def messages(self) -> list[Message]:
        """That session's messages."""
        return self.conversation().messages

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The tool calls of that session that wait for a decision."""
        return self.conversation().pending

    def conversation(self, session: str | None = None) -> Conversation:
        """The agent's own conversation, or that of a session named."""
        if self._own is None:
            self._own = self.host.conversation(self.name)
        if session is None or session == self._own.session_id:
            return self._own
        for conversation in self._others:
            if conversation.session_id == session:
                return conversation
        self._make_room()
        found = self.host.conversation(self.name, session)
        self._others.append(found)
        restoring = self.host.control.submit(found.restore())
        if not (self.host.agent.is_current() or self.host.control.is_current()):
            restoring.result()
        return found

    def ask(self, text: str, session: str | None = None, *, files: Files = ()) -> Answer:
        """Ask and wait for the answer; interrupting the cell stops the agent.

        Args:
            text: What to say.
            session: A session's id; by default the one that the chat shows.
            files: Paths of images, sounds and other files that go with it.

        Returns:
            The answer, which displays as what it is. When the agent waits for a decision, it says
            so: then `approve()` or `deny()`.

        Raises:
            AgentFailedError: The agent failed.
            RuntimeError: Called from inside an agent, where it would wait for itself.
        """
        return self._answered(session, lambda talk: talk.send(_said(text, files)))

    async def __call__(self, text: str, session: str | None = None, *, files: Files = ()) -> Answer:
        """Ask, without blocking whatever else runs; cancelling stops the agent."""
        conversation = self.conversation(session)
        turn = conversation.send(_said(text, files))
        try:
            await asyncio.shield(asyncio.wrap_future(turn.result))
        except asyncio.CancelledError:
            conversation.stop(turn.run_id)
            raise
        return Answer.of(turn, self._how_to_decide(session))

    def approve(self, *ids: str, always: bool = False, session: str | None = None) -> Answer:
        """Allow what the agent wants to do, and wait for what it then says.

        Args:
            *ids: Which of the requests in `pending`; all by default.
            always: Allow these tools for the rest of the session.
            session: A session's id; by default the one that the chat shows.

        Raises:
            RefusedError: RESOURCE_NOT_FOUND: nothing waits, or not that.
        """
        return self._decide(ids, session, approve=True, always=always)

    def deny(self, *ids: str, reason: str | None = None, session: str | None = None) -> Answer:
        """Refuse what the agent wants to do, and wait for what it then says.

        Args:
            *ids: Which of the requests in `pending`; all by default.
            reason: Why; the agent is told.
            session: A session's id; by default the one that the chat shows.

        Raises:
            RefusedError: RESOURCE_NOT_FOUND: nothing waits, or not that.
        """
        return self._decide(ids, session, approve=False, reason=reason)

    def edit(self, turn: str | int, text: str, *, files: Files = ()) -> Answer:
        """Say something else instead: that turn and all after it are taken back.

        Args:
            turn: The number of a question, from 1 or from the end by -1, or a run's id.
            text: What to say instead.
            files: Paths of files that go with it.
        """
        return self._answered(
            None, lambda talk: self.host.control.run(talk.edit(turn, _said(text, files)))
        )

    def fork(self, turn: str | int = -1) -> str:
        """Go on in a new session that has this one's turns up to one of them; the chat shows it.

        Args:
            turn: The number of a question, from 1 or from the end by -1, or a run's id.

        Returns:
            The new session's id.
        """
        return self._now(self.conversation().fork(turn))

    def sessions(self, search: str = "") -> SessionListing:
        """This agent's sessions, the latest first, those of other kernels too.

        Args:
            search: Only those in which this was said, or that are called so.
        """
        from agentscope_runtime_nb.notebook.listing import SessionListing

        own = self.conversation()
        return SessionListing(self._now(own.sessions(search)), own.session_id)

    def find(self, session: str | SessionInfo) -> SessionInfo:
        """What is known of a session.

        Args:
            session: As for `open`.
        """
        return self._now(self.conversation().archive.find(_ident(session)))

    def open(self, session: str | SessionInfo) -> str:
        """Have `ask` and the chat go on with an earlier session.

        Args:
            session: Its id, the beginning of that, its title, words of that, `last`, or one out of
                `sessions()`.

        Raises:
            RefusedError: RESOURCE_NOT_FOUND, or SESSION_BUSY while an answer is under way.

        Returns:
            The session's id.
        """
        return self._now(self.conversation().open(_ident(session)))

    def rename(self, title: str, session: str | SessionInfo = "") -> None:
        """Give a session a title; an empty one takes it away again.

        Args:
            title: The title.
            session: As for `open`; by default the one that the chat shows.
        """
        self._now(self.conversation().rename(title, _ident(session)))

    def delete_session(self, session: str | SessionInfo) -> int:
        """Forget a session for good; how many turns it had.

        Args:
            session: As for `open`. When the chat shows it, a new one takes its place.
        """
        return self._now(self.conversation().delete(_ident(session)))

    def transcript(
        self, target: str | PathLike[str] = "md", *, overwrite: bool = False
    ) -> Transcript | Path:
        """The session as Markdown, JSON or a notebook.

        Args:
            target: A file that ends in `.md`, `.json` or `.ipynb`; or one of these words alone, for
                the text.
            overwrite: Replace a file that is there.

        Returns:
            The text, which displays as Markdown, or the file's path.

        Raises:
            FileExistsError: The file is there.
            ValueError: The ending is none of these.
        """
        from agentscope_runtime_nb.notebook import transcripts

        return transcripts.transcript(self.name, self.conversation(), target, overwrite=overwrite)

    def _decide(self, ids: Sequence[str], session: str | None, **decision: Any) -> Answer:
        def begin(conversation: Conversation) -> Turn:
            wanted = ids or [request["id"] for request in conversation.pending]
            if not wanted:
                raise AppError("RESOURCE_NOT_FOUND", f"{self.name} waits for no decision.")
            messages = [approvals.approval_response(ident, **decision) for ident in wanted]
            return self.host.control.run(conversation.decide(messages))

        return self._answered(session, begin)

    def _answered(self, session: str | None, begin: Callable[[Conversation], Turn]) -> Answer:
        self._refuse_inside()
        conversation = self.conversation(session)
        with refusals(), Progress(self.name, conversation) as progress:
            turn = begin(conversation)
            try:
                _wait(turn, progress)
            except KeyboardInterrupt:
                conversation.stop(turn.run_id)
                with contextlib.suppress(BaseException):
                    turn.result.result(timeout=2)
                raise
            return Answer.of(turn, self._how_to_decide(session))

    def _how_to_decide(self, session: str | None) -> str:
        where = f"session={session!r}" if session is not None else ""
        return f"{self.name}.approve({where}) or {self.name}.deny({where})"

    def _now(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            self._refuse_inside()
        except RuntimeError:
            coroutine.close()
            raise
        with refusals():
            return self.host.control.run(coroutine)

    def _refuse_inside(self) -> None:
        if self.host.agent.is_current() or self.host.control.is_current():
            raise RuntimeError(
                f"This would block the agents' loop. Here: await {self.name}(…), which asks; "
                f"for all else: await asyncio.to_thread({self.name}.…)"
            )

    def _make_room(self) -> None:
        """Keep the latest sessions, and those that something shows; the history has them all."""
        idle = [c for c in self._others if not c.busy and not c.listeners]
        for conversation in idle[: max(len(self._others) - _SESSIONS, 0)]:
            self._others.remove(conversation)
            self.host.forget(conversation)


def _wait(turn: Turn, progress: Progress) -> None:
    while True:
        try:
            turn.result.result(timeout=_TICK)
        except WaitTimeout:
            progress.update()
        else:
            return


def _ident(session: str | SessionInfo) -> str:
    return session if isinstance(session, str) else session.session


def _said(text: str, files: Files) -> list[Message]:
    return [message_of(text, contents_of(files) or None)]
