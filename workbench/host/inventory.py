"""What a host says about itself: ping summary and inventory (control-interface.md §6)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.wire.control import HostSummary, Inventory, human_uptime

if TYPE_CHECKING:
    from workbench.host.components import ComponentTable
    from workbench.host.labels import Labels
    from workbench.host.options import HostOptions
    from workbench.host.provider_table import ProviderTable

__all__ = ["SelfDescription"]


class SelfDescription:
    """Answers at once, from memory, whatever starts or compiles at the moment."""

    def __init__(
        self,
        *,
        host_id: str,
        friendly_name: str,
        lattice: str,
        nats_url: str,
        js_domain: str | None,
        labels: Labels,
        options: HostOptions,
        components: ComponentTable,
        providers: ProviderTable,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host_id = host_id
        self.friendly_name = friendly_name
        self.lattice = lattice
        self._nats_url = without_credentials(nats_url)
        self._js_domain = js_domain
        self._labels = labels
        self._options = options
        self._components = components
        self._providers = providers
        self._clock = clock
        self._started_at = clock()

    @property
    def uptime_s(self) -> int:
        return int(self._clock() - self._started_at)

    def summary(self) -> HostSummary:
        uptime_s = self.uptime_s
        return HostSummary(
            rpc_host=self._nats_url,
            ctl_host=self._nats_url,
            friendly_name=self.friendly_name,
            id=self.host_id,
            labels=self._labels.as_dict(),
            lattice=self.lattice,
            uptime_human=human_uptime(uptime_s),
            uptime_seconds=uptime_s,
            version=self._options.version,
            js_domain=self._js_domain,
        )

    def inventory(self) -> Inventory:
        uptime_s = self.uptime_s
        return Inventory(
            components=tuple(self._components.entries()),
            providers=tuple(self._providers.entries()),
            host_id=self.host_id,
            friendly_name=self.friendly_name,
            labels=self._labels.as_dict(),
            version=self._options.version,
            uptime_human=human_uptime(uptime_s),
            uptime_seconds=uptime_s,
        )


def without_credentials(url: str) -> str:
    """The URL of a server without user and password: a ping reply goes to everybody."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return f"nats://{url.rpartition('@')[2]}"
    return f"{scheme}://{rest.rpartition('@')[2]}"
