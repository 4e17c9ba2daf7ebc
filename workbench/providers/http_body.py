"""Bodies on their way through: the client's request body, and a response with trailers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import TypeVar

from aiohttp import ClientError, web
from multidict import CIMultiDict

from workbench.errors import WorkbenchError
from workbench.wire.http import Headers

__all__ = ["BodyTooLarge", "BrokenBody", "RequestBody", "TrailingResponse", "response_headers"]

# Hop-by-hop fields belong to one connection; this server decides about its own.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


T = TypeVar("T")
AT_ONCE_BYTES = 64 * 1024
"""A body that has arrived whole and is no larger is handed over in one piece."""


class BodyTooLarge(WorkbenchError):
    """The request body is larger than the listener allows."""


class BrokenBody(WorkbenchError):
    """The request body did not arrive whole."""


class RequestBody(AsyncIterator[bytes]):
    """The body of a request as it arrives. One reader; `close` lets a waiting reader end.

    The client's ``expect: 100-continue`` is granted when the first byte is wanted.
    """

    def __init__(self, request: web.BaseRequest, *, limit: int | None) -> None:
        self._request = request
        self._content = request.content
        self._limit = limit
        self._received = 0
        self._waiting: asyncio.Future[bytes] | None = None
        self._closed = False
        self._broken: asyncio.Future[WorkbenchError] | None = None
        self._expects = request.headers.get("expect", "").lower() == "100-continue"

    def at_once(self) -> bytes | RequestBody:
        """All bytes if they are there, and few; otherwise the body to be read as it arrives."""
        content = self._content
        few = content.total_bytes <= min(AT_ONCE_BYTES, self._limit or AT_ONCE_BYTES)
        if few and content.is_eof() and content.exception() is None:
            return content.read_nowait()
        return self

    async def unless_broken(self, answer: Awaitable[T]) -> T:
        """``answer``, or what this body breaks off with before it is there."""
        broken = self._broken = asyncio.get_running_loop().create_future()
        asking = asyncio.ensure_future(answer)
        try:
            await asyncio.wait((asking, broken), return_when=asyncio.FIRST_COMPLETED)
            if broken.done():
                raise broken.result()
            return await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def __anext__(self) -> bytes:
        if self._closed:
            raise StopAsyncIteration
        try:
            return await self._chunk()
        except WorkbenchError as error:
            if self._broken is not None and not self._broken.done():
                self._broken.set_result(error)
            raise

    async def _chunk(self) -> bytes:
        try:
            await self._grant()
            chunk = await self._next()
        except (ClientError, web.PayloadAccessError, web.RequestPayloadError, OSError) as error:
            raise BrokenBody(f"the request body broke off: {error}") from error
        self._received += len(chunk)
        if self._limit is not None and self._received > self._limit:
            raise BodyTooLarge(f"the request body is larger than {self._limit} bytes")
        return chunk

    async def _grant(self) -> None:
        if self._expects:
            self._expects = False
            writer = self._request.writer
            await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            writer.output_size = 0  # or the first line of the response would count as sent

    async def _next(self) -> bytes:
        if self._content.exception() is None:
            if chunk := self._content.read_nowait():
                return chunk
            if self._content.at_eof():
                raise StopAsyncIteration
        return await self._wait()

    async def _wait(self) -> bytes:
        self._waiting = asyncio.ensure_future(self._content.readany())
        try:
            chunk = await self._waiting
        except asyncio.CancelledError:
            # aiohttp allows one reader; after `close` it reads what is left by itself.
            self._waiting.cancel()
            if self._closed:
                raise StopAsyncIteration from None
            raise
        finally:
            self._waiting = None
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def close(self) -> None:
        """The response is out: nobody wants the rest of the request."""
        self._closed = True
        self._expects = False
        if self._waiting is not None:
            self._waiting.cancel()


class TrailingResponse(web.StreamResponse):
    """A chunked response that can end with trailers, which aiohttp's own can't.

    It frames the chunks itself; aiohttp must not add a frame or a length, which this class-level
    switch (made for WebSockets) prevents.
    """

    _length_check = False

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """One chunk."""
        await super().write(b"%x\r\n%b\r\n" % (len(data), bytes(data)))

    async def finish(self, trailers: Headers) -> None:
        """The last chunk, the trailers and the end."""
        lines = [name.encode("latin-1") + b": " + value + b"\r\n" for name, value in trailers]
        await super().write(b"0\r\n" + b"".join(lines) + b"\r\n")
        await self.write_eof()


def response_headers(headers: Iterable[tuple[str, bytes]]) -> CIMultiDict[str]:
    """A component's headers as this server passes them on."""
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers:
        if name.lower() not in HOP_BY_HOP:
            passed.add(name, value.decode("latin-1"))
    return passed
