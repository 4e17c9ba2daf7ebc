"""The streams, buckets and consumers of wadm, byte for byte as the real one asks for them.

So that a real manager finds what it expects and can take over (wadm-engine.md §3, §4, §22.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from workbench.nats import Bucket, JetStream
from workbench.wadm.place import Place
from workbench.wire.subjects import (
    WADM_COMMANDS_STREAM,
    WADM_EVENT_CONSUMER_STREAM,
    WADM_EVENTS_STREAM,
    WADM_MANIFEST_BUCKET,
    WADM_NOTIFY_STREAM,
    WADM_STATE_BUCKET,
    WADM_STATUS_STREAM,
    WASMBUS_EVENTS_STREAM,
    wadm_command,
    wadm_event_consumer,
)

__all__ = [
    "OBSOLETE",
    "Layout",
    "bucket_options",
    "command_consumer",
    "ensure_all",
    "event_consumer",
    "event_consumer_name",
    "place_of",
    "stream_configs",
]

Storage = Literal["file", "memory"]
OBSOLETE = ("wadm_mirror", "wadm_multitenant_mirror")

_70_S = 70_000_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """How a manager keeps its data; everything that exists already stays as it is.

    ``max_bytes`` limits streams and buckets, by their usual names (`WADM_STATE_BUCKET` too, when
    the bucket is called otherwise). ``multitenant``: lattices of many accounts (§3.2).
    """

    storage: Storage = "file"
    state_bucket: str = WADM_STATE_BUCKET
    manifest_bucket: str = WADM_MANIFEST_BUCKET
    max_bytes: Mapping[str, int] = field(default_factory=dict)
    multitenant: bool = False


def stream_configs(layout: Layout | None = None) -> list[dict[str, Any]]:
    """The six streams in the order in which the real manager makes them (§1)."""
    layout = layout or Layout()
    made = partial(_stream, layout)
    capture = "A stream that stores all events coming in on the {} subject in a cluster"
    commands = "A stream that stores all commands for wadm"
    statuses = "A stream that stores all status updates for wadm applications"
    sourced = (
        "A stream that sources from wadm_events and wasmbus_events for wadm event consumer's use"
    )
    notices = "A stream for capturing all notification events for wadm"
    hosts, wildcard = ("*.wasmbus.evt.*.>", 2) if layout.multitenant else ("wasmbus.evt.*.>", 1)
    # Or the server refuses a subject that begins with a wildcard (§3.2, traps).
    unanswered = {"no_ack": True} if layout.multitenant else {}
    keep = {"max_age": 0, "max_msgs_per_subject": 10, "allow_direct": True}
    sources = [
        _source(WASMBUS_EVENTS_STREAM, hosts, wildcard),
        _source(WADM_EVENTS_STREAM, "wadm.evt.*.>", 1),
    ]
    return [
        made(WADM_EVENTS_STREAM, "limits", capture.format("wadm.evt"), "wadm.evt.*.>"),
        made(WADM_COMMANDS_STREAM, "workqueue", commands, "wadm.cmd.*"),
        made(WADM_STATUS_STREAM, "limits", statuses, "wadm.status.*.*", **keep),
        made(WASMBUS_EVENTS_STREAM, "limits", capture.format("wasmbus.evt"), hosts, **unanswered),
        made(WADM_NOTIFY_STREAM, "interest", notices, "wadm.notify.*"),
        made(WADM_EVENT_CONSUMER_STREAM, "workqueue", sourced, sources=sources),
    ]


def _source(stream: str, subject: str, wildcard: int) -> dict[str, Any]:
    dest = f"wadm_event_consumer.evt.{{{{wildcard({wildcard})}}}}.>"
    return {"name": stream, "subject_transforms": [{"src": subject, "dest": dest}]}


def _stream(
    layout: Layout, name: str, retention: str, description: str, *subjects: str, **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        **({"subjects": list(subjects)} if subjects else {}),
        "retention": retention,
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": layout.max_bytes.get(name, -1),
        "max_age": _70_S,
        "discard": "old",
        "storage": layout.storage,
        "num_replicas": 1,
        **more,
    }


def bucket_options(layout: Layout, bucket: str) -> dict[str, Any]:
    """Options of a bucket, by its usual name, over those that every bucket has (§5)."""
    limit = layout.max_bytes.get(bucket, -1)
    return {"storage": layout.storage, "max_msgs_per_subject": 1, "max_bytes": limit}


def event_consumer_name(place: Place) -> str:
    return f"wadm_event_consumer-{place.suffix}"


def _consumer(name: str, place: Place, kind: str, filter_subject: str) -> dict[str, Any]:
    metadata = {"lattice": place.lattice}
    if place.account:
        metadata["multitenant_prefix"] = place.account
    return {
        "ack_policy": "explicit",
        "ack_wait": 2_000_000_000,
        "deliver_policy": "all",
        "description": f"Durable wadm {kind} consumer for lattice {place.lattice}",
        "durable_name": name,
        "filter_subject": filter_subject,
        "max_deliver": 3,
        "metadata": metadata,
        "name": name,
        "replay_policy": "instant",
    }


def event_consumer(place: Place) -> dict[str, Any]:
    """The durable consumer through which a manager gets the events of a lattice (§4)."""
    return _consumer(
        event_consumer_name(place), place, "events", wadm_event_consumer(place.lattice)
    )


def command_consumer(place: Place) -> dict[str, Any]:
    """The durable consumer of the command queue, which a real manager looks for (§4)."""
    name = f"wadm_commands-{place.suffix}"
    return _consumer(name, place, "commands", wadm_command(place.lattice))


def place_of(consumer: Mapping[str, Any]) -> Place | None:
    """Whose consumer this is: by its metadata, else by its name (§4)."""
    config = consumer.get("config") or {}
    metadata = config.get("metadata") or {}
    if lattice := metadata.get("lattice"):
        return Place(str(lattice), str(metadata.get("multitenant_prefix", "")))
    kind, dash, rest = str(consumer.get("name", "")).partition("-")
    if not dash or kind not in ("wadm_event_consumer", "wadm_commands"):
        return None
    lattice, _, account = rest.partition("_A")
    return Place(lattice, f"A{account}" if account else "")


async def ensure_all(js: JetStream, layout: Layout | None = None) -> tuple[Bucket, Bucket]:
    """Make what is missing; returns the buckets of state and of manifests.

    A stream that is there is kept under the same conditions as upstream keeps it, else made anew.
    """
    layout = layout or Layout()
    state = await js.bucket(layout.state_bucket, create=bucket_options(layout, WADM_STATE_BUCKET))
    manifests = await js.bucket(
        layout.manifest_bucket, create=bucket_options(layout, WADM_MANIFEST_BUCKET)
    )
    for name in OBSOLETE:
        if await js.stream_info(name) is not None:
            await js.delete_stream(name)
    renewed: set[str] = set()
    for config in stream_configs(layout):
        name = config["name"]
        info = await js.stream_info(name)
        # A stream takes up a source that was made anew behind the numbers of the old one: it
        # would skip all that is new.
        stale = bool(renewed & {source["name"] for source in config.get("sources", ())})
        if info is None or stale or not _usable(config, info["config"]):
            if info is not None:
                await js.delete_stream(name)
            await js.ensure_stream(config)
            renewed.add(name)
    return state, manifests


def _usable(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    name = wanted["name"]
    if name in (WADM_STATUS_STREAM, WADM_NOTIFY_STREAM):
        return True
    if name == WADM_EVENT_CONSUMER_STREAM:
        return found.get("retention") == wanted["retention"]
    return found.get("subjects") == wanted["subjects"]
