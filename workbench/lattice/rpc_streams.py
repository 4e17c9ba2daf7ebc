"""Receiving ends of streams and futures: what a call's caller or handler reads.

NATS has no flow control for one subject, so a reader that is slower than its sender fills a
buffer. The buffer is bounded: beyond ``limit`` the stream ends with `LimitExceeded`, and the
connection stays free for everybody else.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any, Generic, TypeVar

from workbench.errors import IncompleteResults, LimitExceeded, UsageError
from workbench.wire.wit.types import Future, Stream
from workbench.wire.wrpc.calls import Closed, Items
from workbench.wire.wrpc.channel import is_byte_stream
from workbench.wire.wrpc.pending import AsyncType, Path

__all__ = ["ByteStream", "LiveValues", "ValueFuture", "ValueStream"]

STREAM_BYTES = 64 * 1024 * 1024
STREAM_ITEMS = 1_000_000

T = TypeVar("T")
R = TypeVar("R")


class _Receiving:
    """State that streams and futures share: ended or not, and who waits."""

    __slots__ = ("_drop", "_ended", "_error", "_loop", "_thread", "_waiters")

    def __init__(self, drop: Callable[[], None] | None) -> None:
        self._drop = drop
        # Made by the decoder, on the loop's own thread.
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._ended = False
        self._error: Exception | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def finish(self, error: Exception | None = None) -> None:
        """Nothing more will come."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._drop = None
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _blocking(self, coroutine: Coroutine[Any, Any, R], timeout_s: float | None = None) -> R:
        """Run on the loop it belongs to, from any other thread."""
        if threading.get_ident() == self._thread:
            coroutine.close()
            raise UsageError(
                "that would block the loop it belongs to", hint="use `async for` or `await` there"
            )
        handle = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return handle.result(timeout_s)
        except BaseException:
            handle.cancel()
            raise

    def _abandon(self) -> None:
        drop, self._drop = self._drop, None
        self._ended = True
        if drop is not None:
            drop()
        self._wake()


class _Stream(_Receiving, Generic[T]):
    __slots__ = ("_buffered", "_limit", "_queue", "clean")

    def __init__(self, limit: int, drop: Callable[[], None] | None = None) -> None:
        super().__init__(drop)
        self._limit = limit
        self._queue: deque[T] = deque()
        self._buffered = 0
        self.clean = False

    def __aiter__(self) -> _Stream[T]:
        return self

    async def __anext__(self) -> T:
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            await self._wait()
        part = self._queue.popleft()
        self._buffered -= self._size(part)
        return part

    def __iter__(self) -> Iterator[T]:
        """The same parts, for code on another thread, which waits for them."""
        while parts := self._blocking(self._some()):
            yield from parts

    async def _some(self) -> list[T]:
        """All that is there, at least one part; empty at the end."""
        try:
            parts = [await anext(self)]
        except StopAsyncIteration:
            return []
        parts += self._queue
        self._queue.clear()
        self._buffered = 0
        return parts

    def _size(self, part: T) -> int:
        return 1

    def _put(self, part: T) -> None:
        self._queue.append(part)
        self._buffered += self._size(part)

    def _check(self) -> None:
        if self._buffered > self._limit:
            self._queue.clear()
            self._buffered = 0
            self._abandon()
            self._error = LimitExceeded(
                f"a stream was read too slowly: more than {self._limit} wait to be read",
                hint="read it while it arrives, or ask the sender for less at a time",
                limit="stream",
            )
        self._wake()

    async def aclose(self) -> None:
        """Stop reading: what is buffered and what still comes is dropped."""
        self._queue.clear()
        self._buffered = 0
        self._abandon()


class ByteStream(_Stream[bytes]):
    """A `stream<u8>`: iterate it for chunks, or ``await read_all()``.

    On its own loop with ``async for``; from another thread with ``for``, which blocks.

    ``clean`` tells afterwards whether the sender marked the end; some peers just stop (§7).
    """

    __slots__ = ()

    def __init__(self, limit: int = STREAM_BYTES, drop: Callable[[], None] | None = None) -> None:
        super().__init__(limit, drop)

    def push(self, data: bytes) -> None:
        if data and not self._ended:
            self._put(data)
            self._check()

    def _size(self, part: bytes) -> int:
        return len(part)

    async def read_all(self, limit: int | None = None) -> bytes:
        """Everything up to the end; `LimitExceeded` beyond ``limit`` bytes."""
        parts, size = [], 0
        async for part in self:
            size += len(part)
            if limit is not None and size > limit:
                await self.aclose()
                raise LimitExceeded(f"a stream is longer than {limit} bytes", limit="bytes")
            parts.append(part)
        return b"".join(parts)


class ValueStream(_Stream[Any]):
    """A `stream<T>`: iterate it for values, or ``await read_all()``."""

    __slots__ = ()

    def __init__(self, limit: int = STREAM_ITEMS, drop: Callable[[], None] | None = None) -> None:
        super().__init__(limit, drop)

    def push(self, items: list[Any]) -> None:
        if items and not self._ended:
            for item in items:
                self._put(item)
            self._check()

    async def read_all(self) -> list[Any]:
        return [item async for item in self]


class ValueFuture(_Receiving):
    """A `future<T>`: await it, as often as you like."""

    __slots__ = ("_value",)

    def __init__(self, drop: Callable[[], None] | None = None) -> None:
        super().__init__(drop)
        self._value: Any = None

    def resolve(self, value: Any) -> None:
        if not self._ended:
            self._value = value
            self.finish()

    @property
    def done(self) -> bool:
        return self._ended

    def __await__(self) -> Generator[Any, None, Any]:
        return self._get().__await__()

    async def _get(self) -> Any:
        while not self._ended:
            await self._wait()
        if self._error is not None:
            raise self._error
        return self._value

    def result(self, timeout_s: float | None = None) -> Any:
        """The value, for code on another thread, which waits for it. Raises `TimeoutError`."""
        return self._blocking(self._get(), timeout_s)

    async def aclose(self) -> None:
        """Give up waiting; whoever still awaits it gets `IncompleteResults`."""
        if not self._ended:
            self._abandon()
            self._error = IncompleteResults("the future was closed before its value came")


class LiveValues:
    """The `AsyncValues` of one call: makes the receiving ends and feeds them."""

    __slots__ = ("_drop", "_live", "_stream_bytes")

    def __init__(self, drop: Callable[[Path], None], *, stream_bytes: int = STREAM_BYTES) -> None:
        self._drop = drop
        self._stream_bytes = stream_bytes
        self._live: dict[Path, ByteStream | ValueStream | ValueFuture] = {}

    def pending(self, path: Path, type: AsyncType) -> Any:
        made = self._make(type, lambda: self._dropped(path))
        self._live[path] = made
        return made

    def _make(
        self, type: AsyncType, drop: Callable[[], None] | None
    ) -> ByteStream | ValueStream | ValueFuture:
        if isinstance(type, Future):
            return ValueFuture(drop)
        return (
            ByteStream(self._stream_bytes, drop) if is_byte_stream(type) else ValueStream(drop=drop)
        )

    def _dropped(self, path: Path) -> None:
        self._live.pop(path, None)
        self._drop(path)

    def ready(self, path: Path, type: AsyncType, value: Any) -> Any:
        made = self._make(type, None)
        if isinstance(made, ValueFuture):
            made.resolve(value)
        else:
            made.push(value)
            if isinstance(type, Stream):
                made.clean = True
            made.finish()
        return made

    def items(self, out: Items) -> None:
        live = self._live.get(out.path)
        if isinstance(live, ValueFuture):
            live.resolve(out.items[0])
        elif live is not None:
            live.push(out.items)  # type: ignore[arg-type]

    def closed(self, out: Closed) -> None:
        live = self._live.pop(out.path, None)
        if live is None:
            return
        if isinstance(live, ValueFuture):
            # Ended without a value: closing is all there is to say unless an error says more.
            live.finish(out.error or IncompleteResults("the sender of a future is gone"))
        else:
            live.clean = out.clean
            live.finish(out.error)
