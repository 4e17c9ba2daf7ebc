"""Worker threads and the way back to the loop."""

from __future__ import annotations

import asyncio
import threading

from workbench.wasm.workers import LoopPort, WorkerPool


async def test_posts_arrive_in_order_with_few_wake_ups(monkeypatch: object) -> None:
    loop = asyncio.get_running_loop()
    port, seen, done = LoopPort(loop), [], asyncio.Event()

    def post() -> None:
        for n in range(1000):
            port.post(seen.append, n)
        port.post(done.set)

    thread = threading.Thread(target=post)
    thread.start()
    await done.wait()
    thread.join()
    assert seen == list(range(1000))


async def test_a_failing_callback_does_not_stop_the_others() -> None:
    port, done = LoopPort(asyncio.get_running_loop()), asyncio.Event()
    port.post(lambda: 1 / 0)
    port.post(done.set)
    await done.wait()


def test_a_blocked_worker_is_replaced() -> None:
    pool, release, inner = WorkerPool(1), threading.Event(), threading.Event()

    def blocked() -> None:
        pool.submit(inner.set)
        pool.block()
        try:
            assert inner.wait(5)
        finally:
            pool.unblock()
        release.set()

    pool.submit(blocked)
    assert release.wait(5)
    pool.close()
    assert pool.threads == 0


def test_the_number_of_threads_is_bounded() -> None:
    pool, release = WorkerPool(1, maximum=3), threading.Event()
    started = threading.Semaphore(0)

    def wait() -> None:
        pool.block()
        started.release()
        release.wait(5)
        pool.unblock()

    for _ in range(10):
        pool.submit(wait)
        pool.relieve()
    for _ in range(3):
        assert started.acquire(timeout=5)
    assert pool.threads == 3
    release.set()
    pool.close()
