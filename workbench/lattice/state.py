"""What is known about a lattice, as a pure fold: ``state' = apply(state, input)``.

Inputs are what the observer heard: CloudEvents, deliveries of the two buckets, inventories,
statuses of applications, and time. `apply` is deterministic, does no I/O and never raises for a
well-typed input; it returns the *same* object when nothing changed, and otherwise one whose
``seq`` is one higher. Time only ever comes in with an input.

Who is believed: hosts, components and providers come from events and inventories (an inventory
or heartbeat replaces what was known of that host); links, configs and claims come from the
buckets alone, so that one source decides (events-and-lattice-data.md A.4, B.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from workbench.errors import RemoteError
from workbench.lattice.heard import (
    AppHeard,
    BucketName,
    BucketRenewed,
    EntryHeard,
    EventHeard,
    HostGone,
    Input,
    InventoryHeard,
    ServedHeard,
    Tick,
    TroubleHeard,
)
from workbench.wire import events
from workbench.wire.control import ComponentEntry, Inventory, ProviderEntry
from workbench.wire.records import (
    ClaimsRecord,
    ComponentSpec,
    Link,
    parse_claims,
    parse_component_spec,
    parse_config,
    split_key,
)
from workbench.wire.wadm import Status

__all__ = [
    "AppHeard",
    "AppState",
    "BucketRenewed",
    "ComponentState",
    "EntryHeard",
    "EventHeard",
    "HostGone",
    "HostState",
    "Input",
    "InventoryHeard",
    "LatticeState",
    "ProviderState",
    "Tick",
    "TroubleHeard",
    "apply",
]

# A heartbeat comes every 30 s; wadm forgets a host after 70 s (A.4.3).
LATE_AFTER_S = 45.0
FORGOTTEN_AFTER_S = 75.0
FAILURE_KEPT_S = 300.0
# Anyone who may publish can claim to be a host, and name things: memory must end somewhere.
HOSTS_KEPT = 4096
THINGS_KEPT = 65_536

RunStatus: TypeAlias = Literal["starting", "running", "degraded", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class ComponentState:
    """A component on one host. A failed start is kept for a while with its ``error``."""

    id: str
    image_ref: str
    max_instances: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    revision: int = 0
    running: bool = True
    error: str = ""
    error_at_s: float = 0.0

    @property
    def status(self) -> RunStatus:
        if not self.running:
            return "failed"
        return "degraded" if self.error else "running"


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider on one host. ``healthy`` is ``None`` until a health check told (A.4.9)."""

    id: str
    image_ref: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    revision: int = 0
    running: bool = True
    healthy: bool | None = None
    error: str = ""
    error_at_s: float = 0.0

    @property
    def status(self) -> RunStatus:
        if not self.running:
            return "failed"
        return "degraded" if self.healthy is False or self.error else "running"


@dataclass(frozen=True, slots=True)
class HostState:
    """A host and what it runs. ``seen_s`` is when it was last heard, by the observer's clock."""

    id: str
    friendly_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    uptime_seconds: int = 0
    seen_s: float = 0.0
    late: bool = False
    components: Mapping[str, ComponentState] = field(default_factory=dict)
    providers: Mapping[str, ProviderState] = field(default_factory=dict)

    @property
    def status(self) -> RunStatus:
        return "degraded" if self.late else "running"


@dataclass(frozen=True, slots=True)
class AppState:
    """The newest status that the deployment manager published of one application."""

    name: str
    status: Status
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LatticeState:
    """One moment of a lattice. Every mapping is replaced, never changed.

    ``served`` are the ids that this process answers for itself, with their interfaces.
    """

    lattice: str = "default"
    seq: int = 0
    hosts: Mapping[str, HostState] = field(default_factory=dict)
    specs: Mapping[str, ComponentSpec] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    claims: Mapping[str, ClaimsRecord] = field(default_factory=dict)
    apps: Mapping[str, AppState] = field(default_factory=dict)
    served: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revisions: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def links(self) -> list[Link]:
        """All links, by source id."""
        return [link for _, spec in sorted(self.specs.items()) for link in spec.links]

    def components(self) -> Iterator[tuple[HostState, ComponentState]]:
        """Every component with its host, by host id and component id."""
        for _, host in sorted(self.hosts.items()):
            for _, component in sorted(host.components.items()):
                yield host, component

    def providers(self) -> Iterator[tuple[HostState, ProviderState]]:
        """Every provider with its host, by host id and provider id."""
        for _, host in sorted(self.hosts.items()):
            for _, provider in sorted(host.providers.items()):
                yield host, provider

    def serves(self, thing_id: str) -> bool:
        """Whether an id runs on a host, or is served by this process."""
        return thing_id in self.served or any(
            thing is not None and thing.running
            for host in self.hosts.values()
            for thing in (host.components.get(thing_id), host.providers.get(thing_id))
        )

    def running(self, thing_id: str) -> list[tuple[HostState, ComponentState | ProviderState]]:
        """Where a component or provider of this id really runs."""
        found: list[tuple[HostState, ComponentState | ProviderState]] = [
            (host, thing)
            for host in self.hosts.values()
            for thing in (host.components.get(thing_id), host.providers.get(thing_id))
            if thing is not None and thing.running
        ]
        return sorted(found, key=lambda pair: pair[0].id)


# The fold -------------------------------------------------------------------------------------


def apply(state: LatticeState, heard: Input) -> LatticeState:
    """The state after ``heard``; the same object if that changes nothing.

    An entry whose value does not decode raises `RemoteError`: the observer counts and skips it.
    """
    match heard:
        case EventHeard():
            after = _event(state, heard.event, heard.at_s)
        case EntryHeard():
            after = _entry(state, heard)
        case BucketRenewed():
            after = _renewed(state, heard.bucket)
        case InventoryHeard():
            after = _inventory(state, heard.inventory.host_id, heard.inventory, heard.at_s)
        case HostGone():
            after = replace(state, hosts=_without(state.hosts, heard.host_id))
        case TroubleHeard():
            after = _trouble(state, heard)
        case AppHeard():
            after = _app(state, heard)
        case ServedHeard():
            others = _without(state.served, heard.id)
            named = {heard.id: heard.interfaces} if heard.interfaces else {}
            after = replace(state, served={**others, **named})
        case Tick():
            after = _tick(state, heard.now_s)
    return state if after is state or after == state else replace(after, seq=state.seq + 1)


def _event(state: LatticeState, event: events.Event, at_s: float) -> LatticeState:
    payload = event.payload
    if not event.source:
        return state
    match payload:
        case events.HostHeartbeat():
            return _inventory(state, event.source, payload, at_s)
        case events.HostStopped():
            return replace(state, hosts=_without(state.hosts, event.source))
        case events.HostStarted():
            host = HostState(
                event.source,
                payload.friendly_name,
                payload.labels,
                payload.version,
                payload.uptime_seconds,
                at_s,
            )
            return _with_host(state, host)
        case events.LabelsChanged():
            return _with_host(state, replace(_heard(state, event, at_s), labels=payload.labels))
        case events.ComponentScaled() | events.ComponentScaleFailed():
            return _with_host(state, _component(_heard(state, event, at_s), payload, at_s))
        case (
            events.ProviderStarted()
            | events.ProviderStartFailed()
            | events.ProviderStopped()
            | events.HealthCheckPassed()
            | events.HealthCheckFailed()
        ):
            return _with_host(state, _provider(_heard(state, event, at_s), payload, at_s))
    # Link and config events say what the buckets say; the buckets are believed.
    return state


def _component(
    host: HostState, payload: events.ComponentScaled | events.ComponentScaleFailed, at_s: float
) -> HostState:
    known = host.components.get(payload.component_id)
    match payload:
        case events.ComponentScaled(max_instances=0):
            return replace(host, components=_without(host.components, payload.component_id))
        case events.ComponentScaled():
            component = ComponentState(
                payload.component_id,
                payload.image_ref,
                payload.max_instances,
                payload.annotations,
                (payload.claims.name if payload.claims else None) or (known.name if known else ""),
                (payload.claims.revision if payload.claims else None) or 0,
            )
        case events.ComponentScaleFailed() if known is not None and known.running:
            component = replace(known, error=payload.error, error_at_s=at_s)
        case events.ComponentScaleFailed():
            component = ComponentState(
                payload.component_id,
                payload.image_ref,
                payload.max_instances,
                payload.annotations,
                running=False,
                error=payload.error,
                error_at_s=at_s,
            )
    return replace(host, components=_with(host.components, component.id, component))


def _provider(
    host: HostState,
    payload: events.ProviderStarted
    | events.ProviderStartFailed
    | events.ProviderStopped
    | events.HealthCheckPassed
    | events.HealthCheckFailed,
    at_s: float,
) -> HostState:
    known = host.providers.get(payload.provider_id)
    match payload:
        case events.ProviderStopped():
            return replace(host, providers=_without(host.providers, payload.provider_id))
        case events.ProviderStarted():
            name = payload.claims.name if payload.claims else None
            provider = ProviderState(
                payload.provider_id, payload.image_ref, payload.annotations, name or ""
            )
        case events.ProviderStartFailed() if known is not None and known.running:
            provider = replace(known, error=payload.error, error_at_s=at_s)
        case events.ProviderStartFailed():
            provider = ProviderState(
                payload.provider_id,
                payload.provider_ref,
                running=False,
                error=payload.error,
                error_at_s=at_s,
            )
        case events.HealthCheckPassed() | events.HealthCheckFailed():
            if known is None:
                return host
            passed = isinstance(payload, events.HealthCheckPassed)
            provider = replace(known, healthy=passed, error="" if passed else known.error)
    return replace(host, providers=_with(host.providers, provider.id, provider))


def _trouble(state: LatticeState, heard: TroubleHeard) -> LatticeState:
    """What ails a running provider. A start that failed is told by an event, and a component
    whose update failed goes on as before."""
    host = state.hosts.get(heard.host_id)
    known = host.providers.get(heard.thing_id) if host is not None else None
    if host is None or known is None or not known.running:
        return state
    provider = replace(known, error=heard.text, error_at_s=heard.at_s)
    return _with_host(state, replace(host, providers=_with(host.providers, provider.id, provider)))


def _inventory(
    state: LatticeState, host_id: str, inventory: Inventory, at_s: float
) -> LatticeState:
    if not host_id:
        return state
    known = state.hosts.get(host_id) or HostState(host_id)
    components = {
        entry.id: _seen_component(entry, known.components.get(entry.id), at_s)
        for entry in inventory.components
    }
    providers = {
        entry.id: _seen_provider(entry, known.providers.get(entry.id), at_s)
        for entry in inventory.providers
    }
    for thing in known.components.values():
        if not thing.running and at_s - thing.error_at_s < FAILURE_KEPT_S:
            components.setdefault(thing.id, thing)
    for thing in known.providers.values():
        if not thing.running and at_s - thing.error_at_s < FAILURE_KEPT_S:
            providers.setdefault(thing.id, thing)
    return _with_host(
        state,
        HostState(
            host_id,
            inventory.friendly_name or known.friendly_name,
            inventory.labels,
            inventory.version or known.version,
            inventory.uptime_seconds,
            at_s,
            late=False,
            components=components,
            providers=providers,
        ),
    )


def _seen_component(
    entry: ComponentEntry, known: ComponentState | None, at_s: float
) -> ComponentState:
    error, error_at_s = _lasting_error(known, at_s)
    return ComponentState(
        entry.id,
        entry.image_ref,
        entry.max_instances,
        entry.annotations or {},
        entry.name or "",
        entry.revision,
        error=error,
        error_at_s=error_at_s,
    )


def _seen_provider(entry: ProviderEntry, known: ProviderState | None, at_s: float) -> ProviderState:
    error, error_at_s = _lasting_error(known, at_s)
    return ProviderState(
        entry.id,
        entry.image_ref or "",
        entry.annotations or {},
        entry.name or "",
        entry.revision,
        healthy=known.healthy if known else None,
        error=error,
        error_at_s=error_at_s,
    )


def _lasting_error(known: ComponentState | ProviderState | None, at_s: float) -> tuple[str, float]:
    """The error of something that went on running (a failed rescale); it fades with time."""
    if known is None or not known.running or at_s - known.error_at_s >= FAILURE_KEPT_S:
        return "", 0.0
    return known.error, known.error_at_s


def _entry(state: LatticeState, heard: EntryHeard) -> LatticeState:
    place = (heard.bucket, heard.key)
    if heard.revision <= state.revisions.get(place, 0):
        return state
    after = replace(state, revisions=_with(state.revisions, place, heard.revision))
    present = heard.operation == "PUT"
    if heard.bucket == "config":
        if present:
            return replace(
                after, configs=_with(state.configs, heard.key, parse_config(heard.value))
            )
        return replace(after, configs=_without(state.configs, heard.key))
    kind, name = split_key(heard.key)
    if kind == "COMPONENT":
        if present:
            return replace(after, specs=_with(state.specs, name, parse_component_spec(heard.value)))
        return replace(after, specs=_without(state.specs, name))
    if kind == "CLAIMS":
        if not present:
            return replace(after, claims=_without(state.claims, name))
        record = parse_claims(heard.value)
        if record.subject != name:
            raise RemoteError(f"the claims under {heard.key!r} are about {record.subject!r}")
        return replace(after, claims=_with(state.claims, name, record))
    return state


def _renewed(state: LatticeState, bucket: BucketName) -> LatticeState:
    revisions = {place: r for place, r in state.revisions.items() if place[0] != bucket}
    if bucket == "config":
        return replace(state, revisions=revisions, configs={})
    return replace(state, revisions=revisions, specs={}, claims={})


def _app(state: LatticeState, heard: AppHeard) -> LatticeState:
    if heard.status is None:
        return replace(state, apps=_without(state.apps, heard.name))
    known = state.apps.get(heard.name)
    if known is not None and known.status == heard.status:
        return state
    if known is None and len(state.apps) >= THINGS_KEPT:
        return state
    app = AppState(heard.name, heard.status, heard.at_s)
    return replace(state, apps=_with(state.apps, heard.name, app))


def _tick(state: LatticeState, now_s: float) -> LatticeState:
    hosts = {}
    for host_id, host in state.hosts.items():
        silent_s = now_s - host.seen_s
        if silent_s < FORGOTTEN_AFTER_S:
            hosts[host_id] = replace(host, late=silent_s >= LATE_AFTER_S)
    return replace(state, hosts=hosts) if hosts != state.hosts else state


def _heard(state: LatticeState, event: events.Event, at_s: float) -> HostState:
    """The host an event is about, known or new, marked as just heard."""
    known = state.hosts.get(event.source) or HostState(event.source)
    return replace(known, seen_s=at_s, late=False)


def _with_host(state: LatticeState, host: HostState) -> LatticeState:
    if host.id not in state.hosts and len(state.hosts) >= HOSTS_KEPT:
        return state
    if len(host.components) + len(host.providers) > THINGS_KEPT:
        return state
    return replace(state, hosts=_with(state.hosts, host.id, host))


def _with(mapping: Mapping, key, value) -> dict:
    return {**mapping, key: value}


def _without(mapping: Mapping, key) -> Mapping:
    return {k: v for k, v in mapping.items() if k != key} if key in mapping else mapping
