"""Operations about the host itself: ping, inventory, stop, labels, auctions, claims, registries.

control-interface.md §6, §7, §10, §12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from workbench.host.control_server import Answer, Handler, Request
from workbench.host.failures import StepFailed
from workbench.host.labels import Labels
from workbench.wire.control import (
    ComponentAuction,
    ComponentBid,
    DeleteLabel,
    ProviderAuction,
    ProviderBid,
    PutLabel,
    StopHost,
    accepted,
    answered,
    refused,
)
from workbench.wire.events import LabelsChanged
from workbench.wire.records import ClaimsRecord

if TYPE_CHECKING:
    from workbench.host.components import ComponentTable
    from workbench.host.inventory import SelfDescription
    from workbench.host.provider_table import ProviderTable
    from workbench.host.publisher import EventPublisher

__all__ = ["HostOperations", "claims_view"]

_SILENCE = Answer(None)


class HostOperations:
    """Handlers of the operations that are about a host as such."""

    def __init__(
        self,
        *,
        description: SelfDescription,
        labels: Labels,
        components: ComponentTable,
        providers: ProviderTable,
        publisher: EventPublisher,
        claims: Callable[[], list[ClaimsRecord]],
        stop: Callable[[float | None], None],
    ) -> None:
        self._description = description
        self._labels = labels
        self._components = components
        self._providers = providers
        self._publisher = publisher
        self._claims = claims
        self._stop = stop

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "host.ping": self.ping,
            "host.get": self.get,
            "host.stop": self.stop,
            "component.auction": self.auction_component,
            "provider.auction": self.auction_provider,
            "label.put": self.put_label,
            "label.del": self.delete_label,
            "claims.get": self.get_claims,
            "registry.put": self.put_registries,
        }

    async def ping(self, request: Request) -> Answer:
        return Answer(answered(self._description.summary()))

    async def get(self, request: Request) -> Answer:
        return Answer(answered(self._description.inventory()))

    async def stop(self, request: Request) -> Answer:
        """Reply first, then begin to stop; the timeout counts milliseconds."""
        body: StopHost = request.body
        own = self._description.host_id
        if body.host_id and not body.host_id == request.object == own:
            return Answer(refused(f"invalid host_id [{body.host_id}]"))
        deadline_s = None if body.timeout is None else body.timeout / 1000

        async def begin() -> None:
            self._stop(deadline_s)

        return Answer(accepted("successfully handled stop host"), begin)

    async def auction_component(self, request: Request) -> Answer:
        """A bid with the real id, which upstream mixes up with the reference (§7.1)."""
        body: ComponentAuction = request.body
        if self._components.is_running(body.component_id) or not self._labels.match(
            body.constraints
        ):
            return _SILENCE
        bid = ComponentBid(
            component_ref=body.component_ref,
            component_id=body.component_id,
            host_id=self._description.host_id,
            constraints=body.constraints,
        )
        return Answer(answered(bid))

    async def auction_provider(self, request: Request) -> Answer:
        body: ProviderAuction = request.body
        if self._providers.is_running(body.provider_id) or not self._labels.match(body.constraints):
            return _SILENCE
        bid = ProviderBid(
            host_id=self._description.host_id,
            provider_ref=body.provider_ref,
            provider_id=body.provider_id,
            constraints=body.constraints,
        )
        return Answer(answered(bid))

    async def put_label(self, request: Request) -> Answer:
        body: PutLabel = request.body
        if Labels.is_protected(body.key):
            return Answer(refused("hostcore.* labels cannot be set dynamically"))
        self._labels.put(body.key, body.value)
        return await self._labels_changed("successfully put label")

    async def delete_label(self, request: Request) -> Answer:
        body: DeleteLabel = request.body
        if not self._labels.delete(body.key):
            return Answer(accepted("successfully deleted label (no such label)"))
        return await self._labels_changed("successfully deleted label")

    async def _labels_changed(self, message: str) -> Answer:
        try:
            await self._publisher.publish(
                LabelsChanged(host_id=self._description.host_id, labels=self._labels.as_dict())
            )
        except StepFailed:
            return Answer(refused("failed to publish labels_changed event"))
        return Answer(accepted(message))

    async def get_claims(self, request: Request) -> Answer:
        return Answer(answered([claims_view(record) for record in self._claims()]))

    async def put_registries(self, request: Request) -> Answer:
        """Accepted and forgotten: this host pulls from no registry yet, so it keeps no
        credentials of any."""
        return Answer(accepted("successfully put registries"))


def claims_view(record: ClaimsRecord) -> dict[str, str]:
    """Claims as ``claims.get`` shows them: strings only, long and short names (§12.4)."""
    view = {
        "iss": record.issuer,
        "issuer": record.issuer,
        "name": record.name,
        "rev": record.revision,
        "revision": record.revision,
        "sub": record.subject,
        "subject": record.subject,
        "version": record.version,
    }
    if record.is_component:
        return {
            "call_alias": record.call_alias or "",
            **view,
            "tags": ",".join(record.tags or ()),
        }
    return {**view, "config_schema": record.config_schema or ""}
