"""What `%agent_app curl` does: the way to an agent from where its notebook is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from agentscope_runtime_nb.notebook.asking import KEY, Recipe, curl, openai_sdk

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.handle import AgentHandle


def recipe(agent: AgentHandle, text: str) -> Recipe:
    """How to ask the agent from a terminal, as it is served now."""
    app, url, name = agent.app, agent.url, agent.name
    keyed = bool(app.keys) or app.identified
    key = f" Put its key into ${KEY} first." if keyed else ""
    if url is not None:
        line = curl(url, app.endpoint_path, text, keyed=keyed)
        return Recipe(line, openai_sdk(url, name, text, keyed=keyed), key.strip())
    serve = f"`%agent_app serve {name}` opens a port"
    socket = agent.host.socket
    if not socket:
        raise UsageError(f"{name} has no port: {serve}.")
    line = curl(f"http://localhost/{name}", app.endpoint_path, text, keyed=keyed, socket=socket)
    return Recipe(line, note=f"For you, on this machine. For other programs {serve}.{key}")
