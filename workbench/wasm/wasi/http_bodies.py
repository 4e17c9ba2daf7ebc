"""HTTP bodies between a guest on its worker thread and the loop.

Each direction has a window: a writer that is ahead by so many bytes waits, so that neither side
can fill the memory of the other. Small bodies cross the threads once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import InputStream, IoError, OutputStream, StreamClosed, StreamFailed
from workbench.wire.http import Body, Headers, HttpError, Trailers, close_body, iterate
from workbench.wire.wit.values import Case

__all__ = ["BodyReader", "BodySink", "BodySource", "BodyStream", "BodyWriter"]

_PARTS = 8
"""The reader is woken when such a part of the window is there, so that both sides work at once."""


class BodySource:
    """A body that the loop feeds and the guest reads, with the trailers after it."""

    def __init__(
        self,
        call: CallState,
        body: Body,
        trailers: Trailers | None,
        *,
        between_bytes_s: float | None = None,
    ) -> None:
        self._call = call
        self._between_bytes_s = between_bytes_s
        self._unwanted = False
        self._task: asyncio.Task[None] | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._window = call.limits.body_window_bytes
        self._room: asyncio.Event | None = None
        self.ended = False
        self.failure: IoError | None = None
        self.trailers: Headers | None = None
        self.trailers_done = False
        self._pump: Any = None
        if isinstance(body, bytes | bytearray | memoryview) and trailers is None:
            if body:
                self._chunks.append(bytes(body))
                self._size = len(body)
            self.ended = self.trailers_done = True
        else:
            self._pump = (body, trailers)

    def start(self) -> None:
        """Begin to feed, if there is anything to wait for. On the loop."""
        if self._pump is None or self._call.port is None:
            return
        body, trailers = self._pump
        self._task = task = self._call.port.loop.create_task(self._feed(body, trailers))
        self._call.host_tasks.add(task)
        task.add_done_callback(self._call.host_tasks.discard)

    async def _feed(self, body: Body, trailers: Trailers | None) -> None:
        self._room = asyncio.Event()
        chunks = iterate(body)
        try:
            while chunk := await _next(chunks, self._between_bytes_s):
                await self._put(chunk, self._room)
            self.ended = True
            self._call.notify()
            if trailers is not None:
                self.trailers = await trailers
        except Exception as error:  # the peer's failure becomes the guest's stream error
            self.failure = IoError(str(error) or type(error).__name__, _code_of(error))
        finally:
            self.ended = self.trailers_done = True
            self._call.notify()
            await close_body(chunks)
            await close_body(body)

    async def _put(self, chunk: bytes, room: asyncio.Event) -> None:
        if self._unwanted:
            await asyncio.sleep(0)  # a body that is always there must not keep the loop
            return
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._call.notify()
        while self._size >= self._window and not self._unwanted:
            room.clear()
            if self._size >= self._window and not self._unwanted:
                await room.wait()

    # -- on the worker -------------------------------------------------------------------------

    def discard(self) -> None:
        """Nobody reads any more: what still comes is let go, up to the trailers."""
        self._unwanted = True
        self._chunks.clear()
        self._size = 0
        self._make_room()

    def abandon(self) -> None:
        """Nobody wants any of it: who sends it may stop."""
        self.discard()
        if self._pump is not None and not self.trailers_done and self._call.port is not None:
            self._call.post(self._stop)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def take(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty when none are there."""
        if not self._chunks:
            return b""
        chunk = self._chunks.popleft()
        if len(chunk) > size:
            self._chunks.appendleft(chunk[size:])
            chunk = chunk[:size]
        self._size -= len(chunk)
        if self._size < self._window:
            self._make_room()
        return chunk

    def _make_room(self) -> None:
        room = self._room
        if room is not None and not room.is_set():
            assert self._call.port is not None
            self._call.port.post(room.set)

    @property
    def readable(self) -> bool:
        return bool(self._chunks) or self.ended


class BodyReader(InputStream):
    """The guest's view of a `BodySource`."""

    def __init__(self, source: BodySource) -> None:
        self._source = source

    def ready(self) -> bool:
        return self._source.readable

    def read(self, size: int) -> bytes:
        # `ended` is looked at first: what came before it must still be read.
        ended = self._source.ended
        data = self._source.take(size) if size else b""
        if data or not ended or (size == 0 and self._source.readable):
            return data
        if self._source.failure is not None:
            raise StreamFailed(self._source.failure)
        raise StreamClosed


class BodySink:
    """A body that the guest writes and the loop reads as `BodyStream`.

    ``length`` is what its message announces; ``size_code`` the error code for another one.
    """

    def __init__(
        self,
        call: CallState,
        length: int | None = None,
        size_code: str = "HTTP-response-body-size",
    ) -> None:
        self.call = call
        self.length = length
        self.size_code = size_code
        self.written = 0
        self.may_be_empty = False
        self.chunks: deque[bytes] = deque()
        self.size = 0
        self.window = call.limits.body_window_bytes
        self.finished = False
        self.closed = False
        self.trailers: Headers | None = None
        self._wake_posted = False
        self._waiter: asyncio.Future[None] | None = None

    # -- on the worker -------------------------------------------------------------------------

    def put(self, data: bytes) -> None:
        self.written += len(data)
        if self.length is not None and self.written > self.length:
            said = f"the body is larger than its content-length of {self.length} bytes"
            raise StreamFailed(IoError(said, Case(self.size_code, self.written)))
        self.chunks.append(data)
        self.size += len(data)
        self._wake()

    @property
    def is_empty(self) -> bool:
        """Whether it is finished, without a byte and without trailers."""
        return self.finished and not self.written and self.trailers is None

    @property
    def wrong_size(self) -> Case | None:
        """The error code if not as much was written as was announced.

        An answer to HEAD, and one that says 304, announces a body that it does not have.
        """
        fits = self.length in (None, self.written) or (self.may_be_empty and not self.written)
        return None if fits else Case(self.size_code, self.written)

    def finish(self, trailers: Headers | None) -> None:
        """The body is complete; nothing may be written after this."""
        if not self.finished:
            self.trailers = trailers
            self.finished = True
            self._wake()

    def _wake(self) -> None:
        if self.call.port is None:
            return
        if not self._wake_posted:
            self._wake_posted = True
            self.call.post(self.wake)
        if self.size >= self.window // _PARTS:
            self.call.send_posts()

    # -- on the loop ---------------------------------------------------------------------------

    def wake(self) -> None:
        self._wake_posted = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def changed(self) -> None:
        """Wait for the next `wake`."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take_all(self) -> bytes:
        """Everything that is there."""
        parts = []
        while self.chunks:
            parts.append(self.chunks.popleft())
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self.size -= len(data)
        self.call.notify()
        return data

    def abandon(self) -> None:
        """Nobody reads any more: the guest's writes find the stream closed."""
        self.closed = True
        self.chunks.clear()
        self.call.notify()


class BodyWriter(OutputStream):
    """The guest's view of a `BodySink`."""

    def __init__(self, sink: BodySink) -> None:
        self._sink = sink

    def room(self) -> int:
        if self._sink.closed or self._sink.finished:
            raise StreamClosed
        return max(0, min(self._sink.window - self._sink.size, 64 * 1024))

    def write(self, data: bytes) -> None:
        self._sink.put(data)

    def flushed(self) -> bool:
        # Taken by the loop or not: waiting for the reader of every chunk would cost two thread
        # switches for each; the window alone holds a fast guest back.
        return self._sink.size < self._sink.window or self._sink.closed


class BodyStream:
    """The loop's view of a `BodySink`.

    The body of a response owns the guest that writes it, which has nothing else to do: ``settle``
    waits for its end. One of a request only ends for a guest that writes on.
    """

    def __init__(self, sink: BodySink, settle: Callable[[], Awaitable[None]] | None = None) -> None:
        self._sink = sink
        self._settle = settle
        self._closed = False
        self.trailers: asyncio.Future[Headers | None] = asyncio.get_running_loop().create_future()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        sink = self._sink
        while not self._closed:
            if sink.chunks:
                return sink.take_all()
            if sink.finished:
                await self._end(sink.trailers)
                break
            await sink.changed()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop reading; a guest that still writes its response is stopped."""
        if not self._closed:
            self._let_go()
            await self._end(None)

    def _let_go(self) -> None:
        self._sink.abandon()
        if not self._sink.finished and self._settle is not None:
            self._sink.call.cancel("the reader of the body went away")

    async def _end(self, trailers: Headers | None) -> None:
        self._closed = True
        if not self.trailers.done():
            self.trailers.set_result(trailers)
        if self._settle is not None:
            settle, self._settle = self._settle, None
            await settle()

    def __del__(self) -> None:
        # Dropped without being read: the guest must not wait for a reader until its time is up.
        if not self._closed and not self._sink.finished:
            self._let_go()


async def _next(chunks: AsyncIterator[bytes], limit_s: float | None) -> bytes:
    """The next chunk; empty at the end. `HttpError` when it takes longer than the guest allows."""
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await anext(chunks, b"")
    except TimeoutError:
        if limit.expired():
            raise HttpError("connection-read-timeout") from None
        raise


def _code_of(error: BaseException) -> Case | None:
    return Case(error.code, error.payload) if isinstance(error, HttpError) else None
