"""Requests and answers of the http-server as the real one makes them."""

from __future__ import annotations

import json

from tests.integration.http_provider.provider_lattice import Lattice, hi, raw
from workbench.wire.http import HttpRequest, HttpResponse


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
