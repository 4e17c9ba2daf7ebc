"""The CloudEvents of a lattice: one struct, one constructor and one parser per event type.

`parse` gives an `Event` whose ``payload`` is typed for the events of
events-and-lattice-data.md A.3 and `Unknown` for any other type; ``data`` and ``extensions`` keep
every field that came, known or not, so that `encode` writes the same event again.
The host an event is about is ``source``; a ``host_id`` in the data may be wrong (A.4.4).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from workbench.wire import jsontext
from workbench.wire.control import Inventory, StringMap
from workbench.wire.event_types import (
    PAYLOADS,
    ComponentClaims,
    ComponentScaled,
    ComponentScaleFailed,
    ConfigDeleted,
    ConfigSet,
    HealthCheckFailed,
    HealthCheckPassed,
    HealthCheckStatus,
    HostHeartbeat,
    HostStarted,
    HostStopped,
    LabelsChanged,
    LinkdefDeleted,
    LinkdefSet,
    LinkdefSetFailed,
    Payload,
    ProviderClaims,
    ProviderStarted,
    ProviderStartFailed,
    ProviderStopped,
    Unknown,
)
from workbench.wire.records import Link

__all__ = [
    "PAYLOADS",
    "ComponentClaims",
    "ComponentScaleFailed",
    "ComponentScaled",
    "ConfigDeleted",
    "ConfigSet",
    "Event",
    "HealthCheckFailed",
    "HealthCheckPassed",
    "HealthCheckStatus",
    "HostHeartbeat",
    "HostStarted",
    "HostStopped",
    "LabelsChanged",
    "LinkdefDeleted",
    "LinkdefSet",
    "LinkdefSetFailed",
    "Payload",
    "ProviderClaims",
    "ProviderStartFailed",
    "ProviderStarted",
    "ProviderStopped",
    "Unknown",
    "component_scale_failed",
    "component_scaled",
    "config_deleted",
    "config_set",
    "encode",
    "health_check_failed",
    "health_check_passed",
    "health_check_status",
    "host_heartbeat",
    "host_started",
    "host_stopped",
    "labels_changed",
    "linkdef_deleted",
    "linkdef_set",
    "linkdef_set_failed",
    "make",
    "new_event_id",
    "parse",
    "provider_start_failed",
    "provider_started",
    "provider_stopped",
]

TYPE_PREFIX = "com.wasmcloud.lattice."


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudEvent. ``name`` is the last token of ``type``; ``time`` is RFC 3339 text."""

    name: str
    source: str
    payload: Payload | Unknown
    data: Any
    id: str
    time: str
    type: str
    extensions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at_s(self) -> float | None:
        """Epoch seconds of ``time``; ``None`` if it has none or one that does not parse."""
        return _epoch_seconds(self.time)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    specversion: str
    id: str
    type: str
    source: str
    datacontenttype: str | None = None
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE_KEYS = frozenset(_Envelope.__struct_fields__)


def parse(data: bytes) -> Event:
    """The event in a message. `DecodeError`: no CloudEvent, or a known type with wrong data."""
    envelope = jsontext.decode(data, _Envelope, what="event")
    everything = jsontext.decode(data, dict[str, Any], what="event")
    name = envelope.type.rpartition(".")[2]
    kind = PAYLOADS.get(name) if envelope.type == TYPE_PREFIX + name else None
    payload: Payload | Unknown = Unknown()
    if kind is not None:
        payload = jsontext.decode(bytes(envelope.data), kind, what=f"data of {name}")
    return Event(
        name=name,
        source=envelope.source,
        payload=payload,
        data=everything.get("data"),
        id=envelope.id,
        time=envelope.time or "",
        type=envelope.type,
        extensions={k: v for k, v in everything.items() if k not in _ENVELOPE_KEYS},
    )


def encode(event: Event) -> bytes:
    """Structured-mode JSON, keys in the order of A.2."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "datacontenttype": "application/json",
    }
    if event.time:
        envelope["time"] = event.time
    envelope.update(event.extensions)
    envelope["data"] = event.data
    return jsontext.encode(envelope)


def make(source: str, payload: Payload, *, now_ns: int | None = None) -> Event:
    """An event of the host ``source``; id and time are fresh."""
    now = time.time_ns() if now_ns is None else now_ns
    return Event(
        name=payload.EVENT,
        source=source,
        payload=payload,
        data=dict(sorted(jsontext.to_builtins(payload).items())),
        id=new_event_id(now),
        time=_rfc3339(now),
        type=TYPE_PREFIX + payload.EVENT,
    )


def new_event_id(now_ns: int, entropy: bytes | None = None) -> str:
    """A ULID printed as a UUID: 48 bits of Unix milliseconds, 80 random bits (A.2)."""
    raw = (now_ns // 1_000_000).to_bytes(6, "big") + (entropy or os.urandom(10))
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# Constructors, one per event; each returns bytes ready to publish -----------------------------


def host_started(
    source: str, *, friendly_name: str, labels: StringMap, version: str, uptime_seconds: int = 0
) -> bytes:
    return encode(
        make(
            source,
            HostStarted(
                friendly_name=friendly_name,
                labels=labels,
                version=version,
                uptime_seconds=uptime_seconds,
            ),
        )
    )


def host_stopped(source: str, *, labels: StringMap) -> bytes:
    return encode(make(source, HostStopped(labels=labels)))


def host_heartbeat(source: str, inventory: Inventory) -> bytes:
    fields = {key: getattr(inventory, key) for key in Inventory.__struct_fields__}
    return encode(make(source, HostHeartbeat(**fields)))


def labels_changed(source: str, *, labels: StringMap, host_id: str | None = None) -> bytes:
    return encode(make(source, LabelsChanged(host_id=_or(host_id, source), labels=labels)))


def component_scaled(
    source: str,
    *,
    component_id: str,
    image_ref: str,
    max_instances: int,
    annotations: StringMap | None = None,
    host_id: str | None = None,
    public_key: str | None = None,
    claims: ComponentClaims | None = None,
) -> bytes:
    payload = ComponentScaled(
        annotations=annotations or {},
        claims=claims,
        component_id=component_id,
        host_id=_or(host_id, source),
        image_ref=image_ref,
        max_instances=max_instances,
        public_key=public_key,
    )
    return encode(make(source, payload))


def component_scale_failed(
    source: str,
    *,
    component_id: str,
    image_ref: str,
    max_instances: int,
    error: str,
    annotations: StringMap | None = None,
    host_id: str | None = None,
    public_key: str | None = None,
) -> bytes:
    payload = ComponentScaleFailed(
        annotations=annotations or {},
        component_id=component_id,
        error=error,
        host_id=_or(host_id, source),
        image_ref=image_ref,
        max_instances=max_instances,
        public_key=public_key,
    )
    return encode(make(source, payload))


def provider_started(
    source: str,
    *,
    provider_id: str,
    image_ref: str,
    annotations: StringMap | None = None,
    host_id: str | None = None,
    claims: ProviderClaims | None = None,
) -> bytes:
    """With ``claims`` the three keys that upstream adds for signed providers are added too."""
    signed: dict[str, Any] = {}
    if claims is not None:
        signed = {
            "claims": claims,
            "instance_id": provider_id,
            "public_key": provider_id,
            "link_name": "default",
        }
    payload = ProviderStarted(
        annotations=annotations or {},
        host_id=_or(host_id, source),
        image_ref=image_ref,
        provider_id=provider_id,
        **signed,
    )
    return encode(make(source, payload))


def provider_start_failed(
    source: str, *, provider_id: str, provider_ref: str, error: str, host_id: str | None = None
) -> bytes:
    payload = ProviderStartFailed(
        error=error,
        host_id=_or(host_id, source),
        provider_id=provider_id,
        provider_ref=provider_ref,
    )
    return encode(make(source, payload))


def provider_stopped(
    source: str,
    *,
    provider_id: str,
    annotations: StringMap | None = None,
    reason: str = "stop",
    host_id: str | None = None,
) -> bytes:
    payload = ProviderStopped(
        annotations=annotations or {},
        host_id=_or(host_id, source),
        instance_id=provider_id,
        link_name="default",
        provider_id=provider_id,
        public_key=provider_id,
        reason=reason,
    )
    return encode(make(source, payload))


def health_check_passed(source: str, *, provider_id: str) -> bytes:
    return encode(make(source, HealthCheckPassed(host_id=source, provider_id=provider_id)))


def health_check_failed(source: str, *, provider_id: str) -> bytes:
    return encode(make(source, HealthCheckFailed(host_id=source, provider_id=provider_id)))


def health_check_status(source: str, *, provider_id: str) -> bytes:
    return encode(make(source, HealthCheckStatus(host_id=source, provider_id=provider_id)))


def linkdef_set(source: str, link: Link) -> bytes:
    return encode(make(source, LinkdefSet(**_fields(link))))


def linkdef_set_failed(source: str, link: Link, *, error: str) -> bytes:
    return encode(make(source, LinkdefSetFailed(**_fields(link), error=error)))


def linkdef_deleted(
    source: str,
    *,
    source_id: str,
    name: str,
    wit_namespace: str,
    wit_package: str,
    removed: Link | None = None,
) -> bytes:
    """``removed`` is the link that really went, if there was one."""
    payload = LinkdefDeleted(
        source_id=source_id,
        name=name,
        wit_namespace=wit_namespace,
        wit_package=wit_package,
        target=removed.target if removed else None,
        interfaces=removed.interfaces if removed else None,
    )
    return encode(make(source, payload))


def config_set(source: str, *, config_name: str) -> bytes:
    return encode(make(source, ConfigSet(config_name=config_name)))


def config_deleted(source: str, *, config_name: str) -> bytes:
    return encode(make(source, ConfigDeleted(config_name=config_name)))


def _or(host_id: str | None, source: str) -> str:
    return source if host_id is None else host_id


def _fields(link: Link) -> dict[str, Any]:
    return {key: getattr(link, key) for key in Link.__struct_fields__}


def _rfc3339(now_ns: int) -> str:
    seconds, nanos = divmod(now_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")


def _epoch_seconds(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    whole, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(whole.upper() + ("+00:00" if zone in "zZ" else zone))
        return moment.timestamp() + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)
    except (ValueError, OverflowError):
        return None
