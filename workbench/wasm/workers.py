"""Threads that run wasm, and the way back to the event loop.

The hand-over between a loop and a thread costs more than a tiny wasm call (ARCHITECTURE §15):
results and wake-ups are queued and the loop is woken once for all that gathered meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

__all__ = ["LoopPort", "WorkerPool"]

log = logging.getLogger(__name__)


TURN_NS = 5_000_000
"""How much of one turn of the loop guests may take that run on the loop's own thread."""


class LoopPort:
    """Posts callbacks to one event loop from any thread, waking it once for many."""

    __slots__ = ("_pending", "_scheduled", "_spent_ns", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._pending: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._scheduled = False
        self._spent_ns = 0

    @property
    def has_time(self) -> bool:
        """Whether a guest may run on the loop's thread in this turn of the loop."""
        return self._spent_ns < TURN_NS

    def spend(self, ns: int) -> None:
        """A guest took this much of the turn; called on the loop."""
        if not self._spent_ns:
            self.loop.call_soon(self._new_turn)
        self._spent_ns += ns

    def _new_turn(self) -> None:
        self._spent_ns = 0

    def post(self, callback: Callable[..., Any], *args: Any) -> None:
        """Have ``callback(*args)`` called on the loop, after everything posted before."""
        self._pending.append((callback, args))
        # A drain that has not begun yet will see this item: it clears the flag before it pops.
        if not self._scheduled:
            self._scheduled = True
            try:
                self.loop.call_soon_threadsafe(self._drain)
            except RuntimeError:
                # The loop is closed: whoever waited there is gone.
                self._pending.clear()

    def _drain(self) -> None:
        self._scheduled = False
        pending = self._pending
        while pending:
            callback, args = pending.popleft()
            try:
                callback(*args)
            except Exception:
                log.exception("a callback from a wasm thread failed")


class WorkerPool:
    """Worker threads: as many as asked, more while some wait for the loop or are overdue.

    A worker in a host call occupies no processor, so it does not count: otherwise a component
    that calls a component in the same process could wait for itself.
    """

    def __init__(self, size: int, maximum: int = 256) -> None:
        self.size = size
        self.maximum = maximum
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._blocked = 0
        self._made = 0
        self._closed = False

    @property
    def threads(self) -> int:
        return len(self._threads)

    @property
    def waiting(self) -> int:
        """Jobs that no thread has taken yet."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[], None]) -> None:
        """Run ``job`` on a worker; it must not raise."""
        self._jobs.put(job)
        if self._idle == 0 and len(self._threads) - self._blocked < self.size:
            self._grow()

    def block(self) -> None:
        """The calling worker is about to wait; let another one take its place."""
        with self._lock:
            self._blocked += 1
            short = self._idle == 0 and len(self._threads) - self._blocked < self.size
        if short and self._jobs.qsize():
            self._grow()

    def unblock(self) -> None:
        with self._lock:
            self._blocked -= 1

    def relieve(self) -> None:
        """Add a thread if jobs wait although nobody is idle; the engine's ticker asks this."""
        if self._idle == 0 and self._jobs.qsize():
            self._grow()

    def _grow(self) -> None:
        with self._lock:
            if self._closed or len(self._threads) >= self.maximum:
                return
            self._made += 1
            thread = threading.Thread(target=self._work, name=f"wasm-{self._made}", daemon=True)
            self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        me = threading.current_thread()
        try:
            while True:
                with self._lock:
                    self._idle += 1
                job = self._jobs.get()
                with self._lock:
                    self._idle -= 1
                if job is None:
                    return
                try:
                    job()
                except Exception:
                    log.exception("a wasm job failed outside its own error handling")
                del job
                if self._is_surplus():
                    return
        finally:
            with self._lock:
                self._threads.discard(me)

    def _is_surplus(self) -> bool:
        with self._lock:
            spare = len(self._threads) - self._blocked > self.size
            return (spare and self._idle >= 1 and not self._jobs.qsize()) or self._closed

    def close(self, timeout_s: float = 2.0) -> None:
        """Let every worker end after its job, and wait for them, together at most so long."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        until = time.monotonic() + timeout_s
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
