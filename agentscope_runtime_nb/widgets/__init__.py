"""What agents look like in a notebook: the chat, and the transcript that outlives it.

May use everything below; `notebook` displays it. Loaded when first used: widgets import slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentscope_runtime_nb.widgets.chat import ChatWidget

__all__ = ["ChatWidget"]


def __getattr__(name: str) -> Any:
    if name == "ChatWidget":
        from agentscope_runtime_nb.widgets.chat import ChatWidget

        return ChatWidget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
