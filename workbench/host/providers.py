"""The port to capability providers that run inside this process (providers.md §17).

The host knows providers only through these protocols, so that the providers room and this one
stay apart; whoever makes a `Host` hands over a mapping from reference name to factory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from workbench.errors import ArtifactError
from workbench.host.artifacts import Reference, ReferenceKind, registry_error
from workbench.host.failures import StepFailed

if TYPE_CHECKING:
    from workbench.lattice.http_neighbours import HttpNeighbours
    from workbench.lattice.trace import Tracer
    from workbench.nats import Connection
    from workbench.wire.records import ResolvedLink

__all__ = ["HostData", "ProviderFactory", "ProviderHandle", "ProviderHealth", "find_factory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostData:
    """What a provider gets at its start; the in-process form of providers.md §4.

    ``links`` holds every known link with the provider at one end, config values resolved,
    ``neighbours`` the components of the same host that answer HTTP requests.
    """

    nc: Connection
    lattice: str
    host_id: str
    provider_id: str
    tracer: Tracer
    neighbours: HttpNeighbours
    log: Callable[[str, str], None]
    config: Mapping[str, str] = field(default_factory=dict)
    links: tuple[ResolvedLink, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)


class ProviderHealth(Protocol):
    """An answer to a health check."""

    @property
    def healthy(self) -> bool: ...


class ProviderHandle(Protocol):
    """A provider that the host started. Links come one after another, in the order of the bucket.

    Only `start` may refuse: its error becomes ``provider_start_failed``.
    """

    async def start(self) -> None: ...

    async def stop(self, reason: str = "stop") -> None: ...

    async def put_link(self, link: ResolvedLink) -> None: ...

    async def del_link(self, link: ResolvedLink) -> None: ...

    async def update_config(self, config: Mapping[str, str]) -> None: ...

    async def health(self) -> ProviderHealth: ...


ProviderFactory = Callable[[HostData], "ProviderHandle | Awaitable[ProviderHandle]"]


def find_factory(factories: Mapping[str, ProviderFactory], reference: Reference) -> ProviderFactory:
    """The factory behind a reference, or `StepFailed` with the text for the failed event.

    ``wasmcloud+builtin://NAME`` and any registry reference whose repository ends in ``NAME`` start
    the Python provider of that name; so does ``cell://NAME`` for one written in a cell.
    """
    if reference.kind is ReferenceKind.BUILTIN:
        if reference.value in factories:
            return factories[reference.value]
        raise StepFailed(f"unknown builtin name: {reference.value}")
    name = reference.value if reference.kind is ReferenceKind.CELL else reference.base_name
    if reference.kind is not ReferenceKind.FILE and name in factories:
        return factories[name]
    raise StepFailed("failed to fetch provider") from _unavailable(reference)


def _unavailable(reference: Reference) -> ArtifactError:
    if reference.kind is ReferenceKind.OCI:
        return registry_error("provider", reference)
    if reference.kind is ReferenceKind.CELL:
        return ArtifactError(
            f"no cell has defined a provider named `{reference.value}`", reference=reference.text
        )
    return ArtifactError(
        "provider archives can't be run by this host yet", reference=reference.text
    )
