"""What a chat's front end asks of the kernel, checked and done.

A message is a JSON object with a `type` and an `id` of its own; the answer is what the conversation
then tells its listeners, or a notice that names the id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import Message, approvals
from agentscope_runtime_nb.notebook.contents import message_of
from agentscope_runtime_nb.sessions import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from agentscope_runtime_nb.notebook.conversation import Conversation

_COMMENT = 4000
_TITLE = 200

Reply = Callable[[dict[str, Any]], None]
"""Takes what is for the asker alone."""


class Requests:
    """Does what front ends ask of one conversation. On the control thread.

    Args:
        conversation: The conversation.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._seen: deque[str] = deque(maxlen=500)
        self._now: dict[str, Callable[[dict[str, Any]], object]] = {
            "send": self._send,
            "stop": lambda message: conversation.stop_now(_text(message, "run_id")),
            "force": lambda message: conversation.force(_text(message, "run_id")),
            "settings": lambda message: conversation.change_settings(_dict(message, "values")),
        }
        self._later: dict[str, Callable[[dict[str, Any]], Awaitable[object]]] = {
            "new_session": lambda _: conversation.begin_anew(),
            "retry": lambda message: conversation.retry(_text(message, "run_id")),
            "edit": self._edit,
            "fork": lambda message: conversation.fork(_text(message, "run_id")),
            "open": lambda message: conversation.open(_text(message, "session_id")),
            "rename": self._rename,
            "delete": lambda message: conversation.delete(_text(message, "session_id")),
            "approve": self._approve,
            "feedback": self._feedback,
        }

    def take(self, message: dict[str, Any], reply: Reply) -> None:
        """Do what a message asks; one that comes twice, by both roads, once.

        Args:
            message: The message.
            reply: For what only the asker wants to know.
        """
        ident = _text(message, "id")
        if ident:
            if ident in self._seen:
                return
            self._seen.append(ident)
        kind = _text(message, "type")
        if kind in self._now:
            try:
                self._now[kind](message)
            except AppError as error:
                self._refuse(error, ident)
                self._conversation.changed()  # who asked may show already what was refused
        elif kind in self._later:
            self._conversation.spawn(self._do(self._later[kind](message), ident))
        elif kind == "sessions":
            self._conversation.spawn(self._do(self._sessions(message, reply), ident))

    async def _do(self, work: Awaitable[object], ident: str) -> None:
        try:
            await work
        except (AppError, StoreError) as error:
            self._refuse(error, ident)

    def _refuse(self, error: AppError | StoreError, ident: str) -> None:
        level = "warning" if isinstance(error, AppError) else "error"
        notice = {"type": "notice", "level": level, "text": str(error)}
        self._conversation.tell(notice | ({"id": ident} if ident else {}))

    def _send(self, message: dict[str, Any]) -> None:
        said = [message_of(_text(message, "text"), message.get("content"))]
        self._conversation.send(said, _text(message, "id"), _text(message, "on_busy"))

    async def _edit(self, message: dict[str, Any]) -> None:
        said = [message_of(_text(message, "text"), message.get("content"))]
        await self._conversation.edit(_text(message, "run_id"), said, _text(message, "id"))

    async def _sessions(self, message: dict[str, Any], reply: Reply) -> None:
        search = _text(message, "search")
        found = await self._conversation.sessions(search)
        rows = [
            {
                "session_id": info.session,
                "title": info.title,
                "turns": info.turns,
                "updated": info.updated,
                "preview": info.preview,
            }
            for info in found
        ]
        reply({"type": "sessions", "search": search, "sessions": rows})

    async def _rename(self, message: dict[str, Any]) -> None:
        title = _text(message, "title")[:_TITLE]
        await self._conversation.rename(title, _text(message, "session_id"))

    async def _approve(self, message: dict[str, Any]) -> None:
        given = message.get("decisions")
        decisions: list[Message] = []
        for item in cast("list[Any]", given) if isinstance(given, list) else []:
            decision = cast("dict[str, Any]", item if isinstance(item, dict) else {})
            if not isinstance(decision.get("approve"), bool):
                text = "A decision has an `id` and says by `approve` whether it may be."
                raise AppError("PARAMETER_VALIDATION", text)
            reason = _text(decision, "reason")[:_COMMENT] or None
            always = decision.get("always") is True
            decisions.append(
                approvals.approval_response(
                    _text(decision, "id"), decision["approve"], reason, always=always
                )
            )
        await self._conversation.decide(decisions, _text(message, "id"))

    async def _feedback(self, message: dict[str, Any]) -> None:
        rating = _text(message, "rating")
        if rating not in ("up", "down", ""):
            raise AppError("PARAMETER_VALIDATION", "Feedback is `up`, `down` or empty.")
        comment = _text(message, "comment")[:_COMMENT]
        await self._conversation.rate(_text(message, "run_id"), rating, comment)


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""


def _dict(message: dict[str, Any], name: str) -> dict[str, Any]:
    value = message.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
