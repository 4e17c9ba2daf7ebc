"""Receiving ends of streams and futures, without any wire."""

from __future__ import annotations

import asyncio

import pytest

from workbench.errors import IncompleteResults, LimitExceeded
from workbench.lattice.rpc_streams import ByteStream, LiveValues, ValueFuture, ValueStream
from workbench.wire.wit.types import STRING, U8, Future, Stream
from workbench.wire.wrpc.calls import Closed, Items


async def test_a_reader_gets_what_came_before_and_after_it_began() -> None:
    stream = ByteStream()
    stream.push(b"ab")
    reading = asyncio.ensure_future(stream.read_all())
    await asyncio.sleep(0)
    stream.push(b"c")
    stream.finish()
    assert await reading == b"abc"
    assert await stream.read_all() == b""


async def test_an_error_comes_after_the_data_that_came_before_it() -> None:
    stream = ByteStream()
    stream.push(b"ab")
    stream.finish(IncompleteResults("gone"))
    assert await anext(stream) == b"ab"
    with pytest.raises(IncompleteResults):
        await anext(stream)


async def test_a_full_buffer_ends_the_stream_and_drops_it() -> None:
    dropped = []
    stream = ByteStream(10, lambda: dropped.append(True))
    stream.push(b"x" * 11)
    stream.push(b"more")
    with pytest.raises(LimitExceeded):
        await anext(stream)
    assert dropped == [True]


async def test_reading_all_is_bounded() -> None:
    stream = ByteStream()
    stream.push(b"x" * 11)
    stream.finish()
    with pytest.raises(LimitExceeded):
        await stream.read_all(10)


async def test_values_come_one_by_one() -> None:
    stream = ValueStream()
    stream.push(["a", "b"])
    stream.push([])
    stream.finish()
    assert await anext(stream) == "a"
    assert await stream.read_all() == ["b"]


async def test_a_future_can_be_awaited_by_many_and_again() -> None:
    future = ValueFuture()
    waiting = [asyncio.ensure_future(_wait(future)) for _ in range(3)]
    await asyncio.sleep(0)
    future.resolve(5)
    future.resolve(6)
    assert await asyncio.gather(*waiting) == [5, 5, 5]
    assert await future == 5 and future.done


async def test_a_closed_future_says_so() -> None:
    future = ValueFuture()
    await future.aclose()
    with pytest.raises(IncompleteResults):
        await future


async def test_live_values_feed_what_they_made() -> None:
    live = LiveValues(lambda path: None)
    body, names, last = (
        live.pending((0,), Stream(U8)), live.pending((1,), Stream(STRING)),
        live.pending((2,), Future(STRING)),
    )  # fmt: skip
    for items in (Items((0,), b"ab"), Items((1,), ["n"]), Items((2,), ["v"]), Items((9,), b"?")):
        live.items(items)
    for path in ((0,), (1,), (2,), (9,)):
        live.closed(Closed(path, True))
    assert (await body.read_all(), await names.read_all(), await last) == (b"ab", ["n"], "v")
    assert body.clean


async def test_inline_values_are_ready() -> None:
    live = LiveValues(lambda path: None)
    assert await live.ready((0,), Stream(U8), b"hi").read_all() == b"hi"
    assert await live.ready((1,), Future(U8), 5) == 5


async def test_a_future_whose_channel_ends_without_value_fails() -> None:
    live = LiveValues(lambda path: None)
    future = live.pending((0,), Future(STRING))
    live.closed(Closed((0,), False))
    with pytest.raises(IncompleteResults):
        await future


async def _wait(future: ValueFuture) -> object:
    return await future
