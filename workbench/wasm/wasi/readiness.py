"""Waiting for file descriptors on the worker thread, so that a cancellation still ends the wait."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterable

from workbench.wasm.store import CallState

__all__ = ["Readiness", "is_ready"]

_LONGEST_S = 3600.0
"""The system refuses to wait for years; whoever waits asks again."""
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Readiness:
    """A pair of sockets of the invocation: what is written to one ends a wait on the other."""

    def __init__(self, call: CallState) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._closed = False
        call.wake = self.wake

    def wake(self) -> None:
        """End the wait. Any thread."""
        # Where it would block it is full of wake-ups already.
        with self._lock, contextlib.suppress(BlockingIOError):
            if not self._closed:
                self._writer.send(b"\0")

    def sleep(self, watches: Iterable[tuple[int, int]], timeout_s: float | None) -> None:
        """Wait until one of (file descriptor, events) is ready, `wake` is called or time is up."""
        events: dict[int, int] = {}
        for fd, wanted in watches:
            events[fd] = events.get(fd, 0) | wanted
        with _Selector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            for fd, wanted in events.items():
                # A socket that was closed meanwhile is ready: whoever asks is told.
                if fd < 0:
                    return
                selector.register(fd, wanted)
            selector.select(_LONGEST_S if timeout_s is None else min(timeout_s, _LONGEST_S))
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._call.wake = None
            self._reader.close()
            self._writer.close()


def is_ready(fd: int, events: int) -> bool:
    """Whether one of ``events`` can be done on ``fd`` now; a closed one is ready."""
    if fd < 0:
        return True
    with _Selector() as selector:
        selector.register(fd, events)
        return bool(selector.select(0))
