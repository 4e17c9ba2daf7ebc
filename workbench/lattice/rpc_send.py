"""Sending ends: root bytes and the channels of streams and futures, paced (wrpc.md §6.5).

Rust peers buffer 16 messages for each subject and stall beyond; the server drops clients that
fall far behind. So bulk goes out in small messages, and after each window the sender waits
until the server has taken everything.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Any

from workbench.errors import ValueMismatch
from workbench.lattice.threads import pulled
from workbench.nats import Connection
from workbench.wire.wit.coerce import coerce
from workbench.wire.wit.types import Future, Stream
from workbench.wire.wrpc.calls import Publish, SendChannel
from workbench.wire.wrpc.channel import STREAM_END, encode_chunk, encode_item, is_byte_stream
from workbench.wire.wrpc.encode import Deferred

__all__ = ["publish_paced", "send_channel"]

CHUNK_BYTES = 64 * 1024
CHUNK_ITEMS = 256
WINDOW_BYTES = 256 * 1024
# Root bytes up to here go out at once; memory holds them anyway.
AT_ONCE_BYTES = 4 * 1024 * 1024
_LENGTH_BYTES = 5


async def publish_paced(nc: Connection, messages: Sequence[Publish]) -> None:
    """Publish in order, waiting for the server after each window."""
    window = 0
    for message in messages:
        nc.publish_nowait(
            message.subject, message.data, reply=message.reply, headers=message.headers
        )
        window += len(message.data)
        if window >= AT_ONCE_BYTES:
            await nc.flush()
            window = 0


async def send_channel(nc: Connection, out: SendChannel) -> None:
    """Send a stream or future to its end, and the empty message whatever happens.

    Raises what the source raises; the reader then sees an end without terminator.
    """
    channel = _Channel(nc, out)
    try:
        if isinstance(out.type, Stream):
            await channel.stream(out.type, out.value)
        else:
            await channel.future(out.type, out.value)
    finally:
        if not nc.is_closed:
            nc.publish_nowait(out.subject)


class _Channel:
    def __init__(self, nc: Connection, out: SendChannel) -> None:
        self._nc = nc
        self._out = out
        self._window = 0
        self._size = min(CHUNK_BYTES, nc.max_payload)

    async def stream(self, type: Stream, value: Any) -> None:
        if is_byte_stream(type):
            async for part in _byte_parts(value, self._size - _LENGTH_BYTES):
                await self._send(encode_chunk(type, part)[0])
            await self._send(STREAM_END)
            return
        sent = 0
        nested: list[Deferred] = []
        async for items in _item_batches(type, value):
            data, deferred = encode_chunk(type, items, path=self._out.path, first=sent)
            sent += len(items)
            nested += deferred
            await self._send(data)
        await self._send(STREAM_END)
        await self._nested(nested)

    async def future(self, type: Future, value: Any) -> None:
        if inspect.isawaitable(value):
            value = await value
            if type.item is not None:
                value = coerce(type.item, value)
        data, deferred = encode_item(type, value, path=self._out.path)
        await self._send(data)
        await self._nested(deferred)

    async def _send(self, data: bytes) -> None:
        for start in range(0, len(data), self._size):
            part = data[start : start + self._size]
            self._nc.publish_nowait(self._out.subject, part)
            self._window += len(part)
            if self._window >= WINDOW_BYTES:
                self._window = 0
                await self._nc.flush()

    async def _nested(self, deferred: list[Deferred]) -> None:
        if not deferred:
            return
        own = ".".join(map(str, self._out.path))
        base = self._out.subject.removesuffix(own)
        async with asyncio.TaskGroup() as group:
            for path, type, value in deferred:
                subject = base + ".".join(map(str, path))
                group.create_task(send_channel(self._nc, SendChannel(subject, path, type, value)))


async def _byte_parts(value: Any, size: int) -> AsyncIterator[bytes]:
    """The bytes of a source in parts of at most ``size``, never an empty one."""
    if isinstance(value, bytes | bytearray | memoryview):
        view = memoryview(value)
        for start in range(0, len(view), size):
            yield bytes(view[start : start + size])
        return
    async for parts in _batches(value):
        for part in parts:
            if not isinstance(part, bytes | bytearray | memoryview):
                raise _not_a_stream(part, "bytes")
            view = memoryview(part)
            for start in range(0, len(view), size):
                yield bytes(view[start : start + size])


async def _item_batches(type: Stream, value: Any) -> AsyncIterator[Sequence[Any]]:
    # A list was checked when it was given, what an iterator yields could not be.
    unchecked = None if isinstance(value, list | tuple) else type.item
    async for items in _batches(value):
        yield items if unchecked is None else [coerce(unchecked, one, "item") for one in items]


async def _batches(value: Any) -> AsyncIterator[Sequence[Any]]:
    """What a source has to give, in sequences that are never empty."""
    if isinstance(value, AsyncIterable):
        async for part in value:
            yield (part,)
    elif isinstance(value, list | tuple):
        for start in range(0, len(value), CHUNK_ITEMS):
            yield value[start : start + CHUNK_ITEMS]
    elif isinstance(value, Iterable) and not isinstance(value, str):
        # An iterator of somebody's own may take its time.
        async for parts in pulled(iter(value)):
            yield parts
    else:
        raise _not_a_stream(value, "a list, an iterator or an async iterator")


def _not_a_stream(value: Any, expected: str) -> ValueMismatch:
    return ValueMismatch(
        f"a stream takes {expected}, not {type(value).__name__}",
        path="",
        expected=expected,
        got=type(value).__name__,
    )
