"""From the observer's states to what the widget is sent: snapshots, deltas and pulses.

The feed owns the sequence: a delta always leads from the last graph that was sent to the newest
one, and a view that does not stand at its start asks for a snapshot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from workbench.lattice.graph import delta as graph_delta
from workbench.lattice.graph import snapshot as graph_snapshot
from workbench.lattice.state import LatticeState
from workbench.lattice.traffic import Call

__all__ = ["GraphFeed", "ObservedLattice", "coalesce"]

Message = dict[str, Any]
Unsubscribe = Callable[[], None]

# Pulses of one flush beyond this are one look at a busy lattice, not information.
PULSES_LIMIT = 64
# A burst between two flushes is counted, not kept whole.
CALLS_LIMIT = 10_000


class _Observer(Protocol):
    @property
    def state(self) -> LatticeState: ...

    def subscribe(self, callback: Callable[[LatticeState, Any], None]) -> Unsubscribe: ...


class _Traffic(Protocol):
    def subscribe(self, callback: Callable[[Call], None]) -> Unsubscribe: ...


class ObservedLattice(Protocol):
    """What the live parts need of a lattice."""

    @property
    def observer(self) -> _Observer: ...

    @property
    def traffic(self) -> _Traffic: ...


class GraphFeed:
    """Collects what happened since the last `drain`. Pokes come on any thread."""

    def __init__(self, lattice: ObservedLattice, poke: Callable[[], None]) -> None:
        self._observer = lattice.observer
        self._poke = poke
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._sent: Message = graph_snapshot(self._observer.state)
        self._undo = (
            lattice.observer.subscribe(self._changed),
            lattice.traffic.subscribe(self._called),
        )

    @property
    def snapshot(self) -> Message:
        """The graph as it was last sent."""
        return self._sent

    def _changed(self, _state: LatticeState, _change: Any) -> None:
        self._poke()

    def _called(self, call: Call) -> None:
        with self._lock:
            if len(self._calls) < CALLS_LIMIT:
                self._calls.append(call)
        self._poke()

    def drain(self) -> list[Message]:
        """The messages that bring a view from the last drain to now, possibly none."""
        messages: list[Message] = []
        newest = graph_snapshot(self._observer.state)
        change = graph_delta(self._sent, newest)
        if change is not None:
            self._sent = newest
            messages.append({"type": "delta", "delta": change})
        with self._lock:
            calls, self._calls = self._calls, []
        if calls:
            messages.append({"type": "pulses", "pulses": coalesce(calls)})
        return messages

    def close(self) -> None:
        for undo in self._undo:
            undo()


def coalesce(calls: list[Call]) -> list[Message]:
    """Calls alike become one pulse with a count; a failure stays apart from successes."""
    pulses: dict[tuple[str, str, str, bool], Message] = {}
    for call in calls:
        ok = call.error is None
        key = (call.source, call.target, call.function, ok)
        known = pulses.get(key)
        if known is None:
            if len(pulses) >= PULSES_LIMIT:
                continue
            known = pulses[key] = {
                "type": "pulse",
                "source": call.source,
                "target": call.target,
                "instance": call.instance,
                "function": call.function,
                "ok": ok,
                "count": 0,
            }
        known["count"] += 1
        known["ms"] = round(call.duration_ms or 0.0, 3)
    return list(pulses.values())
