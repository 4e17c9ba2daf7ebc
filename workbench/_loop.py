"""The one background event loop that every lattice of this process lives on.

A magic can't await the kernel's loop, and a lattice must keep running while a cell blocks. So the
loop runs on a thread of its own and blocking callers hand it coroutines. The semantics are those
of anyio's blocking portal: a call from the loop's own thread is refused, an interrupt of the
blocked caller cancels its task and nothing else, and what still runs at the end is cancelled and
awaited before the thread is joined.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import contextvars
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["LoopThread", "acquire", "release"]

log = logging.getLogger(__name__)

T = TypeVar("T")

# While a cell computes in pure Python, the loop waits for the interpreter lock. With Python's
# default of 5 ms a NATS round trip takes 12 ms then, with 1 ms it takes 3 (nats.md §10.9).
SWITCH_INTERVAL_S = 0.001
CANCEL_WAIT_S = 5.0


class LoopThread:
    """An event loop on a daemon thread."""

    def __init__(self, name: str = "workbench-loop") -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._switch_interval_s = 0.0
        self.loop: asyncio.AbstractEventLoop = _new_loop()

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; returns when the loop runs."""
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._main, args=(ready,), name=self._name, daemon=True
        )
        self._switch_interval_s = sys.getswitchinterval()
        sys.setswitchinterval(min(self._switch_interval_s, SWITCH_INTERVAL_S))
        self._thread.start()
        ready.wait()

    def _main(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(ready.set)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_finish(self.loop))
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and block until it is done.

        On KeyboardInterrupt the task is cancelled and given a moment to clean up, then the
        interrupt goes on. Raises RuntimeError when called from the loop's own thread, which
        would wait for itself for ever.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError(
                "a blocking call from the loop's own thread; use workbench.aio there"
            )
        if not self.is_running:
            coroutine.close()
            raise RuntimeError("the background loop is closed")
        handle = self._submit(coroutine)
        try:
            return handle.result()
        except KeyboardInterrupt:
            handle.cancel_task()
            with contextlib.suppress(BaseException):
                handle.result(CANCEL_WAIT_S)
            raise

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine without waiting; its failure is logged if nobody asks for it."""
        handle = self._submit(coroutine)
        handle.add_done_callback(_log_failure)
        return handle

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> _Handle[T]:
        handle: _Handle[T] = _Handle(self.loop)
        context = contextvars.copy_context()
        self.loop.call_soon_threadsafe(self._begin, coroutine, handle, context)
        return handle

    def _begin(
        self, coroutine: Coroutine[Any, Any, T], handle: _Handle[T], context: contextvars.Context
    ) -> None:
        task = self.loop.create_task(coroutine, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        handle.attach(task)

    def stop(self) -> None:
        """Cancel and await what still runs, end the thread, close the loop."""
        thread, self._thread = self._thread, None
        if thread is None or not thread.is_alive():
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        thread.join(CANCEL_WAIT_S * 4)
        sys.setswitchinterval(self._switch_interval_s)
        if thread.is_alive():
            log.error("the background loop does not end; its thread is abandoned")


class _Handle(concurrent.futures.Future[T]):
    """The outcome of a task on the loop, for a caller on another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._task: asyncio.Task[T] | None = None

    def attach(self, task: asyncio.Task[T]) -> None:
        self._task = task
        task.add_done_callback(self._settle)

    def _settle(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.set_exception(concurrent.futures.CancelledError())
        elif (error := task.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(task.result())

    def cancel_task(self) -> None:
        """Cancel the task itself, unlike ``cancel()``, which only abandons the future."""

        def cancel() -> None:
            if self._task is not None:
                self._task.cancel()

        with contextlib.suppress(RuntimeError):  # the loop closed meanwhile
            self._loop.call_soon_threadsafe(cancel)


def _log_failure(future: concurrent.futures.Future[Any]) -> None:
    error = future.exception()
    if error is not None and not isinstance(error, concurrent.futures.CancelledError):
        log.error("a background task failed", exc_info=error)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _finish(loop: asyncio.AbstractEventLoop) -> None:
    current = asyncio.current_task()
    pending = [task for task in asyncio.all_tasks(loop) if task is not current]
    for task in pending:
        task.cancel()
    if pending:
        _done, stuck = await asyncio.wait(pending, timeout=CANCEL_WAIT_S)
        for task in stuck:
            log.error("a task does not end on cancellation: %r", task)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


# -- the shared one: there while somebody uses it ----------------------------------------------

_lock = threading.Lock()
_shared: LoopThread | None = None
_users = 0


def acquire() -> LoopThread:
    """The process's loop thread, started for its first user. Pair with `release`."""
    global _shared, _users
    with _lock:
        if _shared is None or not _shared.is_running:
            _shared = LoopThread()
            _shared.start()
            _users = 0
        _users += 1
        return _shared


def release() -> None:
    """Give it back; the thread ends with its last user."""
    global _shared, _users
    with _lock:
        _users = max(0, _users - 1)
        ended = _shared if _users == 0 else None
        if ended is not None:
            _shared = None
    if ended is not None:
        ended.stop()


_at_exit: list[Callable[[], None]] = []


def at_exit(callback: Callable[[], None]) -> Callable[[], None]:
    """Call ``callback`` when the interpreter ends, before the loop is stopped."""
    _at_exit.append(callback)

    def remove() -> None:
        with contextlib.suppress(ValueError):
            _at_exit.remove(callback)

    return remove


@atexit.register
def _stop_all() -> None:
    for callback in reversed(list(_at_exit)):
        with contextlib.suppress(Exception):
            callback()
    if _shared is not None:
        _shared.stop()
