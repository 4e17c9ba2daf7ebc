"""Streams, buckets and consumers are those that the real manager asks for."""

from __future__ import annotations

import json
from typing import Any

from tests.golden.wadm import recorded
from workbench.nats import Connection
from workbench.wadm.place import Place
from workbench.wadm.streams import (
    command_consumer,
    ensure_all,
    event_consumer,
    stream_configs,
)

SECONDS = 1_000_000_000
# Times are recorded in seconds here, and the rest depends on the server's version.
COMPARED = (
    "name", "subjects", "retention", "max_consumers", "max_msgs", "max_bytes", "discard",
    "max_msgs_per_subject", "max_msg_size", "storage", "num_replicas", "no_ack", "deny_delete",
    "deny_purge", "allow_rollup_hdrs", "allow_direct", "duplicate_window",
)  # fmt: skip


async def test_every_stream_comes_out_as_the_real_managers(nc: Connection) -> None:
    await ensure_all(nc.js)
    for line in recorded("stream"):
        info = await nc.js.stream_info(line["stream"])
        assert info is not None, line["stream"]
        ours, theirs = info["config"], line["config"]
        for key in COMPARED:
            mine = ours.get(key)
            if key == "duplicate_window" and mine is not None:
                mine /= SECONDS
            # The server leaves out what is false, nats-py's record does not.
            assert (mine or None) == (theirs.get(key) or None), (line["stream"], key)
        assert ours["max_age"] / SECONDS == theirs["max_age"]
        assert ours.get("description", "") == theirs.get("description", "")


def test_the_requests_have_the_recorded_sources_and_descriptions() -> None:
    theirs = {c["name"]: c for c in (json.loads(r["text"]) for r in recorded("stream-create"))}
    ours = {c["name"]: c for c in stream_configs()}
    names = [name for name in theirs if not name.startswith("KV_")]
    assert list(ours) == names
    for name in names:
        for key in ("subjects", "sources", "description", "retention", "max_age", "discard"):
            assert ours[name].get(key) == theirs[name].get(key), (name, key)


def test_consumers_are_asked_for_as_recorded() -> None:
    wanted: dict[str, Any] = {}
    for line in recorded("consumer-create"):
        config = json.loads(line["text"])["config"]
        wanted[config.get("durable_name", "")] = config
    assert event_consumer(Place("default")) == wanted["wadm_event_consumer-default"]
    assert command_consumer(Place("default")) == wanted["wadm_commands-default"]


async def test_usable_streams_are_kept_and_others_made_anew(nc: Connection) -> None:
    await nc.js.ensure_stream({"name": "wadm_mirror", "subjects": ["x"], "storage": "memory"})
    await nc.js.ensure_stream(
        {"name": "wadm_events", "subjects": ["wadm.evt.>"], "storage": "memory"}
    )
    kept = {"name": "wadm_status", "subjects": ["wadm.status.>"], "storage": "memory"}
    await nc.js.ensure_stream(kept)
    await ensure_all(nc.js)
    assert await nc.js.stream_info("wadm_mirror") is None
    events = await nc.js.stream_info("wadm_events")
    status = await nc.js.stream_info("wadm_status")
    assert events is not None
    assert status is not None
    assert events["config"]["subjects"] == ["wadm.evt.*.>"]
    assert status["config"]["subjects"] == ["wadm.status.>"]
