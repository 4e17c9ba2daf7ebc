from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time

import pytest

from workbench import _loop
from workbench._loop import LoopThread


@pytest.fixture
def thread():
    loop = LoopThread()
    loop.start()
    yield loop
    loop.stop()


def test_a_result_and_an_exception_reach_the_blocked_caller(thread: LoopThread) -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    async def fail() -> None:
        raise LookupError("on purpose")

    assert thread.run(double(21)) == 42
    with pytest.raises(LookupError, match="on purpose"):
        thread.run(fail())


def test_a_call_from_the_loop_thread_itself_is_refused(thread: LoopThread) -> None:
    async def outer() -> None:
        async def inner() -> None: ...

        thread.run(inner())

    with pytest.raises(RuntimeError, match="own thread"):
        thread.run(outer())


def test_it_works_while_the_calling_thread_runs_a_loop_of_its_own(thread: LoopThread) -> None:
    async def answer() -> int:
        return 1

    async def cell() -> int:
        return thread.run(answer())

    assert asyncio.run(cell()) == 1


def test_the_callers_context_is_seen_by_the_task(thread: LoopThread) -> None:
    variable = contextvars.ContextVar("variable", default="outside")

    async def read() -> str:
        return variable.get()

    variable.set("inside")
    assert thread.run(read()) == "inside"


def test_stopping_cancels_what_runs_and_ends_the_thread() -> None:
    loop = LoopThread("short-lived")
    loop.start()
    started, cleaned = threading.Event(), threading.Event()

    async def forever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    loop.spawn(forever())
    assert started.wait(5)
    loop.stop()
    assert cleaned.is_set()
    assert not any(t.name == "short-lived" for t in threading.enumerate())
    with pytest.raises(RuntimeError, match="closed"):
        loop.run(forever())


def test_the_shared_loop_ends_with_its_last_user() -> None:
    before = sys.getswitchinterval()
    one, two = _loop.acquire(), _loop.acquire()
    assert one is two
    _loop.release()
    assert one.is_running
    _loop.release()
    assert not one.is_running
    assert sys.getswitchinterval() == before


INTERRUPTED = """
import asyncio, signal, threading, time, os
from workbench._loop import LoopThread
loop = LoopThread(); loop.start()
log = []
async def other():
    await asyncio.Event().wait()
async def slow():
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        log.append("cleaned")
        raise
kept = loop.spawn(other())
began = time.monotonic()
try:
    loop.run(slow())
except KeyboardInterrupt:
    log.append("interrupted")
print(log, kept.done(), time.monotonic() - began < 10)
loop.stop()
"""


def test_an_interrupt_cancels_the_blocked_task_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == "['cleaned', 'interrupted'] False True", done.stderr


def test_the_interpreter_ends_although_the_loop_was_left_running() -> None:
    code = "from workbench import _loop; import asyncio; t = _loop.acquire(); t.spawn(asyncio.sleep(60))"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30)
    assert done.returncode == 0 and not done.stderr
    assert time.monotonic() - began < 10
