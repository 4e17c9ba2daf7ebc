"""Many pokes, few flushes."""

from __future__ import annotations

import asyncio
import itertools
import threading

from workbench.notebook.widgets.pace import Pace


async def test_a_burst_of_pokes_from_many_threads_is_flushed_at_most_once_an_interval() -> None:
    loop = asyncio.get_running_loop()
    flushed: list[float] = []
    enough = asyncio.Event()

    def flush() -> None:
        flushed.append(loop.time())
        if len(flushed) == 3:
            enough.set()

    pace = Pace(loop, flush, interval_s=0.02)
    ended = threading.Event()

    def poke() -> None:
        while not ended.is_set():
            pace.poke()

    threads = [threading.Thread(target=poke) for _ in range(3)]
    for thread in threads:
        thread.start()
    await asyncio.wait_for(enough.wait(), 5)
    ended.set()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    pace.stop()
    gaps = [b - a for a, b in itertools.pairwise(flushed)]
    assert min(gaps) >= 0.015


async def test_the_last_poke_is_never_lost() -> None:
    state = {"now": 0, "sent": -1}
    sent = asyncio.Event()

    def flush() -> None:
        state["sent"] = state["now"]
        sent.set()

    pace = Pace(asyncio.get_running_loop(), flush, interval_s=0.01)
    for now in range(1, 4):
        state["now"] = now
        pace.poke()
    await asyncio.wait_for(sent.wait(), 5)
    while state["sent"] != 3:
        sent.clear()
        await asyncio.wait_for(sent.wait(), 5)


async def test_nothing_is_flushed_after_the_stop() -> None:
    flushed: list[int] = []
    pace = Pace(asyncio.get_running_loop(), lambda: flushed.append(1))
    pace.poke()
    pace.stop()
    pace.poke()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert flushed == []


def test_a_closed_loop_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    pace = Pace(loop, lambda: None)
    loop.close()
    pace.poke()
    pace.poke()


async def test_a_failing_flush_does_not_end_the_pace() -> None:
    failed, again = asyncio.Event(), asyncio.Event()

    def flush() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("the front end is gone")
        again.set()

    pace = Pace(asyncio.get_running_loop(), flush, interval_s=0.001)
    pace.poke()
    await asyncio.wait_for(failed.wait(), 5)
    pace.poke()
    await asyncio.wait_for(again.wait(), 5)
