"""Calls of ours to a server of ours over a real nats-server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.rpc.rig import ADD, ECHO, GREET, INSTANCE, NOTHING, NOW, Rig, add, echo
from workbench.errors import (
    CallError,
    CallTimeout,
    DecodeError,
    HandshakeTimeout,
    IncompleteResults,
    NoResponders,
    UsageError,
    ValueMismatch,
)
from workbench.lattice.rpc import InvocationContext
from workbench.wire import subjects
from workbench.wire.wit.types import S32, STRING, Function, Option
from workbench.wire.wit.values import Err, Ok


async def test_a_call_gets_its_answer(rig: Rig) -> None:
    await rig.serve(ADD, add)
    assert await rig.call(ADD, 2, -70000) == -69998


async def test_functions_without_parameters_or_result_work(rig: Rig) -> None:
    async def now(context: InvocationContext) -> str:
        return "now"

    ran = asyncio.Event()

    async def nothing(context: InvocationContext) -> None:
        ran.set()

    await rig.serve(NOW, now)
    await rig.serve(NOTHING, nothing)
    assert await rig.call(NOW) == "now"
    assert await rig.call(NOTHING) is None
    assert ran.is_set()


async def test_a_wit_error_is_an_ordinary_result(rig: Rig) -> None:
    async def greet(context: InvocationContext, name: str) -> Ok | Err:
        return Err("too short") if len(name) < 3 else Ok(f"hello {name}")

    await rig.serve(GREET, greet)
    assert await rig.call(GREET, "Ada") == Ok("hello Ada")
    assert await rig.call(GREET, "X") == Err("too short")


async def test_the_handler_learns_who_calls(rig: Rig) -> None:
    seen: list[InvocationContext] = []

    async def now(context: InvocationContext) -> str:
        seen.append(context)
        return ""

    await rig.serve(NOW, now)
    await rig.call(NOW, link_name="other")
    await rig.call(NOW, role="provider", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert [(c.source_id, c.link_name, c.target_id) for c in seen] == [
        ("caller", "other", ""), ("caller", "default", "target"),
    ]  # fmt: skip
    assert seen[1].traceparent.startswith("00-aaaa")
    assert set(seen[0].headers) == {"source-id", "link-name"}


async def test_big_values_travel_both_ways(rig: Rig) -> None:
    data = bytes(range(256)) * 9766
    await rig.serve(ECHO, echo)
    assert len(data) > 2_500_000
    assert await rig.call(ECHO, data) == data


async def test_very_big_values_are_paced(rig: Rig) -> None:
    data = bytes(20_000_000)
    await rig.serve(ECHO, echo)
    assert await rig.call(ECHO, data) == data


async def test_nobody_there_fails_at_once_and_says_who(rig: Rig) -> None:
    with pytest.raises(NoResponders) as caught:
        await rig.call(ADD, 1, 2)
    assert caught.value.fields["target"] == "target"
    assert caught.value.fields["instance"] == INSTANCE
    assert "add" in str(caught.value) and caught.value.hint
    assert rig.client.in_flight == 0


async def test_a_subscriber_that_does_not_answer_is_a_handshake_timeout(rig: Rig) -> None:
    subject = subjects.invocation("default", "target", INSTANCE, "add")
    tap = await rig.far.subscribe(subject, lambda message: None)
    await rig.far.flush()
    with pytest.raises(HandshakeTimeout, match="not taken up"):
        await rig.call(ADD, 1, 2, handshake_timeout_s=0.05)
    await tap.unsubscribe()


async def test_a_handler_that_never_ends_is_a_call_timeout(rig: Rig) -> None:
    async def stuck(context: InvocationContext) -> str:
        await asyncio.Event().wait()
        return ""

    await rig.serve(NOW, stuck)
    with pytest.raises(CallTimeout, match="did not answer within"):
        await rig.call(NOW, timeout_s=0.1)
    assert rig.client.in_flight == 0


async def test_a_result_that_does_not_fit_its_type_fails_the_call(rig: Rig) -> None:
    async def wrong(context: InvocationContext) -> Any:
        return 5

    await rig.serve(NOW, wrong)
    with pytest.raises(IncompleteResults):
        await rig.call(NOW)


async def test_a_wrong_argument_is_refused_before_anything_is_sent(rig: Rig) -> None:
    with pytest.raises(ValueMismatch):
        await rig.call(ADD, 1, "x")
    with pytest.raises(UsageError):
        await rig.call(ADD, 1)
    assert rig.client.in_flight == 0


async def test_two_sides_with_different_wit_are_told_so(rig: Rig) -> None:
    await rig.serve(ADD, add)
    other = Function("add", (("a", S32), ("b", S32), ("c", S32)), S32)
    with pytest.raises(IncompleteResults, match="same WIT"):
        await rig.call(other, 1, 2, 3)
    narrower = Function("add", (("a", S32), ("b", S32)), Option(STRING))
    with pytest.raises(DecodeError):
        await rig.call(narrower, 1, 1)


async def test_a_cancelled_caller_leaves_nothing_behind(rig: Rig) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    async def slow(context: InvocationContext) -> str:
        running.set()
        await release.wait()
        return "late"

    served = await rig.serve(NOW, slow)
    task = asyncio.ensure_future(rig.call(NOW))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await served.drain(5)
    assert not rig.server._calls
    # A later answer on the same connection: the late handshake was handled before it.
    await rig.serve(ADD, add)
    assert await rig.call(ADD, 1, 2) == 3
    assert rig.client.in_flight == 0


async def test_a_closed_client_fails_its_calls(rig: Rig) -> None:
    running = asyncio.Event()

    async def slow(context: InvocationContext) -> str:
        running.set()
        await asyncio.Event().wait()
        return ""

    await rig.serve(NOW, slow)
    task = asyncio.ensure_future(rig.call(NOW))
    await running.wait()
    await rig.client.close()
    with pytest.raises(CallError, match="closed"):
        await task
    with pytest.raises(CallError, match="closed"):
        await rig.call(NOW)
