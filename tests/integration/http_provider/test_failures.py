"""What clients of the http-server see when something fails, and when they leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.integration.http_provider.provider_lattice import Lattice, hi, link, raw, url
from workbench.lattice.trace import CallEvent, Phase
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, collect, iterate
from workbench.wire.http_wrpc import DNS_ERROR
from workbench.wire.wit.values import record_class

_DnsError = record_class(DNS_ERROR)


async def test_a_body_over_the_limit_is_refused(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], await collect(request.body))

    _, base = await lattice.hello(answer, max_body_bytes="1000")

    async def chunked() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 400

    async with lattice.session.post(base, data=b"x" * 1001) as reply:
        assert reply.status == 413
    async with asyncio.timeout(5), lattice.session.post(base, data=chunked()) as reply:
        assert reply.status == 413
    async with lattice.session.post(base, data=b"x" * 1000) as reply:
        assert (reply.status, len(await reply.read())) == (200, 1000)


async def test_no_component_answers_500_in_the_words_of_the_real_server(lattice: Lattice):
    task = await lattice.provider(link())
    async with lattice.session.get(url(task)) as reply:
        assert reply.status == 500
        assert (await reply.text()).endswith("incoming-handler@0.1.0.handle`: not connected")
        assert reply.headers["access-control-allow-origin"] == "*"


async def test_a_component_that_fails_answers_500_as_recorded(lattice: Lattice):
    async def boom(request: HttpRequest) -> HttpResponse:
        raise ValueError("boom")

    _, base = await lattice.hello(boom)
    async with lattice.session.get(base) as reply:
        # invoke.jsonl, step boom
        assert reply.status == 500
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        assert await reply.text() == (
            "failed to invoke `wrpc:http/incoming-handler.handle`: "
            "failed to invoke `wrpc:http/incoming-handler@0.1.0.handle`: incomplete results"
        )


async def test_a_status_that_ends_nothing_is_no_answer(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(103, [("link", b"</style.css>")])

    _, base = await lattice.hello(answer)
    async with lattice.session.get(base) as reply:
        assert (reply.status, "answered with 103" in await reply.text()) == (500, True)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (HttpError("connection-refused"), "ErrorCode::ConnectionRefused"),
        (HttpError("internal-error", 'a "b"'), 'ErrorCode::InternalError(Some("a \\"b\\""))'),
        (HttpError("internal-error"), "ErrorCode::InternalError(None)"),
        (HttpError("DNS-timeout"), "ErrorCode::DnsTimeout"),
        (HttpError("HTTP-request-body-size", 7), "ErrorCode::HttpRequestBodySize(Some(7))"),
        (
            HttpError("DNS-error", _DnsError("x", None)),
            'ErrorCode::DnsError(DnsErrorPayload { rcode: Some("x"), info_code: None })',
        ),
    ],
)
async def test_an_error_code_of_the_component_answers_500_and_names_it(
    lattice: Lattice, error: HttpError, text: str
):
    async def answer(request: HttpRequest) -> HttpResponse:
        raise error

    _, base = await lattice.hello(answer)
    async with lattice.session.get(base) as reply:
        assert (reply.status, await reply.text()) == (500, text)


async def test_a_late_head_answers_408_without_a_body(lattice: Lattice):
    never = asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        await never.wait()
        raise AssertionError

    _, base = await lattice.hello(answer, timeout_ms="50")
    async with asyncio.timeout(5), lattice.session.get(base) as reply:
        assert (reply.status, await reply.read()) == (408, b"")
    never.set()


async def test_a_client_that_leaves_ends_the_call_and_nothing_else(lattice: Lattice):
    arrived, never = asyncio.Event(), asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        if request.path_with_query == "/go":
            arrived.set()
            await never.wait()
        return await hi(request)

    _, base = await lattice.hello(answer)
    ended: asyncio.Queue[CallEvent] = asyncio.Queue()
    lattice.tracer.subscribe(ended.put_nowait)
    async with asyncio.timeout(5):
        async with raw(base) as (_, writer):
            writer.write(b"GET /go HTTP/1.1\r\nhost: a\r\n\r\n")
            await arrived.wait()
        while (event := await ended.get()).phase is not Phase.FAILED:
            assert event.phase is not Phase.COMPLETED
    assert isinstance(event.error, asyncio.CancelledError)
    async with lattice.session.get(f"{base}/stay") as reply:
        assert reply.status == 200
    never.set()


async def test_a_client_that_leaves_during_the_body_stops_the_component(lattice: Lattice):
    stopped = asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        async def echo() -> AsyncIterator[bytes]:
            try:
                async for chunk in iterate(request.body):
                    yield chunk
            finally:
                stopped.set()

        return HttpResponse(200, [], echo())

    _, base = await lattice.hello(answer)
    async with asyncio.timeout(5), raw(base) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhello")
        await reader.readuntil(b"hello")
    async with asyncio.timeout(5):
        await stopped.wait()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_broken_requests_get_400_and_the_server_goes_on(
    lattice: Lattice, request_bytes: bytes, caplog: pytest.LogCaptureFixture
):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], await collect(request.body))

    _, base = await lattice.hello(answer)
    async with asyncio.timeout(5), raw(base) as (reader, writer):
        writer.write(request_bytes)
        assert (await reader.readuntil(b"\r\n")).split(b" ")[1] == b"400"
    async with lattice.session.get(base) as reply:
        assert reply.status == 200
    assert caplog.records == []


async def test_a_request_without_any_host_is_refused(lattice: Lattice):
    _, base = await lattice.hello(hi)
    async with asyncio.timeout(5), raw(base) as (reader, writer):
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.0 400")
