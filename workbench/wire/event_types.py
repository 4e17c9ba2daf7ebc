"""The data of each event type of a lattice (events-and-lattice-data.md A.4).

`workbench.wire.events` holds the envelope, the parser and the constructors, and re-exports these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import msgspec

from workbench.wire.control import Inventory, StringMap, Unsigned32, Unsigned64
from workbench.wire.jsontext import always
from workbench.wire.records import Link

__all__ = [
    "PAYLOADS",
    "ComponentClaims",
    "ComponentScaleFailed",
    "ComponentScaled",
    "ConfigDeleted",
    "ConfigSet",
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
]


class _Data(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Data of one event type; ``EVENT`` is the last token of its type and subject."""

    EVENT: ClassVar[str] = ""


class HostStarted(_Data, frozen=True, kw_only=True):
    """``id`` is sent by 1.9.0 and 1.9.1 only."""

    EVENT: ClassVar[str] = "host_started"

    friendly_name: str
    labels: StringMap
    uptime_seconds: Unsigned64 = always(0)
    version: str = always("")
    id: str | None = None


class HostStopped(_Data, frozen=True, kw_only=True):
    EVENT: ClassVar[str] = "host_stopped"

    labels: StringMap


class HostHeartbeat(Inventory, frozen=True, omit_defaults=True, kw_only=True):
    """Exactly the inventory of ``host.get``."""

    EVENT: ClassVar[str] = "host_heartbeat"


class LabelsChanged(_Data, frozen=True, kw_only=True):
    """``labels`` is the complete new map."""

    EVENT: ClassVar[str] = "labels_changed"

    host_id: str = always("")
    labels: StringMap


class ComponentClaims(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The ``claims`` of a signed component in an event; the dates are ``never`` or Unix seconds."""

    call_alias: str | None = always(None)
    expires_human: str = always("never")
    issuer: str = always("")
    name: str | None = always(None)
    not_before_human: str = always("never")
    revision: int | None = always(None)
    tags: tuple[str, ...] | None = always(None)
    version: str | None = always(None)


class ProviderClaims(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The ``claims`` of a signed provider in an event; ``tags`` must be there and be null."""

    expires_human: str = always("never")
    issuer: str = always("")
    name: str | None = always(None)
    not_before_human: str = always("never")
    tags: Any = always(None)
    version: str | None = always(None)


class ComponentScaled(_Data, frozen=True, kw_only=True):
    """``max_instances`` 0: stopped. ``public_key`` and ``claims`` only if signed."""

    EVENT: ClassVar[str] = "component_scaled"

    annotations: StringMap
    claims: ComponentClaims | None = None
    component_id: str
    host_id: str = always("")
    image_ref: str
    max_instances: Unsigned32
    public_key: str | None = None


class ComponentScaleFailed(_Data, frozen=True, kw_only=True):
    """``max_instances`` is what was asked for."""

    EVENT: ClassVar[str] = "component_scale_failed"

    annotations: StringMap
    component_id: str
    error: str
    host_id: str = always("")
    image_ref: str
    max_instances: Unsigned32
    public_key: str | None = None


class ProviderStarted(_Data, frozen=True, kw_only=True):
    """``image_ref`` is stripped of its scheme; the last four only if signed (A.4.6)."""

    EVENT: ClassVar[str] = "provider_started"

    annotations: StringMap
    claims: ProviderClaims | None = None
    host_id: str = always("")
    image_ref: str
    instance_id: str | None = None
    link_name: str | None = None
    provider_id: str
    public_key: str | None = None


class ProviderStartFailed(_Data, frozen=True, kw_only=True):
    """``provider_ref`` is the reference as it was sent."""

    EVENT: ClassVar[str] = "provider_start_failed"

    error: str
    host_id: str = always("")
    link_name: str = always("default")
    provider_id: str
    provider_ref: str


class ProviderStopped(_Data, frozen=True, kw_only=True):
    EVENT: ClassVar[str] = "provider_stopped"

    annotations: StringMap
    host_id: str = always("")
    instance_id: str | None = None
    link_name: str | None = None
    provider_id: str
    public_key: str | None = None
    reason: str


class _HealthCheck(_Data, frozen=True, kw_only=True):
    host_id: str
    provider_id: str


class HealthCheckPassed(_HealthCheck, frozen=True, kw_only=True):
    EVENT: ClassVar[str] = "health_check_passed"


class HealthCheckFailed(_HealthCheck, frozen=True, kw_only=True):
    EVENT: ClassVar[str] = "health_check_failed"


class HealthCheckStatus(_HealthCheck, frozen=True, kw_only=True):
    """The state did not change; it does not say which state that is (A.4.9)."""

    EVENT: ClassVar[str] = "health_check_status"


class LinkdefSet(Link, frozen=True, omit_defaults=True, kw_only=True):
    EVENT: ClassVar[str] = "linkdef_set"


class LinkdefSetFailed(Link, frozen=True, omit_defaults=True, kw_only=True):
    EVENT: ClassVar[str] = "linkdef_set_failed"

    error: str


class LinkdefDeleted(_Data, frozen=True, kw_only=True):
    """``target`` and ``interfaces`` only when a link was really removed."""

    EVENT: ClassVar[str] = "linkdef_deleted"

    source_id: str
    name: str = always("default")
    wit_namespace: str
    wit_package: str
    target: str | None = None
    interfaces: tuple[str, ...] | None = None


class ConfigSet(_Data, frozen=True, kw_only=True):
    EVENT: ClassVar[str] = "config_set"

    config_name: str


class ConfigDeleted(_Data, frozen=True, kw_only=True):
    EVENT: ClassVar[str] = "config_deleted"

    config_name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a type that is not in A.3; its fields are in the event's ``data``."""

    EVENT: ClassVar[str] = ""


Payload: TypeAlias = (
    HostStarted
    | HostStopped
    | HostHeartbeat
    | LabelsChanged
    | ComponentScaled
    | ComponentScaleFailed
    | ProviderStarted
    | ProviderStartFailed
    | ProviderStopped
    | HealthCheckPassed
    | HealthCheckFailed
    | HealthCheckStatus
    | LinkdefSet
    | LinkdefSetFailed
    | LinkdefDeleted
    | ConfigSet
    | ConfigDeleted
)

PAYLOADS: Mapping[str, type[Payload]] = {kind.EVENT: kind for kind in Payload.__args__}
"""Event name to payload type."""
