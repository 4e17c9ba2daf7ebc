"""Publishes statuses: only changes, in order, and not for ever when the stream is in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

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
        self,
        js: JetStream,
        lattice: str,
        *,
        trouble: Callable[[str], None] | None = None,
        mend: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``mend`` is tried when the stream does not take a status; ``trouble`` hears of it."""
        self._js = js
        self._lattice = lattice
        self._queue: asyncio.Queue[tuple[str, Status]] = asyncio.Queue()
        self._trouble = trouble or log.warning
        self._mend = mend
        self._published: dict[str, Status] = {}
        self._newest: dict[str, Status] = {}
        self._queued: Counter[str] = Counter()

    def post(self, name: str, status: Status) -> None:
        self._newest[name] = status
        self._queued[name] += 1
        self._queue.put_nowait((name, status))

    def post_again(self) -> None:
        """Compare with the stream again: it may have been made anew."""
        self._published.clear()
        for name, status in list(self._newest.items()):
            if not self._queued[name]:
                self.post(name, status)

    async def flush(self, timeout_s: float) -> None:
        """Until all that was posted is published, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._queue.join()

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
            try:
                await self._publish_somehow(name, status)
            finally:
                self._queued[name] -= 1
                self._queue.task_done()

    async def _publish_somehow(self, name: str, status: Status) -> None:
        """Try until it works; of what piles up meanwhile only the newest is published."""
        while True:
            try:
                await self._publish(name, status)
                return
            except WorkbenchError as error:
                self._trouble(f"the status of {name} can't be published: {error.message}")
                await self._recover()
            if self._newest.get(name) is not status:
                return

    async def _recover(self) -> None:
        await asyncio.sleep(_RETRY_S)
        self._published.clear()
        if self._mend is not None:
            try:
                await self._mend()
            except WorkbenchError as error:
                self._trouble(f"the streams can't be mended: {error.message}")

    async def _publish(self, name: str, status: Status) -> None:
        before = self._published.get(name) or await self.last(name)
        if before != status:
            await self._js.publish(wadm_status(self._lattice, name), encode(status))
        self._published[name] = status
