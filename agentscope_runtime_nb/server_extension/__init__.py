"""The part that runs inside the Jupyter server: it lets a browser reach a kernel's apps.

`registry` is shared with the kernel: which socket a kernel's apps listen on. `proxy` passes a
request on to that socket, by the `rules`, and `upstream` speaks HTTP over it. The Jupyter server
imports this at its start, so it imports nothing heavy and nothing else of ours.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


__all__ = ["_load_jupyter_server_extension"]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from jupyter_server.utils import url_path_join

    from . import registry
    from .proxy import AppProxyHandler, StatusHandler

    root = re.escape(url_path_join(server.base_url, "agentscope-nb"))
    server.web_app.add_handlers(
        ".*$",
        [
            (rf"{root}/status", StatusHandler),
            (rf"{root}/apps/([^/]+)/([^/]+)/.*", AppProxyHandler),
        ],
    )
    with contextlib.suppress(OSError):
        registry.sweep()
