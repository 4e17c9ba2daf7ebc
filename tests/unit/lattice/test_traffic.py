"""Pairing of call events into records."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from workbench.lattice.trace import CallEvent, Phase, Side, Tracer
from workbench.lattice.traffic import Call, Traffic

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def event(call_id: int, phase: Phase, side: Side = Side.CALLER, **fields: Any) -> CallEvent:
    base: dict[str, Any] = {
        "source": "a", "target": "b", "instance": "n:p/i", "function": "f", "traceparent": TRACE,
        "wall_s": 100.0,
    }  # fmt: skip
    return CallEvent(call_id=call_id, phase=phase, side=side, **(base | fields))


@pytest.fixture
def tracer() -> Tracer:
    return Tracer()


def test_one_side_alone_makes_a_call(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    tracer.emit(event(1, Phase.STARTED, at_ns=0, params=(1,), request_bytes=5))
    assert [c.finished for c in traffic.in_flight()] == [False]
    tracer.emit(event(1, Phase.HANDSHAKE, at_ns=2_000_000))
    tracer.emit(event(1, Phase.FIRST_BYTE, at_ns=3_000_000))
    end = {"at_ns": 5_000_000, "handshake_ns": 2_000_000, "result": "r", "response_bytes": 7}
    tracer.emit(event(1, Phase.COMPLETED, **end))
    (call,) = traffic.calls()
    assert (call.source, call.target, call.function, call.params, call.result) == (
        "a", "b", "f", (1,), "r",
    )  # fmt: skip
    assert (call.handshake_ms, call.duration_ms) == (2.0, 5.0)
    assert (call.request_bytes, call.response_bytes, call.ok) == (5, 7, True)
    assert call.sides == {"caller"} and call.trace_id == "a" * 32
    assert traffic.in_flight() == []


def test_both_sides_of_a_call_make_one_record(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    heard: list[Call] = []
    traffic.subscribe(heard.append)
    tracer.emit(event(1, Phase.STARTED, at_ns=0, params=(1,)))
    tracer.emit(event(2, Phase.STARTED, Side.CALLEE, at_ns=1, params=(1,)))
    assert len(traffic.in_flight()) == 1
    tracer.emit(event(2, Phase.COMPLETED, Side.CALLEE, at_ns=2, result=3))
    assert traffic.calls() == []
    tracer.emit(event(1, Phase.COMPLETED, at_ns=9, result=3))
    (call,) = traffic.calls()
    assert call.sides == {"caller", "callee"} and call.duration_ms == 9 / 1e6
    assert heard == [call]


def test_the_callee_says_why_a_call_failed(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    why, what = RuntimeError("why"), RuntimeError("incomplete")
    tracer.emit(event(1, Phase.STARTED))
    tracer.emit(event(2, Phase.STARTED, Side.CALLEE))
    tracer.emit(event(2, Phase.FAILED, Side.CALLEE, error=why))
    tracer.emit(event(1, Phase.FAILED, error=what))
    (call,) = traffic.calls()
    assert call.error is why and not call.ok


def test_a_callee_that_ends_after_its_caller_completes_the_same_record(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    heard: list[Call] = []
    traffic.subscribe(heard.append)
    tracer.emit(event(1, Phase.STARTED, params=("p",)))
    tracer.emit(event(2, Phase.STARTED, Side.CALLEE))
    tracer.emit(event(1, Phase.FAILED, error=TimeoutError()))
    tracer.emit(event(2, Phase.COMPLETED, Side.CALLEE, result="late"))
    (call,) = traffic.calls()
    assert call.params == ("p",) and isinstance(call.error, TimeoutError)
    assert len(heard) == 1


def test_two_calls_of_one_trace_stay_two(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    for call_id in (1, 2):
        tracer.emit(event(call_id, Phase.STARTED))
        tracer.emit(event(call_id, Phase.COMPLETED))
    assert len(traffic.calls()) == 2


def test_calls_without_a_trace_are_never_merged(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    for call_id, side in ((1, Side.CALLER), (2, Side.CALLEE)):
        tracer.emit(event(call_id, Phase.STARTED, side, traceparent=""))
        tracer.emit(event(call_id, Phase.COMPLETED, side, traceparent=""))
    assert len(traffic.calls()) == 2


def test_the_ring_keeps_the_newest(tracer: Tracer) -> None:
    traffic = Traffic(tracer, keep=3)
    for call_id in range(10):
        tracer.emit(event(call_id, Phase.STARTED, traceparent=""))
        tracer.emit(event(call_id, Phase.COMPLETED, traceparent="", result=call_id))
    assert [call.result for call in traffic.calls()] == [7, 8, 9]
    assert len(traffic._heavy) == 3


def test_values_of_old_calls_are_let_go_when_they_are_large(tracer: Tracer) -> None:
    traffic = Traffic(tracer, keep_bytes=250)
    for call_id in range(4):
        tracer.emit(
            event(call_id, Phase.STARTED, traceparent="", params=("x" * 100,), request_bytes=100)
        )
        tracer.emit(event(call_id, Phase.COMPLETED, traceparent=""))
    assert [call.abridged for call in traffic.calls()] == [True, True, False, False]
    assert traffic.calls()[0].params is None and traffic.calls()[3].params is not None


def test_events_of_unknown_calls_are_ignored(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    tracer.emit(event(1, Phase.HANDSHAKE))
    tracer.emit(event(1, Phase.COMPLETED))
    assert traffic.calls() == []


def test_a_subscriber_that_raises_stops_nobody(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    heard: list[Call] = []

    def bad(call: Call) -> None:
        raise RuntimeError

    traffic.subscribe(bad)
    stop = traffic.subscribe(heard.append)
    for call_id in (1, 2):
        tracer.emit(event(call_id, Phase.STARTED, traceparent=""))
        tracer.emit(event(call_id, Phase.FAILED, traceparent="", error=ValueError()))
        stop()
    assert len(heard) == 1


def test_closed_traffic_listens_no_more(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    traffic.close()
    assert not tracer.enabled


def test_a_finished_call_becomes_a_record_once(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    tracer.emit(event(1, Phase.STARTED))
    tracer.emit(event(2, Phase.STARTED, Side.CALLEE))
    tracer.emit(event(1, Phase.COMPLETED, result=1))
    (before,) = traffic.calls()
    assert traffic.calls()[0] is before
    tracer.emit(event(2, Phase.FAILED, Side.CALLEE, error=ValueError()))
    (after,) = traffic.calls()
    assert after.result == 1 and after.sides == {"caller", "callee"}
    assert traffic.calls()[0] is after


def test_the_values_of_a_call_are_held_once(tracer: Tracer) -> None:
    class Value:
        pass

    traffic = Traffic(tracer)
    mine, theirs, answer, received = Value(), Value(), Value(), Value()
    kept = [weakref.ref(value) for value in (mine, theirs, answer, received)]
    tracer.emit(event(1, Phase.STARTED, params=(mine,)))
    tracer.emit(event(2, Phase.STARTED, Side.CALLEE, params=(theirs,)))
    tracer.emit(event(2, Phase.COMPLETED, Side.CALLEE, result=answer))
    tracer.emit(event(1, Phase.COMPLETED, result=received))
    del mine, theirs, answer, received
    gc.collect()
    assert [ref() is not None for ref in kept] == [True, False, False, True]
    (call,) = traffic.calls()
    assert call.params == (kept[0](),) and call.result is kept[3]()


def test_a_call_that_left_the_ring_is_not_recorded_again(tracer: Tracer) -> None:
    traffic = Traffic(tracer, keep=1)
    tracer.emit(event(1, Phase.STARTED, traceparent="first"))
    tracer.emit(event(2, Phase.STARTED, Side.CALLEE, traceparent="first"))
    tracer.emit(event(1, Phase.COMPLETED, traceparent="first"))
    tracer.emit(event(3, Phase.STARTED, traceparent=""))
    tracer.emit(event(3, Phase.COMPLETED, traceparent="", result="second"))
    tracer.emit(event(2, Phase.COMPLETED, Side.CALLEE, traceparent="first"))
    assert [call.result for call in traffic.calls()] == ["second"]
    assert not traffic._spans and not traffic._open


def test_a_phase_that_nobody_listens_to_has_no_listeners(tracer: Tracer) -> None:
    traffic = Traffic(tracer)
    assert tracer.enabled and not tracer.listeners[Phase.FIRST_BYTE]
    heard: list[CallEvent] = []
    stop = tracer.subscribe(heard.append, (Phase.FAILED,))
    tracer.emit(event(1, Phase.COMPLETED))
    tracer.emit(event(1, Phase.FAILED))
    assert [one.phase for one in heard] == [Phase.FAILED]
    stop()
    traffic.close()
    assert not tracer.enabled and not any(tracer.listeners.values())
