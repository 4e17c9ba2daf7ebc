"""Components on real hosts: called over the lattice, and calling out by link."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.host.component_calls import (
    ADD,
    CALL,
    CALLER,
    ECHO,
    GO,
    HELLO,
    TINY,
    TRAP,
    Adder,
    linked,
    started,
)
from tests.integration.host.host_lattice import Lattice, Tap
from workbench.errors import (
    IncompleteResults,
    LinkMissing,
    NoResponders,
    Trap,
)
from workbench.lattice.rpc import RpcClient
from workbench.lattice.trace import CallEvent, Phase, Side


async def test_every_function_of_an_export_answers(lattice: Lattice, tap: Tap, client: RpcClient):
    await lattice.add_host()
    await started(lattice, tap, "tiny")
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    assert await client.invoke("tiny", TINY, ADD, [20, 22]) == 42
    assert await client.invoke("tiny", TINY, ECHO, [b"x" * 100_000]) == b"x" * 100_000


async def test_a_trap_is_an_incomplete_result_and_the_host_says_why(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    await lattice.add_host()
    await started(lattice, tap, "tiny")
    with pytest.raises(IncompleteResults):
        await client.invoke("tiny", TINY, TRAP)
    [line] = [line for line in lattice.log if line.level == "error"]
    assert (line.component_id, line.stream) == ("tiny", "host")
    assert isinstance(line.error, Trap)
    assert await client.invoke("tiny", TINY, HELLO) == "hello", "the next call gets a new instance"


async def test_two_hosts_share_the_calls_and_one_goes_on_alone(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    first = await lattice.add_host()
    second = await lattice.add_host()
    for host in (first, second):
        await lattice.scale("tiny.wasm", "tiny", host=host)
        await tap.event("component_scaled", component_id="tiny", host_id=host.id)
    served = await asyncio.gather(*(client.invoke("tiny", TINY, HELLO) for _ in range(50)))
    assert served == ["hello"] * 50
    await first.stop()
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    await second.stop()
    with pytest.raises(NoResponders):
        await client.invoke("tiny", TINY, HELLO)


async def test_a_component_calls_its_link_target_and_says_who_it_is(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    await started(lattice, tap, "caller")
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    assert await client.invoke("caller", CALLER, GO) == 42
    assert await client.invoke("caller", "", GO) == 42, "also from the root of the world"
    assert adder.calls == [("caller", "default")] * 2


async def test_component_calls_component_across_hosts(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    first = await lattice.add_host()
    second = await lattice.add_host()
    await started(lattice, tap, "caller", host=first)
    await started(lattice, tap, "tiny", host=second)
    await linked(lattice, "caller", "tiny", "lab:tiny/api")
    assert await client.invoke("caller", CALLER, GO) == 42


async def test_without_link_the_caller_traps_and_the_cause_is_seen(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    await lattice.add_host()
    await started(lattice, tap, "caller")
    failures: list[CallEvent] = []
    unsubscribe = lattice.tracer.subscribe(
        lambda event: failures.append(event) if event.phase is Phase.FAILED else None
    )
    with pytest.raises(IncompleteResults):
        await client.invoke("caller", CALLER, GO)
    unsubscribe()
    text = "link `default` not found for instance `lab:tiny/api`"
    [callee] = [event for event in failures if event.side is Side.CALLEE]
    assert _chain(callee.error)[0].message == text
    [line] = [line for line in lattice.log if line.level == "error"]
    [cause] = [error for error in _chain(line.error) if isinstance(error, LinkMissing)]
    assert cause.hint == ("Add the link: %wasmcloud link put caller TARGET lab:tiny/api")


def _chain(error: BaseException | None) -> list[Any]:
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__
    return chain


async def test_a_deleted_link_takes_effect_for_the_next_call(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    await started(lattice, tap, "caller")
    await linked(lattice, "caller", "adder", "lab:tiny/api")
    assert await client.invoke("caller", CALLER, GO) == 42
    slot = {"source_id": "caller", "wit_namespace": "lab", "wit_package": "tiny"}
    await lattice.ask("link.del", slot)
    await lattice.links_until(lambda links: links == ())
    with pytest.raises(IncompleteResults):
        await client.invoke("caller", CALLER, GO)


async def test_links_put_before_the_start_hold_from_the_first_call(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    await lattice.put_link("caller", "adder", "lab:tiny/api")
    await started(lattice, tap, "caller")
    assert await client.invoke("caller", CALLER, GO) == 42


async def test_a_link_name_is_selected_by_the_component(
    lattice: Lattice, tap: Tap, client: RpcClient, adder: Adder
):
    await lattice.add_host()
    await adder.serve()
    await started(lattice, tap, "named")
    await linked(lattice, "named", "adder", "lab:tiny/api", name="second")
    assert await client.invoke("named", "lab:named/api", CALL, ["nope"]) == 1
    assert await client.invoke("named", "lab:named/api", CALL, ["second"]) == 42
    assert adder.calls == [("named", "second")]
