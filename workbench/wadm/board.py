"""Publishes statuses: only changes, in order, and not for ever when the stream is in trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from workbench.errors import DecodeError, WorkbenchError
from workbench.nats import JetStream
from workbench.wire.subjects import WADM_STATUS_STREAM, wadm_status
from workbench.wire.wadm import Status, encode, parse_status

__all__ = ["StatusBoard"]

log = logging.getLogger(__name__)

_RETRY_S = 1.0


class StatusBoard:
    """``wadm.status.<lattice>.<name>``, captured by stream ``wadm_status`` (wadm-api.md §5)."""

    def __init__(
        self, js: JetStream, lattice: str, *, trouble: Callable[[str], None] | None = None
    ) -> None:
        self._js = js
        self._lattice = lattice
        self._queue: asyncio.Queue[tuple[str, Status]] = asyncio.Queue()
        self._trouble = trouble or log.warning
        self._published: dict[str, Status] = {}

    def post(self, name: str, status: Status) -> None:
        self._queue.put_nowait((name, status))

    async def last(self, name: str) -> Status | None:
        """The newest status of an application, or None; one that does not read counts as none."""
        subject = wadm_status(self._lattice, name)
        message = await self._js.last_message(WADM_STATUS_STREAM, subject)
        if message is None:
            return None
        try:
            return parse_status(message.data)
        except DecodeError as error:
            log.warning("the last status of %s does not read: %s", name, error)
            return None

    async def run(self) -> None:
        """Publish what is posted, until cancelled."""
        while True:
            name, status = await self._queue.get()
            while True:
                try:
                    await self._publish(name, status)
                    break
                except WorkbenchError as error:
                    self._trouble(f"the status of {name} can't be published: {error.message}")
                    await asyncio.sleep(_RETRY_S)
                    name, status = self._newest(name, status)

    def _newest(self, name: str, status: Status) -> tuple[str, Status]:
        """Of what piled up meanwhile keep the newest per application; the rest is history."""
        waiting = {name: status}
        while not self._queue.empty():
            later, its_status = self._queue.get_nowait()
            waiting.pop(later, None)
            waiting[later] = its_status
        first, *rest = waiting.items()
        for item in rest:
            self._queue.put_nowait(item)
        return first

    async def _publish(self, name: str, status: Status) -> None:
        before = self._published.get(name) or await self.last(name)
        if before != status:
            await self._js.publish(wadm_status(self._lattice, name), encode(status))
        self._published[name] = status
