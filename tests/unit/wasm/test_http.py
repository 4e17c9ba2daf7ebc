"""HTTP handlers: incoming-handler@0.2.0 over types@0.2.2, bodies in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from workbench.errors import LimitHit, Trap
from workbench.wasm import CompiledComponent, Engine, Instantiator
from workbench.wire.http import HttpError, HttpRequest, collect

Compiled = Callable[[str], CompiledComponent]


@pytest.fixture
async def http(compiled: Compiled) -> AsyncIterator[Instantiator]:
    instantiator = compiled("http").instantiator()
    yield instantiator
    await instantiator.close()


async def test_a_request_is_answered(http: Instantiator) -> None:
    assert http.handles_http
    response = await http.handle_http(HttpRequest("GET", "/long/path"))
    assert response.status == 200
    assert response.headers == [("x-last", b"value")]
    assert await collect(response.body) == b"hello /long/path"
    assert response.trailers is None  # the guest is through, and had none


async def test_a_small_answer_wakes_the_loop_once(
    http: Instantiator, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, woken = asyncio.get_running_loop(), []
    wake = loop.call_soon_threadsafe

    def counted(*args: Any) -> Any:
        woken.append(args)  # before the wake: the loop may be done with it before this returns
        return wake(*args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    response = await http.handle_http(HttpRequest("GET", "/some/path"))
    assert (response.status, await collect(response.body)) == (200, b"hello /some/path")
    assert len(woken) == 1


async def test_trailers_come_after_the_body(http: Instantiator) -> None:
    response = await http.handle_http(HttpRequest("GET", "/666666"))
    assert await collect(response.body) == b"hello /666666"
    assert response.trailers is not None and await response.trailers == [("x-last", b"value")]


async def test_bodies_stream_both_ways_within_their_window(
    compiled: Compiled, engine: Engine
) -> None:
    limits = replace(engine.limits, body_window_bytes=16 * 1024)
    http = compiled("http").instantiator(limits=limits)
    chunk, produced, received = b"x" * 8192, 0, 0

    async def produce() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(40):
            produced += len(chunk)
            yield chunk

    response = await http.handle_http(HttpRequest("POST", "/55555", body=produce()))
    async for part in response.body:  # type: ignore[union-attr]
        received += len(part)
        assert produced - received <= 3 * limits.body_window_bytes + len(chunk)
    assert received == 40 * 8192
    await http.close()


async def test_a_body_that_fails_ends_the_guest_body_too(http: Instantiator) -> None:
    async def produce() -> AsyncIterator[bytes]:
        yield b"first"
        raise ConnectionResetError("the client left")

    response = await http.handle_http(HttpRequest("POST", "/55555", body=produce()))
    assert await collect(response.body) == b"first"


async def test_an_error_code_is_raised_with_its_payload(http: Instantiator) -> None:
    with pytest.raises(HttpError) as caught:
        await http.handle_http(HttpRequest("GET", "/333"))
    assert (caught.value.code, caught.value.payload) == ("internal-error", "no")


async def test_a_trap_before_the_answer_is_raised(http: Instantiator) -> None:
    with pytest.raises(Trap, match="unreachable"):
        await http.handle_http(HttpRequest("GET", "/1"))


async def test_returning_without_an_answer_is_an_error(http: Instantiator) -> None:
    with pytest.raises(Trap, match=r"response-outparam\.set"):
        await http.handle_http(HttpRequest("GET", "/22"))


async def test_the_head_comes_while_the_guest_still_runs(http: Instantiator) -> None:
    ended: list[BaseException | None] = []
    response = await http.handle_http(HttpRequest("GET", "/4444"), on_end=ended.append)
    body = response.body
    assert not isinstance(body, bytes)
    assert (await anext(body)).startswith(b"hello")
    assert http.active == 1 and not ended
    await body.aclose()  # type: ignore[attr-defined]
    assert http.active == 0
    assert isinstance(ended[0], LimitHit) and ended[0].limit == "cancelled"


async def test_a_response_that_nobody_reads_does_not_keep_the_guest(http: Instantiator) -> None:
    ended = asyncio.Event()
    await http.handle_http(HttpRequest("GET", "/4444"), on_end=lambda error: ended.set())
    async with asyncio.timeout(10):
        await ended.wait()


async def test_cancelling_before_the_head_stops_the_guest(http: Instantiator) -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    response = await http.handle_http(HttpRequest("POST", "/55555", body=never()))
    await response.body.aclose()  # type: ignore[union-attr]
    assert http.active == 0
