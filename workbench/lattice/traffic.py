"""The calls of our own hosts, providers and clients as records, newest last.

A call between two of ours is reported by both sides; the trace header they share makes the two
reports one `Call`. The caller's view wins where both know something, because it is what the
caller waited for; the callee's exception wins over the caller's, because it says why.

While calls run only the reports themselves are kept; a `Call` is made of them when somebody asks.
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


# What is left of a report whose call the ring has let go of.
_FORGOTTEN = CallEvent(0, Phase.STARTED, Side.CALLER, "", "", "", "")
_PHASES = (Phase.STARTED, Phase.COMPLETED, Phase.FAILED)


class _Report:
    """What one side has told so far."""

    __slots__ = ("end", "start")

    def __init__(self, start: CallEvent) -> None:
        self.start = start
        self.end: CallEvent | None = None

    def without_values(self) -> None:
        self.start = replace(self.start, params=None)
        if self.end is not None:
            self.end = replace(self.end, result=None)


class _Pair:
    """The one or two reports of a call, and the record made of them once it was asked for."""

    __slots__ = ("abridged", "call", "callee", "caller", "gone", "number", "recorded", "size",
                 "span")  # fmt: skip

    def __init__(self, number: int, span: tuple[str, str, str] | None) -> None:
        self.number = number
        self.span = span
        self.caller: _Report | None = None
        self.callee: _Report | None = None
        self.recorded = False
        self.abridged = False
        self.gone = False
        self.size = 0
        self.call: Call | None = None

    @property
    def first(self) -> _Report:
        """The report of whoever waited: the caller where one reports."""
        report = self.caller or self.callee
        assert report is not None
        return report

    @property
    def ended(self) -> bool:
        """Whether the call is over for whoever waited for it."""
        return self.first.end is not None

    @property
    def complete(self) -> bool:
        """Whether nothing more will be told."""
        caller, callee = self.caller, self.callee
        return (
            caller is not None
            and callee is not None
            and caller.end is not None
            and callee.end is not None
        )

    def keep_values_once(self) -> None:
        """Both sides have decoded the values for themselves: hold on to one copy."""
        if self.caller is not None and self.callee is not None:
            extra = self.callee
            if self.caller.start.params is None:
                # A caller that does not tell its arguments: those of the callee are all there is.
                self.caller.start = replace(self.caller.start, params=extra.start.params)
            if extra.start.params or (extra.end is not None and extra.end.result is not None):
                extra.start = _FORGOTTEN
                if extra.end is not None and extra.end.error is None:
                    extra.end = _FORGOTTEN

    def abridge(self) -> None:
        """Let go of the values."""
        self.abridged = True
        self.call = None
        for report in (self.caller, self.callee):
            if report is not None:
                report.without_values()

    def forget(self) -> None:
        """The ring has let go of the call; what a side still tells of it is nobody's concern."""
        self.gone = True
        self.call = None
        for report in (self.caller, self.callee):
            if report is not None:
                report.start = _FORGOTTEN
                report.end = None if report.end is None else _FORGOTTEN

    def record(self) -> Call:
        """The call as far as it is known. Made once for a call that is over."""
        if self.call is not None:
            return self.call
        first = self.first
        if first.end is None and self.recorded and self.callee is not None:
            first = self.callee
        start, end = first.start, first.end
        handshake_ns = None if end is None else end.handshake_ns
        call = Call(
            number=self.number, source=start.source, target=start.target, instance=start.instance,
            function=start.function, link_name=start.link_name, started_s=start.wall_s,
            duration_ms=None if end is None else (end.at_ns - start.at_ns) / 1e6,
            handshake_ms=None if handshake_ns is None else (handshake_ns - start.at_ns) / 1e6,
            params=self._params(),
            result=None if end is None else end.result,
            error=None if end is None else self._error(end.error),
            request_bytes=max(start.request_bytes, 0 if end is None else end.request_bytes),
            response_bytes=0 if end is None else end.response_bytes,
            traceparent=start.traceparent, subject=start.subject, sides=self._sides(),
            abridged=self.abridged,
        )  # fmt: skip
        if end is not None:
            self.call = call
        return call

    def _params(self) -> tuple[Any, ...] | None:
        for report in (self.caller, self.callee):
            if report is not None and report.start.params is not None:
                return report.start.params
        return None

    def _error(self, error: BaseException | None) -> BaseException | None:
        if error is None or self.callee is None or self.callee.end is None:
            return error
        return self.callee.end.error or error

    def _sides(self) -> frozenset[str]:
        if self.caller is None:
            return _CALLEE
        return _CALLER if self.callee is None else _BOTH


_CALLER = frozenset({Side.CALLER.value})
_CALLEE = frozenset({Side.CALLEE.value})
_BOTH = _CALLER | _CALLEE


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
        self._ring: deque[_Pair] = deque()
        self._heavy: deque[_Pair] = deque()
        self._open: OrderedDict[int, _Pair] = OrderedDict()
        self._spans: OrderedDict[tuple[str, str, str], _Pair] = OrderedDict()
        self._subscribers: tuple[Callable[[Call], None], ...] = ()
        self._unsubscribe: Callable[[], None] | None = tracer.subscribe(self._on_event, _PHASES)

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
            pairs = list(self._ring)
        calls: list[Call] = []
        for pair in pairs:
            # Call by call: making them all takes long enough to be felt by those that run.
            with self._lock:
                if not pair.gone:
                    calls.append(pair.record())
        return calls

    def in_flight(self) -> list[Call]:
        """Calls that have started and not ended, oldest first."""
        with self._lock:
            pairs = {id(pair): pair for pair in self._open.values()}
            return [pair.record() for pair in pairs.values() if not pair.ended]

    def clear(self) -> None:
        with self._lock:
            for pair in self._ring:
                pair.forget()
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
        phase = event.phase
        if phase is Phase.STARTED:
            self._start(event)
            return None
        pair = self._open.get(event.call_id)
        if pair is None:
            return None
        report = pair.caller if event.side is Side.CALLER else pair.callee
        if report is None:
            return None
        if phase is Phase.COMPLETED or phase is Phase.FAILED:
            report.end = event
            del self._open[event.call_id]
            return self._end(pair)
        return None

    def _start(self, event: CallEvent) -> None:
        is_caller = event.side is Side.CALLER
        key = _span(event) if event.traceparent else None
        pair = self._spans.get(key) if key is not None else None
        if pair is None or (pair.caller if is_caller else pair.callee) is not None:
            self._count += 1
            pair = _Pair(self._count, key)
            if key is not None:
                self._spans[key] = pair
        if is_caller:
            pair.caller = _Report(event)
        else:
            pair.callee = _Report(event)
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
        pair.call = None
        if pair.span is not None and pair.complete:
            self._spans.pop(pair.span, None)
        if pair.gone:
            return None
        pair.keep_values_once()
        if pair.recorded:
            if pair.abridged:
                pair.abridge()
            return None
        pair.recorded = True
        self._ring.append(pair)
        self._trim(pair)
        return pair.record() if self._subscribers else None

    def _trim(self, pair: _Pair) -> None:
        start, end = pair.first.start, pair.first.end
        assert end is not None
        pair.size = max(start.request_bytes, end.request_bytes) + end.response_bytes
        self._bytes += pair.size
        self._heavy.append(pair)
        while len(self._ring) > self._keep:
            dropped = self._ring.popleft()
            if self._heavy and self._heavy[0] is dropped:
                self._heavy.popleft()
                self._bytes -= dropped.size
            if not dropped.complete:
                dropped.forget()
            else:
                dropped.gone = True
        while self._bytes > self._keep_bytes and self._heavy:
            old = self._heavy.popleft()
            self._bytes -= old.size
            old.abridge()


def _span(event: CallEvent) -> tuple[str, str, str]:
    return event.traceparent, event.instance, event.function
