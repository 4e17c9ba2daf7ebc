"""Answers ``wadm.api.…``: every request gets a reply, garbage included (wadm-api.md §1).

Requests of one lattice are handled strictly one after another, as upstream does; lattices do not
wait for each other.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from workbench.errors import WorkbenchError
from workbench.lattice.tasks import Tasks
from workbench.nats import Connection, Message, Subscription
from workbench.wadm.api import STORAGE_ERROR, ModelApi, Refused
from workbench.wadm.place import Place
from workbench.wire import wadm
from workbench.wire.subjects import (
    WADM_API_PREFIX,
    WADM_API_QUEUE,
    WadmApiSubject,
    parse_wadm_api,
    wadm_api_subscription,
)

__all__ = ["ApiServer"]

log = logging.getLogger(__name__)

# Requests that wait, of all lattices together: more are dropped.
MOST_WAITING = 10_000
STOP_S = 2.0


class ApiServer:
    """Serves one lattice, or all of them; ``find`` gives the operations of each."""

    def __init__(
        self,
        nc: Connection,
        find: Callable[[Place], ModelApi],
        *,
        mend: Callable[[], Awaitable[None]],
        lattice: str = "",
        prefix: str = WADM_API_PREFIX,
        multitenant: bool = False,
    ) -> None:
        """``prefix`` as in the real server's ``--api-prefix``; ``lattice`` "" is all of them."""
        self._nc, self._find, self._mend = nc, find, mend
        self._lattice, self._prefix, self._multitenant = lattice, prefix, multitenant
        self._subscription: Subscription | None = None
        self._lanes: dict[Place | None, deque[tuple[WadmApiSubject | None, Message]]] = {}
        self._waiting = 0
        self._tasks = Tasks("the manager's API")

    async def start(self) -> None:
        subject = wadm_api_subscription(self._lattice, prefix=self._prefix)
        if self._multitenant:
            subject = f"*.{subject}"
        self._subscription = await self._nc.subscribe(subject, self._arrived, queue=WADM_API_QUEUE)
        await self._nc.flush()

    async def stop(self) -> None:
        """Take no more requests and finish those that arrived."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await self._nc.drain([subscription])
        await self._tasks.wait(STOP_S)
        await self._tasks.close()

    def _arrived(self, message: Message) -> None:
        subject = parse_wadm_api(
            message.subject, prefix=self._prefix, multitenant=self._multitenant
        )
        if self._waiting >= MOST_WAITING:
            log.warning("%s is dropped: %d requests wait already", message.subject, MOST_WAITING)
            return
        self._waiting += 1
        place = Place.of_request(subject) if subject is not None else None
        lane = self._lanes.get(place)
        if lane is not None:
            lane.append((subject, message))
            return
        self._lanes[place] = deque([(subject, message)])
        self._tasks.start(self._work(place))

    async def _work(self, place: Place | None) -> None:
        lane = self._lanes[place]
        try:
            while lane:
                await self._serve(*lane.popleft())
                self._waiting -= 1
        finally:
            del self._lanes[place]

    async def _serve(self, subject: WadmApiSubject | None, message: Message) -> None:
        reply: Any
        try:
            if subject is None:
                raise Refused(
                    f"Invalid subject: {message.subject}: {_why_invalid(message.subject)}"
                )
            reply = await self._find(Place.of_request(subject)).answer(subject, message)
        except Refused as error:
            reply = wadm.ErrorReply(str(error))
        except WorkbenchError as error:
            log.warning("%s: %s", message.subject, error)
            reply = wadm.ErrorReply(STORAGE_ERROR)
            await self._try_to_mend()
        except Exception as error:
            log.exception("the request %s failed", message.subject)
            reply = wadm.ErrorReply(f"Internal error: {type(error).__name__}")
        try:
            await message.respond(wadm.encode(reply))
        except WorkbenchError as error:
            log.warning("a reply to %s could not be sent: %s", message.subject, error)

    async def _try_to_mend(self) -> None:
        """A bucket or stream may be gone: the next request should find it again."""
        try:
            await self._mend()
        except WorkbenchError as error:
            log.warning("the streams can't be mended: %s", error)


def _why_invalid(subject: str) -> str:
    if len(subject.split(".")) > 6:
        return (
            "too many tokens: a manifest name may consist only of alphanumeric characters, "
            "dashes, and underscores"
        )
    return "expected <prefix>.<lattice>.<category>.<operation>[.<object>]"
