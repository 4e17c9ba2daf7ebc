"""What both sides of a call report to the trace hook."""

from __future__ import annotations

import pytest

from tests.integration.rpc.rig import ADD, NOW, UPLOAD, Rig, add, measure
from workbench.errors import IncompleteResults
from workbench.lattice.rpc import InvocationContext
from workbench.lattice.trace import CallEvent, Phase, Side


async def test_both_sides_report_a_call_under_one_trace(rig: Rig) -> None:
    events: list[CallEvent] = []
    rig.tracer.subscribe(events.append)
    rig.far_tracer.subscribe(events.append)
    await rig.serve(ADD, add)
    await rig.call(ADD, 2, 3)
    near = [e for e in events if e.side is Side.CALLER]
    far = [e for e in events if e.side is Side.CALLEE]
    assert [e.phase for e in near] == [
        Phase.STARTED, Phase.HANDSHAKE, Phase.FIRST_BYTE, Phase.COMPLETED,
    ]  # fmt: skip
    assert [e.phase for e in far] == [Phase.STARTED, Phase.HANDSHAKE, Phase.COMPLETED]
    assert {e.params for e in events if e.phase is Phase.STARTED} == {(2, 3)}
    assert {e.result for e in events if e.phase is Phase.COMPLETED} == {5}
    assert len({e.traceparent for e in events}) == 1 and events[0].traceparent
    assert {(e.source, e.target, e.function) for e in events} == {("caller", "target", "add")}
    assert (near[-1].request_bytes, near[-1].response_bytes) == (2, 1)


async def test_a_failure_is_reported_with_its_exception(rig: Rig) -> None:
    failures: list[CallEvent] = []

    def keep(event: CallEvent) -> None:
        if event.phase is Phase.FAILED:
            failures.append(event)

    rig.tracer.subscribe(keep)
    rig.far_tracer.subscribe(keep)

    async def boom(context: InvocationContext) -> str:
        raise RuntimeError("reason")

    await rig.serve(NOW, boom)
    with pytest.raises(IncompleteResults):
        await rig.call(NOW)
    assert {type(e.error) for e in failures} == {RuntimeError, IncompleteResults}


async def test_bodies_of_streams_are_not_captured(rig: Rig) -> None:
    events: list[CallEvent] = []
    rig.tracer.subscribe(events.append)
    rig.far_tracer.subscribe(events.append)
    await rig.serve(UPLOAD, measure)
    await rig.call(UPLOAD, b"private" * 100, "name")
    for event in events:
        if event.params is not None:
            assert repr(event.params) == "(<stream<u8>>, 'name')"


async def test_a_given_trace_goes_on_as_a_child(rig: Rig) -> None:
    seen: list[str] = []

    async def now(context: InvocationContext) -> str:
        seen.append(context.traceparent)
        return ""

    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"
    await rig.serve(NOW, now)
    await rig.call(NOW, traceparent=parent)
    rig.tracer.subscribe(lambda event: None)
    await rig.call(NOW, traceparent=parent)
    await rig.call(NOW)
    assert seen[0] == parent
    assert seen[1][:36] == parent[:36] and seen[1][36:52] != "b" * 16 and seen[1].endswith("-00")
    assert seen[2].startswith("00-") and len(seen[2]) == 55
