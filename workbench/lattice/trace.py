"""The one trace hook: hosts, providers and clients of ours report every call through it.

A call is a sequence of `CallEvent` with the same ``call_id``: STARTED, HANDSHAKE, FIRST_BYTE,
then COMPLETED or FAILED. The hook is always on and nearly free: with no subscriber a call costs
one attribute test (ARCHITECTURE §13).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection
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

    # A phase is looked up for every event; Enum's own hash is written in Python.
    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]


class Side(Enum):
    """Who reports. One call between two of our own is reported by both, under one trace id."""

    CALLER = "caller"
    CALLEE = "callee"


# Not frozen: setting the fields of a frozen one takes four times as long.
@dataclass(slots=True, eq=False)
class CallEvent:
    """One step of one call, shared by all who hear it: nobody changes it.

    ``at_ns`` is `time.perf_counter_ns()`; ``wall_s`` is epoch seconds. ``source`` and ``target``
    are component or provider ids, ``""`` where unknown. ``params`` and ``result`` hold the decoded
    values (STARTED and COMPLETED), never secrets; ``error`` the exception of FAILED. The last event
    tells when the handshake was, for those who do not listen to that.
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
    handshake_ns: int | None = None


Listener = Callable[[CallEvent], None]


class Tracer:
    """Fans call events out to subscribers; called on the loop thread or a worker thread.

    ``listeners`` are those of each phase: an event that nobody wants need not be made.
    """

    __slots__ = ("_subscribers", "enabled", "listeners")

    def __init__(self) -> None:
        self._subscribers: tuple[tuple[Listener, frozenset[Phase]], ...] = ()
        self.listeners: dict[Phase, tuple[Listener, ...]] = {}
        self.enabled = False
        self._settle()

    def subscribe(
        self, callback: Listener, phases: Collection[Phase] = tuple(Phase)
    ) -> Callable[[], None]:
        """Call ``callback`` with every event of these phases until the returned function is called.

        The callback must be quick, thread-safe and must not raise.
        """
        self._subscribers = (*self._subscribers, (callback, frozenset(phases)))
        self._settle()

        def unsubscribe() -> None:
            self._subscribers = tuple(s for s in self._subscribers if s[0] is not callback)
            self._settle()

        return unsubscribe

    def _settle(self) -> None:
        self.listeners = {
            phase: tuple(callback for callback, phases in self._subscribers if phase in phases)
            for phase in Phase
        }
        self.enabled = bool(self._subscribers)

    def emit(self, event: CallEvent) -> None:
        for listener in self.listeners[event.phase]:
            listener(event)
