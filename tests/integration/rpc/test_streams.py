"""Streams and futures over a real nats-server, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from tests.integration.rpc.rig import (
    ADD,
    COUNT,
    DOWNLOAD,
    INSTANCE,
    PIPE,
    UPLOAD,
    Rig,
    add,
    chunks,
    measure,
)
from workbench.errors import CallTimeout, LimitExceeded
from workbench.lattice.rpc import ByteStream, InvocationContext, RpcClient, RpcServer
from workbench.wire import subjects
from workbench.wire.wit.values import Ok


async def test_a_stream_of_parameters_arrives_whole(rig: Rig) -> None:
    await rig.serve(UPLOAD, measure)
    assert await rig.call(UPLOAD, b"", "empty") == 0
    assert await rig.call(UPLOAD, b"x" * 300_000, "bytes") == 300_000
    assert await rig.call(UPLOAD, [b"ab", b"", b"cde"], "list") == 5
    assert await rig.call(UPLOAD, chunks(123_456), "iterator") == 123_456


async def test_a_stream_of_results_arrives_with_its_future(rig: Rig) -> None:
    async def download(context: InvocationContext, size: int) -> Ok:
        async def checksum() -> str:
            return "sum"

        return Ok((chunks(size), checksum()))

    await rig.serve(DOWNLOAD, download)
    body, checksum = (await rig.call(DOWNLOAD, 300_000)).value
    assert len(await body.read_all()) == 300_000
    assert body.clean
    assert await checksum == "sum" and await checksum == "sum"
    assert rig.client.in_flight == 0


async def test_a_stream_of_values_arrives_in_order(rig: Rig) -> None:
    async def count(context: InvocationContext, n: int) -> list[int]:
        return list(range(n))

    await rig.serve(COUNT, count)
    assert await (await rig.call(COUNT, 5000)).read_all() == list(range(5000))
    assert await (await rig.call(COUNT, 0)).read_all() == []


async def test_a_stream_may_be_answered_while_it_is_still_sent(rig: Rig) -> None:
    async def pipe(context: InvocationContext, body: ByteStream) -> ByteStream:
        return body

    await rig.serve(PIPE, pipe)
    gate: asyncio.Queue[bytes] = asyncio.Queue()

    async def source() -> AsyncIterator[bytes]:
        while part := await gate.get():
            yield part

    answer = await rig.call(PIPE, source())
    for part in (b"one", b"two"):
        gate.put_nowait(part)
        assert await anext(answer) == part
    gate.put_nowait(b"")
    assert await answer.read_all() == b""


MEGABYTE = 1_000_000


async def test_a_hundred_megabytes_stream_both_ways_in_constant_memory(rig: Rig) -> None:
    size, part = 100 * MEGABYTE, bytes(MEGABYTE)
    resident = psutil.Process().memory_info
    before, most = resident().rss, 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal most
        for _ in range(size // len(part)):
            most = max(most, resident().rss - before)
            yield part

    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((source(), None))

    await rig.serve(UPLOAD, measure)
    await rig.serve(DOWNLOAD, download)
    assert await rig.call(UPLOAD, source(), "big", timeout_s=60) == size
    body, trailer = (await rig.call(DOWNLOAD, size)).value
    assert sum([len(part) async for part in body]) == size
    assert body.clean and await trailer is None
    assert most < 40 * MEGABYTE


async def test_a_reader_that_is_too_slow_is_told_and_nobody_else_suffers(rig: Rig) -> None:
    client = RpcClient(rig.nc, stream_bytes=500_000)

    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((chunks(n), None))

    await rig.serve(DOWNLOAD, download)
    await rig.serve(ADD, add)
    body, trailer = (await client.invoke("target", INSTANCE, DOWNLOAD, [3_000_000])).value
    assert await trailer is None
    assert await rig.call(ADD, 1, 2) == 3
    with pytest.raises(LimitExceeded, match="too slowly"):
        await body.read_all()
    await client.close()


async def test_a_source_that_raises_fails_the_call_with_its_own_error(rig: Rig) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("disk on fire")

    ended = asyncio.Event()

    async def upload(context: InvocationContext, body: ByteStream, name: str) -> int:
        data = await body.read_all()
        assert not body.clean
        ended.set()
        return len(data)

    await rig.serve(UPLOAD, upload)
    with pytest.raises(OSError, match="disk on fire"):
        await rig.call(UPLOAD, broken(), "x")
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_result_stream_whose_source_raises_ends_unclean(rig: Rig) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("disk on fire")

    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((broken(), None))

    await rig.serve(DOWNLOAD, download)
    body, _ = (await rig.call(DOWNLOAD, 1)).value
    assert await body.read_all() == b"x"
    assert not body.clean


async def test_a_stream_that_falls_silent_fails_after_its_idle_time(rig: Rig) -> None:
    async def download(context: InvocationContext, n: int) -> Ok:
        async def silent() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        return Ok((silent(), None))

    await rig.serve(DOWNLOAD, download)
    body, _ = (await rig.call(DOWNLOAD, 1, stream_idle_s=0.1)).value
    with pytest.raises(CallTimeout, match="nothing arrived"):
        await body.read_all()
    assert rig.client.in_flight == 0


async def test_a_caller_that_dies_within_a_stream_does_not_hold_the_handler(rig: Rig) -> None:
    server = RpcServer(rig.far, stream_idle_s=0.1)
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def upload(context: InvocationContext, body: ByteStream, name: str) -> int:
        try:
            return len(await body.read_all())
        except CallTimeout as error:
            ended.set_result(error)
            raise

    served = await server.serve("target", {INSTANCE: {"upload": (UPLOAD, upload)}})
    subject = subjects.invocation("default", "target", INSTANCE, "upload")
    await rig.nc.publish(subject, b"\x00\x01x", reply=rig.nc.new_inbox())
    async with asyncio.timeout(5):
        assert "nothing arrived" in str(await ended)
        assert await served.drain(5)
    await server.close()


async def test_a_stream_that_nobody_reads_can_be_closed(rig: Rig) -> None:
    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((chunks(n), None))

    await rig.serve(DOWNLOAD, download)
    body, trailer = (await rig.call(DOWNLOAD, 200_000)).value
    await body.aclose()
    assert await trailer is None
    assert await body.read_all() == b""
    assert rig.client.in_flight == 0
