"""Components on real hosts: called over the lattice, calling out by link, scaled and changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import connect
from tests.integration.host.host_lattice import Lattice, Tap, events_of
from workbench.errors import (
    CallTimeout,
    HandshakeTimeout,
    IncompleteResults,
    LinkMissing,
    NoResponders,
    Trap,
)
from workbench.host import Host
from workbench.lattice.rpc import RpcClient, RpcServer
from workbench.lattice.trace import CallEvent, Phase, Side
from workbench.wire.control import UNLIMITED
from workbench.wire.wit.types import STRING, U8, U32, Function, List

TINY = "lab:tiny/api@0.1.0"
CALLER = "lab:caller/run@0.1.0"
HELLO = Function("hello", (), STRING)
ADD = Function("add", (("a", U32), ("b", U32)), U32)
ECHO = Function("echo", (("data", List(U8)),), List(U8))
TRAP = Function("trap", (), STRING)
GO = Function("go", (), U32)
GREET = Function("greet", (), STRING)
CALL = Function("call", (("name", STRING),), U32)


class Adder:
    """Serves lab:tiny/api.add from the test: counts, and can be made to wait."""

    def __init__(self, lattice: Lattice) -> None:
        self.server = RpcServer(lattice.nc, lattice=lattice.name, tracer=lattice.tracer)
        self.running = 0
        self.most = 0
        self.calls: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    async def serve(self, provider_id: str = "adder") -> Adder:
        await self.server.serve(provider_id, {TINY: {"add": (ADD, self._add)}})
        return self

    async def _add(self, context: Any, a: int, b: int) -> int:
        self.calls.append((context.source_id, context.link_name))
        self.running += 1
        self.most = max(self.most, self.running)
        self.arrived.set()
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        return a + b


@pytest.fixture
async def client(lattice: Lattice):
    client = lattice.client()
    yield client
    await client.close()


@pytest.fixture
async def adder(lattice: Lattice):
    adder = Adder(lattice)
    yield adder
    adder.gate.set()
    await adder.server.close()


async def started(lattice: Lattice, tap: Tap, name: str, component_id: str = "", **more: Any):
    component_id = component_id or name
    reply = await lattice.scale(f"{name}.wasm", component_id, **more)
    assert reply.success
    return await tap.event("component_scaled", component_id=component_id)


async def linked(lattice: Lattice, source: str, target: str, interface: str, **more: Any) -> None:
    """Put a link and wait until every host knows it."""
    assert (await lattice.put_link(source, target, interface, **more)).success
    for host in lattice.hosts:
        assert host._parts is not None
        table = host._parts.launcher.links
        async with asyncio.timeout(5):
            while not any(link.target == target for link in table.of_source(source)):
                await lattice.nc.flush()


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


async def test_an_update_switches_to_the_new_code_without_a_gap(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny", annotations={"by": "us"})
    answers: list[str] = []

    async def keep_calling() -> None:
        while "hullo" not in answers:
            answers.append(await client.invoke("tiny", TINY, HELLO))

    calling = asyncio.ensure_future(keep_calling())
    new = lattice.reference("tiny2.wasm")
    reply = await lattice.ask(
        "component.update", {"component_id": "tiny", "new_component_ref": new}, host.id
    )
    assert reply.message == (
        f"component tiny updating from {lattice.reference('tiny.wasm')} to {new}"
    )
    scaled = await tap.event("component_scaled", image_ref=new)
    assert (scaled["max_instances"], scaled["annotations"]) == (1, {})
    await asyncio.wait_for(calling, 5)
    assert await client.invoke("tiny", TINY, HELLO) == "hullo"
    [entry] = host.inventory().components
    assert (entry.image_ref, entry.annotations) == (new, {})


async def test_a_failed_update_leaves_the_old_code_running(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny")
    new = lattice.reference("nope.wasm")
    body = {"component_id": "tiny", "new_component_ref": new}
    assert (await lattice.ask("component.update", body, host.id)).success
    assert "No such file" in (await lattice.logged("error")).message
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    assert host.inventory().components[0].image_ref == lattice.reference("tiny.wasm")


async def test_scale_with_allow_update_runs_the_new_code_under_the_new_maximum(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny")
    reply = await lattice.scale("tiny2.wasm", "tiny", count=7, allow_update=True)
    assert reply.message.endswith("and the image reference will be updated afterwards.")
    await tap.event("component_scaled", image_ref=lattice.reference("tiny2.wasm"))
    assert await client.invoke("tiny", TINY, HELLO) == "hullo"
    assert host.inventory().components[0].max_instances == 7


async def test_scale_without_allow_update_keeps_code_and_reference(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny")
    reply = await lattice.scale("tiny2.wasm", "tiny", count=2)
    assert "The component will be scaled but the image reference will not be updated" in (
        reply.message
    )
    scaled = await tap.event("component_scaled", max_instances=2)
    assert scaled["image_ref"] == lattice.reference("tiny.wasm")
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    assert host.inventory().components[0].image_ref == lattice.reference("tiny.wasm")


async def test_config_is_read_live_and_logged_lines_reach_the_host(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    await lattice.add_host()
    await lattice.ask("config.put", {"greeting": "hello"}, "cfg")
    await started(lattice, tap, "settings", config=["cfg"])
    api = "lab:settings/api"
    assert await client.invoke("settings", api, GREET) == "hello"
    line = lattice.log[-1]
    assert (line.component_id, line.level, line.context, line.message) == (
        "settings",
        "warn",
        "test",
        "hello",
    )
    await lattice.ask("config.put", {"greeting": "good day"}, "cfg")
    async with asyncio.timeout(5):
        while await client.invoke("settings", api, GREET) != "good day":
            pass


async def test_another_config_list_is_taken_up_by_a_scale(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    await lattice.add_host()
    await lattice.ask("config.put", {"greeting": "one"}, "one")
    await lattice.ask("config.put", {"greeting": "two"}, "two")
    await started(lattice, tap, "settings", config=["one"])
    await lattice.scale("settings.wasm", "settings", config=["one", "two"])
    await tap.event("component_scaled", 3)
    assert await client.invoke("settings", "lab:settings/api", GREET) == "two"


async def test_a_missing_config_is_reported_before_missing_bytes(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await lattice.scale("nope.wasm", "x", config=["nope"])
    failed = await tap.event("component_scale_failed")
    assert failed["error"] == "Unable to fetch requested config: Config nope does not exist"
    bucket = await lattice.nc.js.bucket("LATTICEDATA_default")
    assert await bucket.get("COMPONENT_x") is None


async def test_an_import_nobody_offers_is_named_at_the_start(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await lattice.scale("needy.wasm", "needy")
    failed = await tap.event("component_scale_failed")
    assert failed["error"].startswith("failed to instantiate component: ")
    assert "wasi:blobstore/blobstore@0.2.0-draft" in failed["error"]
    assert lattice.host.inventory().components == ()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"not wasm at all", "failed to extract module claims: "),
        (b"", "failed to extract module claims: "),
        (b"\0asm\x0d\0\x01\0\xff\xff", ""),
    ],
)
async def test_garbage_fails_the_start_and_nothing_else(
    lattice: Lattice, tap: Tap, client: RpcClient, tmp_path, data, error
):
    await lattice.add_host()
    (tmp_path / "garbage.wasm").write_bytes(data)
    await lattice.scale(f"file://{tmp_path}/garbage.wasm", "garbage")
    failed = await tap.event("component_scale_failed")
    assert failed["error"].startswith(error or "failed to ")
    await started(lattice, tap, "tiny")
    assert await client.invoke("tiny", TINY, HELLO) == "hello"


async def test_what_a_cell_built_starts_by_its_name(lattice: Lattice, tap: Tap, client: RpcClient):
    await lattice.add_host()
    reference = lattice.cells.put("mine", lattice.folder / "tiny.wasm")
    await lattice.scale(reference, "mine")
    assert (await tap.event("component_scaled"))["image_ref"] == "cell://mine"
    assert await client.invoke("mine", TINY, HELLO) == "hello"


async def test_a_signed_component_brings_its_claims(lattice: Lattice, tap: Tap, golden):
    host = await lattice.add_host()
    await lattice.scale(f"file://{golden / 'tiny-signed.wasm'}", "signed")
    scaled = await tap.event("component_scaled")
    assert scaled["public_key"].startswith("M") and scaled["claims"]["issuer"].startswith("A")
    [entry] = host.inventory().components
    assert entry.name == scaled["claims"]["name"]
    [known] = (await lattice.ask("claims.get")).response
    assert known["sub"] == scaled["public_key"]


async def test_ten_starts_of_one_id_at_once_are_one_component(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await asyncio.gather(*(lattice.scale("tiny.wasm", "tiny", count=3) for _ in range(10)))
    await tap.event("component_scaled", 11)  # two for the start, one for each repetition
    assert len(host.inventory().components) == 1
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    await lattice.nc.flush()
    assert len(events_of(tap.seen, "component_scaled")) == 11


async def test_limits_are_shown_in_the_inventory(lattice: Lattice, tap: Tap):
    host = await lattice.add_host()
    limits = {"max_memory_limit": "1048576", "max_execution_time": "x"}
    await started(lattice, tap, "tiny", component_limits=limits)
    assert host.inventory().components[0].limits == {"max_memory_limit": "1048576"}


class SlowArtifacts:
    """An artifact source that never delivers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def fetch(self, reference: str) -> Any:
        self.asked.set()
        await asyncio.Event().wait()


async def test_a_host_stops_at_once_while_a_component_starts(lattice: Lattice, tap: Tap):
    artifacts = SlowArtifacts()
    connection = await connect(lattice.server)
    host = Host(connection, engine=lattice.engine, artifacts=artifacts)
    await host.start()
    assert (await lattice.scale("tiny.wasm", "tiny", host=host)).success
    await asyncio.wait_for(artifacts.asked.wait(), 5)
    assert (await lattice.ask("host.get", b"", host.id)).success, "inventories never wait"
    await asyncio.wait_for(host.stop(), 2)
    await connection.close()
    await tap.event("host_stopped")
    assert events_of(tap.seen, "component_scale_failed") == []
