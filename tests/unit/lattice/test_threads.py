"""Blocking work away from the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from workbench.lattice.threads import in_thread, pulled


async def test_the_loop_runs_on_while_a_thread_waits() -> None:
    release = threading.Event()
    work = asyncio.ensure_future(in_thread(release.wait, 10))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not work.done()
    release.set()
    assert await work is True


async def test_what_the_function_raises_is_raised_here_even_a_stop_iteration() -> None:
    with pytest.raises(LookupError, match="gone"):
        await in_thread(_raise, LookupError("gone"))
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(_raise, StopIteration())


def _raise(error: BaseException) -> None:
    raise error


async def test_the_outcome_of_a_cancelled_wait_is_dropped() -> None:
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(10)
        ended.set()

    waiting = asyncio.ensure_future(in_thread(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    assert await in_thread(ended.wait, 10)


async def test_a_thread_that_outlives_its_loop_disturbs_nobody() -> None:
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(10)
        ended.set()

    def other_loop() -> None:
        async def leave() -> None:
            asyncio.ensure_future(in_thread(work)).cancel()
            task = asyncio.ensure_future(in_thread(work))
            await asyncio.sleep(0)
            task.cancel()

        asyncio.run(leave())

    await in_thread(other_loop)
    release.set()
    assert await in_thread(ended.wait, 10)


async def test_a_blocking_iterator_gives_its_items_in_order_and_its_error_at_the_end() -> None:
    threads: set[int] = set()

    def numbers() -> Iterator[int]:
        for number in range(1000):
            threads.add(threading.get_ident())
            yield number
        raise OSError("disk on fire")

    seen: list[int] = []
    with pytest.raises(OSError, match="on fire"):
        async for batch in pulled(numbers()):
            seen += batch
    assert seen == list(range(1000))
    assert threading.get_ident() not in threads


async def test_big_parts_are_not_gathered() -> None:
    sizes = [len(batch) async for batch in pulled(bytes(1_000_000) for _ in range(5))]
    assert sizes == [1] * 5


async def test_an_iterator_that_is_slow_gives_what_it_has() -> None:
    steps = threading.Semaphore(0)

    def slow() -> Iterator[int]:
        for number in range(3):
            assert steps.acquire(timeout=10)
            threading.Event().wait(0.02)  # longer than a batch may take
            yield number

    items = pulled(slow())
    for number in range(3):
        steps.release()
        assert await anext(items) == [number]
    with pytest.raises(StopAsyncIteration):
        await anext(items)
