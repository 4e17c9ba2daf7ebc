"""The events of one lattice, through the durable consumer that a real manager uses too.

Host events and manifest announcements come in one stream of work (wadm-engine.md §3, §4): each is
delivered once to one manager, and waits up to 70 s for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.errors import DecodeError, NatsError, WorkbenchError
from workbench.nats import JetStream, JsMessage, PullSubscription
from workbench.wadm.place import Place
from workbench.wadm.streams import command_consumer, event_consumer, event_consumer_name
from workbench.wire import events
from workbench.wire import manifest as manifests
from workbench.wire.subjects import (
    WADM_COMMANDS_STREAM,
    WADM_EVENT_CONSUMER_STREAM,
    WADM_EVENTS_STREAM,
    WASMBUS_EVENTS_STREAM,
)

__all__ = ["Announcement", "EventFeed", "read_event"]

log = logging.getLogger(__name__)

BATCH = 256
# A pull that the server forgot is renewed after this long.
PULL_S = 10.0
SOURCES_S = 5.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """``manifest_published`` (with the manifest) or ``manifest_unpublished``."""

    name: str
    manifest: manifests.Manifest | None = None
    event_id: str = ""


def read_event(message: JsMessage) -> events.Event | Announcement:
    """Raises `DecodeError` or `ManifestError` for what is no event of ours."""
    event = events.parse(message.data)
    if event.type == "com.wadm.manifest_published":
        if not isinstance(event.data, dict):
            raise DecodeError("manifest_published carries no manifest")
        manifest = manifests.parse(event.data)
        return Announcement(manifest.name, manifest, event.id)
    if event.type == "com.wadm.manifest_unpublished":
        name = event.data.get("name") if isinstance(event.data, dict) else None
        if not isinstance(name, str):
            raise DecodeError("manifest_unpublished carries no name")
        return Announcement(name, None, event.id)
    return event


class EventFeed:
    def __init__(self, js: JetStream, place: Place) -> None:
        self._js = js
        self._place = place
        self._pull: PullSubscription | None = None
        self._unacked: list[JsMessage] = []

    async def open(self) -> None:
        """Bind to the durable consumer, which is made when it is missing."""
        await self._js.ensure_consumer(WADM_EVENT_CONSUMER_STREAM, event_consumer(self._place))
        # Ours are carried out at once and never queued, but a real manager that takes over
        # finds its lattices by this consumer.
        await self._js.ensure_consumer(WADM_COMMANDS_STREAM, command_consumer(self._place))
        name = event_consumer_name(self._place)
        await self._sources_flow()
        self._unacked = []
        self._pull = await self._js.pull(WADM_EVENT_CONSUMER_STREAM, name)

    async def _sources_flow(self) -> None:
        """Wait until a new stream hears from both its sources, about 0.2 s after it was made.

        nats-server 2.15.1 sets the two up one after the other, and the one that comes second skips
        what it held before the first message of the other: such an event is lost for good (seen
        in 5 of 120 starts). What happened before is found by looking at the lattice afterwards.
        """
        deadline = time.monotonic() + SOURCES_S
        while time.monotonic() < deadline:
            info = await self._js.stream_info(WADM_EVENT_CONSUMER_STREAM)
            sources = (info or {}).get("sources") or []
            if sources and all(source.get("active", -1) >= 0 for source in sources):
                return
            await asyncio.sleep(0.02)
        log.warning("stream %s does not hear from its sources yet", WADM_EVENT_CONSUMER_STREAM)

    async def drain(self, take: Callable[[JsMessage], Any]) -> None:
        """Hand over what waits already."""
        name = event_consumer_name(self._place)
        info = await self._js.consumer_info(WADM_EVENT_CONSUMER_STREAM, name)
        left = int((info or {}).get("num_pending", 0))
        while left > 0 and self._pull is not None:
            batch = await self._pull.fetch(min(left, BATCH), timeout_s=2.0)
            if not batch:
                return
            self._unacked += batch
            for message in batch:
                take(message)
            await self.ack_all()
            left -= len(batch)

    async def next_batch(self) -> list[JsMessage]:
        """The next events, at once all that are there; empty now and then when there are none.

        They count as done only after `ack_all`.
        """
        assert self._pull is not None, "open first"
        batch = await self._pull.fetch(1, timeout_s=PULL_S)
        if batch and batch[-1].num_pending:
            more = min(batch[-1].num_pending, BATCH)
            batch += await self._pull.fetch(more, timeout_s=0.5)
        self._unacked += batch
        return batch

    async def check(self) -> None:
        """Raise `NatsError` if what the events come from is gone; silence alone does not tell."""
        for name in (WASMBUS_EVENTS_STREAM, WADM_EVENTS_STREAM):
            if await self._js.stream_info(name) is None:
                raise NatsError(f"stream {name} is gone", stream=name)

    async def ack_all(self) -> None:
        """Acknowledge, confirmed by the server; what fails comes again and is recognised."""
        batch, self._unacked = self._unacked, []
        for result in await asyncio.gather(*(m.ack() for m in batch), return_exceptions=True):
            if isinstance(result, WorkbenchError):
                log.info("an event could not be acknowledged and will come again: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        pull, self._pull = self._pull, None
        if pull is not None:
            await pull.close()
