"""What an event of the lattice means: the next observed state, and which flights landed.

One function per event type; none of them decides anything. The host of an event is its ``source``
(events-and-lattice-data.md A.4.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.wadm.commands import ScaleComponent, StartProvider
from workbench.wadm.flights import SOON_S, Flights, Landing
from workbench.wadm.observed import (
    HostState,
    Observed,
    Running,
    Topic,
    with_component,
    with_host,
    with_inventory,
    with_labels,
    with_link,
    with_provider,
    without_host,
    without_link,
)
from workbench.wire import events
from workbench.wire.records import Link

__all__ = ["Intake", "take"]


@dataclass(slots=True)
class Intake:
    """The effect of one event. ``stale_configs`` must be read again, ``unknown_host`` asked."""

    observed: Observed
    topics: frozenset[Topic] = frozenset()
    landings: list[Landing] = field(default_factory=list)
    stale_configs: tuple[str, ...] = ()
    unknown_host: str = ""
    lost_host: str = ""


def take(observed: Observed, flights: Flights, event: events.Event, now: float) -> Intake:
    """Fold one event in. An event of no interest changes nothing."""
    handler = _HANDLERS.get(type(event.payload))
    host = observed.hosts.get(event.source)
    if handler is None:
        return Intake(observed)
    if host is None and type(event.payload) in _NEEDS_HOST:
        # A host that joined before us, or that we gave up: its inventory tells the rest.
        landed = _landed(flights, event, now)
        return Intake(observed, landings=landed, unknown_host=event.source)
    return handler(observed, flights, event, event.payload, now)


def _landed(flights: Flights, event: events.Event, now: float) -> list[Landing]:
    return _HANDLERS[type(event.payload)](Observed(), flights, event, event.payload, now).landings


def _host_started(
    seen: Observed, flights: Flights, event: events.Event, data: events.HostStarted, now: float
) -> Intake:
    """A fresh host; one that we knew was restarted and has lost everything."""
    flights.drop_host(event.source)
    host = HostState(event.source, data.labels, data.friendly_name, last_seen=now)
    return Intake(*with_host(seen, host))


def _host_stopped(
    seen: Observed, flights: Flights, event: events.Event, data: events.HostStopped, now: float
) -> Intake:
    return Intake(*without_host(seen, event.source), lost_host=event.source)


def _heartbeat(
    seen: Observed, flights: Flights, event: events.Event, data: events.HostHeartbeat, now: float
) -> Intake:
    return Intake(*with_inventory(seen, event.source, data, now))


def _labels_changed(
    seen: Observed, flights: Flights, event: events.Event, data: events.LabelsChanged, now: float
) -> Intake:
    return Intake(*with_labels(seen, event.source, data.labels))


def _component_scaled(
    seen: Observed, flights: Flights, event: events.Event, data: events.ComponentScaled, now: float
) -> Intake:
    running = Running(data.image_ref, data.annotations, data.max_instances)
    state, topics = with_component(seen, event.source, data.component_id, running)
    slot = ("component", data.component_id, event.source)
    flight = flights.under_way.get(slot)
    landings: list[Landing] = []
    if flight is not None and isinstance(flight.command, ScaleComponent):
        if flight.command.count == data.max_instances:
            landing = flights.land(slot, now, ok=True, message=_scaled_text(data.max_instances))
            landings += [landing] if landing else []
        elif data.max_instances == 0:
            # No success of a scale above 0 (§20.1, 6): decide anew from what is there now.
            flights.drop(slot)
            landings.append(Landing(flight, True, "something else stopped it meanwhile"))
        else:
            flight.deadline = min(flight.deadline, now + SOON_S)
    if landings:
        topics = topics | {("component", data.component_id)}
    return Intake(state, topics, landings)


def _scaled_text(count: int) -> str:
    return f"running with {count} instance(s)" if count else "stopped"


def _component_scale_failed(
    seen: Observed,
    flights: Flights,
    event: events.Event,
    data: events.ComponentScaleFailed,
    now: float,
) -> Intake:
    slot = ("component", data.component_id, event.source)
    flight = flights.under_way.get(slot)
    ours = (
        flight is not None
        and isinstance(flight.command, ScaleComponent)
        and flight.command.reference == data.image_ref
    )
    landing = flights.land(slot, now, ok=False, message=data.error) if ours else None
    return Intake(seen, frozenset({("component", data.component_id)}), [landing] if landing else [])


def _provider_started(
    seen: Observed, flights: Flights, event: events.Event, data: events.ProviderStarted, now: float
) -> Intake:
    """Matched by id and host alone: hosts strip the scheme of the reference (§20.1, 5)."""
    running = Running(data.image_ref, data.annotations)
    state, topics = with_provider(seen, event.source, data.provider_id, running)
    slot = ("provider", data.provider_id, event.source)
    flight = flights.under_way.get(slot)
    landing = None
    if flight is not None and isinstance(flight.command, StartProvider):
        landing = flights.land(slot, now, ok=True, message="running")
    topics = topics | {("provider", data.provider_id)}
    return Intake(state, topics, [landing] if landing else [])


def _provider_start_failed(
    seen: Observed,
    flights: Flights,
    event: events.Event,
    data: events.ProviderStartFailed,
    now: float,
) -> Intake:
    slot = ("provider", data.provider_id, event.source)
    flight = flights.under_way.get(slot)
    ours = flight is not None and isinstance(flight.command, StartProvider)
    landing = flights.land(slot, now, ok=False, message=data.error) if ours else None
    return Intake(seen, frozenset({("provider", data.provider_id)}), [landing] if landing else [])


def _provider_stopped(
    seen: Observed, flights: Flights, event: events.Event, data: events.ProviderStopped, now: float
) -> Intake:
    state, topics = with_provider(seen, event.source, data.provider_id, None)
    return Intake(state, topics | {("provider", data.provider_id)})


def _health(seen: Observed, host_id: str, provider: str, health: str) -> Intake:
    host = seen.hosts.get(host_id)
    was = host.health.get(provider) if host is not None else None
    if host is None or was == health or provider not in host.providers:
        return Intake(seen)
    state, _ = with_host(seen, replace(host, health={**host.health, provider: health}))
    # Only failing, or no longer, is seen in a status.
    shown = {("provider", provider)} if "Failed" in (was, health) else ()
    return Intake(state, frozenset(shown))


def _health_passed(
    seen: Observed, flights: Flights, event: events.Event, data: Any, now: float
) -> Intake:
    return _health(seen, data.host_id, data.provider_id, "Running")


def _health_failed(
    seen: Observed, flights: Flights, event: events.Event, data: Any, now: float
) -> Intake:
    return _health(seen, data.host_id, data.provider_id, "Failed")


def _health_status(
    seen: Observed, flights: Flights, event: events.Event, data: Any, now: float
) -> Intake:
    """It tells no state: only Pending becomes Running (§7.2)."""
    host = seen.hosts.get(data.host_id)
    if host is not None and host.health.get(data.provider_id, "Pending") != "Pending":
        return Intake(seen)
    return _health(seen, data.host_id, data.provider_id, "Running")


def _linkdef_set(
    seen: Observed, flights: Flights, event: events.Event, data: events.LinkdefSet, now: float
) -> Intake:
    fields = {name: getattr(data, name) for name in Link.__struct_fields__}
    return Intake(*with_link(seen, Link(**fields)))


def _linkdef_deleted(
    seen: Observed, flights: Flights, event: events.Event, data: events.LinkdefDeleted, now: float
) -> Intake:
    """Without a target no link matched: then nothing that we know is gone."""
    if data.target is None:
        return Intake(seen, frozenset({("link", data.source_id)}))
    return Intake(
        *without_link(
            seen, data.source_id, data.name, data.wit_namespace, data.wit_package, data.target
        )
    )


def _config_changed(
    seen: Observed, flights: Flights, event: events.Event, data: Any, now: float
) -> Intake:
    """The event carries no values: who uses the config reads it again."""
    return Intake(seen, stale_configs=(data.config_name,))


_HANDLERS: dict[Any, Callable[..., Intake]] = {
    events.HostStarted: _host_started,
    events.HostStopped: _host_stopped,
    events.HostHeartbeat: _heartbeat,
    events.LabelsChanged: _labels_changed,
    events.ComponentScaled: _component_scaled,
    events.ComponentScaleFailed: _component_scale_failed,
    events.ProviderStarted: _provider_started,
    events.ProviderStartFailed: _provider_start_failed,
    events.ProviderStopped: _provider_stopped,
    events.HealthCheckPassed: _health_passed,
    events.HealthCheckFailed: _health_failed,
    events.HealthCheckStatus: _health_status,
    events.LinkdefSet: _linkdef_set,
    events.LinkdefDeleted: _linkdef_deleted,
    events.ConfigSet: _config_changed,
    events.ConfigDeleted: _config_changed,
}

_NEEDS_HOST = (
    events.ComponentScaled,
    events.ComponentScaleFailed,
    events.ProviderStarted,
    events.ProviderStartFailed,
    events.ProviderStopped,
    events.LabelsChanged,
)
