"""One HTTP/1.1 exchange over a unix socket, pulled by whoever reads the answer.

Nothing is read before it is asked for and at most 64 kB at a time, so a slow reader slows the
kernel's app and costs this process nothing. `h11` does the parsing. The socket is used directly
rather than through a stream: a write that fails then does not take an answer with it that has
already arrived (an app that refuses a large body answers before it has read it).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

_READ_BYTES = 65_536
_CONNECT_SECONDS = 5.0

Headers = list[tuple[str, str]]
T = TypeVar("T")


class UpstreamError(Exception):
    """The other side broke off, or what it sent is not HTTP."""


@dataclass(frozen=True, slots=True)
class Head:
    """The status and the headers of an answer; the names are in lower case."""

    status: int
    headers: Headers


class Upstream:
    """A connection to the socket of a kernel, for one request and its answer.

    `close` may be called at any time, also while another task waits here: the other side sees the
    end at once, and whoever waits gets an `UpstreamError`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._connection = h11.Connection(h11.CLIENT)
        self._waiting = False
        self._closed = False
        self._deaf = False

    @classmethod
    async def connect(cls, path: str) -> Upstream:
        """Connect to a unix socket.

        Args:
            path: The socket, of which the caller knows that it may be trusted.

        Raises:
            UpstreamError: If nobody listens there.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        upstream = cls(sock)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await upstream._wait(asyncio.get_running_loop().sock_connect(sock, path))
        except OSError as error:  # TimeoutError is one
            upstream.close()
            raise UpstreamError(str(error) or "nobody listens there") from error
        except BaseException:
            upstream.close()
            raise
        return upstream

    async def request(self, method: str, target: str, headers: Headers) -> None:
        """Send the head of the request.

        Raises:
            UpstreamError: If the request could not be sent as HTTP.
        """
        try:
            head = h11.Request(method=method, target=target, headers=headers)
            data = self._connection.send(head)
        except h11.LocalProtocolError as error:
            raise UpstreamError(str(error)) from error
        await self._send(data)

    async def send(self, chunk: bytes) -> None:
        """Send a piece of the request's body, waiting until the other side has taken it."""
        if not self._deaf:
            await self._send(self._connection.send(h11.Data(data=chunk)))

    async def answer(self) -> Head:
        """End the request and wait for the head of the answer.

        Raises:
            UpstreamError: If the other side ends before it has answered.
        """
        if not self._deaf:
            await self._send(self._connection.send(h11.EndOfMessage()))
        while True:
            event = self._parsed()
            if event is h11.NEED_DATA:
                await self._read()
            elif isinstance(event, h11.Response):
                headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers]
                return Head(event.status_code, headers)
            elif not isinstance(event, h11.InformationalResponse):
                raise UpstreamError("it ended without an answer")

    async def body(self) -> AsyncIterator[bytes]:
        """Read the answer's body, a piece each time that one has arrived.

        Yields:
            All that one read brought.

        Raises:
            UpstreamError: If it ends before it is whole.
        """
        while True:
            pieces: list[bytes] = []
            while isinstance(event := self._parsed(), h11.Data):
                pieces.append(bytes(event.data))
            if pieces:
                yield b"".join(pieces)
            if event is not h11.NEED_DATA:
                return
            await self._read()

    def close(self) -> None:
        """Hang up: the other side sees it at once."""
        if self._closed:
            return
        self._closed = self._deaf = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # also wakes the task that waits
        if not self._waiting:
            self._socket.close()

    def _parsed(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        try:
            return self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise UpstreamError(str(error)) from error

    async def _read(self) -> None:
        # A socket that is always ready would never let the server do anything else.
        await asyncio.sleep(0)
        if self._closed:
            raise UpstreamError("hung up")
        loop = asyncio.get_running_loop()
        try:
            data = await self._wait(loop.sock_recv(self._socket, _READ_BYTES))
        except OSError as error:
            raise UpstreamError(str(error)) from error
        if self._closed:
            raise UpstreamError("hung up")
        self._connection.receive_data(data)

    async def _send(self, data: bytes | None) -> None:
        """Send all of it, or, if the other side stops reading, leave it: its answer says why."""
        await asyncio.sleep(0)
        if not data or self._deaf:
            return
        try:
            await self._wait(asyncio.get_running_loop().sock_sendall(self._socket, data))
        except OSError:
            self._deaf = True

    async def _wait(self, operation: Awaitable[T]) -> T:
        # The descriptor may be closed only when the loop does not watch it any more.
        self._waiting = True
        try:
            return await operation
        finally:
            self._waiting = False
            if self._closed:
                self._socket.close()
