"""The event feed: events and announcements through the real stream and its transforms."""

from __future__ import annotations

import pytest

from tests.golden.wadm import recorded_manifest
from workbench.errors import DecodeError, ManifestError
from workbench.nats import Connection, JsMessage
from workbench.wadm.feed import Announcement, EventFeed, read_event
from workbench.wadm.place import Place
from workbench.wadm.streams import ensure_all
from workbench.wire import events, wadm
from workbench.wire import manifest as m


def message(data: bytes) -> JsMessage:
    return JsMessage("s", data, {}, 1, 1, 1, 0, "", None)  # type: ignore[arg-type]


def test_announcements_carry_the_manifest_or_the_name() -> None:
    manifest = m.parse(recorded_manifest("v1"))
    data = wadm.manifest_published(manifest, event_id="e", time="2026-01-01T00:00:00Z")
    assert read_event(message(data)) == Announcement("hello-app", manifest, "e")
    data = wadm.manifest_unpublished("x", event_id="f", time="2026-01-01T00:00:00Z")
    assert read_event(message(data)) == Announcement("x", None, "f")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"specversion":"1.0","id":"1","type":"com.wadm.manifest_published","source":"x"}',
        b'{"specversion":"1.0","id":"1","type":"com.wadm.manifest_published","source":"x","data":{}}',
        b'{"specversion":"1.0","id":"1","type":"com.wadm.manifest_unpublished","source":"x",'
        b'"data":{"name":3}}',
        b'{"specversion":"1.0","id":"1","type":"com.wasmcloud.lattice.host_started","source":"x",'
        b'"data":{}}',
    ],
)
def test_what_is_no_event_is_a_remote_or_manifest_error(data: bytes) -> None:
    with pytest.raises((DecodeError, ManifestError)):
        read_event(message(data))


async def test_host_events_and_announcements_arrive_once_and_are_acknowledged(
    nc: Connection,
) -> None:
    await ensure_all(nc.js)
    feed = EventFeed(nc.js, Place("default"))
    await feed.open()
    sent = [events.config_set("H", config_name=f"c{n}") for n in range(20)]
    for data in sent:
        await nc.js.publish("wasmbus.evt.default.config_set", data)
    news = wadm.manifest_unpublished("x", event_id="f", time="2026-01-01T00:00:00Z")
    await nc.js.publish("wadm.evt.default.manifest_unpublished", news)
    await nc.js.publish("wasmbus.evt.other.config_set", sent[0])
    got: list[JsMessage] = []
    while len(got) < 21:
        got += await feed.next_batch()
        await feed.ack_all()
    names = [e.data["config_name"] for e in map(read_event, got) if isinstance(e, events.Event)]
    assert names == [f"c{n}" for n in range(20)]
    await feed.close()
    await feed.open()
    late: list[JsMessage] = []
    await feed.drain(late.append)
    assert late == []
    await feed.close()
    info = await nc.js.consumer_info("wadm_event_consumer", "wadm_event_consumer-default")
    assert info is not None
    assert info["num_ack_pending"] == 0


async def test_events_of_the_time_without_manager_wait_for_the_next(nc: Connection) -> None:
    await ensure_all(nc.js)
    feed = EventFeed(nc.js, Place("default"))
    await feed.open()
    await feed.close()
    await nc.js.publish("wasmbus.evt.default.config_set", events.config_set("H", config_name="c"))
    again = EventFeed(nc.js, Place("default"))
    await again.open()
    got: list[JsMessage] = []
    while not got:
        got = await again.next_batch()
    assert got[0].subject == "wadm_event_consumer.evt.default.config_set"
    await again.ack_all()
    await again.close()
