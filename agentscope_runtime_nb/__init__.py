"""Define an agent in a notebook cell, talk to it under the cell, ship it as a service.

    %load_ext agentscope_runtime_nb

Every public name can be imported from here; each is loaded when it is first used, so that importing
the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentscope_runtime_nb.app import AgentApp, AppError, DefinitionError, Run, current_run
    from agentscope_runtime_nb.deploy import LocalDeployManager
    from agentscope_runtime_nb.events import (
        AgentRequest,
        AgentResponse,
        ApprovalRequest,
        AudioContent,
        Content,
        ContentType,
        DataContent,
        Error,
        Event,
        FileContent,
        FunctionCall,
        FunctionCallOutput,
        ImageContent,
        Message,
        MessageType,
        Reasoning,
        RefusalContent,
        Role,
        RunStatus,
        Text,
        TextContent,
        ToolCall,
        ToolResult,
        Usage,
        VideoContent,
        approval_response,
        user_message,
    )
    from agentscope_runtime_nb.frameworks.builtin import Agent
    from agentscope_runtime_nb.frameworks.functions import tool
    from agentscope_runtime_nb.models import Model, model
    from agentscope_runtime_nb.sessions import SessionStore
    from agentscope_runtime_nb.widgets import ChatWidget

__version__ = "0.1.0"

_HOMES = {
    "app": ("AgentApp", "AppError", "DefinitionError", "Run", "current_run"),
    "deploy": ("LocalDeployManager",),
    "events": (
        "AgentRequest", "AgentResponse", "ApprovalRequest", "AudioContent", "Content",
        "ContentType", "DataContent", "Error", "Event", "FileContent", "FunctionCall",
        "FunctionCallOutput", "ImageContent", "Message", "MessageType", "Reasoning",
        "RefusalContent", "Role", "RunStatus", "Text", "TextContent", "ToolCall", "ToolResult",
        "Usage", "VideoContent", "approval_response", "user_message",
    ),
    "frameworks.builtin": ("Agent",),
    "frameworks.functions": ("tool",),
    "models": ("Model", "model"),
    "sessions": ("SessionStore",),
    "widgets": ("ChatWidget",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Agent",
    "AgentApp",
    "AgentRequest",
    "AgentResponse",
    "AppError",
    "ApprovalRequest",
    "AudioContent",
    "ChatWidget",
    "Content",
    "ContentType",
    "DataContent",
    "DefinitionError",
    "Error",
    "Event",
    "FileContent",
    "FunctionCall",
    "FunctionCallOutput",
    "ImageContent",
    "LocalDeployManager",
    "Message",
    "MessageType",
    "Model",
    "Reasoning",
    "RefusalContent",
    "Role",
    "Run",
    "RunStatus",
    "SessionStore",
    "Text",
    "TextContent",
    "ToolCall",
    "ToolResult",
    "Usage",
    "VideoContent",
    "approval_response",
    "current_run",
    "model",
    "tool",
    "user_message",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Add the magics to a notebook: `%load_ext agentscope_runtime_nb`."""
    import_module(f"{__name__}.notebook.magics").load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magics away and stop everything they started."""
    import_module(f"{__name__}.notebook.magics").unload(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:  # pyright: ignore[reportUnusedFunction] - Jupyter calls it
    return [{"src": "labextension", "dest": "agentscope-runtime-nb"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:  # pyright: ignore[reportUnusedFunction] - Jupyter calls it
    return [{"module": f"{__name__}.server_extension"}]
