"""Many pokes, few flushes: what keeps a widget below ten messages a second.

Jupyter's server drops what goes beyond a thousand messages a second, and a person sees no more
than a few (ARCHITECTURE §10).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

__all__ = ["INTERVAL_S", "Pace"]

log = logging.getLogger(__name__)

INTERVAL_S = 0.1


class Pace:
    """Runs ``flush`` on ``loop`` soon after a poke, and at most once per ``interval_s``.

    `poke` may come from any thread, any number of times. After `stop` nothing runs any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        flush: Callable[[], None],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._loop = loop
        self._flush = flush
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._waiting = False
        self._stopped = False
        self._next_at = 0.0

    def poke(self) -> None:
        with self._lock:
            if self._waiting or self._stopped:
                return
            self._waiting = True
        try:
            self._loop.call_soon_threadsafe(self._arm)
        except RuntimeError:
            # The loop is closed: its lattice is gone, and so is everybody who would look.
            self.stop()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True

    def _arm(self) -> None:
        now = self._loop.time()
        if now >= self._next_at:
            self._run()
        else:
            self._loop.call_at(self._next_at, self._run)

    def _run(self) -> None:
        with self._lock:
            self._waiting = False
            if self._stopped:
                return
        self._next_at = self._loop.time() + self._interval_s
        try:
            self._flush()
        except Exception:
            # A front end that went away must not end the loop that the lattice lives on.
            log.exception("a live display could not be updated")
