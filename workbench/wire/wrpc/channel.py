"""The indexed channels of a call: `stream<T>` as chunks, `future<T>` as one value (wrpc.md §6).

Decoders take message payloads in order; an empty payload ends a channel and comes in through
``end()``. A stream may also end by its in-band terminator, the empty chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import DecodeError, LimitExceeded
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.types import Future, Prim, Stream, Type
from workbench.wire.wrpc.codec import encode_value
from workbench.wire.wrpc.decode import Decoder, Row
from workbench.wire.wrpc.encode import Deferred, compile_encoder
from workbench.wire.wrpc.leb128 import write_unsigned
from workbench.wire.wrpc.pending import AsyncValues, Path, PendingValues
from workbench.wire.wrpc.plain import plain_run
from workbench.wire.wrpc.resume import Cursor, Steps, resumable, resume_u32
from workbench.wire.wrpc.shape import has_async

__all__ = ["STREAM_END", "FutureDecoder", "StreamDecoder", "encode_chunk", "encode_item",
           "is_byte_stream"]  # fmt: skip

STREAM_END = b"\x00"

# Items of a `stream` without a type take no bytes: this many are accepted in one message.
UNITS = 65_536


def is_byte_stream(type: Stream) -> bool:
    return type.item == Prim("u8")


class StreamDecoder:
    """Items out of the chunks of one stream.

    ``feed`` returns what became complete: bytes for `stream<u8>`, passed on as they come however
    large the sender's chunk is, else a list of items. ``done`` is True after the terminator or
    the end of the channel, ``clean`` only if the terminator was seen.
    """

    __slots__ = ("_async", "_cursor", "_held", "_limits", "_missing", "_out", "_path",
                 "_steps", "_type", "clean", "done", "seen")  # fmt: skip

    def __init__(
        self,
        type: Stream,
        path: Path,
        *,
        async_values: AsyncValues | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._type = type
        self._path = path
        self._limits = limits
        self._async = async_values if async_values is not None else PendingValues()
        self._cursor = Cursor()
        self._steps: Steps = self._start(type)
        self._missing = 1
        self._held = 0
        self._out: list[Any] = []
        self.seen = 0
        self.done = False
        self.clean = False

    def _start(self, type: Stream) -> Steps:
        if type.item is None:
            return self._units()
        return self._bytes() if is_byte_stream(type) else self._items_of(type.item)

    def feed(self, data: bytes) -> bytes | list[Any]:
        if not self.done:
            self._cursor.extend(data)
            self._cursor.channels = 0  # a stream may go on for ever; one message may not
            self._missing -= len(data)
            if self._missing <= 0:
                try:
                    self._missing = next(self._steps)
                except StopIteration:
                    self.done = self.clean = True
            # Bytes of an item that is not complete, read already or not.
            self._held = self._cursor.remaining if self._out else self._held + len(data)
            if self._held > self._limits.bytes:
                raise LimitExceeded("one stream item is too large", limit="bytes")
        out, self._out = self._out, []
        return b"".join(out) if is_byte_stream(self._type) else out

    def end(self) -> None:
        """The channel closed; bytes of an incomplete item make this a `DecodeError`."""
        if not self.done and self._cursor.remaining:
            raise DecodeError("a stream ended within an item")
        self.done = True

    def _bytes(self) -> Steps:
        cursor = self._cursor
        while count := (yield from resume_u32(cursor)):
            while count:
                while not cursor.remaining:
                    yield 1
                end = min(cursor.position + count, len(cursor.buffer))
                self._out.append(bytes(cursor.buffer[cursor.position : end]))
                count -= end - cursor.position
                self.seen += end - cursor.position
                cursor.position = end
        return None

    def _units(self) -> Steps:
        while count := (yield from resume_u32(self._cursor)):
            if count + len(self._out) > UNITS:
                raise LimitExceeded(
                    f"more than {UNITS} items without content in one message", limit="count"
                )
            self._out += [None] * count
            self.seen += count
        return None

    def _items_of(self, item: Type) -> Steps:
        cursor = self._cursor
        item_steps = resumable(item, self._limits)
        run = None if has_async(item) else plain_run(item, self._limits)
        while count := (yield from resume_u32(cursor)):
            if count > self._limits.count:
                raise LimitExceeded(f"a chunk of {count} items is over the limit", limit="count")
            end = self.seen + count
            while self.seen < end:
                if run is not None:
                    before = len(self._out)
                    cursor.position = run(
                        cursor.buffer, cursor.position, end - self.seen, self._out
                    )
                    self.seen += len(self._out) - before
                if self.seen < end:
                    path = (*self._path, self.seen)
                    value = yield from item_steps(cursor, self._async, path)
                    self._out.append(value)
                    self.seen += 1
        return None


class FutureDecoder:
    """The one value of a future; ``done`` with ``value`` once it is complete."""

    __slots__ = ("_decoder", "done", "value")

    def __init__(
        self,
        type: Future,
        path: Path,
        *,
        async_values: AsyncValues | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        row = Row(() if type.item is None else (type.item,), limits)
        self._decoder = Decoder(row, _Rebased(async_values, path))
        self.done = False
        self.value: Any = None

    def feed(self, data: bytes) -> bool:
        if not self.done and self._decoder.feed(data):
            self._finish()
        return self.done

    def end(self) -> None:
        """The channel closed. Without a complete value that is a `DecodeError`."""
        if not self.done:
            if self._decoder.values is None:
                raise DecodeError("a future ended without its value")
            self._finish()

    def _finish(self) -> None:
        values = self._decoder.values
        self.value = values[0] if values else None
        self.done = True


class _Rebased:
    """Puts the paths inside a future's value under the path of the future (§6.4)."""

    __slots__ = ("_base", "_inner")

    def __init__(self, inner: AsyncValues | None, base: Path) -> None:
        self._inner = inner if inner is not None else PendingValues()
        self._base = base

    # A Decoder counts its values from 0; a future's payload has no index of its own.
    def pending(self, path: Path, type: Stream | Future) -> Any:
        return self._inner.pending((*self._base, *path[1:]), type)

    def ready(self, path: Path, type: Stream | Future, value: Any) -> Any:
        return self._inner.ready((*self._base, *path[1:]), type, value)


def encode_chunk(
    type: Stream, items: bytes | Sequence[Any], *, path: Path = (), first: int = 0
) -> tuple[bytes, list[Deferred]]:
    """One chunk of a stream; ``first`` is the index of its first item in the whole stream.

    No items give the terminator, so don't pass an empty chunk in the middle.
    """
    out = bytearray()
    deferred: list[Deferred] = []
    write_unsigned(len(items), out)
    if is_byte_stream(type) and isinstance(items, bytes | bytearray | memoryview):
        out += items
    elif type.item is not None:
        encode = compile_encoder(type.item)
        for index, value in enumerate(items, first):
            where = (*path, index)
            encode_value(type.item, value, out, deferred, where, "item", encode)
    return bytes(out), deferred


def encode_item(type: Future, value: Any, *, path: Path = ()) -> tuple[bytes, list[Deferred]]:
    """The value of a future as it goes on its channel."""
    out = bytearray()
    deferred: list[Deferred] = []
    if type.item is not None:
        encode_value(type.item, value, out, deferred, path, "value of the future")
    return bytes(out), deferred
