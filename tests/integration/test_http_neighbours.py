"""The built-in http-server and components of its own host, of another host, and none at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from workbench import aio
from workbench.errors import HandshakeTimeout, Trap
from workbench.lattice.http_neighbours import HttpNeighbours
from workbench.lattice.rpc import InvocationContext
from workbench.lattice.trace import Tracer
from workbench.lattice.traffic import Call
from workbench.nats import Connection, Message, Subscription
from workbench.providers import HttpServer, ProviderTask
from workbench.wasm import wat_to_bytes
from workbench.wire.http import HttpRequest, HttpResponse, collect
from workbench.wire.records import ResolvedLink

HTTP = Path(__file__).parents[1] / "unit" / "wasm" / "wat" / "http.wat"


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The reference of a component whose answer depends on the length of the path."""
    file = tmp_path_factory.mktemp("http") / "http.wasm"
    file.write_bytes(wat_to_bytes(HTTP.read_text()))
    return f"file://{file}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Front:
    """A lattice with the http-server on its first host, and what goes over the wire to ``hello``."""

    def __init__(self, lattice: aio.Lattice, url: str, session: aiohttp.ClientSession) -> None:
        self.lattice = lattice
        self.url = url
        self.session = session
        self.heard: list[str] = []
        self.tap: Subscription

    async def get(self, path: str) -> tuple[int, bytes]:
        async with self.session.get(self.url + path) as answer:
            return answer.status, await answer.read()

    def hear(self, message: Message) -> None:
        self.heard.append(message.subject)

    async def answers(self) -> None:
        """Until the link has reached the provider and the component answers."""
        async with asyncio.timeout(30):
            while True:
                try:
                    if (await self.get("/first/path"))[0] == 200:
                        return
                except aiohttp.ClientConnectionError:
                    pass
                await self.lattice.nc.flush()

    async def call(self) -> Call:
        """The last call that both sides have reported."""
        async with asyncio.timeout(10):
            while True:
                calls = [c for c in self.lattice.traffic.calls() if c.target == "hello"]
                if calls and len(calls[-1].sides) == 2:
                    return calls[-1]
                await asyncio.sleep(0)


@asynccontextmanager
async def running(
    component: str, *, on_other: bool = False, count: int = 4
) -> AsyncIterator[Front]:
    address = f"127.0.0.1:{free_port()}"
    async with (
        await aio.up(wadm=False, hosts=2) as lattice,
        aiohttp.ClientSession() as session,
    ):
        first, second = (host.id for host in lattice.hosts_running)
        where = second if on_other else first
        await lattice.start_component(component, "hello", count=count, host=where)
        await lattice.start_provider("wasmcloud+builtin://http-server", "httpd", host=first)
        await lattice.put_config("address", {"address": address})
        await lattice.put_link(
            "httpd", "hello", "wasi:http/incoming-handler", source_config=["address"]
        )
        front = Front(lattice, f"http://{address}", session)
        front.tap = await lattice.nc.subscribe("default.hello.>", front.hear)
        await front.answers()
        front.heard.clear()
        yield front


async def test_a_component_of_the_same_host_is_asked_without_a_message(component: str):
    async with running(component, count=1) as front:
        for path in ("/first/path", "/other/path"):
            assert await front.get(path) == (200, b"hello " + path.encode())
        assert front.heard == []
        call = await front.call()
        assert (call.source, call.target, call.function) == ("httpd", "hello", "handle")
        assert call.error is None and call.result.value.status == 200
        assert call.params is not None and call.params[0].path_with_query == "/other/path"


async def test_a_component_of_another_host_is_asked_over_the_lattice(component: str):
    async with running(component, on_other=True) as front:
        assert await front.get("/first/path") == (200, b"hello /first/path")
        assert front.heard == ["default.hello.wrpc.0.0.1.wrpc:http/incoming-handler@0.1.0.handle"]


async def test_what_a_neighbour_failed_with_is_in_the_traffic_and_not_on_the_web(component: str):
    async with running(component, count=1) as front:
        status, text = await front.get("/1")
        assert (status, text.decode().endswith("incomplete results")) == (500, True)
        assert isinstance((await front.call()).error, Trap)
        # Its permit is free again.
        assert await front.get("/333") == (500, b'ErrorCode::InternalError(Some("no"))')
        assert (await front.get("/first/path"))[0] == 200


async def test_a_stopped_neighbour_is_not_asked_any_more(component: str):
    async with running(component) as front:
        await front.tap.unsubscribe()  # or the call would wait for the one who listens
        await front.lattice.stop("component", "hello")
        status, text = await front.get("/first/path")
        assert (status, text.decode().endswith("not connected")) == (500, True)


class Neighbour:
    """A Python function that answers as a component of the host would."""

    def __init__(self, answer: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self.answer = answer

    def enter(self) -> Neighbour:
        return self

    async def wait(self, context: InvocationContext) -> Neighbour:
        return self

    def release(self) -> None:
        return None

    async def answer_http(self, context: InvocationContext, request: HttpRequest) -> HttpResponse:
        return await self.answer(request)


@asynccontextmanager
async def in_front_of(nc: Connection, neighbour: Neighbour, **config: str) -> AsyncIterator[str]:
    """The http-server with ``hello`` as its neighbour; its address."""
    neighbours = HttpNeighbours(Tracer())
    neighbours.add("hello", neighbour)
    link = ResolvedLink(
        source_id="httpd", target="hello", wit_namespace="wasi", wit_package="http",
        interfaces=("incoming-handler",), source_config={"address": "127.0.0.1:0", **config},
    )  # fmt: skip
    provider = HttpServer()
    task = ProviderTask(
        nc, lattice="default", provider_id="httpd", provider=provider, tracer=Tracer(),
        links=(link,), neighbours=neighbours,
    )  # fmt: skip
    await task.start()
    try:
        yield provider.addresses["hello"]
    finally:
        await task.stop()


async def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], await collect(request.body))


async def post(address: str, rest: bytes, *later: bytes) -> tuple[bytes, bytes]:
    """Status line and body of the answer to a chunked request that is sent in parts."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + rest)
        for part in later:
            await writer.drain()
            writer.write(part)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return head.split(b"\r\n")[0], await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_is_there_whole_or_comes_in_parts_is_the_same(nc: Connection):
    async with in_front_of(nc, Neighbour(echo)) as address:
        whole = await post(address, b"5\r\nhello\r\n0\r\n\r\n")
        parts = await post(address, b"3\r\nhel\r\n", b"2\r\nlo\r\n", b"0\r\n\r\n")
        assert whole == parts == (b"HTTP/1.1 200 OK", b"hello")


async def test_a_body_that_grows_too_large_is_refused_while_the_component_reads(nc: Connection):
    async with in_front_of(nc, Neighbour(echo), max_body_bytes="4") as address:
        line, text = await post(address, b"3\r\nhel\r\n", b"2\r\nlo\r\n")
        assert line.startswith(b"HTTP/1.1 413") and b"larger than 4 bytes" in text


async def test_a_client_that_leaves_stops_what_works_for_it(nc: Connection):
    began, stopped = asyncio.Event(), asyncio.Event()

    async def work(request: HttpRequest) -> HttpResponse:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    async with in_front_of(nc, Neighbour(work)) as address:
        host, port = address.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await began.wait()
        writer.close()
        async with asyncio.timeout(10):
            await stopped.wait()


class Busy:
    """A neighbour without a free place."""

    def enter(self) -> None:
        return None

    async def wait(self, context: InvocationContext) -> None:
        await asyncio.Event().wait()

    async def answer_http(self, context: InvocationContext, request: HttpRequest) -> HttpResponse:
        raise AssertionError("it has no place")


async def test_a_neighbour_without_a_free_place_is_given_up_in_time():
    neighbours = HttpNeighbours(Tracer())
    busy: Any = Busy()
    neighbours.add("busy", busy)
    with pytest.raises(HandshakeTimeout, match="busy"):
        await neighbours.ask(
            "busy", busy, HttpRequest(), source_id="httpd", traceparent="", place_timeout_s=0.01
        )


def test_the_last_of_two_neighbours_answers_and_only_it_can_leave():
    neighbours = HttpNeighbours(Tracer())
    old, new = Busy(), Busy()
    neighbours.add("hello", old)  # type: ignore[arg-type]  # as above
    neighbours.add("hello", new)  # type: ignore[arg-type]
    neighbours.remove("hello", old)  # type: ignore[arg-type]
    assert neighbours.find("hello") is new
    neighbours.remove("hello", new)  # type: ignore[arg-type]
    assert neighbours.find("hello") is None
