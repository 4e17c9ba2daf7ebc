"""The streams, buckets and consumers of wadm, byte for byte as the real one asks for them.

So that a real manager finds what it expects and can take over (wadm-engine.md §3, §4, §22.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from workbench.nats import Bucket, JetStream
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
    "bucket_options",
    "ensure_all",
    "event_consumer",
    "event_consumer_name",
    "stream_configs",
]

Storage = Literal["file", "memory"]
OBSOLETE = ("wadm_mirror", "wadm_multitenant_mirror")

_70_S = 70_000_000_000
_TRANSFORMED = "wadm_event_consumer.evt.{{wildcard(1)}}.>"


def stream_configs(storage: Storage = "file") -> list[dict[str, Any]]:
    """The six streams in the order in which the real manager makes them (§1)."""

    stream = partial(_stream, storage=storage)
    capture = "A stream that stores all events coming in on the {} subject in a cluster"
    sources = [
        {"name": name, "subject_transforms": [{"src": source, "dest": _TRANSFORMED}]}
        for name, source in (
            (WASMBUS_EVENTS_STREAM, "wasmbus.evt.*.>"),
            (WADM_EVENTS_STREAM, "wadm.evt.*.>"),
        )
    ]
    return [
        stream(WADM_EVENTS_STREAM, "wadm.evt.*.>", "limits", capture.format("wadm.evt")),
        stream(
            WADM_COMMANDS_STREAM,
            "wadm.cmd.*",
            "workqueue",
            "A stream that stores all commands for wadm",
        ),
        stream(
            WADM_STATUS_STREAM,
            "wadm.status.*.*",
            "limits",
            "A stream that stores all status updates for wadm applications",
            max_age=0,
            max_msgs_per_subject=10,
            allow_direct=True,
        ),
        stream(WASMBUS_EVENTS_STREAM, "wasmbus.evt.*.>", "limits", capture.format("wasmbus.evt")),
        stream(
            WADM_NOTIFY_STREAM,
            "wadm.notify.*",
            "interest",
            "A stream for capturing all notification events for wadm",
        ),
        stream(
            WADM_EVENT_CONSUMER_STREAM,
            "",
            "workqueue",
            "A stream that sources from wadm_events and wasmbus_events for wadm event "
            "consumer's use",
            sources=sources,
        ),
    ]


def _stream(
    name: str, subject: str, retention: str, description: str, storage: Storage, **more: Any
) -> dict[str, Any]:
    subjects = {"subjects": [subject]} if subject else {}
    return {
        "name": name,
        "description": description,
        **subjects,
        "retention": retention,
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": _70_S,
        "discard": "old",
        "storage": storage,
        "num_replicas": 1,
        **more,
    }


def bucket_options(storage: Storage = "file") -> dict[str, Any]:
    """Options of both buckets over those that every bucket of a lattice has (§5)."""
    return {"storage": storage, "max_msgs_per_subject": 1}


def event_consumer_name(lattice: str) -> str:
    return f"wadm_event_consumer-{lattice}"


def _consumer(name: str, lattice: str, kind: str, filter_subject: str) -> dict[str, Any]:
    return {
        "ack_policy": "explicit",
        "ack_wait": 2_000_000_000,
        "deliver_policy": "all",
        "description": f"Durable wadm {kind} consumer for lattice {lattice}",
        "durable_name": name,
        "filter_subject": filter_subject,
        "max_deliver": 3,
        "metadata": {"lattice": lattice},
        "name": name,
        "replay_policy": "instant",
    }


def event_consumer(lattice: str) -> dict[str, Any]:
    """The durable consumer through which a manager gets the events of a lattice (§4)."""
    name = event_consumer_name(lattice)
    return _consumer(name, lattice, "events", wadm_event_consumer(lattice))


def command_consumer(lattice: str) -> dict[str, Any]:
    """The durable consumer of the command queue, which a real manager looks for (§4)."""
    name = f"wadm_commands-{lattice}"
    return _consumer(name, lattice, "commands", wadm_command(lattice))


async def ensure_all(js: JetStream, storage: Storage = "file") -> tuple[Bucket, Bucket]:
    """Make what is missing; returns the buckets of state and of manifests.

    A stream that is there is kept under the same conditions as upstream keeps it, else made anew.
    """
    options = bucket_options(storage)
    state = await js.bucket(WADM_STATE_BUCKET, create=options)
    manifests = await js.bucket(WADM_MANIFEST_BUCKET, create=options)
    for name in OBSOLETE:
        if await js.stream_info(name) is not None:
            await js.delete_stream(name)
    for config in stream_configs(storage):
        info = await js.ensure_stream(config)
        if not _usable(config, info["config"]):
            await js.delete_stream(config["name"])
            await js.ensure_stream(config)
    return state, manifests


def _usable(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    name = wanted["name"]
    if name in (WADM_STATUS_STREAM, WADM_NOTIFY_STREAM):
        return True
    if name == WADM_EVENT_CONSUMER_STREAM:
        return found.get("retention") == wanted["retention"]
    return found.get("subjects") == wanted["subjects"]
