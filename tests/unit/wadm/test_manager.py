"""The manager as a whole over a real nats-server: starting, restarting, bad messages, lost streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import connect
from tests.golden.wadm import recorded_manifest
from tests.unit.wadm.builders import component, manifest, scaler
from tests.unit.wadm.waiting import WAIT_S, until
from workbench.errors import WadmError
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Server
from workbench.wadm import Layout, Manager, ManagerOptions
from workbench.wadm import worker as workers
from workbench.wire import events
from workbench.wire.wadm import StatusType


@pytest.fixture
async def manager(nats_server: Server) -> AsyncIterator[Manager]:
    nc = await connect(nats_server)
    manager = Manager(nc)
    await manager.start()
    await manager.ready()
    try:
        yield manager
    finally:
        await manager.stop()
        await nc.close()


async def test_a_second_manager_refuses_to_start(manager: Manager, nc: Connection) -> None:
    with pytest.raises(WadmError, match="has a deployment manager already"):
        await Manager(nc).start()
    elsewhere = Manager(nc, "elsewhere")
    await elsewhere.start()
    await elsewhere.stop()
    with pytest.raises(WadmError):
        await Manager(nc, "a.b").start()


async def test_a_real_manager_beside_it_is_a_problem_that_is_said(
    manager: Manager, nc: Connection
) -> None:
    await nc.publish("wadm.notify.elsewhere", b'{"DeleteScalers":"x"}')
    await nc.publish("wadm.notify.default", b'{"DeleteScalers":"x"}')
    await until(manager, lambda: manager.problems)
    assert manager.problems == ("a wadm server acts on this lattice too: stop one of the two",)


async def test_one_that_is_outvoted_stops(manager: Manager, nc: Connection) -> None:
    """As after a stalled network: another one was active before."""
    await nc.publish("wadm.peers.wadm.api", b'{"kind":"active","id":"other","since":1,"where":"x"}')
    while manager.running:
        await nc.flush()
    assert not await WadmClient(nc).is_running()


async def test_it_serves_only_while_it_runs(nc: Connection) -> None:
    manager = Manager(nc, options=ManagerOptions(layout=Layout(storage="memory")))
    assert not manager.running
    with pytest.raises(WadmError, match="not running"):
        manager.apps()
    await manager.stop()
    await manager.start()
    assert manager.running
    await manager.stop()
    await manager.stop()
    assert not await WadmClient(nc).is_running()


async def test_what_is_deployed_is_known_after_a_restart(nc: Connection) -> None:
    manager = Manager(nc)
    await manager.start()
    client = WadmClient(nc)
    await client.put_and_deploy(recorded_manifest("v1"))
    await client.put(manifest(component("c", scaler(1)), name="not-deployed"))
    await manager.stop()
    again = Manager(nc)
    await again.start()
    await again.ready()
    assert again.apps() == ["hello-app"]
    status = again.status("hello-app")
    assert status is not None
    assert status.type is StatusType.WAITING
    assert "it is stored as deployed" in str(again.story("hello-app")[0])
    assert again.status("not-deployed") is None
    assert not again.settled("hello-app")
    await again.stop()


async def test_an_announcement_of_another_program_is_acted_on(
    manager: Manager, nc: Connection
) -> None:
    """A request that another server of the same queue group answered."""
    from workbench.wire import manifest as m
    from workbench.wire import wadm

    published = wadm.manifest_published(
        m.parse(recorded_manifest("v1")), event_id="1", time="2026-01-01T00:00:00Z"
    )
    await nc.js.publish("wadm.evt.default.manifest_published", published)
    await until(manager, lambda: manager.apps() == ["hello-app"])
    gone = wadm.manifest_unpublished("hello-app", event_id="2", time="2026-01-01T00:00:00Z")
    await nc.js.publish("wadm.evt.default.manifest_unpublished", gone)
    await until(manager, lambda: manager.apps() == [])


async def test_events_that_do_not_read_stop_nothing(manager: Manager, nc: Connection) -> None:
    for data in (b"", b"[]", b"\xff", b"{" * 1000, b'{"specversion":"1.0"}'):
        await nc.js.publish("wasmbus.evt.default.host_started", data)
        await nc.js.publish("wadm.evt.default.manifest_published", data)
    started = events.host_started("N1", friendly_name="n", labels={}, version="1.9.2")
    await nc.js.publish("wasmbus.evt.default.host_started", started)
    await until(manager, lambda: "N1" in manager._running().engine.observed.hosts)
    info = await nc.js.consumer_info("wadm_event_consumer", "wadm_event_consumer-default")
    assert info is not None
    assert info["num_redelivered"] == 0


async def test_the_state_of_the_lattice_is_recorded(manager: Manager, nc: Connection) -> None:
    bucket = await nc.js.bucket("wadm_state")
    written = asyncio.Event()
    watcher = await bucket.watch(
        lambda entry: written.set() if entry and b"N1" in entry.value else None
    )
    started = events.host_started("N1", friendly_name="n", labels={"a": "b"}, version="1.9.2")
    await nc.js.publish("wasmbus.evt.default.host_started", started)
    async with asyncio.timeout(WAIT_S):
        await written.wait()
    await watcher.stop()


async def test_lost_streams_come_back_and_no_intent_is_lost(
    manager: Manager, nc: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "RESTART_S", 0.01)
    client = WadmClient(nc)
    await client.put_and_deploy(recorded_manifest("v1"))
    for name in ("KV_wadm_manifests", "wadm_status", "wadm_event_consumer"):
        await nc.js.delete_stream(name)
    await until(manager, lambda: any("written back" in text for text in manager.problems))
    assert manager.apps() == ["hello-app"]
    waiting = await client.wait("hello-app", (StatusType.WAITING,), timeout_s=WAIT_S)
    assert waiting.type is StatusType.WAITING
    assert (await client.put(recorded_manifest("v2"))).current_version == "v2"


async def test_a_restart_of_the_server_is_survived(tmp_path: Path) -> None:
    server = await Server.start(store_dir=tmp_path)
    nc = await connect(server)
    manager = Manager(nc)
    await manager.start()
    await manager.ready()
    await WadmClient(nc).put_and_deploy(recorded_manifest("v1"))
    port = int(server.url.rpartition(":")[2])
    back = asyncio.Event()
    nc.on_state(lambda state: back.set() if state == "reconnected" else None)
    await server.stop()
    assert server.user is not None
    assert server.password is not None
    second = await Server.start(
        store_dir=tmp_path, port=port, credentials=(server.user, server.password)
    )
    try:
        async with asyncio.timeout(WAIT_S):
            await back.wait()
        started = events.host_started("N1", friendly_name="n", labels={}, version="1.9.2")
        await nc.js.publish("wasmbus.evt.default.host_started", started)
        await until(manager, lambda: "N1" in manager._running().engine.observed.hosts)
        assert manager.apps() == ["hello-app"]
        assert (await WadmClient(nc).list())[0].deployed_version == "v1"
    finally:
        await manager.stop()
        await nc.close()
        await second.stop()
