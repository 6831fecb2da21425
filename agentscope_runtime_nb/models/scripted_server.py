"""A real OpenAI-compatible HTTP server that answers from a script.

It speaks chat completions and responses, streaming or not, and keeps a log of what was asked, how
much was sent and whether the client went away. As a program, it serves a script file:

    python -m agentscope_runtime_nb.models.scripted_server lesson.json --port 0
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import uvicorn

from agentscope_runtime_nb.models.errors import ModelError
from agentscope_runtime_nb.models.script import load_script
from agentscope_runtime_nb.models.script_default import DEFAULT
from agentscope_runtime_nb.models.scripted_app import (
    AbortableProtocol,
    RequestRecord,
    ScriptedApp,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType, TracebackType

_STOP_SECONDS = 5.0


class ScriptedServer:
    """A model server in a thread of this process, on a loopback port and with a random key.

    It starts when it is entered or started, and stops when it is left, stopped or forgotten.

    Example:
        ```python
        with ScriptedServer([{"when": "weather", "say": "It rains."}]) as server:
            client = openai.OpenAI(base_url=server.url, api_key=server.key)
        ```
    """

    def __init__(
        self,
        script: Any = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
    ) -> None:
        """Prepare a server.

        Args:
            script: What `load_script` takes; the default small talk unless given.
            host: The address to listen on.
            port: The port; 0 lets the system choose.
            key: The bearer token that is wanted; a random one unless given.
        """
        self.key: str = key or secrets.token_urlsafe(32)
        self._app = ScriptedApp(DEFAULT if script is None else load_script(script), self.key)
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._ending: weakref.finalize[Any, Any] | None = None
        self._lock = threading.Lock()
        _all.add(self)

    @property
    def url(self) -> str:
        """The OpenAI-compatible base URL; the server is started to know it."""
        self.start()
        host, port = self._address
        return f"http://{host}:{port}/v1"

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests so far, oldest first; the last thousand."""
        return list(self._app.records)

    @property
    def running(self) -> bool:
        """Whether it has been started and not been stopped."""
        return self._ending is not None and self._ending.alive

    def start(self) -> None:
        """Start it if it is not running. The port stays the same for the life of the object."""
        with self._lock:
            if self.running:
                return
            listener = self._listen()
            server = _uvicorn(self._app)
            thread = threading.Thread(
                target=server.run,
                args=([listener],),
                name="agentscope-nb-scripted-model",
                daemon=True,
            )
            thread.start()
            self._ending = weakref.finalize(self, _stop, server, thread, listener)

    def stop(self) -> None:
        """Stop it; answers under way are cut off."""
        with self._lock:
            if self._ending is not None:
                self._ending()

    def serve_forever(self) -> None:
        """Serve in this thread until it is interrupted."""
        _uvicorn(self._app).run([self._listen()])

    def bind(self) -> str:
        """Take the port without serving yet, and give the base URL."""
        self._socket = self._listen()
        return "http://{}:{}/v1".format(*self._address)

    def _listen(self) -> socket.socket:
        if self._socket is not None:
            taken, self._socket = self._socket, None
            return taken
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(self._address)
        except OSError as error:
            listener.close()
            host, port = self._address
            raise ModelError(
                "script_port_taken", f"The scripted model cannot listen on {host}:{port}: {error}"
            ) from error
        listener.listen(128)  # from here on a client may connect, though nobody answers yet
        self._address = listener.getsockname()[:2]
        return listener

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


_all: weakref.WeakSet[ScriptedServer] = weakref.WeakSet()
_default: ScriptedServer | None = None
_default_lock = threading.Lock()


def default_server() -> ScriptedServer:
    """Give this process's server of the default script, not necessarily started."""
    global _default  # noqa: PLW0603 - one for the process is the point
    with _default_lock:
        if _default is None:
            _default = ScriptedServer()
        return _default


def stop_all() -> None:
    """Stop every scripted server of this process."""
    for server in list(_all):
        server.stop()


def _uvicorn(app: ScriptedApp) -> uvicorn.Server:
    config = uvicorn.Config(
        cast("Any", app),
        loop="asyncio",
        http=AbortableProtocol,
        interface="asgi3",
        proxy_headers=False,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _stop(server: uvicorn.Server, thread: threading.Thread, listener: socket.socket) -> None:
    server.should_exit = True
    server.force_exit = True  # streams that stall on purpose would be waited for
    if thread is not threading.current_thread():
        thread.join(_STOP_SECONDS)
    listener.close()


def main(arguments: list[str] | None = None) -> int:
    """Serve a script file until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m agentscope_runtime_nb.models.scripted_server",
        description="Serve an OpenAI-compatible model that answers from a script.",
    )
    parser.add_argument("script", nargs="?", help="a JSON file of replies; small talk without it")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=0, help="the port; 0 takes a free one")
    parser.add_argument("--key-file", help="where to write the key; a new private file without it")
    options = parser.parse_args(arguments)
    # Once uvicorn has shut down it raises the signal again; the key's file has to go first.
    signal.signal(signal.SIGTERM, _leave)
    try:
        server = ScriptedServer(options.script, host=options.host, port=options.port)
        url = server.bind()
        with _key_file(options.key_file, server.key) as path:
            sys.stdout.write(f"url: {url}\nkey: {path}\n")
            sys.stdout.flush()
            server.serve_forever()
    except (ModelError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextmanager
def _key_file(given: str | None, key: str) -> Generator[Path]:
    """Keep the key in a file that only its owner can read, as long as it is of use."""
    folder = None if given else tempfile.mkdtemp(prefix="agentscope-nb-")
    path = Path(given) if folder is None and given else Path(folder or ".") / "key"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{key}\n")
        yield path.absolute()
    finally:
        path.unlink(missing_ok=True)
        if folder is not None:
            Path(folder).rmdir()


if __name__ == "__main__":
    raise SystemExit(main())
