"""HTTP requests and responses as the rooms hand them to each other (interfaces.md §4.3).

Pure data: bodies are bytes or async iterators of bytes, trailers an awaitable, so that one pair
of classes serves the WASI guest side, wRPC and the http-server provider alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from workbench.errors import WorkbenchError

__all__ = [
    "Body",
    "Headers",
    "HttpError",
    "HttpRequest",
    "HttpResponse",
    "RequestOptions",
    "Trailers",
    "close_body",
    "collect",
    "iterate",
]

Headers: TypeAlias = list[tuple[str, bytes]]
"""Names in lower case, one entry for each value, in order."""

Body: TypeAlias = bytes | AsyncIterator[bytes]
Trailers: TypeAlias = Awaitable[Headers | None]


@dataclass(slots=True)
class HttpRequest:
    """A request. ``method`` is ``"GET"`` and the like; ``scheme`` ``"http"``, ``"https"`` or other.

    ``path_with_query`` may be ``None`` (then ``/`` is meant). ``trailers`` is awaited only after
    the body has ended; ``None`` means that there are none.
    """

    method: str = "GET"
    path_with_query: str | None = "/"
    scheme: str | None = "http"
    authority: str | None = "localhost"
    headers: Headers = field(default_factory=list)
    body: Body = b""
    trailers: Trailers | None = None


@dataclass(slots=True)
class HttpResponse:
    """A response. ``body`` must be read to its end or closed (``aclose``) by whoever gets it."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: Body = b""
    trailers: Trailers | None = None


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Timeouts of an outgoing request, in nanoseconds; ``None`` where the guest set none."""

    connect_timeout_ns: int | None = None
    first_byte_timeout_ns: int | None = None
    between_bytes_timeout_ns: int | None = None


class HttpError(WorkbenchError):
    """An HTTP exchange that ended in a ``wasi:http`` error code instead of a response.

    ``code`` is the case name (``"connection-refused"``), ``payload`` its payload where it has one.
    """

    def __init__(self, code: str, payload: object = None, *, hint: str = "") -> None:
        detail = "" if payload is None else f": {payload!r}"
        super().__init__(f"HTTP error {code}{detail}", hint=hint, code=code, payload=payload)

    def __reduce__(self) -> tuple[object, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (HttpError, (self.fields["code"], self.fields["payload"]))


async def iterate(body: Body) -> AsyncIterator[bytes]:
    """The chunks of a body, whichever form it has; never an empty chunk."""
    if isinstance(body, bytes | bytearray | memoryview):
        if body:
            yield bytes(body)
        return
    async for chunk in body:
        if chunk:
            yield chunk


async def close_body(body: Body) -> None:
    """Let go of a body that may not have been read to its end."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


async def collect(body: Body) -> bytes:
    """The whole body as one bytes object."""
    chunks: Iterable[bytes] = [chunk async for chunk in iterate(body)]
    return b"".join(chunks)
