"""The deployment manager of one lattice: API, state, events and the engine that decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.errors import WadmError
from workbench.nats import Connection
from workbench.wadm.api import ModelApi
from workbench.wadm.api_server import ApiServer
from workbench.wadm.election import Election
from workbench.wadm.place import Place
from workbench.wadm.ports import Timing
from workbench.wadm.store import ManifestStore, StateStore
from workbench.wadm.story import StoryLine
from workbench.wadm.streams import Layout, ensure_all
from workbench.wadm.worker import Worker
from workbench.wire.subjects import WADM_API_PREFIX, is_token
from workbench.wire.wadm import Status

__all__ = ["Manager", "ManagerOptions"]

log = logging.getLogger(__name__)

FOREIGN_AT_WORK = "a wadm server acts on this lattice too: stop one of the two"


@dataclass(frozen=True, slots=True)
class ManagerOptions:
    """``layout`` is that of new streams and buckets; those that exist stay as they are."""

    api_prefix: str = WADM_API_PREFIX
    layout: Layout = field(default_factory=Layout)
    timing: Timing = field(default_factory=Timing)


class Manager:
    """Answers ``wadm.api.<lattice>.>`` and keeps deployed applications as their manifests say.

    Stopping it leaves everything running; whoever starts next, this or a real wadm, goes on from
    the same buckets and streams. `Service` manages all lattices, and waits where this one refuses.
    """

    def __init__(
        self, nc: Connection, lattice: str = "default", *, options: ManagerOptions | None = None
    ) -> None:
        self.lattice = lattice
        self._nc = nc
        self._options = options or ManagerOptions()
        self._worker: Worker | None = None
        self._api: ApiServer | None = None
        self._election: Election | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve. Raises `WadmError` if a manager answers already, `NatsError` without JetStream."""
        if not is_token(self.lattice):
            raise WadmError(
                f"{self.lattice!r} can't be the name of a lattice",
                hint="use letters, digits, '_' and '-': it becomes a part of NATS subjects",
            )
        try:
            await self._refuse_a_second()
            await self._serve()
        except BaseException:
            await self.stop()
            raise

    async def _refuse_a_second(self) -> None:
        self._election = Election(
            self._nc,
            lattice=self.lattice,
            prefix=self._options.api_prefix,
            outvoted=self._outvoted,
            foreign=self._foreign,
        )
        if keeper := await self._election.claim():
            raise WadmError(
                f"lattice {self.lattice!r} has a deployment manager already: {keeper}",
                hint="use that one, or stop it first",
                lattice=self.lattice,
            )

    async def _serve(self) -> None:
        state, manifests = await ensure_all(self._nc.js, self._options.layout)
        store = ManifestStore(manifests, self.lattice)
        self._worker = Worker(
            self._nc,
            Place(self.lattice),
            store,
            StateStore(state, self.lattice),
            mend=self._mend,
            timing=self._options.timing,
        )
        models = ModelApi(
            self._nc.js,
            self.lattice,
            store,
            self._worker.board,
            mend=self._mend,
            announced=self._worker.announced,
        )
        self._api = ApiServer(
            self._nc,
            lambda _place: models,
            mend=self._mend,
            lattice=self.lattice,
            prefix=self._options.api_prefix,
        )
        self._worker.start()
        await self._api.start()

    def _outvoted(self, why: str) -> None:
        log.warning("the manager of lattice %s stops: %s", self.lattice, why)
        self._leaving = asyncio.create_task(self.stop(), name=f"stop wadm {self.lattice}")

    def _foreign(self, _lattice: str) -> None:
        if self._worker is not None:
            self._worker.trouble(FOREIGN_AT_WORK)

    async def _mend(self) -> None:
        await ensure_all(self._nc.js, self._options.layout)
        if self._worker is not None:
            await self._worker.mended()

    async def ready(self) -> None:
        """Until the lattice was looked at and every deployed application is known."""
        await self._running().ready()

    async def stop(self) -> None:
        """Stop serving. Harmless when not started."""
        leaving, self._leaving = self._leaving, None
        if leaving is not None and leaving is not asyncio.current_task():
            await leaving
        api, self._api = self._api, None
        worker, self._worker = self._worker, None
        election, self._election = self._election, None
        if api is not None:
            await api.stop()
        if worker is not None:
            await worker.stop()
        if election is not None:
            # Last: whoever waits takes over now.
            await election.close()

    def _running(self) -> Worker:
        if self._worker is None:
            raise WadmError("the deployment manager is not running", hint="await its start() first")
        return self._worker

    @property
    def running(self) -> bool:
        return self._worker is not None

    def apps(self) -> list[str]:
        """Names of the deployed applications."""
        return sorted(self._running().engine.apps)

    def status(self, app: str) -> Status | None:
        """The status of a deployed application, as of now."""
        engine = self._running().engine
        return engine.status(app) if app in engine.apps else None

    def settled(self, app: str) -> bool:
        """Whether it is deployed and nothing is under way for it."""
        return self._running().engine.settled(app)

    def story(self, app: str) -> list[StoryLine]:
        """What was decided about an application, why, and how it went; oldest first."""
        return self._running().story(app)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` on the loop whenever anything may have changed; returns how to stop."""
        return self._running().subscribe(callback)

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong outside lately: a stream that is full, a bucket that is gone."""
        return tuple(self._running().problems)
