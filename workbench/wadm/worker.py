"""One lattice under management: feeds the engine and does what it says.

Everything runs on one loop, so the engine needs no lock. Tasks: the event feed, the status board,
the state writer; plus a timer for the engine's deadlines and the executor's own tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from workbench.errors import DecodeError, ManifestError, WorkbenchError
from workbench.lattice.control import ControlClient
from workbench.nats import Connection, JsMessage
from workbench.wadm.board import StatusBoard
from workbench.wadm.commands import Command
from workbench.wadm.desired import desired
from workbench.wadm.engine import Engine
from workbench.wadm.executor import Executor
from workbench.wadm.feed import Announcement, EventFeed, read_event
from workbench.wadm.observed import Observed
from workbench.wadm.place import Place
from workbench.wadm.ports import Answer, Outputs, Timing
from workbench.wadm.store import ManifestStore, StateStore
from workbench.wadm.story import StoryLine
from workbench.wadm.watchers import Watchers
from workbench.wire import events
from workbench.wire import manifest as manifests

__all__ = ["Worker"]

log = logging.getLogger(__name__)

# Hosts answer a ping at once; the first pause this long ends the discovery.
PING_QUIET_S = 0.1
STATE_PAUSE_S = 0.25
RESTART_S = 1.0
KEPT_PROBLEMS = 20
# Scalers that are asked in one go, about 10 ms: a host that joins concerns all of them.
RUN_AT_MOST = 200
# How long an answer may wait for its status to be published.
FLUSH_S = 1.0


class Worker:
    """Keeps the applications of one lattice as their manifests say."""

    def __init__(
        self,
        nc: Connection,
        place: Place,
        store: ManifestStore,
        state: StateStore,
        *,
        mend: Callable[[], Awaitable[None]],
        timing: Timing | None = None,
        jobs: asyncio.Semaphore | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``mend`` makes streams and buckets that have gone; ``jobs`` bounds what is under way."""
        self.place = place
        self.engine = Engine(timing)
        self.problems: deque[str] = deque(maxlen=KEPT_PROBLEMS)
        self.board = StatusBoard(nc.js, place.lattice, trouble=self.trouble, mend=mend)
        self._nc, self._store, self._state, self._mend = nc, store, state, mend
        self._clock = clock
        self._control = ControlClient(
            nc, place.lattice, quiet_s=PING_QUIET_S, prefix=place.control_prefix
        )
        self._executor = Executor(self._control, self._answered, jobs)
        self._feed = EventFeed(nc.js, place)
        self._tasks: list[asyncio.Task[None]] = []
        self._run_soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._state_changed = asyncio.Event()
        self._state_seen: Observed | None = None
        self._synced = asyncio.Event()
        self._decided = asyncio.Event()
        self._deployed: dict[str, manifests.Manifest] = {}
        self._known_announcements: deque[str] = deque(maxlen=1000)
        self._watchers = Watchers(f"the manager of {place}")
        self._forget_hook: Callable[[], None] | None = None
        self._feed_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; `ready` tells when the lattice is known."""
        self._tasks = [
            self._spawn(self.board.run, "status board"),
            self._spawn(self._write_states, "state writer"),
        ]
        self._feed_task = self._spawn(self._take_events, "event feed")
        self._forget_hook = self._nc.on_reconnected(self._reconnected)

    @property
    def is_idle(self) -> bool:
        """Whether there is neither anything to manage nor anywhere to do it."""
        engine = self.engine
        return self._synced.is_set() and not (
            engine.apps or engine.retiring or engine.observed.hosts
        )

    async def ready(self) -> None:
        """Until the lattice was looked at once and every deployed application is known."""
        await self._synced.wait()

    async def stop(self) -> None:
        if self._forget_hook is not None:
            self._forget_hook()
        tasks = [*self._tasks, *([self._feed_task] if self._feed_task else [])]
        self._tasks, self._feed_task = [], None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for handle in (self._run_soon, self._timer):
            if handle is not None:
                handle.cancel()
        await self._executor.close()
        await self._feed.close()

    def trouble(self, text: str) -> None:
        """Something outside went wrong; it is kept for the user and logged once in a row."""
        if not self.problems or self.problems[-1] != text:
            log.warning("wadm %s: %s", self.place, text)
            self.problems.append(text)
            self._watchers.tell()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` after each decision and problem, until the returned function is called."""
        return self._watchers.add(callback)

    def story(self, name: str) -> list[StoryLine]:
        return self.engine.story_lines(name)

    # Tasks ------------------------------------------------------------------------------------

    def _spawn(self, work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(self._forever(work, name), name=f"wadm {self.place} {name}")

    async def _forever(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        """Run ``work`` again whenever it fails: a bad message or a lost bucket ends nothing."""
        while True:
            try:
                await work()
            except WorkbenchError as error:
                self.trouble(f"{name}: {error.message}")
            except Exception as error:
                log.exception("wadm %s: the %s failed", self.place, name)
                self.trouble(f"{name}: {type(error).__name__}: {error}")
            await asyncio.sleep(RESTART_S)

    async def _reconnected(self) -> None:
        """The server forgot our pull and events may have been lost: begin the feed anew."""
        if self._feed_task is None:
            return
        old, self._feed_task = self._feed_task, self._spawn(self._take_events, "event feed")
        old.cancel()
        await asyncio.gather(old, return_exceptions=True)

    async def _take_events(self) -> None:
        await self._mend()
        await self._feed.open()
        try:
            # Old events first, the look at the lattice over them: it is newer than they are.
            await self._feed.drain(self._observe)
            await self._look()
            self._synced.set()
            self.board.post_again()
            self._schedule()
            while True:
                batch = await self._feed.next_batch()
                for message in batch:
                    self._observe(message)
                self._run()
                await self._feed.ack_all()
                if not batch:
                    await self._feed.check()
        finally:
            await self._feed.close()

    def _observe(self, message: JsMessage) -> None:
        """One event into the engine; one that does not read is skipped, as upstream does."""
        try:
            self._take(read_event(message))
        except (DecodeError, ManifestError) as error:
            log.debug("event %s is skipped: %s", message.subject, error.message)
        except Exception as error:
            log.exception("event %s is skipped", message.subject)
            self.trouble(f"an event could not be handled: {type(error).__name__}: {error}")

    def _take(self, event: events.Event | Announcement) -> None:
        now = self._clock()
        if not isinstance(event, Announcement):
            self.engine.observe(event, now)
        elif self._synced.is_set() and event.event_id not in self._known_announcements:
            # Before that the stored manifests, read next, say what is deployed.
            self._apply(event)

    async def announced(self, event_id: str, news: Announcement) -> None:
        """Our own API announced something: act on it now, its event is then no news any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._synced.wait()
        if not self._synced.is_set():
            return  # the event, or the stored manifests, will tell
        self._known_announcements.append(event_id)
        self._apply(news)
        self._run()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._decided.wait()  # also on the rest of a big application
        await self.board.flush(FLUSH_S)

    def _apply(self, news: Announcement) -> None:
        if news.manifest is not None:
            self._deploy(news.manifest, "it was asked for")
        else:
            self._undeploy(news.name, "it was asked for")

    def _deploy(self, manifest: manifests.Manifest, cause: str) -> None:
        self._deployed[manifest.name] = manifest
        self.engine.deploy(desired(manifest), self._clock(), cause=cause)

    def _undeploy(self, name: str, cause: str) -> None:
        self._deployed.pop(name, None)
        self._do(self.engine.undeploy(name, self._clock(), cause=cause))

    async def mended(self) -> None:
        """Streams and buckets are there again: put back what they lost.

        A bucket that somebody deleted is no wish to undeploy.
        """
        if not self._synced.is_set():
            return
        if self._deployed and not await self._store.exists():
            for name, manifest in self._deployed.items():
                await self._store.write_back(name, manifest)
            self.trouble("the bucket of manifests was emptied; what is deployed was written back")
        self._state.forget()
        self._state_changed.set()
        self.board.post_again()

    async def _look(self) -> None:
        """Read what is deployed and what runs: no waiting for heartbeats (wadm-engine.md §20.1, 1)."""
        await self._read_manifests()
        inventories = await self._control.inventories()
        now = self._clock()
        for inventory in inventories:
            self.engine.take_inventory(inventory.host_id, inventory, now)
        for host in self.engine.observed.hosts.keys() - {i.host_id for i in inventories}:
            self.engine.doubt_host(host)
        if inventories:
            try:
                self.engine.take_links(await self._control.links(), self._clock())
            except WorkbenchError as error:
                self.trouble(f"links can't be read: {error.message}")

    async def _read_manifests(self) -> None:
        stored = await self._store.look()
        for name, entry in stored.items():
            if entry is None:
                self.trouble(f"the stored entry of {name} does not read; what is deployed is kept")
            elif entry.deployed_version in entry.manifests:
                self._want_stored(name, entry.manifests[entry.deployed_version])
        unwanted = {n for n, e in stored.items() if e and e.deployed_version not in e.manifests}
        for name in unwanted | (self.engine.apps.keys() - stored.keys()):
            if name in self.engine.apps:
                self._undeploy(name, "it is not stored as deployed any more")

    def _want_stored(self, name: str, raw: Any) -> None:
        """One that does not read is no wish to undeploy what runs."""
        try:
            manifest = manifests.parse(raw)
        except ManifestError as error:
            self.trouble(f"the stored manifest of {name} does not read: {error.message}")
            return
        known = self.engine.apps.get(name)
        if known is None or known.desired != desired(manifest):
            self._deploy(manifest, "it is stored as deployed")

    async def _write_states(self) -> None:
        while True:
            await self._state_changed.wait()
            self._state_changed.clear()
            started = time.monotonic()
            try:
                await self._state.write(self.engine.observed, self.engine.heard)
            except WorkbenchError:
                self._state.forget()
                self._state_changed.set()
                await self._mend()
                raise
            # Big lattices take long to write: never spend more than a small share on it.
            await asyncio.sleep(max(STATE_PAUSE_S, 20 * (time.monotonic() - started)))

    # The engine -------------------------------------------------------------------------------

    def _answered(self, command: Command, answer: Answer) -> None:
        self.engine.answered(command, answer, self._clock())
        self._schedule()

    def _schedule(self) -> None:
        """Run the engine once, soon: answers that come together are decided on together."""
        if self._run_soon is None:
            self._run_soon = asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        if self._run_soon is not None:
            self._run_soon.cancel()
            self._run_soon = None
        if not self._synced.is_set():
            return
        try:
            self._do(self.engine.run(self._clock(), at_most=RUN_AT_MOST))
        except Exception as error:
            log.exception("wadm %s: deciding failed", self.place)
            self.trouble(f"deciding failed: {type(error).__name__}: {error}")
        self._watchers.tell()
        if self.engine.observed is not self._state_seen:
            self._state_seen = self.engine.observed
            self._state_changed.set()
        if self.engine.has_more:
            self._decided.clear()
            self._schedule()
        else:
            self._decided.set()
        self._set_timer()

    def _do(self, outputs: Outputs) -> None:
        for name, status in outputs.statuses.items():
            self.board.post(name, status)
        for command in outputs.commands:
            self._executor.submit(command)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.engine.next_time()
        if due is not None:
            delay = max(0.01, due - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._schedule)
