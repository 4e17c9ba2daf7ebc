"""Bodies through the http-server: streamed, early, late, with trailers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.integration.http_provider.provider_lattice import MEGABYTE, Lattice, hi, raw
from workbench.wire.http import HttpRequest, HttpResponse, collect, iterate


async def test_a_204_has_no_body(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(204, [], b"not to be seen")

    _, base = await lattice.hello(answer)
    for _ in range(2):
        async with lattice.session.delete(base) as reply:
            assert (reply.status, await reply.read()) == (204, b"")


async def test_ten_megabytes_stream_through_in_both_directions(lattice: Lattice):
    seen: list[int] = []

    async def answer(request: HttpRequest) -> HttpResponse:
        async def echo() -> AsyncIterator[bytes]:
            async for chunk in iterate(request.body):
                seen.append(len(chunk))
                yield chunk

        return HttpResponse(200, [], echo())

    async def upload() -> AsyncIterator[bytes]:
        for index in range(160):
            yield bytes([index]) * 65536

    _, base = await lattice.hello(answer)
    async with lattice.session.post(base, data=upload()) as reply:
        body = await reply.read()
    assert len(body) == 10 * MEGABYTE
    assert [body[i * 65536] for i in range(160)] == list(range(160))
    assert max(seen) <= 65536
    assert len(seen) >= 160


async def test_the_head_of_a_slow_body_arrives_before_the_body(lattice: Lattice):
    release = asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        async def slow() -> AsyncIterator[bytes]:
            await release.wait()
            yield b"late"

        return HttpResponse(200, [], slow())

    _, base = await lattice.hello(answer)
    async with asyncio.timeout(5), lattice.session.get(base) as reply:
        assert reply.status == 200
        release.set()
        assert await reply.read() == b"late"


async def test_chunks_of_a_response_arrive_as_they_are_made(lattice: Lattice):
    go_on = asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        async def events() -> AsyncIterator[bytes]:
            yield b"one"
            await go_on.wait()
            yield b"two"

        return HttpResponse(200, [("content-type", b"text/event-stream")], events())

    _, base = await lattice.hello(answer)
    async with asyncio.timeout(5), lattice.session.get(base) as reply:
        assert await reply.content.readany() == b"one"
        go_on.set()
        assert await reply.content.readany() == b"two"


async def test_an_answer_may_come_before_the_request_body_is_over(lattice: Lattice):
    _, base = await lattice.hello(hi)
    async with asyncio.timeout(5), raw(base) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"67890GET /again HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_client_that_expects_100_continue_gets_it(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], await collect(request.body))

    _, base = await lattice.hello(answer)
    async with asyncio.timeout(5), raw(base) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readuntil(b"0\r\n\r\n") == b"3\r\nabc\r\n0\r\n\r\n"


async def test_trailers_reach_a_client_that_wants_them(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        async def trailers() -> list[tuple[str, bytes]] | None:
            return [("x-sum", b"42")]

        return HttpResponse(200, [], b"data", trailers())

    _, base = await lattice.hello(answer)
    async with asyncio.timeout(5), raw(base) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"4\r\ndata\r\n0\r\nx-sum: 42\r\n\r\n"
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b"0\r\n\r\n") == b"4\r\ndata\r\n0\r\n\r\n"


async def test_a_body_shorter_than_announced_ends_the_connection(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("content-length", b"100")], b"short")

    _, base = await lattice.hello(answer)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with asyncio.timeout(5), lattice.session.get(base) as reply:
            await reply.read()


async def test_a_body_may_take_longer_than_the_timeout_of_the_head(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        async def slow() -> AsyncIterator[bytes]:
            await asyncio.sleep(0.15)
            yield b"done"

        return HttpResponse(200, [], slow())

    _, base = await lattice.hello(answer, timeout_ms="80")
    async with asyncio.timeout(5), lattice.session.get(base) as reply:
        assert await reply.read() == b"done"
