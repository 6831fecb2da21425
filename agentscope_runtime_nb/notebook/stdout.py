"""Prints inside a run go to that run, not into whichever cell happens to run."""

from __future__ import annotations

import sys
from typing import Any

from agentscope_runtime_nb.app import current_run


class Router:
    """Stands in for a text stream and hands what is written inside a run to the run.

    Everything else, attributes included, is the stream's own, so that the kernel's machinery
    (`set_parent`, `flush`, `fileno`) sees no difference.

    Args:
        stream: The stream it stands in for.
    """

    def __init__(self, stream: Any) -> None:
        self.inner = stream

    def write(self, text: str) -> int:
        """Write to the run that calls, or to the stream."""
        run = current_run.get()
        if run is None:
            return self.inner.write(text)
        run.printed(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        # What others set (IPython puts its own `write` here) stays on the router.
        return getattr(self.inner, name)


def install() -> None:
    """Put routers in front of stdout and stderr, once."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, Router):
            setattr(sys, name, Router(stream))


def remove() -> None:
    """Take the routers away again."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Router):
            setattr(sys, name, stream.inner)
