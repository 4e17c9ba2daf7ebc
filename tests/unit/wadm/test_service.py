"""The manager of all lattices over a real nats-server: what it finds, and taking turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import connect
from tests.golden.wadm import recorded_manifest
from tests.unit.wadm.waiting import WAIT_S, until
from workbench.errors import NatsError, WadmError
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Message, Server
from workbench.wadm import Layout, Manager, Service, ServiceOptions
from workbench.wadm.election import ElectionTiming
from workbench.wadm.place import Place
from workbench.wadm.streams import command_consumer, ensure_all
from workbench.wire import events
from workbench.wire.wadm import StatusType

QUICK = ElectionTiming(beat_s=0.05, silent_s=0.4, objections_s=0.2)


class Services:
    """Services of one test, each on a connection of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._all: list[tuple[Service, Connection]] = []

    async def start(self, **options: object) -> Service:
        nc = await connect(self._server)
        service = Service(nc, options=ServiceOptions(election=QUICK, **options))  # type: ignore[arg-type] # given by name
        self._all.append((service, nc))
        await service.start()
        return service

    async def acting(self, **options: object) -> Service:
        service = await self.start(**options)
        await soon(service.acting())
        return service

    def connection(self, service: Service) -> Connection:
        return next(nc for found, nc in self._all if found is service)


async def soon(work) -> None:
    async with asyncio.timeout(WAIT_S):
        await work


@pytest.fixture
async def services(nats_server: Server) -> AsyncIterator[Services]:
    found = Services(nats_server)
    yield found
    for service, nc in found._all:
        await service.stop()
        await nc.close()


async def announce(nc: Connection, lattice: str, host: str = "N1") -> None:
    started = events.host_started(host, friendly_name="n", labels={}, version="1.9.2")
    await nc.publish(f"wasmbus.evt.{lattice}.host_started", started)


async def test_the_first_event_of_a_host_brings_its_lattice_under_management(
    services: Services, nc: Connection
) -> None:
    service = await services.acting()
    assert service.lattices == ()
    await nc.publish("wasmbus.evt.other.component_scaled", b'{"type":"x"}')
    await nc.publish("wasmbus.evt.a.b.host_started", b"com.wasmcloud.lattice.host_started")
    await announce(nc, "shop")
    await until(service, lambda: service.lattices == ("shop",))
    worker = service.worker("shop")
    assert worker is not None
    await until(service, lambda: "N1" in worker.engine.observed.hosts)


async def test_reading_about_an_unknown_lattice_starts_nothing_and_deploying_there_does(
    services: Services, nc: Connection
) -> None:
    service = await services.acting()
    client = WadmClient(nc, "shop")
    assert await client.list() == []
    assert (await client.status("ghost")).type is StatusType.UNDEPLOYED
    await client.put(recorded_manifest("v1"))
    await client.undeploy("hello-app")
    assert service.lattices == ()
    await client.deploy("hello-app")
    assert service.lattices == ("shop",)
    assert (await client.status("hello-app")).type is StatusType.WAITING
    assert await WadmClient(nc, "elsewhere").list() == []


async def test_what_an_earlier_manager_left_is_found_at_the_start(
    services: Services, nc: Connection
) -> None:
    await ensure_all(nc.js)
    await nc.js.ensure_consumer("wadm_commands", command_consumer(Place("known")))
    first = await services.acting()
    await WadmClient(nc, "a-b").put_and_deploy(recorded_manifest("v1"))
    await WadmClient(nc, "stored").put(recorded_manifest("v1"))
    await first.stop()
    await nc.js.delete_stream("wadm_event_consumer")
    second = await services.acting()
    # By its consumer, by its deployed application; merely stored ones need nobody.
    assert second.lattices == ("a-b", "known")
    worker = second.worker("a-b")
    assert worker is not None
    await soon(worker.ready())
    assert list(worker.engine.apps) == ["hello-app"]


async def test_lattices_are_bounded_and_idle_ones_make_room(
    services: Services, nc: Connection
) -> None:
    service = await services.acting(max_lattices=2)
    for lattice in ("a", "b"):
        await WadmClient(nc, lattice).put_and_deploy(recorded_manifest("v1"))
    await announce(nc, "c")
    await until(service, lambda: service.problems)
    assert service.lattices == ("a", "b")
    assert service.problems == ("lattice c is not managed: 2 others are already",)
    await WadmClient(nc, "a").undeploy("hello-app")
    worker = service.worker("a")
    assert worker is not None
    await until(service, lambda: not worker.engine.apps)
    worker.engine._retired.clear()  # what was being removed is gone
    await announce(nc, "c")
    await until(service, lambda: service.lattices == ("b", "c"))


async def test_the_second_waits_and_goes_on_where_the_first_stopped(
    services: Services, nc: Connection
) -> None:
    first = await services.acting()
    await WadmClient(nc).put_and_deploy(recorded_manifest("v1"))
    second = await services.start()
    await until(second, lambda: second.waits_for)
    assert second.waits_for is not None
    assert second.waits_for.kind == "ours"
    assert not second.is_acting
    await first.stop()
    await soon(second.acting())
    assert (await WadmClient(nc).list())[0].deployed_version == "v1"
    worker = second.worker("default")
    assert worker is not None
    await soon(worker.ready())
    assert list(worker.engine.apps) == ["hello-app"]


async def test_of_two_that_start_together_one_acts_and_each_request_is_answered_once(
    services: Services, nc: Connection
) -> None:
    pair = await asyncio.gather(services.start(), services.start())
    await soon(
        asyncio.wait(
            [asyncio.ensure_future(s.acting()) for s in pair], return_when=asyncio.FIRST_COMPLETED
        )
    )
    replies: list[Message] = []
    await nc.subscribe("answers", replies.append)
    for _ in range(20):
        await nc.publish("wadm.api.default.model.list", reply="answers")
    await nc.request("wadm.api.default.model.list")
    await nc.flush()
    assert len(replies) == 20
    for service in pair:
        await until(service, lambda: sum(s.is_acting for s in pair) == 1)


async def test_one_that_dies_is_replaced(services: Services, nc: Connection) -> None:
    first = await services.acting()
    second = await services.start()
    await WadmClient(nc).put_and_deploy(recorded_manifest("v1"))
    await services.connection(first).close()  # no goodbye
    await soon(second.acting())
    assert (await WadmClient(nc).list())[0].deployed_version == "v1"


async def test_a_real_manager_that_turns_up_is_given_way_and_followed(
    services: Services, nc: Connection
) -> None:
    service = await services.acting()

    async def answer(message: Message) -> None:
        await message.respond(b"[]")

    real = await nc.subscribe("wadm.api.>", answer, queue="wadm_server")
    await nc.publish("wadm.notify.default", b'{"DeleteScalers":"x"}')
    await until(service, lambda: service.waits_for)
    assert not service.is_acting
    assert service.waits_for is not None
    assert service.waits_for.kind == "foreign"
    assert "a wadm server acts on lattice default" in service.problems[0]
    await real.unsubscribe()
    await soon(service.acting())


async def test_a_manager_of_one_lattice_and_one_of_all_do_not_act_together(
    services: Services, nc: Connection
) -> None:
    service = await services.acting()
    with pytest.raises(WadmError, match="has a deployment manager already: a workbench manager"):
        await Manager(nc).start()
    await service.stop()
    manager = Manager(nc)
    await manager.start()
    other = await services.start()
    await until(other, lambda: other.waits_for)
    await manager.stop()
    await soon(other.acting())


async def test_a_full_server_is_said_and_tried_again(
    services: Services, nc: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.wadm.service.RETRY_S", 0.01)
    # A name that is taken by a stream of somebody else: no bucket can be made.
    await nc.js.ensure_stream({"name": "other", "subjects": ["$KV.wadm_state.>"]})
    service = await services.start()
    await until(service, lambda: service.problems)
    assert "JetStream refused STREAM.CREATE.KV_wadm_state" in service.problems[0]
    await nc.js.delete_stream("other")
    await soon(service.acting())


async def test_a_fault_of_ours_ends_no_service(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.wadm.service.RETRY_S", 0.01)
    act, faults = Service._act, 1

    async def faulty(service: Service) -> None:
        nonlocal faults
        faults -= 1
        if faults == 0:
            raise RuntimeError("a bug")
        await act(service)

    monkeypatch.setattr(Service, "_act", faulty)
    service = await services.acting()
    assert service.problems == ("taking turns failed: RuntimeError: a bug",)


async def test_without_jetstream_it_says_so_at_once() -> None:
    server = await Server.start(jetstream=False)
    nc = await connect(server)
    try:
        with pytest.raises(NatsError, match="JetStream"):
            await Service(nc).start()
    finally:
        await nc.close()
        await server.stop()


async def test_a_restart_of_the_server_is_survived(tmp_path: Path) -> None:
    server = await Server.start(store_dir=tmp_path)
    nc = await connect(server)
    service = Service(nc, options=ServiceOptions(election=QUICK))
    await service.start()
    await soon(service.acting())
    await WadmClient(nc, "shop").put_and_deploy(recorded_manifest("v1"))
    back = asyncio.Event()
    nc.on_state(lambda state: back.set() if state == "reconnected" else None)
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    assert server.user is not None and server.password is not None
    second = await Server.start(
        store_dir=tmp_path, port=port, credentials=(server.user, server.password)
    )
    try:
        await soon(back.wait())
        await announce(nc, "mall")
        await until(service, lambda: service.lattices == ("mall", "shop"))
        assert (await WadmClient(nc, "shop").list())[0].deployed_version == "v1"
        worker = service.worker("shop")
        assert worker is not None
        assert list(worker.engine.apps) == ["hello-app"]
    finally:
        await service.stop()
        await nc.close()
        await second.stop()


async def test_requests_of_one_lattice_do_not_wait_for_another(
    services: Services, nc: Connection
) -> None:
    service = await services.acting()
    await WadmClient(nc, "slow").put_and_deploy(recorded_manifest("v1"))
    worker = service.worker("slow")
    assert worker is not None
    held = asyncio.Event()
    worker.board.last = lambda name: held.wait()  # type: ignore[method-assign,assignment] # stands still
    stuck = asyncio.ensure_future(WadmClient(nc, "slow").status("hello-app"))
    assert await WadmClient(nc, "quick").list() == []
    assert not stuck.done()
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    held.set()


async def test_tenants_are_told_apart_by_their_account(services: Services, nc: Connection) -> None:
    service = await services.acting(layout=Layout(multitenant=True))
    one, two = "A" + "B" * 55, "A" + "C" * 55
    manifest = recorded_manifest("v1").encode()
    for account, lattice in ((one, "shop"), (two, "mall")):
        await nc.request(f"{account}.wadm.api.{lattice}.model.put", manifest)
        await nc.request(f"{account}.wadm.api.{lattice}.model.deploy.hello-app")
    assert service.lattices == (f"mall of {two}", f"shop of {one}")
    assert (await nc.request(f"{two}.wadm.api.shop.model.list")).data == b"[]"
    bucket = await nc.js.bucket("wadm_manifests")
    assert f"{one}-shop-hello-app" in await bucket.keys()
    worker = service.worker("shop", one)
    assert worker is not None
    commands: list[str] = []
    await nc.subscribe("*.wasmbus.ctl.v1.>", lambda m: commands.append(m.subject))
    await nc.flush()
    started = events.host_started("N1", friendly_name="n", labels={"zone": "a"}, version="1.9.2")
    await nc.publish(f"{one}.wasmbus.evt.shop.host_started", started)
    await until(service, lambda: commands)
    assert {subject.split(".")[0] for subject in commands} == {one}
    await service.stop()
    again = await services.acting(layout=Layout(multitenant=True))
    assert again.lattices == (f"mall of {two}", f"shop of {one}")
