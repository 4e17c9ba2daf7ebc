"""Outgoing HTTP without a lattice: to granted hosts of the real network, and to no others."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.unit.wasm.http_guest import HttpGuest, script
from workbench.errors import UsageError
from workbench.wasm import Grants

CLOSED = "StreamError_Closed"


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """A real HTTP server; its authority."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/moved":
            return web.Response(status=302, headers={"location": "/", "x-to": "there"})
        if request.path == "/hang-up":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if request.path == "/short":
            short = web.StreamResponse(headers={"content-length": "9"})
            await short.prepare(request)
            await short.write(b"short")
            assert request.transport is not None
            request.transport.close()
            return short
        body = await request.read()
        names = sorted(name.lower() for name in request.headers)
        text = f"{request.method} {request.raw_path} {body.decode()} {names}"
        return web.Response(text=text, headers={"x-to": "guest"})

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def fetch(http_guest: HttpGuest, authority: str, more: str = "", **grants: object) -> object:
    given = Grants(http=[authority], **grants)  # type: ignore[arg-type]
    return await http_guest.run("client", f"fetch({authority!r}{more})", grants=given)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_granted_host_is_asked_as_the_component_says(
    http_guest: HttpGuest, server: str
) -> None:
    found = (200, [b"guest"], b"GET /a%20b?c  ['connection', 'host']", CLOSED)
    assert await fetch(http_guest, server, ", '/a%20b?c'") == found
    posted = await fetch(http_guest, server, ", method='POST', chunks=[b'one ', b'two']")
    assert posted == (
        200, [b"guest"], b"POST / one two ['connection', 'host', 'transfer-encoding']", CLOSED
    )  # fmt: skip
    assert await fetch(http_guest, server, ", '/moved'") == (302, [b"there"], b"", CLOSED)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_what_goes_wrong_on_the_way_is_an_error_code(
    http_guest: HttpGuest, server: str
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    assert await fetch(http_guest, nobody) == "ErrorCode_ConnectionRefused"
    assert await fetch(http_guest, server, ", '/hang-up'") == "ErrorCode_ConnectionTerminated"
    status, _, data, (failed, _, code) = await fetch(http_guest, server, ", '/short'")  # type: ignore[misc]
    assert (status, data, failed, code) == (
        200,
        b"short",
        "failed",
        "ErrorCode_HttpResponseIncomplete",
    )
    found = await fetch(http_guest, "name.invalid")
    assert found == ("ErrorCode_DnsError", ("DnsErrorPayload", "address not available", None))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_host_that_is_not_granted_is_refused_and_the_person_told_how(
    http_guest: HttpGuest, server: str
) -> None:
    denied = ("err", "ErrorCode_HttpRequestDenied")
    assert await http_guest.run("client", f"fetch({server!r})") == denied
    assert http_guest.lines == [
        ("stderr", f"outgoing HTTP to {server} is not granted; to allow it: "
                   f"grants=Grants(http=[{server!r}])")
    ]  # fmt: skip
    other = Grants(http=["127.0.0.1:1", "example.com"])
    assert await http_guest.run("client", f"fetch({server!r})", grants=other) == denied


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_run_without_a_loop_gets_one_while_it_lasts(
    http_guest: HttpGuest, server: str
) -> None:
    instantiator = http_guest.instantiator(grants=Grants(http=[server]))
    source = script("client", f"fetch({server!r})")
    found = await asyncio.to_thread(instantiator.call_inline, "", "check", (source,))
    assert "GET /" in found.value
    assert not any(thread.name == "wasm-own-loop" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("hosts", "authority", "scheme", "permitted"),
    [
        (["example.com"], "example.com", "https", True),
        (["example.com"], "EXAMPLE.com:8443", "https", True),
        (["example.com:443"], "example.com", "https", True),
        (["example.com:443"], "example.com", "http", False),
        (["example.com:80"], "example.com:8080", "http", False),
        (["*.example.com"], "a.b.example.com", "http", True),
        (["*.example.com"], "example.com", "http", False),
        (["*.example.com"], "badexample.com", "http", False),
        (["[::1]:80"], "[::1]", "http", True),
        (["*"], "anything.test:9", "http", True),
        (["*:80"], "anything.test:9", "http", False),
        (["example.com"], "example.com@evil.test", "http", False),
        (["example.com"], "evil.test#example.com", "http", False),
        (["*"], "*", "http", False),
        ([], "example.com", "http", False),
    ],
)
def test_hosts_cover_what_they_say(
    hosts: list[str], authority: str, scheme: str, permitted: bool
) -> None:
    assert Grants(http=hosts).permits_http(authority, scheme) is permitted


@pytest.mark.parametrize("host", ["http://example.com", "example.com/", "a b", "", "a:b", "*a.com"])
def test_what_is_no_host_is_refused_with_the_forms_there_are(host: str) -> None:
    with pytest.raises(UsageError) as caught:
        Grants(http=[host])
    assert "example.com" in caught.value.hint
    with pytest.raises(UsageError, match="is one text"):
        Grants(http="example.com")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
