"""Bodies of 100 MB through a real component, both ways at once, in little memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable

import psutil
import pytest

from tests.unit.wasm.http_guest import HttpGuest
from workbench.wasm import CompiledComponent
from workbench.wire.http import HttpRequest

MEGABYTE = 1 << 20
TOTAL = 100 * MEGABYTE
MOST_GROWTH = 24 * MEGABYTE


class Meter:
    """How much memory this process holds beyond what it held at first."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self._first = self._process.memory_info().rss
        self.most = 0

    def look(self) -> None:
        self.most = max(self.most, self._process.memory_info().rss - self._first)


async def big(meter: Meter, size: int = TOTAL) -> AsyncIterator[bytes]:
    chunk = b"x" * MEGABYTE
    for _ in range(size // MEGABYTE):
        meter.look()
        yield chunk


async def test_a_large_body_goes_through_the_memory_of_a_guest(
    compiled: Callable[[str], CompiledComponent],
) -> None:
    # Far more than the guest's memory; wasmtime hands it bytes one by one, some MB in a second.
    size = 6 * MEGABYTE
    http, meter, received = compiled("http").instantiator(), Meter(), 0
    response = await http.handle_http(HttpRequest("POST", "/55555", body=big(meter, size)))
    async for part in response.body:  # type: ignore[union-attr]  # it streams
        received += len(part)
    assert received == size
    assert meter.most < MOST_GROWTH
    await http.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_guest_copies_a_large_body_within_its_window(http_guest: HttpGuest) -> None:
    meter, received = Meter(), 0
    request = HttpRequest("POST", body=big(meter))
    response = await http_guest.handle("echo(request, response_out)", request)
    async for part in response.body:  # type: ignore[union-attr]  # it streams
        received += len(part)
    assert received == TOTAL
    assert meter.most < MOST_GROWTH


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_guest_takes_in_a_large_body(http_guest: HttpGuest) -> None:
    meter = Meter()
    request = HttpRequest("POST", body=big(meter))
    assert await http_guest.found("count(request, response_out)", request) == (
        TOTAL,
        "StreamError_Closed",
    )
    assert meter.most < MOST_GROWTH


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_guest_pours_out_a_large_body_no_faster_than_it_is_read(
    http_guest: HttpGuest,
) -> None:
    meter, received = Meter(), 0
    response = await http_guest.handle(f"pour(response_out, {TOTAL})")
    async for part in response.body:  # type: ignore[union-attr]  # it streams
        received += len(part)
        if received % MEGABYTE < 65536:
            meter.look()
            await asyncio.sleep(0)
    assert received == TOTAL
    assert meter.most < MOST_GROWTH
