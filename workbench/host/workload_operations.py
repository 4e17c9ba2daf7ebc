"""Operations that start, change and stop components and providers (control-interface.md §8, §9).

All but ``provider.stop`` reply first and work afterwards; the result comes as an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.host.control_server import Answer, Handler, Request
from workbench.wire.control import (
    ScaleComponent,
    StartProvider,
    StopProvider,
    UpdateComponent,
    accepted,
    refused,
)

if TYPE_CHECKING:
    from workbench.host.components import ComponentTable
    from workbench.host.provider_table import ProviderTable

__all__ = ["WorkloadOperations"]


class WorkloadOperations:
    """Handlers for what runs on a host."""

    def __init__(self, components: ComponentTable, providers: ProviderTable) -> None:
        self._components = components
        self._providers = providers

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "component.scale": self.scale_component,
            "component.update": self.update_component,
            "provider.start": self.start_provider,
            "provider.stop": self.stop_provider,
        }

    async def scale_component(self, request: Request) -> Answer:
        body: ScaleComponent = request.body
        return Answer(
            accepted(self._components.scale_message(body)), lambda: self._components.scale(body)
        )

    async def update_component(self, request: Request) -> Answer:
        body: UpdateComponent = request.body
        running = self._components.is_running(body.component_id)
        work, message = self._components.update_message(body)
        if not running:
            return Answer(refused(message))
        return Answer(accepted(message), (lambda: self._components.update(body)) if work else None)

    async def start_provider(self, request: Request) -> Answer:
        body: StartProvider = request.body
        if self._providers.is_running(body.provider_id):
            return Answer(refused("provider with that ID is already running"))
        return Answer(accepted("successfully started provider"), self._providers.reserve(body))

    async def stop_provider(self, request: Request) -> Answer:
        body: StopProvider = request.body
        if not await self._providers.stop(body):
            return Answer(refused("provider with that ID is not running"))
        return Answer(accepted("successfully stopped provider"))
