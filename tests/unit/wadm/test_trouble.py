"""JetStream that is full, read-only or partly gone, on a real server: a clear word, recovery, and
no intent lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import connect
from tests.golden.wadm import recorded_manifest
from tests.unit.wadm.waiting import WAIT_S, until
from workbench.errors import WadmError
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Server
from workbench.wadm import Manager
from workbench.wadm import board as boards
from workbench.wadm import feed as feeds
from workbench.wadm import worker as workers
from workbench.wire import events
from workbench.wire.wadm import StatusType


@pytest.fixture
async def manager(nats_server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Manager]:
    monkeypatch.setattr(workers, "RESTART_S", 0.01)
    monkeypatch.setattr(boards, "_RETRY_S", 0.01)
    nc = await connect(nats_server)
    manager = Manager(nc)
    await manager.start()
    await manager.ready()
    yield manager
    await manager.stop()
    await nc.close()


@pytest.fixture
def client(nc: Connection) -> WadmClient:
    return WadmClient(nc)


async def change(nc: Connection, stream: str, **config: Any) -> None:
    info = await nc.js.stream_info(stream)
    assert info is not None
    await nc.js.update_stream({**info["config"], **config})


async def test_a_full_bucket_refuses_and_takes_again_when_there_is_room(
    manager: Manager, client: WadmClient, nc: Connection
) -> None:
    await client.put_and_deploy(recorded_manifest("v1"))
    await change(nc, "KV_wadm_manifests", max_bytes=1)
    with pytest.raises(WadmError, match="Internal storage error"):
        await client.put(recorded_manifest("v2"))
    # What could not be stored did not happen.
    assert manager.apps() == ["hello-app"]
    assert (await client.list())[0].deployed_version == "v1"
    await change(nc, "KV_wadm_manifests", max_bytes=-1)
    assert (await client.put(recorded_manifest("v2"))).result == "newversion"
    await client.undeploy("hello-app")
    assert manager.apps() == []


async def test_a_read_only_bucket_refuses_and_is_replaced_with_what_is_deployed(
    manager: Manager, client: WadmClient, nc: Connection
) -> None:
    await client.put_and_deploy(recorded_manifest("v1"))
    await change(nc, "KV_wadm_manifests", sealed=True)
    with pytest.raises(WadmError, match="Internal storage error"):
        await client.undeploy("hello-app")
    assert manager.apps() == ["hello-app"]
    await nc.js.delete_stream("KV_wadm_manifests")
    with pytest.raises(WadmError, match="Internal storage error"):
        await client.list()
    (summary,) = await client.list()
    assert (summary.name, summary.deployed_version) == ("hello-app", "v1")
    assert manager.problems[-1] == (
        "the bucket of manifests was emptied; what is deployed was written back"
    )
    await client.undeploy("hello-app")
    assert manager.apps() == []


async def test_an_announcement_that_nobody_could_store_is_acted_on_all_the_same(
    manager: Manager, client: WadmClient, nc: Connection
) -> None:
    await client.put(recorded_manifest("v1"))
    await change(nc, "wadm_events", max_msg_size=1)
    with pytest.raises(WadmError, match="Error notifying processors of newly deployed manifest"):
        await client.deploy("hello-app")
    assert manager.apps() == ["hello-app"]
    assert (await client.list())[0].deployed_version == "v1"
    await change(nc, "wadm_events", max_msg_size=-1)
    await nc.js.delete_stream("wadm_events")
    # A stream that is merely gone is made again on the way.
    await client.undeploy("hello-app")
    assert manager.apps() == []


async def test_statuses_that_were_lost_come_back(
    manager: Manager, client: WadmClient, nc: Connection
) -> None:
    await client.put_and_deploy(recorded_manifest("v1"))
    await nc.js.delete_stream("wadm_status")
    with pytest.raises(WadmError, match="Internal storage error"):
        await client.status("hello-app")
    status = await client.wait("hello-app", (StatusType.WAITING,), timeout_s=WAIT_S)
    assert status.type is StatusType.WAITING


async def test_a_status_stream_that_takes_nothing_is_said_and_gets_the_newest_later(
    manager: Manager, client: WadmClient, nc: Connection
) -> None:
    await change(nc, "wadm_status", max_msg_size=1)
    await client.put_and_deploy(recorded_manifest("v1"))
    await until(manager, lambda: manager.problems)
    assert manager.problems[0].startswith("the status of hello-app can't be published")
    await client.undeploy("hello-app")
    await change(nc, "wadm_status", max_msg_size=-1)
    async with asyncio.timeout(WAIT_S):
        async for status in client.watch_status("hello-app", poll_s=0.05):
            if status.message == "Manifest has been undeployed":
                break


async def test_a_lost_record_of_the_lattice_is_written_again(
    manager: Manager, nc: Connection
) -> None:
    await nc.js.delete_stream("KV_wadm_state")
    started = events.host_started("N1", friendly_name="n", labels={}, version="1.9.2")
    await nc.js.publish("wasmbus.evt.default.host_started", started)
    await until(manager, lambda: any("state writer" in text for text in manager.problems))
    written = asyncio.Event()
    async with asyncio.timeout(WAIT_S):
        while await nc.js.stream_info("KV_wadm_state") is None:
            pass  # each question takes a round trip
        bucket = await nc.js.bucket("wadm_state")
        watcher = await bucket.watch(
            lambda entry: written.set() if entry and b"N1" in entry.value else None
        )
        await written.wait()
    await watcher.stop()


async def test_events_flow_again_after_their_stream_was_deleted(
    manager: Manager, nc: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PULL_S", 0.3)

    async def hears(host: str) -> None:
        started = events.host_started(host, friendly_name="n", labels={}, version="1.9.2")
        await nc.js.publish("wasmbus.evt.default.host_started", started)
        await until(manager, lambda: host in manager._running().engine.observed.hosts)

    await nc.js.delete_consumer("wadm_event_consumer", "wadm_event_consumer-default")
    await hears("N1")
    await nc.js.delete_stream("wasmbus_events")
    await until(manager, lambda: "event feed: stream wasmbus_events is gone" in manager.problems)
    async with asyncio.timeout(WAIT_S):
        while await nc.js.stream_info("wasmbus_events") is None:
            pass  # each question takes a round trip
    await hears("N2")


async def test_stored_data_that_does_not_read_harms_nobody_else(
    manager: Manager, client: WadmClient, nc: Connection
) -> None:
    await client.put_and_deploy(recorded_manifest("v1"))
    bucket = await nc.js.bucket("wadm_manifests")
    odd = {"manifests": {"v1": {"kind": 3}}, "deployed_version": "v1"}
    await bucket.put("default-odd", json.dumps(odd).encode())
    await bucket.put("default-broken", b"\xff")
    await bucket.put("default", b'["broken","hello-app","odd"]')
    assert [summary.name for summary in await client.list()] == ["hello-app", "odd"]
    with pytest.raises(WadmError, match="stored manifest of odd v1 does not read: missing field"):
        await client.deploy("odd")
    with pytest.raises(WadmError, match="Internal storage error"):
        await client.versions("broken")
    # Also what runs is kept when its entry is spoiled, by a manager that looks again.
    await bucket.put("default-hello-app", b"[]")
    await manager._running()._look()
    assert manager.apps() == ["hello-app"]
    assert any("entry of hello-app does not read" in text for text in manager.problems)
    assert await client.delete("odd")
