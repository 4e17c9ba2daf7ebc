"""The deployment manager of all lattices of a NATS server, as the real program is.

One worker for each lattice that has something to manage: found by the events of hosts, by
durable consumers of an earlier manager and by stored applications (wadm-engine.md §6). Reading
about a lattice that nobody knows starts nothing. Only one service acts; others wait their turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError
from workbench.lattice.tasks import Tasks
from workbench.nats import Bucket, Connection, Message, Subscription
from workbench.wadm.api import ModelApi
from workbench.wadm.api_server import ApiServer
from workbench.wadm.board import StatusBoard
from workbench.wadm.election import Election, ElectionTiming, Keeper
from workbench.wadm.feed import Announcement
from workbench.wadm.place import Place
from workbench.wadm.ports import Timing
from workbench.wadm.store import ManifestStore, StateStore, lattices_of
from workbench.wadm.streams import Layout, ensure_all, place_of
from workbench.wadm.watchers import Watchers
from workbench.wadm.worker import Worker
from workbench.wire.subjects import (
    EVENT_PREFIX,
    WADM_API_PREFIX,
    WADM_COMMANDS_STREAM,
    WADM_EVENT_CONSUMER_STREAM,
    is_token,
)

__all__ = ["Service", "ServiceOptions"]

log = logging.getLogger(__name__)

RETRY_S = 2.0
STOP_S = 5.0
KEPT_PROBLEMS = 20
_HOST_IS_THERE = (
    b"com.wasmcloud.lattice.host_started",
    b"com.wasmcloud.lattice.host_heartbeat",
)


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """``max_jobs`` bounds the commands under way on all lattices together.

    ``max_lattices`` bounds the workers: anybody who may publish events can name a lattice.
    """

    api_prefix: str = WADM_API_PREFIX
    layout: Layout = field(default_factory=Layout)
    timing: Timing = field(default_factory=Timing)
    election: ElectionTiming = field(default_factory=ElectionTiming)
    max_jobs: int | None = None
    max_lattices: int = 256


class Service:
    """Starts waiting, acts when nobody else does, and leaves everything running when stopped."""

    def __init__(self, nc: Connection, *, options: ServiceOptions | None = None) -> None:
        self._nc = nc
        self._options = options or ServiceOptions()
        self._jobs = asyncio.Semaphore(n) if (n := self._options.max_jobs) else None
        # Any account will do to be heard by a manager of many tenants.
        tenant = "tenant." if self._options.layout.multitenant else ""
        self._election = Election(
            nc,
            prefix=f"{tenant}{self._options.api_prefix}",
            outvoted=self._outvoted,
            foreign=self._foreign,
            timing=self._options.election,
        )
        self._workers: dict[Place, Worker] = {}
        self._endings = Tasks("the manager of all lattices")
        self._buckets: tuple[Bucket, Bucket] | None = None
        self._api: ApiServer | None = None
        self._events: Subscription | None = None
        self._mending: asyncio.Task[None] | None = None
        self._lead: asyncio.Task[None] | None = None
        self._give_way = asyncio.Event()
        self._active = asyncio.Event()
        self._problems: deque[str] = deque(maxlen=KEPT_PROBLEMS)
        self._watchers = Watchers("the manager of all lattices")
        self.waits_for: Keeper | None = None

    async def start(self) -> None:
        """Take part from now on. Raises `NatsError` without JetStream."""
        await self._nc.js.call("INFO")
        self._lead = asyncio.create_task(self._take_turns(), name="wadm service")

    async def stop(self) -> None:
        """Stop; everything on the lattices keeps running. Harmless when not started."""
        lead, self._lead = self._lead, None
        if lead is not None:
            lead.cancel()
            await asyncio.gather(lead, return_exceptions=True)
        await self._stand_down()
        await self._election.close()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` on the loop whenever anything may have changed; returns how to stop."""
        return self._watchers.add(callback)

    async def acting(self) -> None:
        """Until this service is the one that acts."""
        await self._active.wait()

    @property
    def is_acting(self) -> bool:
        return self._active.is_set()

    @property
    def lattices(self) -> tuple[str, ...]:
        """Those under management, by name."""
        return tuple(sorted(map(str, self._workers)))

    def worker(self, lattice: str, account: str = "") -> Worker | None:
        return self._workers.get(Place(lattice, account))

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong outside lately, of the service and of each lattice."""
        of_lattices = (f"{p}: {text}" for p, w in self._workers.items() for text in w.problems)
        return (*self._problems, *of_lattices)

    def trouble(self, text: str) -> None:
        if not self._problems or self._problems[-1] != text:
            log.warning("wadm: %s", text)
            self._problems.append(text)
            self._watchers.tell()

    # Turns ------------------------------------------------------------------------------------

    async def _take_turns(self) -> None:
        while True:
            try:
                await self._take_turn()
            except WorkbenchError as error:
                self.trouble(error.message)
                await asyncio.sleep(RETRY_S)
            except Exception as error:
                log.exception("wadm: taking turns failed")
                self.trouble(f"taking turns failed: {type(error).__name__}: {error}")
                await asyncio.sleep(RETRY_S)
            finally:
                await self._stand_down()

    async def _take_turn(self) -> None:
        """Wait until nobody else acts, act, and return when another one has taken over."""
        await self._election.until_free()
        if keeper := await self._election.claim():
            if self.waits_for is None or self.waits_for != keeper:
                log.info("wadm waits: %s manages the lattices", keeper)
            self.waits_for = keeper
            self._watchers.tell()
            return
        self.waits_for = None
        self._give_way.clear()
        await self._act()
        self._active.set()
        self._watchers.tell()
        log.info("wadm manages %d lattice(s)", len(self._workers))
        await self._give_way.wait()

    def _outvoted(self, why: str) -> None:
        self.trouble(why)
        self._give_way.set()

    def _foreign(self, lattice: str) -> None:
        """A real manager does not know how to wait, so we do."""
        self.trouble(f"a wadm server acts on lattice {lattice}: this one waits until it is gone")
        self._give_way.set()

    async def _act(self) -> None:
        self._buckets = await ensure_all(self._nc.js, self._options.layout)
        places = [
            place
            for stream in (WADM_EVENT_CONSUMER_STREAM, WADM_COMMANDS_STREAM)
            for consumer in await self._nc.js.consumers(stream)
            if (place := place_of(consumer)) is not None
        ]
        places += map(self._place_of_key, await lattices_of(self._buckets[1]))
        for place in places:
            self._manage(place)
        prefix = "*." if self._options.layout.multitenant else ""
        self._events = await self._nc.subscribe_direct(
            f"{prefix}{EVENT_PREFIX}.*.>", self._hear_host
        )
        self._api = ApiServer(
            self._nc,
            self._models,
            mend=self._mend,
            prefix=self._options.api_prefix,
            multitenant=self._options.layout.multitenant,
        )
        await self._api.start()

    def _place_of_key(self, key: str) -> Place:
        if not self._options.layout.multitenant:
            return Place(key)
        account, _, lattice = key.partition("-")
        return Place(lattice, account)

    async def _stand_down(self) -> None:
        """Act no more. First no new requests, then the workers, then the next one may begin."""
        self._active.clear()
        self._watchers.tell()
        api, self._api = self._api, None
        events, self._events = self._events, None
        if events is not None:
            await events.unsubscribe()
        if api is not None:
            await api.stop()
        workers, self._workers = self._workers, {}
        await asyncio.gather(*(worker.stop() for worker in workers.values()))
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)
        await self._endings.wait(STOP_S)
        await self._endings.close()
        await self._election.resign()

    async def _mend(self) -> None:
        """Several lattices notice the same loss: it is mended once for all of them."""
        if self._mending is None or self._mending.done():
            self._mending = asyncio.create_task(self._mend_all(), name="wadm mends")
        await asyncio.shield(self._mending)

    async def _mend_all(self) -> None:
        await ensure_all(self._nc.js, self._options.layout)
        for worker in list(self._workers.values()):
            await worker.mended()

    # Lattices ---------------------------------------------------------------------------------

    def _hear_host(self, message: Message) -> None:
        place = Place.of_event(message.subject, multitenant=self._options.layout.multitenant)
        if place is None or place in self._workers:
            return
        if any(kind in message.data for kind in _HOST_IS_THERE):
            self._manage(place)

    def _manage(self, place: Place) -> Worker | None:
        """The worker of a lattice, started if need be; None if that is one too many."""
        known = self._workers.get(place)
        if known is not None:
            return known
        multitenant = self._options.layout.multitenant
        if bool(place.account) != multitenant or not is_token(place.lattice):
            return None
        if len(self._workers) >= self._options.max_lattices and not self._make_room():
            self.trouble(f"lattice {place} is not managed: {len(self._workers)} others are already")
            return None
        assert self._buckets is not None
        state, _ = self._buckets
        worker = Worker(
            self._nc,
            place,
            self._store(place),
            StateStore(state, place.lattice),
            mend=self._mend,
            timing=self._options.timing,
            jobs=self._jobs,
        )
        self._workers[place] = worker
        worker.subscribe(self._watchers.tell)
        worker.start()
        log.info("wadm manages lattice %s", place)
        return worker

    def _make_room(self) -> bool:
        """Let go of a lattice without hosts and applications; False if there is none."""
        idle = next((p for p, worker in self._workers.items() if worker.is_idle), None)
        if idle is None:
            return False
        self._endings.start(self._workers.pop(idle).stop())
        return True

    # Requests ---------------------------------------------------------------------------------

    def _store(self, place: Place) -> ManifestStore:
        assert self._buckets is not None
        return ManifestStore(self._buckets[1], place.key)

    def _models(self, place: Place) -> ModelApi:
        """The operations on a lattice; cheap, so an unknown one gets them without a worker."""
        worker = self._workers.get(place)
        board = worker.board if worker else StatusBoard(self._nc.js, place.lattice)

        async def announced(event_id: str, news: Announcement) -> None:
            # Only what is deployed must be managed; anything else has no effect there.
            at_work = self._manage(place) if news.manifest else self._workers.get(place)
            if at_work is not None:
                await at_work.announced(event_id, news)

        return ModelApi(
            self._nc.js, place.lattice, self._store(place), board, mend=self._mend,
            announced=announced,
        )  # fmt: skip
