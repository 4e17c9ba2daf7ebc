"""Which manager of ours is the active one, settled by messages alone; nothing is stored.

Two managers of one lattice would share requests and events between them and act against each
other. So each that wants to act claims, and acts when nobody objects in time. The rules:

- The active one objects to every claim, and says every second that it is there.
- Of two that claim, the younger one yields.
- One that waits claims when the active one says goodbye or is silent for a while.
- Of two that are both active (a stalled network), the one that became so later yields.
- One that could not be heard for a while claims anew: somebody may have taken its place.
- A real wadm knows none of this. It is there when it answers ``model.list``, and it shows itself
  by what it says to its like on ``wadm.notify`` (wadm-engine.md §16), which we never use.

Losing an election costs nothing: whoever takes over finds the same buckets and streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import msgspec

from workbench.errors import DecodeError, NoResponders, RequestTimeout, WorkbenchError
from workbench.nats import Connection, Message, Subscription
from workbench.wire.jsontext import decode, encode
from workbench.wire.subjects import WADM_API_PREFIX, wadm_api, wadm_notify

__all__ = ["Election", "ElectionTiming", "Keeper", "keeper_of"]

log = logging.getLogger(__name__)

# No stream captures it, and who may use wadm's subjects may use it.
SUBJECT = "wadm.peers"
PROBE_S = 1.0
DEFAULT_LATTICE = "default"


@dataclass(frozen=True, slots=True)
class ElectionTiming:
    """Seconds. ``alone_s`` is the time for objections where nobody else listens yet."""

    beat_s: float = 1.0
    silent_s: float = 2.5
    objections_s: float = 0.75
    alone_s: float = 0.02


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What managers say to each other. ``since`` orders them; ``lattice`` "" means all."""

    kind: Literal["claim", "active", "objection", "goodbye", "who"]
    id: str
    lattice: str = ""
    since: int = 0
    where: str = ""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who manages a lattice: one of ours, a foreign one (a real wadm), or nobody.

    ``where`` tells host and process of one of ours.
    """

    kind: Literal["ours", "foreign", "nobody"]
    where: str = ""
    id: str = ""

    def __str__(self) -> str:
        if self.kind == "ours":
            return f"a workbench manager ({self.where})"
        return "a wadm server" if self.kind == "foreign" else "nobody"

    def __bool__(self) -> bool:
        return self.kind != "nobody"


NOBODY = Keeper("nobody")
FOREIGN = Keeper("foreign")


class _Role(Enum):
    WAITING = "waiting"
    CLAIMING = "claiming"
    ACTIVE = "active"


def _subject(prefix: str) -> str:
    return f"{SUBJECT}.{prefix}"


def read_notice(data: bytes) -> Notice:
    """Raises `DecodeError`."""
    return decode(data, Notice, what="notice", max_bytes=4096)


def _read(message: Message) -> Notice | None:
    try:
        return read_notice(message.data)
    except DecodeError:
        return None


class Election:
    """One candidate. ``outvoted`` is called with the reason when an active one has to give way;
    ``foreign`` with a lattice where a real manager turned up while we are active."""

    def __init__(
        self,
        nc: Connection,
        *,
        lattice: str = "",
        prefix: str = WADM_API_PREFIX,
        outvoted: Callable[[str], None],
        foreign: Callable[[str], None],
        timing: ElectionTiming | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self._nc, self._lattice, self._prefix = nc, lattice, prefix
        self._outvoted, self._foreign = outvoted, foreign
        self._timing = timing or ElectionTiming()
        self._subject = _subject(prefix)
        self._where = f"{socket.gethostname()}, process {os.getpid()}"
        self._role = _Role.WAITING
        self._since = time.time_ns()
        self._yielded = False
        self._heard_at = 0.0
        self._free = asyncio.Event()
        self._subscriptions: list[Subscription] = []
        self._beats: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        return self._role is _Role.ACTIVE

    # Claiming ---------------------------------------------------------------------------------

    async def claim(self) -> Keeper:
        """Become the active one unless somebody is; returns who is in the way, or nobody.

        Raises `NatsError` when the server is away.
        """
        objections_s = await self._listen()
        self._yielded = False
        self._role, self._since = _Role.CLAIMING, time.time_ns()
        rival, found = await asyncio.gather(self._objection(objections_s), self._probe())
        rival = rival or found
        if rival or self._yielded:
            self._role = _Role.WAITING
            self._heard_at = _now()
            return rival or Keeper("ours", "starting at this moment")
        self._become_active()
        return NOBODY

    async def _listen(self) -> float:
        """Hear the others from now on; returns how long an objection may take."""
        if self._subscriptions:
            return self._timing.objections_s
        alone = not await _any_listener(self._nc, self._subject, self._notice("who"))
        self._subscriptions = [
            await self._nc.subscribe(self._subject, self._hear),
            await self._nc.subscribe(wadm_notify(self._lattice or "*"), self._hear_foreign),
        ]
        await self._nc.flush()
        return self._timing.alone_s if alone else self._timing.objections_s

    async def _objection(self, within_s: float) -> Keeper:
        replies = await self._nc.gather(
            self._subject, encode(self._notice("claim")), timeout_s=within_s, limit=1
        )
        notice = _read(replies[0]) if replies else None
        return Keeper("ours", notice.where, notice.id) if notice else NOBODY

    async def _probe(self) -> Keeper:
        return await _foreign_at(self._nc, self._lattice or DEFAULT_LATTICE, self._prefix)

    def _become_active(self) -> None:
        self._role, self._since = _Role.ACTIVE, time.time_ns()
        self._say("active")
        if self._beats is None:
            self._beats = asyncio.create_task(self._beat(), name="wadm election")

    async def until_free(self) -> None:
        """Until it makes sense to claim again."""
        while (wait_s := self._heard_at + self._timing.silent_s - _now()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._free.wait()
            if self._free.is_set():
                self._free.clear()
                return

    async def resign(self) -> None:
        """Be active no longer and tell those who wait. Harmless when not active."""
        beats, self._beats = self._beats, None
        if beats is not None and beats is not asyncio.current_task():
            beats.cancel()
            await asyncio.gather(beats, return_exceptions=True)
        was_active = self.active
        self._role = _Role.WAITING
        self._heard_at = _now()
        if was_active:
            self._say("goodbye")

    async def close(self) -> None:
        await self.resign()
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await subscription.unsubscribe()

    # Being active -----------------------------------------------------------------------------

    async def _beat(self) -> None:
        said_at = _now()
        while self.active:
            await asyncio.sleep(self._timing.beat_s)
            if not self._nc.is_connected:
                continue
            gap_s = _now() - said_at
            if gap_s < self._timing.silent_s + self._timing.objections_s:
                self._say("active")
            elif rival := await self._claim_again():
                self._give_way(f"{rival} took over during {gap_s:.0f} s of silence")
            said_at = _now()

    async def _claim_again(self) -> Keeper:
        """We were not heard for so long that somebody may have taken over."""
        self._yielded = False
        self._role = _Role.CLAIMING
        try:
            rival = await self._objection(self._timing.objections_s)
        except WorkbenchError as error:
            log.info("other managers can't be asked: %s", error)
            rival = NOBODY
        if rival or self._yielded:
            return rival or Keeper("ours", "another one")
        self._become_active()
        return NOBODY

    def _give_way(self, why: str) -> None:
        self._role = _Role.WAITING
        self._heard_at = _now()
        log.warning("this manager gives way: %s", why)
        beats, self._beats = self._beats, None
        if beats is not None and beats is not asyncio.current_task():
            beats.cancel()
        self._outvoted(why)

    # Hearing ----------------------------------------------------------------------------------

    async def _hear(self, message: Message) -> None:
        notice = _read(message)
        if notice is None or notice.id == self.id or not self._concerns(notice.lattice):
            return
        match notice.kind:
            case "claim":
                await self._hear_claim(notice, message)
            case "active":
                self._hear_active(notice)
            case "goodbye":
                self._free.set()
            case "who" if self.active and message.reply:
                await message.respond(encode(self._notice("active")))
            case _:
                pass

    def _concerns(self, lattice: str) -> bool:
        return not lattice or not self._lattice or lattice == self._lattice

    async def _hear_claim(self, notice: Notice, message: Message) -> None:
        elder = (self._since, self.id) < (notice.since, notice.id)
        if self.active or (self._role is _Role.CLAIMING and elder):
            await message.respond(encode(self._notice("objection")))
        elif self._role is _Role.CLAIMING:
            self._yielded = True

    def _hear_active(self, notice: Notice) -> None:
        self._heard_at = _now()
        self._free.clear()
        if self._role is _Role.CLAIMING:
            self._yielded = True
        if not self.active:
            return
        if (notice.since, notice.id) < (self._since, self.id):
            self._give_way(f"the manager of {notice.where} was active before")
        else:
            self._say("active")  # it shall hear at once that it is one too many

    def _hear_foreign(self, message: Message) -> None:
        if self.active:
            self._foreign(message.subject.rpartition(".")[2])

    def _notice(self, kind: Literal["claim", "active", "objection", "goodbye", "who"]) -> Notice:
        return Notice(kind, self.id, self._lattice, self._since, self._where)

    def _say(self, kind: Literal["active", "goodbye"]) -> None:
        try:
            self._nc.publish_nowait(self._subject, encode(self._notice(kind)))
        except WorkbenchError as error:
            log.info("other managers can't be told: %s", error)


def _now() -> float:
    return time.monotonic()


async def _any_listener(nc: Connection, subject: str, notice: Notice) -> bool:
    try:
        await nc.request(subject, encode(notice), timeout_s=0.2)
    except NoResponders:
        return False
    except RequestTimeout:
        pass
    return True


async def _foreign_at(nc: Connection, lattice: str, prefix: str) -> Keeper:
    """Whether any manager answers. Asking changes nothing: also a real one only reads for it."""
    subject = wadm_api(lattice, "list", prefix=prefix)
    try:
        await nc.request(subject, timeout_s=PROBE_S)
    except NoResponders:
        return NOBODY
    except RequestTimeout:
        log.warning("something listens on %s but does not answer", subject)
        return NOBODY
    return FOREIGN


async def keeper_of(
    nc: Connection, lattice: str = DEFAULT_LATTICE, *, prefix: str = WADM_API_PREFIX
) -> Keeper:
    """Who manages a lattice now."""
    question = Notice("who", uuid.uuid4().hex, lattice)
    try:
        reply = await nc.request(_subject(prefix), encode(question), timeout_s=PROBE_S)
    except (NoResponders, RequestTimeout):
        return await _foreign_at(nc, lattice, prefix)
    notice = _read(reply)
    return Keeper("ours", notice.where, notice.id) if notice else NOBODY
