"""A deployment in this very process: uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import uvicorn

from agentscope_runtime_nb.app.bridge import across
from agentscope_runtime_nb.app.serving import DrainingServer, check_exposure, config, listen

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from agentscope_runtime_nb.app import AgentApp


class LocalDeployManager:
    """Serves apps in threads of this process; works in scripts and in notebooks.

    Args:
        host: Where to listen.
        port: 0 chooses a free one.
        startup_timeout: Seconds until the app has to be up.
        shutdown_timeout: Seconds that stopping may take.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8090,
        *,
        startup_timeout: float = 30,
        shutdown_timeout: float = 30,
    ) -> None:
        self.host = host
        self.port = port
        self.startup_timeout = startup_timeout
        self.shutdown_timeout = shutdown_timeout
        self._served: dict[str, _Served] = {}

    async def deploy(self, app: AgentApp) -> dict[str, Any]:
        """Start serving.

        Returns:
            `deploy_id` and `url`.

        Raises:
            DefinitionError: The app cannot serve, or would serve strangers without keys.
            OSError: The port is in use.
            RuntimeError: The app's own start failed; the cause is chained.
        """
        app.check()
        check_exposure(app, self.host)
        served = _Served(app, self.host, self.port)
        await asyncio.wait_for(asyncio.to_thread(served.start), self.startup_timeout)
        ident = f"local_{uuid4()}"
        self._served[ident] = served
        return {"deploy_id": ident, "url": served.url}

    async def stop(self, deploy_id: str) -> dict[str, Any]:
        """Stop serving: new runs are refused, those under way may end.

        Returns:
            `success` and a `message`.
        """
        served = self._served.pop(deploy_id, None)
        if served is None:
            return {"success": False, "message": f"There is no deployment {deploy_id} here."}
        await asyncio.to_thread(served.stop, self.shutdown_timeout)
        return {"success": True, "message": f"{served.url} is no longer served."}


def _server_of(app: AgentApp) -> uvicorn.Server:
    """A server with the app's life in it; of an app that lives already, one that visits it."""
    home = app.home
    if home is None:
        # lifespan "on": an app whose start fails must not serve.
        return DrainingServer(config(app, lifespan="on", log_level="warning"), app)

    async def visit(scope: Scope, receive: Receive, send: Send) -> None:
        await across(home, app, scope, receive, send)

    options: dict[str, Any] = {"lifespan": "off", "timeout_graceful_shutdown": 2}
    return uvicorn.Server(config(visit, log_level="warning", **options))


class _Served:
    """One app being served by one thread."""

    def __init__(self, app: AgentApp, host: str, port: int) -> None:
        self._socket = listen(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self._server = _server_of(app)
        self._thread = threading.Thread(
            target=self._serve, name=f"agentscope-nb {self.url}", daemon=True
        )

    def start(self) -> None:
        """Start the thread and wait until it serves."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        if not self._server.started:
            self._socket.close()
            raise RuntimeError(
                f"The app did not start on {self.url}: its lifespan failed. The log has the cause."
            )

    def stop(self, seconds: float) -> None:
        """End the server and its thread."""
        self._server.should_exit = True
        self._thread.join(seconds)
        self._socket.close()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except SystemExit:  # uvicorn's word for a failed start; the log has the cause
            return
