"""The observer on a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.golden import lines
from tests.unit.lattice.lives import HOST_A, HOST_B, link
from tests.unit.lattice.recorded_host import RecordedHost
from workbench.errors import RequestTimeout
from workbench.lattice.observer import Change, Observer
from workbench.lattice.state import EventHeard, LatticeState
from workbench.nats import Connection, Server
from workbench.wire import events, records, subjects
from workbench.wire.control import ComponentEntry
from workbench.wire.records import ComponentSpec
from workbench.wire.wadm import Status, StatusInfo, StatusType

LATTICE, CONFIG = subjects.lattice_bucket("default"), subjects.config_bucket("default")


@pytest.fixture
async def observer(nc: Connection) -> AsyncIterator[Observer]:
    observer = Observer(nc, tick_s=0.05)
    yield observer
    await observer.stop()


async def say(nc: Connection, data: bytes, name: str = "x") -> None:
    await nc.publish(subjects.events("default", name), data)


async def test_what_is_there_is_known_after_start(
    nc: Connection, observer: Observer, host: RecordedHost
) -> None:
    host.components = [ComponentEntry(id="a", image_ref="r", max_instances=3)]
    bucket = await nc.js.bucket(LATTICE, create={})
    await bucket.put("COMPONENT_a", records.encode(ComponentSpec("r", (link("a", "b"),))))
    configs = await nc.js.bucket(CONFIG, create={})
    await configs.put("addr", b'{"address":"x"}')
    stream = {"name": "wadm_status", "subjects": ["wadm.status.*.*"], "max_msgs_per_subject": 10}
    await nc.js.ensure_stream(stream)
    status = Status(StatusInfo(StatusType.DEPLOYED))
    await nc.js.publish(subjects.wadm_status("default", "shop"), records.encode(status))
    await observer.start()
    state = observer.state
    assert state.hosts[HOST_A].components["a"].max_instances == 3
    assert state.hosts[HOST_A].labels == {"zone": "a"}
    assert state.links == [link("a", "b")]
    assert state.configs == {"addr": {"address": "x"}}
    assert state.apps["shop"].status.type is StatusType.DEPLOYED


async def test_an_empty_server_is_observed_without_changing_it(
    nc: Connection, observer: Observer
) -> None:
    await observer.start()
    assert observer.state == LatticeState()
    assert await nc.js.stream_info(f"KV_{LATTICE}") is None


async def test_buckets_that_are_made_later_are_watched(nc: Connection, observer: Observer) -> None:
    await observer.start()
    bucket = await nc.js.bucket(LATTICE, create={})
    await nc.js.bucket(CONFIG, create={})
    await bucket.put("COMPONENT_a", records.encode(ComponentSpec("r", (link("a", "b"),))))
    assert await observer.wait_for(lambda state: state.links) == [link("a", "b")]


async def test_a_bucket_that_was_deleted_and_made_anew_is_read_afresh(
    nc: Connection, observer: Observer
) -> None:
    bucket = await nc.js.bucket(LATTICE, create={})
    for name in "ab":
        await bucket.put(f"COMPONENT_{name}", records.encode(ComponentSpec("r")))
    await observer.start()
    assert set(observer.state.specs) == {"a", "b"}
    await nc.js.delete_bucket(LATTICE)
    bucket = await nc.js.bucket(LATTICE, create={})
    await bucket.put("COMPONENT_c", records.encode(ComponentSpec("r")))
    await observer._watchers["lattice"]._rebuild()  # as after a reconnect
    await observer.wait_for(lambda state: set(state.specs) == {"c"})


async def test_every_change_is_told_in_order_with_its_cause(
    nc: Connection, observer: Observer
) -> None:
    await observer.start()
    seen: list[tuple[int, Any]] = []

    def note(state: LatticeState, change: Change) -> None:
        assert state.seq == change.seq
        assert isinstance(change.heard, EventHeard)
        seen.append((change.seq, change.heard.event.name))

    unsubscribe = observer.subscribe(note)
    await say(nc, events.host_started(HOST_A, friendly_name="f", labels={}, version="1.9.2"))
    await say(nc, events.component_scaled(HOST_A, component_id="a", image_ref="r", max_instances=1))
    await observer.wait_for(lambda state: state.running("a"))
    assert seen == [(1, "host_started"), (2, "component_scaled")]
    unsubscribe()
    await say(nc, events.host_stopped(HOST_A, labels={}))
    await observer.wait_for(lambda state: not state.hosts)
    assert len(seen) == 2


async def test_bad_messages_are_counted_and_end_nothing(nc: Connection, observer: Observer) -> None:
    bucket = await nc.js.bucket(LATTICE, create={})
    await observer.start()
    for data in (b"", b"\xff\xfe", b"[" * 10_000, b'{"specversion":"1.0"}'):
        await say(nc, data)
    await nc.publish(subjects.wadm_status("default", "shop"), b"nonsense")
    await bucket.put("COMPONENT_bad", b"{")
    await bucket.put("COMPONENT_good", records.encode(ComponentSpec("r")))
    await observer.wait_for(lambda state: "good" in state.specs)
    await say(nc, events.config_set(HOST_A, config_name="last"))
    while not observer.recent_events:
        await observer.wait_for("config_set", config_name="last")
    assert observer.bad_messages == 6
    assert set(observer.state.specs) == {"good"}


async def test_a_subscriber_that_raises_hurts_no_other(
    nc: Connection, observer: Observer, caplog: pytest.LogCaptureFixture
) -> None:
    await observer.start()

    def broken(*_: Any) -> None:
        raise RuntimeError("view is gone")

    observer.subscribe(broken)
    observer.subscribe_events(broken)
    await say(nc, events.host_started(HOST_A, friendly_name="f", labels={}, version="1.9.2"))
    assert await observer.wait_for(lambda state: HOST_A in state.hosts)
    await say(nc, events.host_stopped(HOST_A, labels={}))
    assert await observer.wait_for(lambda state: not state.hosts)
    assert "view is gone" in caplog.text


async def test_an_event_is_awaited_by_name_and_fields(nc: Connection, observer: Observer) -> None:
    await observer.start()
    waiting = asyncio.create_task(
        observer.wait_for("config_set", config_name="b", source=HOST_B, timeout_s=5.0)
    )
    await asyncio.sleep(0)
    for source, name in ((HOST_A, "b"), (HOST_B, "a"), (HOST_B, "b")):
        await say(nc, events.config_set(source, config_name=name))
    assert (await waiting).source == HOST_B
    with pytest.raises(RequestTimeout, match="config_set config_name='z'"):
        await observer.wait_for("config_set", config_name="z", timeout_s=0.02)


async def test_a_component_that_runs_on_after_an_update_is_shown_again(
    nc: Connection, observer: Observer, host: RecordedHost
) -> None:
    """A real host ends an update with a count of 0 (control-interface.md §8.2)."""
    host.components = [ComponentEntry(id="a", image_ref="new", max_instances=3)]
    await observer.start()
    for count in (3, 0):
        await say(
            nc,
            events.component_scaled(HOST_A, component_id="a", image_ref="new", max_instances=count),
        )
    await observer.wait_for("component_scaled", max_instances=0)
    assert await observer.wait_for(lambda state: state.running("a"))


async def test_a_host_that_died_is_gone_as_soon_as_it_is_late(
    nc: Connection, host: RecordedHost
) -> None:
    now = [1000.0]
    observer = Observer(nc, tick_s=0.02, clock=lambda: now[0])
    try:
        await observer.start()
        assert HOST_A in observer.state.hosts
        await host.stop()
        now[0] += 50.0
        assert await observer.wait_for(lambda state: not state.hosts)
    finally:
        await observer.stop()


async def test_what_happened_while_it_was_cut_off_is_asked_for(
    nats_server: Server, nc: Connection, observer: Observer, host: RecordedHost
) -> None:
    await observer.start()
    port = int(nats_server.url.rpartition(":")[2])
    await nats_server.stop()
    host.components = [ComponentEntry(id="a", image_ref="r", max_instances=1)]
    again = await Server.start(port=port, credentials=(nats_server.user, nats_server.password))
    try:
        assert await observer.wait_for(lambda state: state.running("a"))
    finally:
        await observer.stop()
        await nc.close()
        await again.stop()


async def test_a_recorded_life_is_observed_over_the_wire(
    nc: Connection, observer: Observer
) -> None:
    bucket = await nc.js.bucket(LATTICE, create={})
    configs = await nc.js.bucket(CONFIG, create={})
    await observer.start()
    for line in lines("lattice-life.jsonl"):
        if "event" in line:
            await say(nc, line["event"].encode())
        elif "bucket" in line:
            target = bucket if line["bucket"] == "lattice" else configs
            if line["operation"] == "PUT":
                await target.put(line["key"], line["text"].encode())
            else:
                await target.purge(line["key"])
    await observer.wait_for(
        lambda state: not state.hosts and not state.configs and not state.links and state.specs
    )
    assert set(observer.state.specs) == {"tiny", "hello", "a", "httpd", "x1"}
    assert observer.bad_messages == 0


async def test_it_stops_at_any_moment(nc: Connection) -> None:
    """Each turn of the loop is another moment within the requests that its tasks make."""
    for turns in range(0, 60, 3):
        observer = Observer(nc, tick_s=0.0)
        await observer.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5.0):
            await observer.stop()


async def test_it_can_be_stopped_twice_and_before_it_started(nc: Connection) -> None:
    observer = Observer(nc)
    await observer.stop()
    await observer.start()
    await observer.stop()
    await observer.stop()
