"""What `%agent_app chat`, `sessions` and `transcript` do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from agentscope_runtime_nb.app.errors import AppError
from agentscope_runtime_nb.notebook.archive import LATEST

if TYPE_CHECKING:
    from collections.abc import Generator

    from agentscope_runtime_nb.notebook.handle import AgentHandle

_COMPLETED = 20


def chat(agent: AgentHandle, given: Any) -> Any:
    """Show the chat, or that of an earlier session."""
    if given.session is None:
        return agent.chat()
    with _as_usage_errors():
        return agent.chat(agent.find(given.session).session)


def sessions(agent: AgentHandle, given: Any) -> Any:
    """Do what is asked with a session, and list them."""
    with _as_usage_errors():
        if given.open:
            agent.open(given.open)
        if given.fork:
            turn = given.fork
            agent.fork(int(turn) if turn.lstrip("-").isdigit() else turn)
        if given.rename:
            session, title = given.rename
            agent.rename(title, session)
        if given.delete:
            agent.delete_session(given.delete)
        return agent.sessions(given.search)


def transcript(agent: AgentHandle, given: Any) -> Any:
    """Write the conversation down."""
    try:
        return agent.transcript(given.path, overwrite=given.overwrite)
    except FileExistsError:
        raise UsageError(f"{given.path} is there: --overwrite replaces it.") from None
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def known(agent: AgentHandle) -> list[str]:
    """What completes a session: `last` and the latest ids."""
    try:
        return [LATEST, *(info.session for info in agent.sessions().sessions[:_COMPLETED])]
    except Exception:  # noqa: BLE001 - completion has nobody to tell
        return [LATEST]


@contextmanager
def _as_usage_errors() -> Generator[None]:
    """Show what a person asked for in vain as a sentence, without the frames above it."""
    try:
        yield
    except AppError as error:
        raise UsageError(error.message) from error
