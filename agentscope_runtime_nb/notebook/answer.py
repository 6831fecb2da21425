"""What asking an agent gives: the answer, displayed as what it is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.events import Message, approvals
from agentscope_runtime_nb.widgets.markdown import code
from agentscope_runtime_nb.widgets.transcript import answer_markdown, answer_text

if TYPE_CHECKING:
    from collections.abc import Generator

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


class RefusedError(AppError):
    """What was asked of an agent cannot be done now, or not with that; the text says why."""

    def _render_traceback_(self) -> list[str]:
        """IPython shows the sentence; the frames above it are none of the user's."""
        return [f"{type(self).__name__} ({self.code}): {self}"]


@contextmanager
def refusals() -> Generator[None]:
    """Show an app's refusals as sentences."""
    try:
        yield
    except AppError as error:
        raise RefusedError(error.code, error.message) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """An agent's answer.

    Attributes:
        response: The final response object.
        log: What the agent printed.
        way_on: How to decide what it asks, if it does.
    """

    response: dict[str, Any] = field(repr=False)
    log: str = field(default="", repr=False)
    way_on: str = field(default="", repr=False)

    @classmethod
    def of(cls, turn: Turn, way_on: str = "") -> Answer:
        """The answer of a finished turn.

        Args:
            turn: The turn.
            way_on: How to decide what it asks, if it does.

        Raises:
            AgentFailedError: It failed.
        """
        final = turn.final or {}
        if final.get("status") == "failed":
            error: dict[str, str] = final.get("error") or {}
            raise AgentFailedError(
                error.get("code", "AGENT_UNKNOWN_ERROR"), error.get("message", ""), turn.failure
            )
        return cls(final, turn.log, way_on)

    @property
    def text(self) -> str:
        """What it said."""
        return answer_text(self.response)

    @property
    def messages(self) -> list[Message]:
        """Its messages: text, thoughts, tool calls and their results."""
        return [Message.model_validate(message) for message in self.response["output"] or ()]

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The tool calls that the agent wants to be allowed: `id`, `name`, `arguments`."""
        return approvals.pending(self.messages)

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
        plain, markdown = [self.text], [answer_markdown(self.response)]
        waiting = [f"{request['name']}({request['arguments']})" for request in self.pending]
        if waiting and self.way_on:
            way_on = f"Waits for a decision: {self.way_on}"
            plain += [f"May this be done? {call}" for call in waiting] + [way_on]
            markdown.append(f"Waits for a decision: {code(self.way_on)}")
        return {
            "text/plain": "\n".join(part for part in plain if part),
            "text/markdown": "\n\n".join(part for part in markdown if part),
        }
