"""The heartbeat of a host: its inventory as an event, at a steady interval (§A.4.3)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from workbench.host.failures import StepFailed
from workbench.wire.control import Inventory
from workbench.wire.events import HostHeartbeat

if TYPE_CHECKING:
    from workbench.host.inventory import SelfDescription
    from workbench.host.publisher import EventPublisher

__all__ = ["heartbeat_of", "send_heartbeats"]

_log = logging.getLogger(__name__)


def heartbeat_of(inventory: Inventory) -> HostHeartbeat:
    return HostHeartbeat(**{name: getattr(inventory, name) for name in Inventory.__struct_fields__})


async def send_heartbeats(
    description: SelfDescription, publisher: EventPublisher, interval_s: float
) -> None:
    """Publish until cancelled; the first one comes an interval after the start.

    Ticks keep to the clock of the start, so a busy loop delays one and shifts none.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due += interval_s
        await asyncio.sleep(max(0.0, due - loop.time()))
        try:
            await publisher.publish(heartbeat_of(description.inventory()))
        except StepFailed as error:
            _log.warning("a heartbeat is lost: %s", error)
