"""How many calls a component runs at once, which wait, and how it stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.host.component_calls import (
    CALLER,
    GO,
    Adder,
    linked,
    started,
)
from tests.integration.host.host_lattice import Lattice, Tap
from workbench.errors import (
    CallTimeout,
    HandshakeTimeout,
    IncompleteResults,
    NoResponders,
)
from workbench.lattice.rpc import RpcClient
from workbench.wire.control import UNLIMITED


def served_of(lattice: Lattice, component_id: str) -> Any:
    """The subscriptions of a component on the host."""
    assert lattice.host._parts is not None
    return lattice.host._parts.components._running[component_id].serving._served


async def test_no_more_calls_run_at_once_than_max_instances(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller", count=2)
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    calls = [asyncio.ensure_future(client.invoke("caller", CALLER, GO)) for _ in range(8)]
    async with asyncio.timeout(5):
        while adder.running < 2:
            adder.arrived.clear()
            await adder.arrived.wait()
    served = served_of(lattice, "caller")
    async with asyncio.timeout(5):
        # One waits with its handshake, and behind it five without.
        while served.held < 5:
            await lattice.nc.flush()
    assert served.in_flight == 3
    for _ in range(20):  # time enough for a seventh call to get through, if it could
        await lattice.nc.flush()
    assert adder.running == 2
    adder.gate.set()
    assert await asyncio.gather(*calls) == [42] * 8
    assert adder.most == 2


async def test_a_second_call_waits_with_its_handshake_and_a_third_without_one(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller", count=1)
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    first = asyncio.ensure_future(client.invoke("caller", CALLER, GO))
    await asyncio.wait_for(adder.arrived.wait(), 5)
    with pytest.raises(CallTimeout):
        await client.invoke("caller", CALLER, GO, timeout_s=0.2, handshake_timeout_s=0.2)
    with pytest.raises(HandshakeTimeout):
        await client.invoke("caller", CALLER, GO, timeout_s=0.2, handshake_timeout_s=0.2)
    late = asyncio.ensure_future(client.invoke("caller", CALLER, GO))
    adder.gate.set()
    assert await asyncio.gather(first, late) == [42, 42]
    assert adder.most == 1


async def test_a_higher_maximum_also_lets_those_in_who_wait_already(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller", count=1)
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    calls = [asyncio.ensure_future(client.invoke("caller", CALLER, GO)) for _ in range(4)]
    await asyncio.wait_for(adder.arrived.wait(), 5)
    served = served_of(lattice, "caller")
    async with asyncio.timeout(5):
        while served.held < 2:
            await lattice.nc.flush()
    await lattice.scale("caller.wasm", "caller", count=10)
    async with asyncio.timeout(5):
        while adder.running < 4:
            adder.arrived.clear()
            await adder.arrived.wait()
    adder.gate.set()
    assert await asyncio.gather(*calls) == [42] * 4


async def test_calls_that_wait_when_their_component_stops_are_still_answered(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller", count=1)
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    calls = [asyncio.ensure_future(client.invoke("caller", CALLER, GO)) for _ in range(4)]
    await asyncio.wait_for(adder.arrived.wait(), 5)
    served = served_of(lattice, "caller")
    async with asyncio.timeout(5):
        while served.held < 2:
            await lattice.nc.flush()
    await lattice.scale("caller.wasm", "caller", count=0)
    await tap.event("component_scaled", max_instances=0)
    adder.gate.set()
    assert await asyncio.gather(*calls) == [42] * 4


async def test_a_higher_maximum_holds_at_once_while_old_calls_run_on(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller", count=1)
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    old = asyncio.ensure_future(client.invoke("caller", CALLER, GO))
    await asyncio.wait_for(adder.arrived.wait(), 5)
    await lattice.scale("caller.wasm", "caller", count=UNLIMITED)
    await tap.event("component_scaled", max_instances=UNLIMITED)
    more = [asyncio.ensure_future(client.invoke("caller", CALLER, GO)) for _ in range(4)]
    async with asyncio.timeout(5):
        while adder.running < 5:
            adder.arrived.clear()
            await adder.arrived.wait()
    adder.gate.set()
    assert await asyncio.gather(old, *more) == [42] * 5


async def test_a_stopped_component_finishes_the_calls_it_took(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller")
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    running = asyncio.ensure_future(client.invoke("caller", CALLER, GO))
    await asyncio.wait_for(adder.arrived.wait(), 5)
    await lattice.scale("caller.wasm", "caller", count=0)
    await tap.event("component_scaled", max_instances=0)
    with pytest.raises(NoResponders):
        await client.invoke("caller", CALLER, GO)
    adder.gate.set()
    assert await running == 42
    assert lattice.host.inventory().components == ()


async def test_stopping_the_host_cuts_off_calls_that_never_end(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    adder.gate.clear()
    await started(lattice, tap, "caller")
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    running = asyncio.ensure_future(client.invoke("caller", CALLER, GO))
    await asyncio.wait_for(adder.arrived.wait(), 5)
    await asyncio.wait_for(lattice.host.stop(), 5)
    with pytest.raises(IncompleteResults):
        await running
