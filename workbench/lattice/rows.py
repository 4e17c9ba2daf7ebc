"""What runs on a lattice, one row a component or provider, whatever the number of hosts."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.lattice.state import (
    ComponentState,
    HostState,
    LatticeState,
    ProviderState,
    RunStatus,
)

__all__ = ["ComponentRow", "ProviderRow", "component_rows", "provider_rows"]

# The worst status of several hosts is the one to show.
_WORST: tuple[RunStatus, ...] = ("failed", "degraded", "starting", "running", "stopped")


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component. ``max_instances`` is summed over its hosts, ``hosts`` are friendly names."""

    id: str
    image_ref: str
    max_instances: int
    hosts: tuple[str, ...]
    status: RunStatus
    error: str = ""


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider; ``hosts`` are friendly names."""

    id: str
    image_ref: str
    hosts: tuple[str, ...]
    status: RunStatus
    error: str = ""


def component_rows(state: LatticeState) -> list[ComponentRow]:
    """By id."""
    placed: dict[str, list[tuple[HostState, ComponentState]]] = {}
    for host, component in state.components():
        placed.setdefault(component.id, []).append((host, component))
    return [
        ComponentRow(
            id=component_id,
            image_ref=found[0][1].image_ref,
            max_instances=sum(c.max_instances for _, c in found if c.running),
            hosts=tuple(h.friendly_name or h.id for h, _ in found),
            status=_worst([c.status for _, c in found]),
            error=next((c.error for _, c in found if c.error), ""),
        )
        for component_id, found in sorted(placed.items())
    ]


def provider_rows(state: LatticeState) -> list[ProviderRow]:
    """By id."""
    placed: dict[str, list[tuple[HostState, ProviderState]]] = {}
    for host, provider in state.providers():
        placed.setdefault(provider.id, []).append((host, provider))
    return [
        ProviderRow(
            id=provider_id,
            image_ref=found[0][1].image_ref,
            hosts=tuple(h.friendly_name or h.id for h, _ in found),
            status=_worst([p.status for _, p in found]),
            error=next((p.error for _, p in found if p.error), ""),
        )
        for provider_id, found in sorted(placed.items())
    ]


def _worst(found: list[RunStatus]) -> RunStatus:
    return min(found, key=_WORST.index)
