"""Which model a name means, and the two servers of our own: a small local model and a scripted one.

`choice.py` decides and gives clients; `weights.py` and `package_index.py` fetch the local model,
`local.py` runs it as a child process (`local_server.py`). A scripted model is a script
(`script.py`, `script_default.py`), a server (`scripted_server.py`, `scripted_app.py`) and the two
APIs that it speaks (`wire_*.py`).
This room imports nothing of ours but `progress`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentscope_runtime_nb.models.choice import Model, model, stop_servers
    from agentscope_runtime_nb.models.conversation import Conversation
    from agentscope_runtime_nb.models.errors import ModelError
    from agentscope_runtime_nb.models.script import Failure, Reply, Script, ToolCall, load_script
    from agentscope_runtime_nb.models.scripted_app import RequestRecord
    from agentscope_runtime_nb.models.scripted_server import ScriptedServer

__all__ = [
    "Conversation",
    "Failure",
    "Model",
    "ModelError",
    "Reply",
    "RequestRecord",
    "Script",
    "ScriptedServer",
    "ToolCall",
    "load_script",
    "model",
    "stop_servers",
]

_ROOMS = {
    "Conversation": "conversation",
    "Failure": "script",
    "Model": "choice",
    "ModelError": "errors",
    "Reply": "script",
    "RequestRecord": "scripted_app",
    "Script": "script",
    "ScriptedServer": "scripted_server",
    "ToolCall": "script",
    "load_script": "script",
    "model": "choice",
    "stop_servers": "choice",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
