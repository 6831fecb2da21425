"""Where an app is served: as a thread of this process now, further targets by entry points.

May import `app` and everything below it.
"""

from __future__ import annotations

from agentscope_runtime_nb.deploy.local import LocalDeployManager

__all__ = ["LocalDeployManager"]
