"""What a cell shows while it waits for an agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from IPython import get_ipython
from IPython.display import display  # pyright: ignore[reportUnknownVariableType]

from agentscope_runtime_nb.widgets.markdown import safe_markdown

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.conversation import Conversation

_PATIENCE = 0.4  # quicker answers need no progress


class Progress:
    """The answer as it grows, in the cell that asked; in the end one line.

    Args:
        name: The agent's name.
        conversation: Where the answer grows.
    """

    def __init__(self, name: str, conversation: Conversation) -> None:
        self._name = name
        self._conversation = conversation
        self._began = time.monotonic()
        self._text = ""
        self._shown = ""
        self._tokens: int | None = None
        # A terminal cannot take a display back: only front ends of a kernel get one.
        self._can = getattr(get_ipython(), "kernel", None) is not None
        self._display: Any = None

    def __enter__(self) -> Self:
        self._conversation.listeners.append(self)
        return self

    def __exit__(self, *_error: object) -> None:
        self._conversation.listeners.remove(self)
        if self._display is not None:
            seconds = time.monotonic() - self._began
            tokens = f" · {self._tokens} tokens" if self._tokens else ""
            line = f"{self._name} · {seconds:.1f} s{tokens}"
            self._display.update({"text/plain": line}, raw=True)

    def heard(self, message: dict[str, Any]) -> None:
        """Collect the answer's text. On the control thread."""
        for event in message.get("events", ()):
            kind = event["object"]
            if kind == "content" and event["type"] == "text" and event.get("delta"):
                self._text += event.get("text") or ""
            elif kind == "message" and event["status"] == "in_progress" and self._text:
                self._text += "\n\n"
            elif kind == "response" and event.get("usage"):
                self._tokens = event["usage"].get("total_tokens")

    def state_changed(self) -> None:
        """Nothing to do: the answer says it all."""

    def update(self) -> None:
        """Show what is new. On the cell's thread."""
        text = self._text
        if not self._can or time.monotonic() - self._began < _PATIENCE or text == self._shown:
            return
        self._shown = text
        shown = {"text/plain": text, "text/markdown": safe_markdown(text)}
        if self._display is None:
            self._display = display(shown, raw=True, display_id=True)
        else:
            self._display.update(shown, raw=True)
