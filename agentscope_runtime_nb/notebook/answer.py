"""What asking an agent gives: the answer, displayed as what it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.events import Message
from agentscope_runtime_nb.widgets.transcript import answer_markdown, answer_text

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.conversation import Turn


class AgentFailedError(Exception):
    """The agent failed while it answered; the traceback is that of its own code.

    Attributes:
        code: A stable code.
        failure: The traceback, for the agent's author.
    """

    def __init__(self, code: str, message: str, failure: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.failure = failure

    def _render_traceback_(self) -> list[str]:
        """IPython shows this instead of the frames that merely waited for the answer."""
        shown = self.failure.rstrip().split("\n") if self.failure else []
        return [*shown, *([""] if shown else []), f"{type(self).__name__} ({self.code}): {self}"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An agent's answer.

    Attributes:
        response: The final response object.
        log: What the agent printed.
    """

    response: dict[str, Any] = field(repr=False)
    log: str = field(default="", repr=False)

    @classmethod
    def of(cls, turn: Turn) -> Answer:
        """The answer of a finished turn.

        Raises:
            AgentFailedError: It failed.
        """
        final = turn.final or {}
        if final.get("status") == "failed":
            error: dict[str, str] = final.get("error") or {}
            raise AgentFailedError(
                error.get("code", "AGENT_UNKNOWN_ERROR"), error.get("message", ""), turn.failure
            )
        return cls(final, turn.log)

    @property
    def text(self) -> str:
        """What it said."""
        return answer_text(self.response)

    @property
    def messages(self) -> list[Message]:
        """Its messages: text, thoughts, tool calls and their results."""
        return [Message.model_validate(message) for message in self.response["output"] or ()]

    @property
    def usage(self) -> dict[str, Any] | None:
        """The tokens it cost."""
        return self.response["usage"]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.response["id"]

    @property
    def status(self) -> str:
        """`completed`, `canceled` or `incomplete`."""
        return self.response["status"]

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": self.text, "text/markdown": answer_markdown(self.response)}
