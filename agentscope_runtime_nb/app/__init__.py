"""The app: an agent as a FastAPI, its runs, who may call, and serving it.

Imports `events` and `sessions`; protocols, frameworks and everything above may import it. What it
needs of those it finds by entry points when an app is built.
"""

from __future__ import annotations

from agentscope_runtime_nb.app.agent_app import AgentApp
from agentscope_runtime_nb.app.errors import AppError, DefinitionError
from agentscope_runtime_nb.app.run import Run, current_run

__all__ = ["AgentApp", "AppError", "DefinitionError", "Run", "current_run"]
