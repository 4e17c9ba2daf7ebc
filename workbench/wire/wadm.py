"""The wadm API on the wire, and every name that follows from a manifest.

Replies and the status message (wadm-api.md §3-§5), the events that announce manifests (§6), and
ids, config names, secret references, scaler ids and annotations (§10): another manager that takes
over recognises running work only by these.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec

from workbench.errors import DecodeError
from workbench.wire.jsontext import always, decode, encode
from workbench.wire.manifest import Manifest, Policy, SecretProperty

__all__ = [
    "APPSPEC", "MANAGED_BY", "NO_HOSTS", "SCALER", "SPREAD_NAME", "UNDEPLOYED", "DeleteReply",
    "DeployReply", "ErrorReply", "GetReply", "ListReply", "ModelSummary", "PutReply", "ScalerStatus",
    "Status", "StatusInfo", "StatusReply", "StatusType", "StoredManifest", "VersionInfo",
    "VersionRequest", "VersionsReply", "aggregate", "component_id", "config_name", "encode",
    "link_scaler_id", "link_scaler_name", "managed_annotations", "manifest_published",
    "manifest_unpublished", "parse_status", "parse_version_request", "read_status", "sanitize", "scaler_annotations", "scaler_id",
    "secret_name", "secret_reference", "without_scheme",
]  # fmt: skip

MANAGED_BY = "wasmcloud.dev/managed-by"
APPSPEC = "wasmcloud.dev/appspec"
SCALER = "wasmcloud.dev/scaler"
SPREAD_NAME = "wasmcloud.dev/spread_name"

NO_HOSTS = "Waiting for status: Lattice contains no hosts, deployment not started."
UNDEPLOYED = "Manifest has been undeployed"

SECRET_TYPE = "secret.wasmcloud.dev/v1alpha1"
_SECRET_POLICY_PROPERTIES = "properties.secret.wasmcloud.dev/v1alpha1"


# Status (§4) ----------------------------------------------------------------------------------


class StatusType(StrEnum):
    """The state of a scaler or an application."""

    WAITING = "waiting"
    UNDEPLOYED = "undeployed"
    RECONCILING = "reconciling"
    DEPLOYED = "deployed"
    FAILED = "failed"
    UNHEALTHY = "unhealthy"

    @classmethod
    def read(cls, text: str) -> StatusType:
        """From the wire: old spellings are known, an unknown one counts as undeployed (§12)."""
        old = {"compensating": cls.RECONCILING, "ready": cls.DEPLOYED}
        try:
            return old.get(text) or cls(text)
        except ValueError:
            return cls.UNDEPLOYED


# The worst one names the whole (§4.1).
_PRECEDENCE = (
    StatusType.FAILED,
    StatusType.UNDEPLOYED,
    StatusType.WAITING,
    StatusType.RECONCILING,
    StatusType.UNHEALTHY,
    StatusType.DEPLOYED,
)
_RANK = {kind: rank for rank, kind in enumerate(_PRECEDENCE)}


class StatusInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """``message`` is left out when empty."""

    type: StatusType = always(StatusType.UNDEPLOYED)
    message: str = ""

    def __str__(self) -> str:
        return f"{self.type.value}: {self.message}" if self.message else self.type.value


class ScalerStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """One scaler; ``kind`` is SpreadScaler, DaemonScaler or LinkScaler."""

    id: str = always("")
    kind: str = always("")
    name: str = always("")
    status: StatusInfo = always(StatusInfo())


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of ``wadm.status.<lattice>.<name>``; the last two keys are relics (§4.3)."""

    status: StatusInfo = always(StatusInfo())
    scalers: tuple[ScalerStatus, ...] = ()
    version: str = always("")
    components: tuple[Any, ...] = always(())

    @property
    def type(self) -> StatusType:
        return self.status.type

    @property
    def message(self) -> str:
        return self.status.message


def aggregate(scalers: Iterable[ScalerStatus]) -> Status:
    """The status of an application from those of its scalers (§4.1, §4.3)."""
    scalers = tuple(scalers)
    kinds = [scaler.status.type for scaler in scalers]
    worst = min(kinds, key=_RANK.__getitem__, default=StatusType.UNDEPLOYED)
    messages = (scaler.status.message.strip() for scaler in scalers)
    return Status(StatusInfo(worst, ", ".join(m for m in messages if m)), scalers)


# Replies (§3) ---------------------------------------------------------------------------------


class ErrorReply(msgspec.Struct, frozen=True):
    """What every failure without a shape of its own looks like; keys in recorded order."""

    message: str
    result: str = "error"


class PutReply(msgspec.Struct, frozen=True):
    result: Literal["created", "newversion", "error"]
    total_versions: int = 0
    current_version: str = ""
    message: str = ""
    name: str = ""


class GetReply(msgspec.Struct, frozen=True, omit_defaults=True):
    result: Literal["success", "notfound", "error"]
    message: str = always("")
    manifest: Any = None


class ModelSummary(msgspec.Struct, frozen=True):
    """One application in a list; ``version`` is the latest stored one (§4.4)."""

    name: str
    version: str
    description: str | None = None
    deployed_version: str | None = None
    detailed_status: Status = Status()
    status: StatusType = StatusType.UNDEPLOYED
    status_message: str | None = None


class ListReply(msgspec.Struct, frozen=True):
    result: Literal["success", "error"]
    message: str = ""
    models: tuple[ModelSummary, ...] = ()


class VersionInfo(msgspec.Struct, frozen=True):
    version: str
    deployed: bool


class VersionsReply(msgspec.Struct, frozen=True):
    result: Literal["success", "notfound", "error"]
    message: str = ""
    versions: tuple[VersionInfo, ...] = ()


class DeleteReply(msgspec.Struct, frozen=True):
    result: Literal["deleted", "noop", "error"]
    message: str = ""
    undeploy: bool = False


class DeployReply(msgspec.Struct, frozen=True):
    """The answer to deploy and undeploy; all four keys are always there."""

    result: Literal["acknowledged", "notfound", "error"]
    message: str = ""
    name: str = ""
    version: str | None = None


class StatusReply(msgspec.Struct, frozen=True, omit_defaults=True):
    result: Literal["ok", "notfound", "error"]
    message: str = always("")
    status: Status | None = None


class VersionRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of get, delete and deploy; empty means no version (§1.2)."""

    version: str | None = None


def parse_version_request(body: bytes) -> str | None:
    """The version asked for. Raises `DecodeError`."""
    if not body:
        return None
    return decode(body, VersionRequest, what="request", max_bytes=64 * 1024).version


# Stored manifests (wadm-engine.md §5.1) ---------------------------------------------------------


class StoredManifest(msgspec.Struct, frozen=True):
    """One application in the bucket; the order of ``manifests`` is the history, last is latest."""

    manifests: dict[str, Any]
    deployed_version: str | None = None

    @property
    def latest(self) -> str:
        return next(reversed(self.manifests), "")


# Announcements (§6.1) ---------------------------------------------------------------------------


def _announcement(kind: str, data: Any, event_id: str, time: str) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "type": f"com.wadm.{kind}",
        "source": "wadm",
        "datacontenttype": "application/json",
        "time": time,
        "data": data,
    }
    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()


def manifest_published(manifest: Manifest, *, event_id: str, time: str) -> bytes:
    """The event that carries the whole manifest, its keys sorted as recorded."""
    data = json.loads(msgspec.json.encode(manifest, order="sorted"))
    return _announcement("manifest_published", data, event_id, time)


def manifest_unpublished(name: str, *, event_id: str, time: str) -> bytes:
    return _announcement("manifest_unpublished", {"name": name}, event_id, time)


# Names (§10) ------------------------------------------------------------------------------------

_NOT_PLAIN = re.compile(r"[^0-9a-z]")


def sanitize(text: str) -> str:
    """Lower case, and ``_`` for every character that is no ASCII letter or digit."""
    return _NOT_PLAIN.sub("_", text.lower())


def component_id(app: str, component: str, explicit: str | None = None) -> str:
    """The id of a component or provider: the explicit one verbatim, else made of both names."""
    return explicit if explicit is not None else f"{sanitize(app)}-{sanitize(component)}"


def config_name(app: str, config: str) -> str:
    """The name of a config that wadm manages; the component is not part of it."""
    return f"{sanitize(app)}-{sanitize(config)}"


def secret_name(app: str, secret: str) -> str:
    return f"SECRET_{sanitize(app)}-{sanitize(secret)}"


def secret_reference(secret: SecretProperty, policy: Policy) -> dict[str, str]:
    """What is stored under `secret_name`: where a host finds the secret, never its value."""
    rest = {k: v for k, v in policy.properties.items() if k != "backend"}
    wrapped = {"type": _SECRET_POLICY_PROPERTIES, "properties": rest}
    source = secret.properties
    optional = {"field": source.field, "version": source.version}
    return {
        "name": secret.name,
        "type": SECRET_TYPE,
        "backend": policy.properties.get("backend", ""),
        "key": source.key,
        **{k: v for k, v in optional.items() if v is not None},
        "policy": json.dumps(wrapped, separators=(",", ":"), ensure_ascii=False),
    }


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def scaler_id(
    kind: Literal["SpreadScaler", "DaemonScaler"],
    app: str,
    component: str,
    target_id: str,
    image: str,
    configs: Iterable[str],
) -> str:
    """The id of a component or provider scaler; neither counts nor spreads are in it (§10.5)."""
    return _digest((kind, app, component, target_id, image, *configs))


def link_scaler_id(app: str, link: Any) -> str:
    """The id of a link scaler; ``link`` is a `workbench.wire.records.Link` with derived names."""
    return _digest(
        ("LinkScaler", app, link.name, link.source_id, link.target, link.wit_namespace,
         link.wit_package, *link.interfaces, *link.source_config, *link.target_config)
    )  # fmt: skip


def link_scaler_name(link: Any) -> str:
    return f"{link.source_id} -({link.wit_namespace}:{link.wit_package})-> {link.target}"


def scaler_annotations(scaler: str, spread: str) -> dict[str, str]:
    """What a scaler marks its work with."""
    return {SCALER: scaler, SPREAD_NAME: spread}


def managed_annotations(app: str, own: Mapping[str, str]) -> dict[str, str]:
    """All annotations of a start: the managing pair is put over the command's own (§10.6)."""
    return {**own, MANAGED_BY: "wadm", APPSPEC: app}


_SCHEMES = ("file://", "oci://", "wasmcloud+builtin://")


def without_scheme(reference: str) -> str:
    """A provider reference as hosts report it (wadm-engine.md §8)."""
    for scheme in _SCHEMES:
        if reference.startswith(scheme):
            return reference.removeprefix(scheme)
    return reference


def parse_status(data: bytes) -> Status:
    """A status from the wire, old spellings included. Raises `DecodeError`."""
    raw = decode(data, dict[str, Any], what="status")
    return read_status(raw)


def read_status(raw: Any) -> Status:
    """A status out of decoded JSON; absent and odd fields become defaults (§12)."""
    if not isinstance(raw, dict):
        raise DecodeError("a status is a JSON object")
    scalers = raw.get("scalers")
    return Status(
        _read_info(raw.get("status")),
        tuple(_read_scaler(s) for s in scalers) if isinstance(scalers, list) else (),
    )


def _read_info(raw: Any) -> StatusInfo:
    if not isinstance(raw, dict):
        return StatusInfo()
    return StatusInfo(StatusType.read(_text(raw, "type")), _text(raw, "message"))


def _read_scaler(raw: Any) -> ScalerStatus:
    if not isinstance(raw, dict):
        return ScalerStatus()
    return ScalerStatus(
        _text(raw, "id"), _text(raw, "kind"), _text(raw, "name"), _read_info(raw.get("status"))
    )


def _text(raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
