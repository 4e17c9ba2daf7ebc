"""Every request and reply of the control interface as a struct (control-interface.md §5-12).

`OPERATIONS` maps ``"component.scale"`` and its siblings to the types of both directions;
`parse_request` and `parse_reply` read them, `encode` writes them. A host answers with
`answered`, `accepted` or `refused`. Only `DecodeError` comes out of a parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from workbench.errors import DecodeError
from workbench.wire.jsontext import always, decode, encode
from workbench.wire.records import Link

__all__ = [
    "OPERATIONS",
    "UNLIMITED",
    "ClaimsView",
    "ComponentAuction",
    "ComponentBid",
    "ComponentEntry",
    "DeleteLabel",
    "DeleteLink",
    "HostSummary",
    "Inventory",
    "Operation",
    "ProviderAuction",
    "ProviderBid",
    "ProviderEntry",
    "PutLabel",
    "RegistryCredential",
    "Reply",
    "ScaleComponent",
    "StartProvider",
    "StopHost",
    "StopProvider",
    "UpdateComponent",
    "accepted",
    "answered",
    "encode",
    "human_uptime",
    "matches_constraints",
    "parse_reply",
    "parse_request",
    "refused",
]

UNLIMITED = 4_294_967_295
"""``count`` and ``max_instances`` of a component without bound."""

Unsigned32 = Annotated[int, msgspec.Meta(ge=0, le=UNLIMITED)]
# msgspec bounds stop at 63 bits; no uptime or timeout gets there.
Unsigned64 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Signed32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
StringMap = dict[str, str]


# Requests -----------------------------------------------------------------------------------


class ScaleComponent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``component.scale``: run up to ``count`` instances at once; 0 stops (and is the default)."""

    component_ref: str = always("")
    component_id: str
    annotations: StringMap | None = None
    count: Unsigned32 = always(0)
    host_id: str = always("")
    config: tuple[str, ...] = always(())
    allow_update: bool = always(False)
    component_limits: StringMap | None = None


class UpdateComponent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``component.update``: other code under the same id; absent annotations mean none."""

    component_id: str = always("")
    annotations: StringMap | None = None
    host_id: str = always("")
    new_component_ref: str = always("")


class StartProvider(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``provider.start``."""

    provider_id: str
    provider_ref: str = always("")
    host_id: str = always("")
    config: tuple[str, ...] = always(())
    annotations: StringMap | None = None


class StopProvider(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``provider.stop``; ``provider_ref`` is an old spelling of the id and never written."""

    host_id: str = always("")
    provider_id: str = always("")
    provider_ref: str | None = None

    def __post_init__(self) -> None:
        if self.provider_ref is not None:
            msgspec.structs.force_setattr(self, "provider_id", self.provider_ref)
            msgspec.structs.force_setattr(self, "provider_ref", None)


class StopHost(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``host.stop``; ``timeout`` counts milliseconds (§6.3)."""

    host_id: str = always("")
    timeout: Unsigned64 | None = None


class ComponentAuction(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``component.auction``: which hosts could start this?"""

    component_ref: str = always("")
    component_id: str
    constraints: StringMap


class ProviderAuction(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``provider.auction``: which hosts could start this?"""

    provider_ref: str = always("")
    provider_id: str
    constraints: StringMap


class PutLabel(msgspec.Struct, frozen=True, kw_only=True):
    """``label.put``."""

    key: str
    value: str


class DeleteLabel(msgspec.Struct, frozen=True, kw_only=True):
    """``label.del``."""

    key: str


class DeleteLink(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``link.del``: neither target nor interfaces (§11.3)."""

    source_id: str
    name: str = always("default")
    wit_namespace: str
    wit_package: str


class RegistryCredential(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One entry of ``registry.put``. Its repr keeps the secrets to itself."""

    username: str | None = None
    password: str | None = None
    token: str | None = None
    registry_type: str = msgspec.field(default_factory=lambda: "oci", name="registryType")

    def __repr__(self) -> str:
        return f"RegistryCredential(username={self.username!r}, …)"


# Replies ------------------------------------------------------------------------------------


class HostSummary(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A host's answer to ``host.ping``."""

    rpc_host: str = always("")
    ctl_host: str = always("")
    friendly_name: str = always("")
    id: str = always("")
    labels: StringMap = always({})
    lattice: str = always("")
    uptime_human: str = always("")
    uptime_seconds: Unsigned64 = always(0)
    version: str = always("")
    js_domain: str | None = None


class ComponentEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A component in an inventory; ``name`` comes from claims, ``limits`` may be null."""

    id: str
    image_ref: str
    name: str | None = None
    annotations: StringMap | None = always({})
    revision: Signed32 = always(0)
    max_instances: Unsigned32 = always(0)
    limits: StringMap | None = always(None)


class ProviderEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A provider in an inventory; ``image_ref`` is stripped of its scheme (§4)."""

    id: str
    image_ref: str | None = None
    name: str | None = None
    revision: Signed32 = always(0)
    annotations: StringMap | None = always({})


class Inventory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``host.get`` and the data of ``host_heartbeat``; ``actors`` is read, never written."""

    components: tuple[ComponentEntry, ...] = always(())
    providers: tuple[ProviderEntry, ...]
    host_id: str = always("")
    friendly_name: str = always("")
    labels: StringMap = always({})
    version: str = always("")
    uptime_human: str = always("")
    uptime_seconds: Unsigned64 = always(0)
    actors: tuple[ComponentEntry, ...] | None = None

    def __post_init__(self) -> None:
        if self.actors is not None:
            msgspec.structs.force_setattr(self, "components", self.actors)
            msgspec.structs.force_setattr(self, "actors", None)


class ComponentBid(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A bid; upstream puts the *reference* into ``component_id`` (§7.1): read ``host_id`` only."""

    component_ref: str = always("")
    component_id: str = always("")
    host_id: str
    constraints: StringMap = always({})


class ProviderBid(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A bid of a host for a provider."""

    host_id: str
    provider_ref: str = always("")
    provider_id: str = always("")
    constraints: StringMap = always({})


ClaimsView = StringMap
"""One entry of ``claims.get``: all values are strings (§12.4)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The envelope of every reply. ``response`` is typed when `parse_reply` knew the operation."""

    success: bool
    message: str = ""
    response: Any = None


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    success: bool
    message: str
    response: msgspec.Raw = msgspec.Raw(b"null")


# Operations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """What travels each way; ``None``: the host ignores the body, or there is no data."""

    request: Any = None
    response: Any = None
    what: str = ""
    """How the host's decode error names the request."""
    optional_body: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "host.ping": Operation(response=HostSummary),
    "host.get": Operation(response=Inventory),
    "host.stop": Operation(StopHost, what="stop command", optional_body=True),
    "component.auction": Operation(
        ComponentAuction, ComponentBid, what="component auction command"
    ),
    "component.scale": Operation(ScaleComponent, what="component scale command"),
    "component.update": Operation(UpdateComponent, what="component update command"),
    "provider.auction": Operation(ProviderAuction, ProviderBid, what="provider auction command"),
    "provider.start": Operation(StartProvider, what="provider start command"),
    "provider.stop": Operation(StopProvider, what="provider stop command"),
    "label.put": Operation(PutLabel, what="put label request"),
    "label.del": Operation(DeleteLabel, what="delete label request"),
    "link.get": Operation(response=tuple[Link, ...]),
    "link.put": Operation(Link, what="wrpc link definition"),
    "link.del": Operation(DeleteLink, what="wrpc link definition"),
    "claims.get": Operation(response=tuple[ClaimsView, ...]),
    "config.get": Operation(response=StringMap),
    "config.put": Operation(StringMap, what="config"),
    "config.del": Operation(),
    "registry.put": Operation(dict[str, RegistryCredential], what="registries put command"),
}


def parse_request(operation: str, data: bytes) -> Any:
    """The typed body of a request, ``None`` where hosts ignore the body."""
    known = _operation(operation)
    if known.request is None:
        return None
    if known.optional_body and not data:
        return known.request()
    return decode(data, known.request, what=known.what)


def parse_reply(operation: str, data: bytes) -> Reply:
    """The envelope and, on success, the typed ``response`` (``None`` when the reply has none)."""
    known = _operation(operation)
    envelope = decode(data, _Envelope, what=f"reply to {operation}")
    response = None
    raw = bytes(envelope.response)
    if envelope.success and known.response is not None and raw != b"null":
        response = decode(raw, known.response, what=f"reply to {operation}")
    return Reply(envelope.success, envelope.message, response)


def answered(response: Any, message: str = "") -> bytes:
    """A successful reply that carries data."""
    return encode({"success": True, "message": message, "response": response})


def accepted(message: str = "") -> bytes:
    """A successful reply without data: ``response`` must be left out (§2.5)."""
    return encode({"success": True, "message": message})


def refused(message: str) -> bytes:
    """An error reply."""
    return encode({"success": False, "message": message})


def matches_constraints(labels: Mapping[str, str], constraints: Mapping[str, str]) -> bool:
    """Whether every constraint is a label with exactly that value (§10)."""
    return all(labels.get(key) == value for key, value in constraints.items())


_UPTIME_PARTS = (
    (31_557_600, "year", "years"),
    (2_630_016, "month", "months"),
    (86_400, "day", "days"),
    (3600, "h", "h"),
    (60, "m", "m"),
    (1, "s", "s"),
)


def human_uptime(seconds: int) -> str:
    """Whole seconds as hosts print them: ``1day 2h 3m 4s`` (§6.2)."""
    parts = []
    rest = seconds
    for size, one, many in _UPTIME_PARTS:
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount}{one if amount == 1 else many}")
    return " ".join(parts) or "0s"


def _operation(name: str) -> Operation:
    try:
        return OPERATIONS[name]
    except KeyError:
        raise DecodeError(f"the control interface has no operation {name!r}") from None
