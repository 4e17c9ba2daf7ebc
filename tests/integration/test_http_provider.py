"""HTTP clients, the http-server provider and a component behind it, over a real NATS server.

The component is a Python handler of ``wrpc:http/incoming-handler``: a peer of its own on a
connection of its own.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.conftest import connect
from workbench.lattice.rpc import InvocationContext, RpcServer
from workbench.lattice.trace import CallEvent, Phase, Tracer
from workbench.nats import Connection, Server
from workbench.providers import HttpServer, ProviderFailed, ProviderTask
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, collect, iterate
from workbench.wire.http_wrpc import (
    HANDLE,
    INCOMING_HANDLER,
    error_to_wrpc,
    request_from_wrpc,
    response_to_wrpc,
)
from workbench.wire.records import ResolvedLink
from workbench.wire.wit.values import Err, Ok

Answer = Callable[[HttpRequest], Awaitable[HttpResponse]]
MEGABYTE = 1 << 20


class Component:
    """Serves ``handle`` with a function that tests exchange; remembers the call contexts."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.contexts: list[InvocationContext] = []
        self.requests: list[HttpRequest] = []

    async def handle(self, context: InvocationContext, request: object) -> Ok | Err:
        self.contexts.append(context)
        self.requests.append(request_from_wrpc(request))
        try:
            return Ok(response_to_wrpc(await self.answer(self.requests[-1])))
        except HttpError as error:
            return Err(error_to_wrpc(error))


@pytest.fixture
async def lattice(nats_server: Server) -> AsyncIterator[Lattice]:
    provider_nc, component_nc = await connect(nats_server), await connect(nats_server)
    lattice = Lattice(provider_nc, component_nc)
    try:
        yield lattice
    finally:
        await lattice.close()
        await provider_nc.close()
        await component_nc.close()


class Lattice:
    """One provider and any number of components."""

    def __init__(self, provider_nc: Connection, component_nc: Connection) -> None:
        self.nc = provider_nc
        self.tracer = Tracer()
        self.log: list[tuple[str, str]] = []
        self.session = aiohttp.ClientSession(auto_decompress=False)
        self._rpc = RpcServer(component_nc, lattice="default", tracer=Tracer())
        self._tasks: list[ProviderTask] = []

    async def component(self, answer: Answer, name: str = "hello") -> Component:
        component = Component(answer)
        await self._rpc.serve(name, {INCOMING_HANDLER: {"handle": (HANDLE, component.handle)}})
        return component

    async def provider(
        self, *links: ResolvedLink, config: dict[str, str] | None = None, follow: bool = False
    ) -> ProviderTask:
        task = ProviderTask(
            self.nc, lattice="default", provider_id="httpd", provider=HttpServer(),
            tracer=self.tracer, host_id="NHOST", config=config, links=links,
            log=lambda level, text: self.log.append((level, text)), follow_links=follow,
        )  # fmt: skip
        self._tasks.append(task)
        await task.start()
        return task

    async def hello(self, answer: Answer, **config: str) -> tuple[Component, str]:
        """A component behind a provider on a free port, and its URL."""
        component = await self.component(answer)
        task = await self.provider(link(**config))
        return component, url(task)

    async def close(self) -> None:
        await self.session.close()
        for task in self._tasks:
            await task.stop()
        await self._rpc.close()


def link(target: str = "hello", name: str = "default", **config: str) -> ResolvedLink:
    return ResolvedLink(
        source_id="httpd", target=target, name=name, wit_namespace="wasi", wit_package="http",
        interfaces=("incoming-handler",), source_config={"address": "127.0.0.1:0", **config},
    )  # fmt: skip


def url(task: ProviderTask, component: str = "hello") -> str:
    assert isinstance(task.provider, HttpServer)
    return f"http://{task.provider.addresses[component]}"


async def hi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("content-type", b"text/plain"), ("x-lab", b"1")], b"hi")


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection without a client library in between."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


# --- requests and answers -----------------------------------------------------------------


async def test_a_request_reaches_the_component_with_everything_the_real_server_sends(
    lattice: Lattice,
):
    component, base = await lattice.hello(hi)
    headers = {"X-Test": "1", "User-Agent": "lab"}
    async with lattice.session.get(f"{base}/one?x=1%20y", headers=headers) as answer:
        assert (answer.status, await answer.text()) == (200, "hi")
        assert answer.headers["x-lab"] == "1"
    request, context = component.requests[0], component.contexts[0]
    assert (request.method, request.path_with_query) == ("GET", "/one?x=1%20y")
    assert (request.scheme, request.authority) == ("http", base.removeprefix("http://"))
    assert ("x-test", b"1") in request.headers
    assert ("host", base.removeprefix("http://").encode()) in request.headers
    assert dict(context.headers) == {"source-id": "httpd", "target-id": "hello"}


async def test_every_answer_carries_the_headers_of_the_recorded_one(lattice: Lattice):
    _, base = await lattice.hello(hi)
    async with lattice.session.get(base) as answer:
        # http.jsonl, step http-get
        assert answer.headers["vary"] == (
            "origin, access-control-request-method, access-control-request-headers"
        )
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "*"
        assert answer.headers["transfer-encoding"] == "chunked"


async def test_repeated_headers_stay_apart_in_both_directions(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        cookies = [value for name, value in request.headers if name == "x-many"]
        return HttpResponse(200, [("set-cookie", value) for value in cookies])

    _, base = await lattice.hello(answer)
    async with lattice.session.get(base, headers=[("x-many", "a=1"), ("x-many", "b=2")]) as reply:
        assert reply.headers.getall("set-cookie") == ["a=1", "b=2"]


async def test_a_head_request_gets_the_head_alone_and_the_connection_lives_on(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("content-length", b"5")], b"12345")

    _, base = await lattice.hello(answer)
    async with lattice.session.head(base) as reply:
        assert (reply.status, reply.headers["content-length"]) == (200, "5")
        assert await reply.read() == b""
    async with lattice.session.get(base) as reply:
        assert await reply.read() == b"12345"


async def test_connections_are_kept_alive(lattice: Lattice):
    _, base = await lattice.hello(hi)
    async with raw(base) as (reader, writer):
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert await reader.readuntil(b"0\r\n\r\n") == b"2\r\nhi\r\n0\r\n\r\n"


async def test_a_204_has_no_body(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(204, [], b"not to be seen")

    _, base = await lattice.hello(answer)
    for _ in range(2):
        async with lattice.session.delete(base) as reply:
            assert (reply.status, await reply.read()) == (204, b"")


async def test_a_trace_context_of_the_client_goes_on(lattice: Lattice):
    component, base = await lattice.hello(hi)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    async with lattice.session.get(base, headers=headers):
        pass
    async with lattice.session.get(base, headers={"traceparent": "garbage"}):
        pass
    assert trace_id in component.contexts[0].traceparent
    assert "garbage" not in component.contexts[1].traceparent


# --- bodies -------------------------------------------------------------------------------


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


async def test_a_body_shorter_than_announced_ends_the_connection(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("content-length", b"100")], b"short")

    _, base = await lattice.hello(answer)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with asyncio.timeout(5), lattice.session.get(base) as reply:
            await reply.read()


# --- trouble ------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (HttpError("connection-refused"), "ErrorCode::ConnectionRefused"),
        (HttpError("internal-error", 'a "b"'), 'ErrorCode::InternalError(Some("a \\"b\\""))'),
        (HttpError("internal-error"), "ErrorCode::InternalError(None)"),
        (HttpError("DNS-timeout"), "ErrorCode::DnsTimeout"),
        (HttpError("HTTP-request-body-size", 7), "ErrorCode::HttpRequestBodySize(Some(7))"),
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


async def test_a_body_may_take_longer_than_the_timeout_of_the_head(lattice: Lattice):
    async def answer(request: HttpRequest) -> HttpResponse:
        async def slow() -> AsyncIterator[bytes]:
            await asyncio.sleep(0.15)
            yield b"done"

        return HttpResponse(200, [], slow())

    _, base = await lattice.hello(answer, timeout_ms="80")
    async with asyncio.timeout(5), lattice.session.get(base) as reply:
        assert await reply.read() == b"done"


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


# --- settings -----------------------------------------------------------------------------


async def test_the_server_answers_every_options_request_itself(lattice: Lattice):
    component, base = await lattice.hello(hi)
    headers = {"origin": "http://a.example", "access-control-request-method": "PUT"}
    async with lattice.session.options(base, headers=headers) as reply:
        assert reply.status == 200
        assert reply.headers["access-control-allow-methods"] == "GET,POST,PUT,DELETE,HEAD,OPTIONS"
        assert reply.headers["access-control-max-age"] == "300"
    assert component.requests == []


async def test_only_listed_origins_are_allowed(lattice: Lattice):
    origins = json.dumps(["https://good.example"])
    _, base = await lattice.hello(hi, cors_allowed_origins=origins)
    async with lattice.session.get(base, headers={"origin": "https://good.example"}) as reply:
        assert reply.headers["access-control-allow-origin"] == "https://good.example"
    async with lattice.session.get(base, headers={"origin": "https://bad.example"}) as reply:
        assert "access-control-allow-origin" not in reply.headers


async def test_read_only_mode_and_cache_control(lattice: Lattice):
    component, base = await lattice.hello(hi, readonly_mode="true", cache_control="max-age=60")
    async with lattice.session.get(base) as reply:
        assert reply.headers["cache-control"] == "max-age=60"
    async with lattice.session.post(base, data=b"x") as reply:
        assert reply.status == 405
        assert await reply.text() == "only GET and HEAD allowed in read-only mode"
    assert len(component.requests) == 1


async def test_path_routing_compares_the_whole_path(lattice: Lattice):
    await lattice.component(hi, "one")
    config = {"routing_mode": "path", "default_address": "127.0.0.1:0"}
    task = await lattice.provider(link("one", path="/api/one"), config=config)
    base = url(task, "one")
    async with lattice.session.get(f"{base}/api/one?q=1") as reply:
        assert reply.status == 200
    async with lattice.session.get(f"{base}/api/one/more") as reply:
        assert (reply.status, await reply.text()) == (404, "path not found")
    with pytest.raises(ProviderFailed, match="already leads to one"):
        await task.put_link(link("two", path="/api/one"))
    with pytest.raises(ProviderFailed, match="lacks 'path'"):
        await task.put_link(link("three"))


async def test_host_routing_compares_a_header(lattice: Lattice):
    await lattice.component(hi, "one")
    config = {"routing_mode": "host", "default_address": "127.0.0.1:0", "header": "X-Tenant"}
    task = await lattice.provider(link("one", host="one.example"), config=config)
    base = url(task, "one")
    for headers, status, text in (
        ({"x-tenant": "one.example"}, 200, "hi"),
        ({"x-tenant": "two.example"}, 404, "host not found"),
        ({}, 400, "missing host header"),
    ):
        async with lattice.session.get(base, headers=headers) as reply:
            assert (reply.status, await reply.text()) == (status, text)


# --- links --------------------------------------------------------------------------------


async def test_each_link_has_its_own_address(lattice: Lattice):
    async def two(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"two")

    await lattice.component(hi, "one")
    await lattice.component(two, "two")
    task = await lattice.provider(link("one"))
    await task.put_link(link("two"))
    for name, text in (("one", "hi"), ("two", "two")):
        async with lattice.session.get(url(task, name)) as reply:
            assert await reply.text() == text
    assert (await task.health()).detail == task.provider.addresses  # type: ignore[attr-defined]
    assert any("two is served on 127.0.0.1:" in text for _, text in lattice.log)


async def test_a_deleted_link_closes_its_port_and_only_that(lattice: Lattice):
    await lattice.component(hi, "one")
    await lattice.component(hi, "two")
    task = await lattice.provider(link("one"), link("two"))
    gone, stays = url(task, "one"), url(task, "two")
    await task.del_link(link("one"))
    with pytest.raises(aiohttp.ClientConnectorError):
        await lattice.session.get(gone)
    async with lattice.session.get(stays) as reply:
        assert reply.status == 200


async def test_the_second_link_on_an_address_stands_by(lattice: Lattice):
    async def two(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"two")

    await lattice.component(hi, "one")
    await lattice.component(two, "two")
    address = f"127.0.0.1:{free_port()}"
    task = await lattice.provider(link("one", address=address), link("two", address=address))
    for expected in ("hi", "two"):
        async with lattice.session.get(f"http://{address}") as reply:
            assert await reply.text() == expected
        await task.del_link(link("one", address=address))


async def test_a_port_in_use_refuses_the_link_and_a_new_put_tries_again(lattice: Lattice):
    await lattice.component(hi)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        task = await lattice.provider(link(address=address))
        assert task.links[0].error == f"address {address} is in use already"
        assert ("in use already" in text for _, text in lattice.log)
        assert "in use already" in (await task.health()).message
        with pytest.raises(ProviderFailed, match="in use already"):
            await task.put_link(link(address=address))
    await task.put_link(link(address=address))
    async with lattice.session.get(f"http://{address}") as reply:
        assert reply.status == 200


async def test_another_address_in_the_same_link_moves_the_listener(lattice: Lattice):
    await lattice.component(hi)
    task = await lattice.provider(link())
    before = url(task)
    await task.put_link(link())
    assert url(task) == before
    address = f"127.0.0.1:{free_port()}"
    await task.put_link(link(address=address))
    assert url(task) == f"http://{address}"
    with pytest.raises(aiohttp.ClientConnectorError):
        await lattice.session.get(before)


async def test_stopping_the_provider_ends_requests_and_ports(lattice: Lattice):
    arrived, never = asyncio.Event(), asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        arrived.set()
        await never.wait()
        raise AssertionError

    _, base = await lattice.hello(answer)
    pending = asyncio.ensure_future(lattice.session.get(base))
    await arrived.wait()
    async with asyncio.timeout(2):
        await lattice._tasks[0].stop()
    with pytest.raises(aiohttp.ClientError):
        await pending
    with pytest.raises(aiohttp.ClientConnectorError):
        await lattice.session.get(base)
    never.set()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
