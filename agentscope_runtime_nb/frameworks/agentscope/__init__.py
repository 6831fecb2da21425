"""AgentScope 2: its agents, teams and tools as an app's handler.

    from agentscope.agent import Agent
    from agentscope_runtime_nb.frameworks.agentscope import chat_model, reply, toolkit

    @app.query(framework="agentscope")
    async def friday(msgs, request):
        agent = Agent("Friday", "You are Friday.", chat_model("auto"), toolkit(add))
        async for event in reply(agent, request):
            yield event

`events` reads what AgentScope yields and imports nothing of it, so that an app is built quickly;
the other modules import it when a name of theirs is first used.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.frameworks.agentscope.events import adapt

if TYPE_CHECKING:
    from agentscope_runtime_nb.frameworks.agentscope.conversation import reply
    from agentscope_runtime_nb.frameworks.agentscope.messages import to_agentscope
    from agentscope_runtime_nb.frameworks.agentscope.model import chat_model
    from agentscope_runtime_nb.frameworks.agentscope.tools import toolkit

__all__ = ["adapt", "chat_model", "reply", "to_agentscope", "toolkit"]

_HOME_OF = {
    "chat_model": "model",
    "reply": "conversation",
    "to_agentscope": "messages",
    "toolkit": "tools",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def _see_that_it_is_here() -> None:
    try:
        version = metadata.version("agentscope")
    except metadata.PackageNotFoundError:
        version = ""
    if version.partition(".")[0] in {"", "0", "1"}:
        found = f"AgentScope {version} is too old" if version else "AgentScope is not installed"
        raise DefinitionError(
            f'{found}. Install it with: pip install "agentscope-runtime-nb[agentscope]"'
        )


_see_that_it_is_here()
