"""The one way a host publishes events (events-and-lattice-data.md §A.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import NatsError
from workbench.host.failures import StepFailed
from workbench.wire import subjects
from workbench.wire.events import Payload, encode, make

if TYPE_CHECKING:
    from workbench.nats import Connection

__all__ = ["EventPublisher"]


class EventPublisher:
    """Publishes events of one host: plain NATS, no reply, no headers, in order."""

    __slots__ = ("_lattice", "_nc", "host_id")

    def __init__(self, nc: Connection, lattice: str, host_id: str) -> None:
        self._nc = nc
        self._lattice = lattice
        self.host_id = host_id

    async def publish(self, payload: Payload) -> None:
        """Put one event on the wire; `StepFailed` when the connection is closed or it is too big."""
        event = make(self.host_id, payload)
        try:
            await self._nc.publish(subjects.events(self._lattice, payload.EVENT), encode(event))
        except NatsError as error:
            raise StepFailed(f"failed to publish `{payload.EVENT}` event") from error
