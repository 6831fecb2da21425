"""A chat as the kernel holds it: turns that outlive pages, views and versions of the agent.

A conversation lives on the control thread: whatever it is asked to do is queued there, and so its
listeners (widgets, a waiting cell) hear of everything in one order. The runs themselves are driven
by the agent thread; control reads their logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import Message, approvals, user_message
from agentscope_runtime_nb.notebook import settings
from agentscope_runtime_nb.notebook.chat_protocol import Requests
from agentscope_runtime_nb.notebook.live_turns import Listener, LiveTurns, Owner
from agentscope_runtime_nb.notebook.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentscope_runtime_nb.notebook.chat_protocol import Reply
    from agentscope_runtime_nb.sessions import SessionInfo

__all__ = ["Conversation", "Listener", "Owner", "Turn"]


class Conversation(LiveTurns):
    """One session with the agent that is called `name`, whatever its version.

    Args:
        owner: The host.
        name: The agent's name.
        session_id: The session; by default a new one.
    """

    def __init__(self, owner: Owner, name: str, session_id: str | None = None) -> None:
        super().__init__(owner, name, session_id)
        self.settings: dict[str, Any] = {}
        self._requests = Requests(self)

    @property
    def messages(self) -> list[Message]:
        """Every message so far, the user's and the agent's."""
        return _messages(list(self.turns))

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The tool calls that wait for a decision: `id`, `call_id`, `name`, `arguments`."""
        # As the agent remembers it: a turn that failed has not been.
        return approvals.pending(_messages([t for t in list(self.turns) if not t.failed]))

    def snapshot(self) -> dict[str, Any]:
        """All of it, for a view that has just come."""
        return {
            "type": "snapshot",
            "turns": [turn.as_json() for turn in list(self.turns)],
            "status": self.status,
            "session_id": self.session_id,
            "title": self.title,
        }

    def turn(self, which: str | int) -> Turn:
        """A turn by its run's id, or by the number of its question, from 1 or from the end by -1.

        Raises:
            AppError: RESOURCE_NOT_FOUND.
        """
        asked = [turn for turn in self.turns if not turn.continues]
        if isinstance(which, int):
            place = which - 1 if which > 0 else which
            if which and -len(asked) <= place < len(asked):
                return asked[place]
            text = f"There is no turn {which}: the conversation has {len(asked)}."
            raise AppError("RESOURCE_NOT_FOUND", text)
        for turn in self.turns:
            if turn.run_id == which:
                return turn
        raise AppError("RESOURCE_NOT_FOUND", f"There is no turn {which!r} in this conversation.")

    # What may be called from any thread.

    def send(self, said: str | Sequence[Message], message_id: str = "", on_busy: str = "") -> Turn:
        """Say something to the agent.

        Args:
            said: The text, or whole messages.
            message_id: The front end's id for it, which a refusal names.
            on_busy: While another turn is being answered, `queue` waits for it and `interrupt`
                stops it; by default this one is refused.

        Returns:
            The turn; its `result` becomes the final response.
        """
        turn = self._turn(said, message_id)
        turn.on_busy = on_busy
        # The caller's context goes along, so that a display inside the run lands in its cell.
        self._owner.control.call(self._queue, turn)
        return turn

    def stop(self, run_id: str = "") -> None:
        """Stop the run, or the one that is live."""
        self._owner.control.call(self.stop_now, run_id)

    def take(self, message: dict[str, Any], reply: Reply | None = None) -> None:
        """Do what a front end asks; a message that comes twice, by both roads, is done once.

        Args:
            message: As the chat's protocol has it.
            reply: Takes what is for the asker alone; by default every listener hears it.
        """
        self._owner.control.call(self._requests.take, message, reply or self.tell)

    def notice(self, level: str, text: str) -> None:
        """Tell whoever looks."""
        self._owner.control.call(self.tell, {"type": "notice", "level": level, "text": text})

    # What is awaited on the control thread. Each raises an AppError when it has to refuse.

    async def sessions(self, search: str = "") -> list[SessionInfo]:
        """The agent's sessions, the latest first; with `search`, those where that was said."""
        async with self._order:
            return await self.archive.list(search)

    async def restore(self) -> None:
        """Take up what the session file has of this session, unless it is being written here."""
        async with self._order:
            if self.busy:
                return
            info = await self.archive.info(self.session_id)
            if info is not None:
                await self._show(info.session, info.user, info.title)

    async def open(self, wanted: str) -> str:
        """Show another session: its id, title, the beginning of either, or `last`; its id."""
        async with self._order:
            await self._refuse_while_busy("another conversation can be opened")
            info = await self.archive.find(wanted)
            await self._show(info.session, info.user, info.title)
            return info.session

    async def fork(self, which: str | int) -> str:
        """Go on in a new session that has the turns up to this one; the new session's id."""
        async with self._order:
            await self._refuse_while_busy("it can be forked")
            end = self._end_of(self.turn(which))
            fresh = await self.archive.fork(self.turns[:end], self.session_id, self.user_id)
            info = await self.archive.info(fresh)
            await self._show(fresh, "", info.title if info is not None else "")
            return fresh

    async def edit(
        self, which: str | int, said: str | Sequence[Message], message_id: str = ""
    ) -> Turn:
        """Take a turn and all after it back, and say this instead."""
        async with self._order:
            await self._refuse_while_busy("it can be edited")
            place = self.turns.index(self.turn(which))
            await self.archive.rewind(self.turns[place:], self.session_id, self.user_id)
            self._keep(self.turns[:place])
            return self._begin(self._turn(said, message_id))

    async def retry(self, run_id: str) -> Turn:
        """Ask the same again: the turn, with what was decided in it, goes and comes last."""
        async with self._order:
            await self._refuse_while_busy("it can be asked again")
            turn = self.turn(run_id)
            place = self.turns.index(turn)
            again = self.turns[place : self._end_of(turn)]
            await self.archive.forget(again, self.session_id, self.user_id)
            self._keep([turn for turn in self.turns if turn not in again])
            return self._begin(self._turn(_messages_in(turn.input), ""))

    async def decide(self, decisions: Sequence[Message], message_id: str = "") -> Turn:
        """Answer what the agent asked, as `approval_response` makes it; it then goes on."""
        async with self._order:
            await self._refuse_while_busy("it can be decided")
            waiting = {request["id"] for request in self.pending}
            unknown = approvals.decisions(decisions).keys() - waiting
            if unknown or not decisions:
                text = "This has been decided already, or was withdrawn by what was said since."
                raise AppError("RESOURCE_NOT_FOUND", text)
            return self._begin(self._turn(decisions, message_id))

    async def rename(self, title: str, session: str = "") -> None:
        """Give a session, by default this one, a title; an empty one takes it away again."""
        async with self._order:
            ident, user = await self._place(session)
            await self.archive.rename(ident, title, user)
            info = await self.archive.info(ident)
            if ident == self.session_id:
                self._set_title(info.title if info is not None else " ".join(title.split()))
            self._owner.session_changed(self.name, ident, self)

    async def delete(self, session: str = "") -> int:
        """Forget a session, by default this one, which a new one then replaces; its turns."""
        async with self._order:
            ident, user = await self._place(session)
            if ident == self.session_id:
                await self._refuse_while_busy("it can be deleted")
            count = await self.archive.delete(ident, user)
            if ident == self.session_id:
                self.new_session()
            self._owner.session_changed(self.name, ident, self, gone=True)
            return count

    async def rate(self, run_id: str, rating: str, comment: str = "") -> None:
        """Keep what a person thought of an answer: `up`, `down`, or nothing any more."""
        async with self._order:
            await self.ended()
            turn = self.turn(run_id)
            if turn.final is None:
                raise AppError("SESSION_BUSY", "An answer can be rated once it is finished.")
            turn.feedback = {"rating": rating, "comment": comment} if rating else None
            await self.archive.rate(run_id, turn.feedback, self.session_id, self.user_id)
            self.tell({"type": "turn", "turn": turn.as_json()})
            self._owner.session_changed(self.name, self.session_id, self)

    async def begin_anew(self) -> None:
        """Begin another conversation; what is being answered in this one stops."""
        async with self._order:
            self.new_session()

    # What is called on the control thread.

    def new_session(self) -> None:
        """Begin another conversation at once."""
        self.stop_now()
        self._send_away()
        self.turns = []
        self.session_id, self.user_id, self.title = str(uuid4()), "", ""
        self._set_status("idle", changed=True)
        self.tell(self.snapshot())

    def change_settings(self, values: dict[str, Any]) -> None:
        """Take over the chat's settings, those that are None as the app has them.

        Raises:
            AppError: PARAMETER_VALIDATION: the app has no such setting, or not such a value.
        """
        served = self._owner.current(self.name)
        if served is not None:
            self.settings = settings.merged(self.settings, values, served.app)
            self.changed()

    def _turn(self, said: str | Sequence[Message], message_id: str) -> Turn:
        messages = [user_message(said)] if isinstance(said, str) else list(said)
        wire = [message.model_dump(mode="json") for message in messages]
        return Turn(f"response_{uuid4()}", wire, self.settings, message_id=message_id)

    def _keep(self, turns: list[Turn]) -> None:
        if turns[:1] != self.turns[:1]:
            self.title = ""  # unless it was given one, it is called by its first words
        self.turns = turns
        self.tell(self.snapshot())

    async def _show(self, session: str, user: str, title: str) -> None:
        turns = await self.archive.turns(session, user)
        self.turns = turns
        self.session_id, self.user_id, self.title = session, user, title
        self._set_status("idle", changed=True)
        self.tell(self.snapshot())

    async def _place(self, session: str) -> tuple[str, str]:
        """A session's id and whose it is."""
        if session in ("", self.session_id):
            return self.session_id, self.user_id
        info = await self.archive.find(session)
        return info.session, info.user

    async def _refuse_while_busy(self, what: str) -> None:
        await self.ended()
        if self.busy:
            text = f"An answer is under way: wait for it or press Stop, before {what}."
            raise AppError("SESSION_BUSY", text)

    def _end_of(self, turn: Turn) -> int:
        """Where a turn ends, with the decisions that it asked for."""
        end = self.turns.index(turn) + 1
        while end < len(self.turns) and self.turns[end].continues:
            end += 1
        return end


def _messages(turns: Sequence[Turn]) -> list[Message]:
    return _messages_in([message for turn in turns for message in (*turn.input, *turn.answer())])


def _messages_in(wire: Sequence[dict[str, Any]]) -> list[Message]:
    return [Message.model_validate(message) for message in wire]
