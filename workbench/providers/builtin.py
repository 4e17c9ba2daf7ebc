"""The providers that come along, as a host starts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from workbench.lattice.http_neighbours import HttpNeighbours
from workbench.lattice.trace import Tracer
from workbench.nats import Connection
from workbench.providers.http_server import HttpServer
from workbench.providers.runner import ProviderTask
from workbench.providers.sdk import Provider
from workbench.wire.records import ResolvedLink

__all__ = ["HostData", "builtin_providers", "provider_factory"]


class HostData(Protocol):
    """What a host hands to a provider that it starts in its own process."""

    @property
    def nc(self) -> Connection: ...
    @property
    def lattice(self) -> str: ...
    @property
    def host_id(self) -> str: ...
    @property
    def provider_id(self) -> str: ...
    @property
    def tracer(self) -> Tracer: ...
    @property
    def neighbours(self) -> HttpNeighbours: ...
    @property
    def log(self) -> Callable[[str, str], None]: ...
    @property
    def config(self) -> Mapping[str, str]: ...
    @property
    def links(self) -> tuple[ResolvedLink, ...]: ...


def provider_factory(make: Callable[[], Provider]) -> Callable[[HostData], ProviderTask]:
    """A factory as a host takes it, for a provider class."""

    def start(data: HostData) -> ProviderTask:
        return ProviderTask(
            data.nc, lattice=data.lattice, provider_id=data.provider_id, provider=make(),
            tracer=data.tracer, host_id=data.host_id, config=data.config, links=data.links,
            log=data.log, neighbours=data.neighbours,
        )  # fmt: skip

    return start


def builtin_providers() -> Mapping[str, Callable[[HostData], ProviderTask]]:
    """Factories by name: ``wasmcloud+builtin://NAME``, or a repository that ends in ``/NAME``."""
    return {"http-server": provider_factory(HttpServer)}
