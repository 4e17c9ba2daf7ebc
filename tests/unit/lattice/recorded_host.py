"""A host's side of the control interface that answers with recorded replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from workbench.nats import Connection, Message, Subscription
from workbench.wire import control, subjects

REPLIES: dict[str, str] = {
    "component.scale": '{"success":true,"message":""}',
    "component.update": '{"success":true,"message":"component tiny updating from T to H"}',
    "provider.start": '{"success":true,"message":"successfully started provider"}',
    "provider.stop": '{"success":true,"message":"successfully stopped provider"}',
    "label.put": '{"success":true,"message":"successfully put label"}',
    "label.del": '{"success":true,"message":"successfully deleted label"}',
    "link.put": '{"success":true,"message":"successfully set link"}',
    "link.del": '{"success":true,"message":"successfully deleted link"}',
    "link.get": '{"success":true,"message":"","response":[]}',
    "claims.get": '{"success":true,"message":"","response":[]}',
    "config.put": '{"success":true,"message":"successfully put config"}',
    "config.get": '{"success":true,"message":"","response":{"greeting":"hello","name":"lab"}}',
    "config.del": '{"success":true,"message":"successfully deleted config"}',
    "registry.put": '{"success":true,"message":"successfully put registries"}',
    "host.stop": '{"success":true,"message":"successfully handled stop host"}',
}


class RecordedHost:
    """Answers like a recorded host; ``requests`` keeps what came, ``on`` runs after a reply."""

    def __init__(self, nc: Connection, host_id: str, name: str, **labels: str) -> None:
        self.nc, self.id, self.name, self.labels = nc, host_id, name, labels
        self.components: list[control.ComponentEntry] = []
        self.providers: list[control.ProviderEntry] = []
        self.replies: dict[str, bytes | None] = {k: v.encode() for k, v in REPLIES.items()}
        self.requests: list[tuple[str, Any]] = []
        self.on: dict[str, Callable[[Any], list[bytes]]] = {}
        self._subscriptions: list[Subscription] = []

    async def start(self) -> RecordedHost:
        for subject, queue in subjects.control_subscriptions("default", self.id):
            self._subscriptions.append(await self.nc.subscribe(subject, self._answer, queue=queue))
        await self.nc.flush()
        return self

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        if not self.nc.is_closed:
            await self.nc.flush()

    def inventory(self) -> control.Inventory:
        return control.Inventory(
            components=tuple(self.components),
            providers=tuple(self.providers),
            host_id=self.id,
            friendly_name=self.name,
            labels=self.labels,
            version="1.9.2",
        )

    async def _answer(self, message: Message) -> None:
        parsed = subjects.parse_control(message.subject)
        assert parsed is not None
        operation = f"{parsed.noun}.{parsed.verb}"
        request = control.parse_request(operation, message.data)
        self.requests.append((operation, request))
        reply = self._reply(operation, request)
        if reply is not None:
            await message.respond(reply)
        for event in self.on.get(operation, lambda _: [])(request):
            name = json.loads(event)["type"].rpartition(".")[2]
            await self.nc.publish(subjects.events("default", name), event)

    def _reply(self, operation: str, request: Any) -> bytes | None:
        if operation in self.replies:
            return self.replies[operation]
        if operation == "host.get":
            return control.answered(self.inventory())
        if operation == "host.ping":
            return control.answered(
                control.HostSummary(
                    id=self.id, friendly_name=self.name, labels=self.labels, lattice="default"
                )
            )
        if not control.matches_constraints(self.labels, request.constraints):
            return None
        if operation == "component.auction":
            return control.answered(
                control.ComponentBid(
                    component_ref=request.component_ref,
                    component_id=request.component_ref,  # as upstream does (§7.1)
                    host_id=self.id,
                    constraints=request.constraints,
                )
            )
        return control.answered(
            control.ProviderBid(
                host_id=self.id,
                provider_ref=request.provider_ref,
                provider_id=request.provider_id,
                constraints=request.constraints,
            )
        )
