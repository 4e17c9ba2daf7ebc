"""The observer: hears everything that a lattice says about itself and keeps one state of it.

It subscribes to the events and to the statuses of applications, watches both buckets, asks hosts
for their inventories, and feeds all of it to the pure `workbench.lattice.state.apply`. Nothing
here changes the lattice: no bucket is made, no consumer but the watches' own. What does not
decode is logged, counted in `Observer.bad_messages`, and otherwise without effect.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from workbench.errors import LocalError, NatsError, NoResponders, RemoteError, RequestTimeout
from workbench.lattice.control import ControlClient
from workbench.lattice.heard import (
    AppHeard,
    BucketName,
    BucketRenewed,
    EntryHeard,
    EventHeard,
    HostGone,
    Input,
    InventoryHeard,
    Tick,
    TroubleHeard,
)
from workbench.lattice.state import LatticeState, apply
from workbench.nats import Connection, Entry, JetStream, Message, Subscription, Watcher
from workbench.wire import events, subjects
from workbench.wire.wadm import parse_status

__all__ = ["Change", "Observer"]

log = logging.getLogger(__name__)

EARLY_TROUBLES_KEPT = 256

TICK_S = 5.0
EVENTS_KEPT = 1000
START_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Change:
    """Why the state changed: ``heard`` led to the state with this ``seq``."""

    seq: int
    heard: Input


StateCallback = Callable[[LatticeState, Change], None]
EventCallback = Callable[[events.Event], None]
Unsubscribe = Callable[[], None]


class Observer:
    """The state of one lattice, kept current between `start` and `stop`.

    ``control`` asks the hosts; pass one with a short ``quiet_s`` where all hosts are near.
    Callbacks are called on the loop, in order, and must be quick; one that raises is logged.
    """

    def __init__(
        self,
        nc: Connection,
        lattice: str = "default",
        js: JetStream | None = None,
        *,
        control: ControlClient | None = None,
        clock: Callable[[], float] = time.time,
        tick_s: float = TICK_S,
    ) -> None:
        self.nc = nc
        self.lattice = lattice
        self.bad_messages = 0
        self._early_troubles: dict[tuple[str, str], str] = {}
        self.recent_events: deque[events.Event] = deque(maxlen=EVENTS_KEPT)
        self._js = js if js is not None else nc.js
        self._clock = clock
        self._tick_s = tick_s
        self._state = LatticeState(lattice=lattice)
        self._control = control if control is not None else ControlClient(nc, lattice)
        self._subscriptions: list[Subscription] = []
        self._watchers: dict[str, Watcher] = {}
        self._caught_up: dict[str, asyncio.Event] = {}
        self._last_revision: dict[BucketName, int] = {}
        self._state_callbacks: tuple[StateCallback, ...] = ()
        self._event_callbacks: tuple[EventCallback, ...] = ()
        self._ask_hosts: set[str] = set()
        # While hosts are being asked, what they announce may be newer than what they answer.
        self._asking: set[str] = set()
        self._asking_all = False
        self._missed_events = False
        self._forget_reconnects: Unsubscribe | None = None
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> LatticeState:
        """The newest state."""
        return self._state

    async def start(self) -> None:
        """Begin to hear, and return when what exists already is known."""
        self._subscriptions = [
            await self.nc.subscribe(subjects.events(self.lattice), self._on_event),
            await self.nc.subscribe(subjects.wadm_status(self.lattice), self._on_status),
        ]
        await self.nc.flush()
        self._forget_reconnects = self.nc.on_reconnected(self._on_reconnected)
        await self._watch_buckets()
        await asyncio.gather(self._read_inventories(), self._read_statuses())
        await self._wait_until_caught_up()
        self._tasks = [
            asyncio.create_task(self._own(self._tick_forever), name="observer-ticks"),
            asyncio.create_task(self._own(self._refresh_forever), name="observer-inventories"),
        ]

    async def stop(self) -> None:
        """Hear no more. May be called twice, and after a failed start."""
        if self._forget_reconnects is not None:
            self._forget_reconnects()
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*map(_end, tasks))
        for stop in (
            *(subscription.unsubscribe for subscription in self._subscriptions),
            *(watcher.stop for watcher in self._watchers.values()),
        ):
            with contextlib.suppress(NatsError, NoResponders):  # the connection may be gone
                await stop()
        self._subscriptions, self._watchers = [], {}

    # Subscribers ------------------------------------------------------------------------------

    def subscribe(self, callback: StateCallback) -> Unsubscribe:
        """Call ``callback(state, change)`` after every change."""
        self._state_callbacks = (*self._state_callbacks, callback)

        def unsubscribe() -> None:
            self._state_callbacks = tuple(c for c in self._state_callbacks if c is not callback)

        return unsubscribe

    def subscribe_events(self, callback: EventCallback) -> Unsubscribe:
        """Call ``callback(event)`` with every CloudEvent, also those that change no state."""
        self._event_callbacks = (*self._event_callbacks, callback)

        def unsubscribe() -> None:
            self._event_callbacks = tuple(c for c in self._event_callbacks if c is not callback)

        return unsubscribe

    async def wait_for(
        self,
        wanted: str | Callable[[LatticeState], Any],
        *,
        timeout_s: float = 10.0,
        **fields: Any,
    ) -> Any:
        """Wait for an event by name and data fields, or until ``wanted(state)`` is true.

        An event must come after the call; ``source`` among the fields is the host id. A
        predicate may be true at once. Returns the event, or what the predicate gave.
        """
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(wanted, str):
            name = wanted.removeprefix("com.wasmcloud.lattice.")

            def on_event(event: events.Event) -> None:
                if event.name == name and _has_fields(event, fields) and not found.done():
                    found.set_result(event)

            unsubscribe = self.subscribe_events(on_event)
            what = " ".join([f"event {name}", *(f"{k}={v!r}" for k, v in fields.items())])
        else:

            def on_state(state: LatticeState, _change: Change | None = None) -> None:
                if not found.done() and (verdict := wanted(state)):
                    found.set_result(verdict)

            unsubscribe = self.subscribe(on_state)
            what = "change of the lattice"
            on_state(self._state)
        try:
            async with asyncio.timeout(timeout_s):
                return await found
        except TimeoutError as error:
            raise RequestTimeout(
                f"no {what} within {timeout_s:g} s",
                hint="%wasmcloud events shows what did happen",
                timeout_s=timeout_s,
            ) from error
        finally:
            unsubscribe()

    # What is heard ----------------------------------------------------------------------------

    def hear(self, heard: Input) -> None:
        """Fold one input into the state and tell the subscribers if that changed it."""
        try:
            after = apply(self._state, heard)
        except RemoteError as error:
            self._count_bad(_describe(heard), error)
            return
        except Exception:
            # A fault of ours in one input must not blind the observer for all that follow.
            self.bad_messages += 1
            log.exception("could not fold %s", _describe(heard))
            return
        if after is self._state:
            return
        self._state = after
        change = Change(after.seq, heard)
        for callback in self._state_callbacks:
            try:
                callback(after, change)
            except Exception:
                log.exception("a subscriber of the observer failed")

    def hear_trouble(self, host_id: str, thing_id: str, text: str) -> None:
        """What a host of this process says about a thing it runs."""
        before = self._state
        self.hear(TroubleHeard(host_id, thing_id, text, self._clock()))
        if self._state is before and len(self._early_troubles) < EARLY_TROUBLES_KEPT:
            # It is told directly, and may overtake the event that the thing started.
            self._early_troubles[host_id, thing_id] = text

    def _on_event(self, message: Message) -> None:
        try:
            event = events.parse(message.data)
        except RemoteError as error:
            self._count_bad(f"event on {message.subject}", error)
            return
        self.recent_events.append(event)
        self.hear(EventHeard(event, self._clock()))
        if isinstance(event.payload, events.ProviderStarted):
            about = (event.source, event.payload.provider_id)
            if early := self._early_troubles.pop(about, ""):
                self.hear_trouble(*about, early)
        for callback in self._event_callbacks:
            try:
                callback(event)
            except Exception:
                log.exception("a subscriber of events failed")
        self._follow_up(event)

    def _follow_up(self, event: events.Event) -> None:
        """Ask the host where an event does not say all.

        An update ends with a count of 0 for a component that runs on, and carries no truth about
        annotations (control-interface.md §8.2); an event of a host that was unknown says only a
        part of what runs there.
        """
        host = self._state.hosts.get(event.source)
        stopped = isinstance(event.payload, events.ComponentScaled) and (
            event.payload.max_instances == 0
        )
        asked_now = self._asking_all or event.source in self._asking
        if asked_now or (host is not None and (stopped or not host.friendly_name)):
            self._ask_again(event.source)
        if isinstance(event.payload, events.HostStarted) and len(self._watchers) < 2:
            self._wake.set()

    async def _on_reconnected(self) -> None:
        """Events of the time without connection are lost; the watches mend themselves."""
        self._missed_events = True
        self._wake.set()

    def _ask_again(self, host_id: str) -> None:
        self._ask_hosts.add(host_id)
        self._wake.set()

    def _on_status(self, message: Message) -> None:
        name = message.subject.rpartition(".")[2]
        try:
            status = parse_status(message.data)
        except RemoteError as error:
            self._count_bad(f"status on {message.subject}", error)
            return
        self.hear(AppHeard(name, status, self._clock()))

    def _on_entry(self, bucket: BucketName, entry: Entry | None) -> None:
        if entry is None:
            self._caught_up[bucket].set()
            return
        # A watch delivers rising revisions, except when the bucket itself is a new one.
        if entry.revision <= self._last_revision.get(bucket, 0):
            self.hear(BucketRenewed(bucket))
        self._last_revision[bucket] = entry.revision
        self.hear(EntryHeard(bucket, entry.key, entry.value, entry.revision, entry.operation))

    def _count_bad(self, what: str, error: Exception) -> None:
        self.bad_messages += 1
        log.warning("left out: %s: %s", what, error)

    # What is asked ----------------------------------------------------------------------------

    async def _watch_buckets(self) -> None:
        """Watch the buckets that exist; a host makes them when it first starts."""
        names: tuple[tuple[BucketName, str], ...] = (
            ("lattice", subjects.lattice_bucket(self.lattice)),
            ("config", subjects.config_bucket(self.lattice)),
        )
        for bucket, name in names:
            if bucket in self._watchers:
                continue
            self._caught_up[bucket] = asyncio.Event()
            try:
                opened = await self._js.bucket(name)
                self._watchers[bucket] = await opened.watch(
                    lambda entry, bucket=bucket: self._on_entry(bucket, entry)
                )
            except (NatsError, NoResponders) as error:
                log.debug("bucket %s cannot be watched yet: %s", name, error)

    async def _wait_until_caught_up(self) -> None:
        waiting = [self._caught_up[bucket].wait() for bucket in self._watchers]
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await asyncio.gather(*waiting)
        except TimeoutError:
            log.warning("the buckets of lattice %s are slow; going on without", self.lattice)

    async def _read_inventories(self) -> None:
        self._asking_all = True
        try:
            for inventory in await self._control.inventories():
                self.hear(InventoryHeard(inventory, self._clock()))
        except (NatsError, NoResponders, RemoteError) as error:
            log.warning("no inventories of lattice %s: %s", self.lattice, error)
        finally:
            self._asking_all = False

    async def _read_statuses(self) -> None:
        """The last status of each application, kept by the deployment manager in a stream."""
        stream = subjects.WADM_STATUS_STREAM
        wanted = subjects.wadm_status(self.lattice)
        try:
            info = await self._js.stream_info(stream, subjects=wanted)
            names: Iterable[str] = ((info or {}).get("state") or {}).get("subjects") or ()
            for subject in sorted(names):
                # Not by direct get: the stream of the real manager does not allow it.
                answer = await self._js.call(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
                body = base64.b64decode(answer.get("message", {}).get("data", ""))
                self._on_status(Message(subject, body))
        except (NatsError, NoResponders, ValueError) as error:
            log.debug("no statuses of applications: %s", error)

    async def _refresh_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._watch_buckets()
            if self._missed_events:
                self._missed_events = False
                await asyncio.gather(self._read_inventories(), self._read_statuses())
            asked, self._ask_hosts = self._ask_hosts, set()
            for host_id in sorted(asked):
                await self._refresh(host_id)

    async def _refresh(self, host_id: str) -> None:
        self._asking.add(host_id)
        try:
            inventory = await self._control.inventory(host_id)
        except NoResponders:
            self.hear(HostGone(host_id))
        except (NatsError, LocalError, RemoteError) as error:
            log.debug("host %s was asked again: %s", host_id, error)
        else:
            self.hear(InventoryHeard(inventory, self._clock()))
        finally:
            self._asking.discard(host_id)

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            self.hear(Tick(self._clock()))
            for host in self._state.hosts.values():
                if host.late:
                    self._ask_again(host.id)
            if len(self._watchers) < 2:
                self._wake.set()

    async def _own(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("a task of the observer ended by an error")


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel until it has ended.

    Once is not enough: `asyncio.wait_for` of Python 3.11, on which requests rest, loses the
    cancellation when the reply comes in the same turn of the loop.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


def _has_fields(event: events.Event, fields: dict[str, Any]) -> bool:
    data = event.data if isinstance(event.data, dict) else {}
    for key, value in fields.items():
        actual = event.source if key == "source" else data.get(key)
        if actual != value:
            return False
    return True


def _describe(heard: Input) -> str:
    match heard:
        case EntryHeard():
            return f"key {heard.key} of the {heard.bucket} bucket"
        case EventHeard():
            return f"event {heard.event.name}"
    return type(heard).__name__
