"""The app proxy: `<base>agentscope-nb/apps/<kernel>/<app>/…` goes to that kernel's socket.

Who may run code in a kernel may talk to its apps, and nobody else: the same login, the same origin,
the XSRF token for all that is not a read. What passes is said in `rules`. An app's pages are shown
in a sandbox without scripts, since they stand on Jupyter's own origin; its interactive API docs
stay empty here therefore, and work where the app is served on a port of its own.

Each piece of an answer waits until the browser has taken the one before; when the browser goes
away the app's side is closed at once.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from tornado import iostream, web

from . import registry, rules
from .upstream import Head, Upstream, UpstreamError

_CODES = {
    400: "INVALID_PARAMETER",
    401: "AUTH_FAILED",
    403: "ACCESS_DENIED",
    404: "RESOURCE_NOT_FOUND",
    405: "INVALID_PARAMETER",
    502: "NETWORK_ERROR",
}
_REGISTRY_STATUS = {"KERNEL_NOT_FOUND": 404, "INVALID_PARAMETER": 400}

# What somebody asks for keeps an idle server from being culled, and so does its answer while it
# flows: but not for ever, since a page left open may have one flow all night.
_ACTIVITY_EVERY = 60.0
_ACTIVITY_LIMIT = 3600.0


class AppError(web.HTTPError):
    """A refusal, with the code that programs read."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, "%s", message)
        self.code = code
        self.message = message


class StatusHandler(APIHandler):
    """Says that the proxy is there, and which contract it keeps."""

    _track_activity = False

    @web.authenticated
    async def get(self) -> None:
        """Answer `{"schema", "version"}`."""
        status = {"schema": registry.SCHEMA, "version": version("agentscope-runtime-nb")}
        await self.finish(json.dumps(status))


@web.stream_request_body
class AppProxyHandler(APIHandler):
    """Passes one request on to a kernel's app, and the answer back."""

    _track_activity = False  # `_note_activity` decides
    _upstream: Upstream | None = None
    _gone = False
    _app = _prefix = ""
    _started = _noted = 0.0

    async def prepare(self) -> None:
        """Check who asks, and for what, and send the request's head on.

        All of it is decided here, before a byte of the body is taken.
        """
        self.current_user = None
        if not self.check_origin() or self._is_foreign():
            raise AppError(403, "ACCESS_DENIED", "requests from other sites' pages are refused")
        await super().prepare()
        if self.request.method == "OPTIONS":  # answered here, the app is not asked
            return
        await self._authorize()
        self._started = time.monotonic()
        self._note_activity()
        await self._connect()

    async def data_received(self, chunk: bytes) -> None:
        """Pass a piece of the body on; the next is read when the app has taken this one."""
        if self._upstream is not None:
            await self._upstream.send(chunk)

    @web.authenticated
    async def get(self, *_path: str) -> None:
        """Pass the app's answer back."""
        if self._upstream is None:
            raise AppError(502, "NETWORK_ERROR", "the browser hung up")
        try:
            await self._relay(self._upstream)
        finally:
            self._upstream.close()

    head = post = put = patch = delete = get

    def on_connection_close(self) -> None:
        """Hang up on the app when the browser is gone, whether or not anything flows."""
        super().on_connection_close()
        self._gone = True
        if self._upstream is not None:
            self._upstream.close()

    def on_finish(self) -> None:
        """Let go of the app's side, however the request ended."""
        if self._upstream is not None:
            self._upstream.close()

    def skip_check_origin(self) -> bool:
        """Never: even a page that holds the token has to be one of this server's."""
        return False

    def set_cors_headers(self) -> None:
        """Send only what the server's owner has configured."""
        if self.allow_origin or self.allow_origin_pat:
            super().set_cors_headers()

    def set_default_headers(self) -> None:
        """Nobody else may embed an answer, either."""
        super().set_default_headers()
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")

    @property
    def content_security_policy(self) -> str:
        """The sandbox."""
        return rules.SANDBOX

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error in the form that an app's own errors have."""
        error: object = kwargs.get("exc_info", (None, None))[1]
        code, message = _CODES.get(status_code, "NETWORK_ERROR"), self._reason
        if isinstance(error, AppError):
            code, message = error.code, error.message
        elif isinstance(error, web.HTTPError):
            message = error.log_message or message
        # A refusal does not wait for the body; what is left of it would be taken for a request.
        self.set_header("Connection", "close")
        self.finish(json.dumps({"error": {"code": code, "message": message}}))

    def _is_foreign(self) -> bool:
        """Whether another site's page makes the browser ask, without an origin to check."""
        site = self.request.headers.get("Sec-Fetch-Site", "none")
        checked = "Origin" in self.request.headers or self.allow_origin == "*"
        return site not in ("none", "same-origin") and not checked

    async def _authorize(self) -> None:
        user = self.current_user
        # An app runs code of its kernel, so this is what one must be allowed to do.
        if not user or not await ensure_async(
            self.authorizer.is_authorized(self, user, "execute", "kernels")
        ):
            raise AppError(403, "ACCESS_DENIED", "log in to Jupyter, or send its token")

    async def _connect(self) -> None:
        kernel_id, self._app = self.path_args[0], self.path_args[1]
        if not registry.APP_NAME.fullmatch(self._app):
            raise AppError(400, "INVALID_PARAMETER", "this is not the name of an app")
        try:
            entry = registry.read(kernel_id)
        except registry.RegistryError as error:
            status = _REGISTRY_STATUS.get(error.code, 502)
            raise AppError(status, error.code, error.message) from error
        self._prefix = f"{self.base_url}agentscope-nb/apps/{kernel_id}"
        # As it came over the wire: what tornado hands to handlers is decoded already.
        rest = self.request.path.removeprefix(f"{self._prefix}/{self._app}/")
        target = rules.target(self._app, rest, self.request.query)
        if target is None or rest == self.request.path:
            raise AppError(400, "INVALID_PARAMETER", "this path is not a plain one")
        try:
            upstream = await Upstream.connect(entry.socket)
        except UpstreamError as error:
            cause = f"the kernel's app server does not answer: {error}"
            raise AppError(502, "KERNEL_GONE", cause) from error
        if self._gone:
            upstream.close()
            return
        self._upstream = upstream
        given = list(self.request.headers.get_all())
        headers = rules.request_headers(given, self._prefix)
        await upstream.request(self.request.method or "GET", target, headers)

    async def _relay(self, upstream: Upstream) -> None:
        try:
            head = await upstream.answer()
        except UpstreamError as error:
            cause = f"the kernel's app server broke off: {error}"
            raise AppError(502, "NETWORK_ERROR", cause) from error
        self._write_head(head)
        try:
            await self.flush()
            async for chunk in upstream.body():
                self.write(chunk)  # pyright: ignore[reportUnknownMemberType]
                await self.flush()
                self._note_activity()
        except UpstreamError:
            # The head is out. Only a connection that breaks tells the browser that it is not all.
            if not self._gone:
                self.detach().close()
            return
        except iostream.StreamClosedError:
            return
        await self.finish()

    def _write_head(self, head: Head) -> None:
        self.set_status(head.status)
        # Tornado's default is HTML, which is the last thing to take an unknown answer for.
        self.set_header("Content-Type", "application/octet-stream")
        for name, value in rules.answer_headers(head.headers, self._app, self._prefix):
            self.set_header(name, value)
        self._transforms = []  # compressing would hold events back

    def _note_activity(self) -> None:
        now = time.monotonic()
        if self.request.method in ("GET", "HEAD") or now - self._started > _ACTIVITY_LIMIT:
            return
        if self._noted == 0.0 or now - self._noted > _ACTIVITY_EVERY:
            self._noted = now
            self.settings["api_last_activity"] = datetime.now(UTC)
