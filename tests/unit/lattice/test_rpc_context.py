"""What a handler is told, and handlers that make their first step at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from workbench.lattice.rpc_context import context_of, first_step
from workbench.wire.wrpc.calls import CallName


def test_the_context_holds_what_the_headers_claim() -> None:
    name = CallName("target", "a:b/c", "f")
    headers = {"source-id": "x", "link-name": "", "traceparent": "t", "other": "y"}
    context = context_of(name, headers, 7, None)
    assert context[:3] == ("target", "a:b/c", "f")
    assert (context.source_id, context.link_name, context.target_id) == ("x", "default", "")
    assert (context.traceparent, context.headers, context.call_id) == ("t", headers, 7)
    assert context_of(name, None, 0, None).headers == {}


async def test_work_that_waits_for_nothing_is_over_after_its_first_step() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert first_step(work()) is None
    assert done == [1]


async def test_work_that_waits_goes_on_as_a_task_with_values_errors_and_cancellation() -> None:
    told: list[Any] = []
    waits = asyncio.Event()
    loop = asyncio.get_running_loop()
    first, second, third = loop.create_future(), loop.create_future(), loop.create_future()

    async def work() -> None:
        told.append(await first)
        try:
            await second
        except LookupError as error:
            told.append(str(error))
        try:
            async with asyncio.timeout(60):
                waits.set()
                await third
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    rest = first_step(work())
    assert rest is not None and told == []
    task = loop.create_task(rest)
    first.set_result("one")
    second.set_exception(LookupError("two"))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["one", "two", "cancelled"]


async def test_a_task_that_is_cancelled_before_it_begins_ends_the_work() -> None:
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            told.append("ended")

    rest = first_step(work())
    assert rest is not None
    task = asyncio.get_running_loop().create_task(rest)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["ended"]
