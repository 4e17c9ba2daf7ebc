"""The one trace hook: hosts, providers and clients of ours report every call through it.

A call is a sequence of `CallEvent` with the same ``call_id``: STARTED, HANDSHAKE, FIRST_BYTE,
then COMPLETED or FAILED. The hook is always on and nearly free: with no subscriber a call costs
one attribute test (ARCHITECTURE §13).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["CallEvent", "Phase", "Side", "Tracer", "next_call_id"]

_ids = itertools.count(1)


def next_call_id() -> int:
    """A number that is unique in this process."""
    return next(_ids)


class Phase(Enum):
    STARTED = "started"
    HANDSHAKE = "handshake"
    FIRST_BYTE = "first-byte"
    COMPLETED = "completed"
    FAILED = "failed"


class Side(Enum):
    """Who reports. One call between two of our own is reported by both, under one trace id."""

    CALLER = "caller"
    CALLEE = "callee"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One step of one call.

    ``at_ns`` is `time.perf_counter_ns()`; ``wall_s`` is epoch seconds. ``source`` and ``target``
    are component or provider ids, ``""`` where unknown. ``params`` and ``result`` hold the decoded
    values (STARTED and COMPLETED), never secrets; ``error`` the exception of FAILED.
    """

    call_id: int
    phase: Phase
    side: Side
    source: str
    target: str
    instance: str
    function: str
    link_name: str = "default"
    traceparent: str = ""
    subject: str = ""
    params: tuple[Any, ...] | None = None
    result: Any = None
    error: BaseException | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    at_ns: int = field(default_factory=time.perf_counter_ns)
    wall_s: float = field(default_factory=time.time)


class Tracer:
    """Fans call events out to subscribers; called on the loop thread or a worker thread."""

    __slots__ = ("_subscribers", "enabled")

    def __init__(self) -> None:
        self._subscribers: tuple[Callable[[CallEvent], None], ...] = ()
        self.enabled = False

    def subscribe(self, callback: Callable[[CallEvent], None]) -> Callable[[], None]:
        """Call ``callback`` with every event until the returned function is called.

        The callback must be quick, thread-safe and must not raise.
        """
        self._subscribers = (*self._subscribers, callback)
        self.enabled = True

        def unsubscribe() -> None:
            self._subscribers = tuple(s for s in self._subscribers if s is not callback)
            self.enabled = bool(self._subscribers)

        return unsubscribe

    def emit(self, event: CallEvent) -> None:
        for subscriber in self._subscribers:
            subscriber(event)
