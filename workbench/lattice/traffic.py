"""The calls of our own hosts, providers and clients as records, newest last.

A call between two of ours is reported by both sides; the trace header they share makes the two
reports one `Call`. The caller's view wins where both know something, because it is what the
caller waited for; the callee's exception wins over the caller's, because it says why.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from workbench.lattice.trace import CallEvent, Phase, Side, Tracer

__all__ = ["Call", "Traffic"]

log = logging.getLogger(__name__)

KEEP_BYTES = 64 * 1024 * 1024
OPEN_CALLS = 20_000
# How long a second side may lag behind the first one, counted in calls.
SPANS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call, from its start to its answer or failure.

    ``started_s`` is epoch seconds. ``sides`` tells who reported: ``caller``, ``callee`` or both.
    ``params`` and ``result`` are None once the ring let go of them (``abridged``).
    """

    number: int
    source: str
    target: str
    instance: str
    function: str
    link_name: str
    started_s: float
    duration_ms: float | None = None
    handshake_ms: float | None = None
    params: tuple[Any, ...] | None = None
    result: Any = None
    error: BaseException | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    traceparent: str = ""
    subject: str = ""
    sides: frozenset[str] = frozenset()
    abridged: bool = False

    @property
    def ok(self) -> bool:
        """Whether an answer came; a WIT error is an answer."""
        return self.error is None

    @property
    def finished(self) -> bool:
        return self.duration_ms is not None

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]


class _Report:
    """What one side has told so far."""

    __slots__ = ("end", "handshake_ns", "start")

    def __init__(self, start: CallEvent) -> None:
        self.start = start
        self.handshake_ns: int | None = None
        self.end: CallEvent | None = None


class _Pair:
    """The one or two reports of a call."""

    __slots__ = ("number", "recorded", "reports")

    def __init__(self, number: int) -> None:
        self.number = number
        self.recorded = False
        self.reports: dict[Side, _Report] = {}

    @property
    def ended(self) -> bool:
        """Whether the call is over for whoever waited for it: the caller where one reports."""
        report = self.reports.get(Side.CALLER) or self.reports[Side.CALLEE]
        return report.end is not None

    @property
    def complete(self) -> bool:
        """Whether nothing more will be told."""
        return len(self.reports) == 2 and all(r.end is not None for r in self.reports.values())

    def forget_values(self) -> None:
        """Let go of the values once a record holds them."""
        for report in self.reports.values():
            report.start = replace(report.start, params=None)
            if report.end is not None:
                report.end = replace(report.end, result=None)

    def record(self) -> Call:
        first = self.reports.get(Side.CALLER) or self.reports[Side.CALLEE]
        start, end = first.start, first.end
        call = Call(
            number=self.number, source=start.source, target=start.target, instance=start.instance,
            function=start.function, link_name=start.link_name, started_s=start.wall_s,
            params=self._params(), request_bytes=start.request_bytes, traceparent=start.traceparent,
            subject=start.subject, sides=frozenset(side.value for side in self.reports),
        )  # fmt: skip
        if first.handshake_ns is not None:
            call = replace(call, handshake_ms=(first.handshake_ns - start.at_ns) / 1e6)
        if end is None:
            return call
        return replace(
            call,
            duration_ms=(end.at_ns - start.at_ns) / 1e6,
            result=end.result,
            response_bytes=end.response_bytes,
            request_bytes=max(start.request_bytes, end.request_bytes),
            error=self._error(end.error),
        )

    def _params(self) -> tuple[Any, ...] | None:
        known = (self.reports[side].start.params for side in Side if side in self.reports)
        return next((params for params in known if params is not None), None)

    def _error(self, error: BaseException | None) -> BaseException | None:
        callee = self.reports.get(Side.CALLEE)
        if error is None or callee is None or callee.end is None:
            return error
        return callee.end.error or error


class Traffic:
    """The last ``keep`` calls of a tracer. Events may come from any thread.

    A finished call enters the ring when its first side has finished; the other side's report
    then completes it in place, so that no call is there twice. Values of old calls are let go
    once all values together pass ``keep_bytes``.
    """

    def __init__(self, tracer: Tracer, keep: int = 1000, *, keep_bytes: int = KEEP_BYTES) -> None:
        self._lock = threading.Lock()
        self._keep = keep
        self._keep_bytes = keep_bytes
        self._bytes = 0
        self._count = 0
        self._ring: OrderedDict[int, Call] = OrderedDict()
        self._heavy: deque[int] = deque()
        self._open: OrderedDict[int, _Pair] = OrderedDict()
        self._spans: OrderedDict[tuple[str, str, str], _Pair] = OrderedDict()
        self._subscribers: tuple[Callable[[Call], None], ...] = ()
        self._unsubscribe: Callable[[], None] | None = tracer.subscribe(self._on_event)

    def close(self) -> None:
        """Stop listening; the records stay."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def __call__(self) -> list[Call]:
        """The same as `calls`: ``lattice.traffic()`` is the public name."""
        return self.calls()

    def calls(self) -> list[Call]:
        """The finished calls that are kept, oldest first."""
        with self._lock:
            return list(self._ring.values())

    def in_flight(self) -> list[Call]:
        """Calls that have started and not ended, oldest first."""
        with self._lock:
            pairs = {id(pair): pair for pair in self._open.values()}
            return [pair.record() for pair in pairs.values() if not pair.ended]

    def clear(self) -> None:
        with self._lock:
            self._ring.clear()
            self._heavy.clear()
            self._bytes = 0

    def subscribe(self, callback: Callable[[Call], None]) -> Callable[[], None]:
        """Hear each finished call once, on the thread that reported its end."""
        self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            self._subscribers = tuple(s for s in self._subscribers if s is not callback)

        return unsubscribe

    # ---- events

    def _on_event(self, event: CallEvent) -> None:
        with self._lock:
            finished = self._take(event)
        if finished is None:
            return
        for subscriber in self._subscribers:
            try:
                subscriber(finished)
            except Exception:
                log.exception("a subscriber of the traffic failed")

    def _take(self, event: CallEvent) -> Call | None:
        if event.phase is Phase.STARTED:
            self._start(event)
            return None
        pair = self._open.get(event.call_id)
        report = None if pair is None else pair.reports.get(event.side)
        if pair is None or report is None:
            return None
        if event.phase is Phase.HANDSHAKE:
            report.handshake_ns = event.at_ns
        elif event.phase in (Phase.COMPLETED, Phase.FAILED):
            report.end = event
            self._open.pop(event.call_id, None)
            return self._end(pair)
        return None

    def _start(self, event: CallEvent) -> None:
        key = _span(event)
        pair = self._spans.get(key) if event.traceparent else None
        if pair is None or event.side in pair.reports:
            self._count += 1
            pair = _Pair(self._count)
            if event.traceparent:
                self._spans[key] = pair
        pair.reports[event.side] = _Report(event)
        self._open[event.call_id] = pair
        # Calls whose end never came (a side that died) must not pile up.
        while len(self._open) > OPEN_CALLS:
            self._open.popitem(last=False)
        while len(self._spans) > SPANS_KEPT:
            self._spans.popitem(last=False)

    def _end(self, pair: _Pair) -> Call | None:
        """Put the call into the ring; returns it the first time it counts as finished."""
        if not pair.ended:
            return None
        call = pair.record()
        start = pair.reports[next(iter(pair.reports))].start
        if pair.complete:
            self._spans.pop(_span(start), None)
        if pair.recorded:
            self._complete(call)
            return None
        pair.recorded = True
        pair.forget_values()
        self._ring[call.number] = call
        self._trim(call)
        return call

    def _complete(self, call: Call) -> None:
        """The second side has ended after the first was recorded."""
        known = self._ring.get(call.number)
        if known is not None:
            self._ring[call.number] = replace(
                call, params=known.params, result=known.result, abridged=known.abridged
            )

    def _trim(self, call: Call) -> None:
        size = call.request_bytes + call.response_bytes
        self._bytes += size
        self._heavy.append(call.number)
        while len(self._ring) > self._keep:
            number, dropped = self._ring.popitem(last=False)
            if self._heavy and self._heavy[0] == number:
                self._heavy.popleft()
                self._bytes -= dropped.request_bytes + dropped.response_bytes
        while self._bytes > self._keep_bytes and self._heavy:
            number = self._heavy.popleft()
            old = self._ring[number]
            self._bytes -= old.request_bytes + old.response_bytes
            self._ring[number] = replace(old, params=None, result=None, abridged=True)


def _span(event: CallEvent) -> tuple[str, str, str]:
    return event.traceparent, event.instance, event.function
