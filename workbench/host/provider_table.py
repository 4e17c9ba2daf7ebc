"""The providers of one host: started, linked, configured, checked and stopped (providers.md §17).

One task per provider works off its messages in order; links that the KV watch delivers while a
provider starts wait in the queue, so none is lost and none overtakes another (§7.6).
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import NatsError, WorkbenchError
from workbench.host.artifacts import Reference, parse_reference
from workbench.host.config import ConfigBundle, ConfigStore
from workbench.host.failures import StepFailed, error_chain
from workbench.host.link_delivery import LinkDelivery, bare_link
from workbench.host.links import LinkChange, LinkTable
from workbench.host.options import HostOptions, LogLine, OnLog
from workbench.host.providers import HostData, ProviderFactory, ProviderHandle, find_factory
from workbench.host.tasks import TaskOwner
from workbench.wire.control import ProviderEntry, StartProvider, StopProvider
from workbench.wire.events import (
    HealthCheckFailed,
    HealthCheckPassed,
    HealthCheckStatus,
    ProviderStarted,
    ProviderStartFailed,
    ProviderStopped,
)
from workbench.wire.records import Link, ResolvedLink

if TYPE_CHECKING:
    from workbench.host.lattice_data import LatticeData
    from workbench.host.publisher import EventPublisher
    from workbench.lattice.http_neighbours import HttpNeighbours
    from workbench.lattice.trace import Tracer
    from workbench.nats import Connection

__all__ = ["ProviderTable"]

_log = logging.getLogger(__name__)

SETTLING_LIMIT_S = 1.0

Work = Callable[[ProviderHandle], Coroutine[Any, Any, None]]


@dataclass(slots=True, eq=False)
class _Running:
    """One provider. ``handle`` is set once it has started.

    ``doubt`` asks for a health check before the next one is due.
    """

    request: StartProvider
    reference: Reference
    links: LinkDelivery
    handle: ProviderHandle | None = None
    config: ConfigBundle | None = None
    healthy: bool | None = None
    doubt: asyncio.Event = field(default_factory=asyncio.Event)
    mailbox: asyncio.Queue[Work] = field(default_factory=asyncio.Queue)
    tasks: TaskOwner = field(default_factory=lambda: TaskOwner("provider"))

    @property
    def entry(self) -> ProviderEntry:
        return ProviderEntry(
            id=self.request.provider_id,
            image_ref=self.reference.value,
            annotations=self.request.annotations or {},
        )


class ProviderTable:
    """Owner of every provider state of the host, keyed by id."""

    def __init__(
        self,
        *,
        nc: Connection,
        lattice: str,
        publisher: EventPublisher,
        data: LatticeData,
        configs: ConfigStore,
        links: LinkTable,
        factories: Mapping[str, ProviderFactory],
        tracer: Tracer,
        neighbours: HttpNeighbours,
        options: HostOptions,
        on_log: OnLog,
    ) -> None:
        self._nc = nc
        self._lattice = lattice
        self._publisher = publisher
        self._data = data
        self._configs = configs
        self._links = links
        self._factories = factories
        self._tracer = tracer
        self._neighbours = neighbours
        self._options = options
        self._on_log = on_log
        self._running: dict[str, _Running] = {}

    def is_running(self, provider_id: str) -> bool:
        """Whether the id is taken here, by a provider that runs or is about to."""
        return provider_id in self._running

    def entries(self) -> list[ProviderEntry]:
        return [r.entry for r in self._running.values() if r.handle is not None]

    # -- start -----------------------------------------------------------------------------------

    def reserve(self, request: StartProvider) -> Callable[[], Coroutine[Any, Any, None]]:
        """Take the id; the returned work starts the provider and publishes how that went."""
        links = LinkDelivery(self._configs, lambda link: self._put_again(running, link))
        running = _Running(request, parse_reference(request.provider_ref), links)
        self._running[request.provider_id] = running
        return lambda: self._start(running)

    async def _start(self, running: _Running) -> None:
        request = running.request
        try:
            await self._launch(running)
        except Exception as error:
            # Whatever goes wrong in foreign provider code ends this start, not the host.
            if self._running.get(request.provider_id) is running:
                del self._running[request.provider_id]
            await self._end(running)
            if not isinstance(error, WorkbenchError):
                _log.exception("provider %r failed to start", request.provider_id)
            self._say(request.provider_id, "error", error_chain(error), error)
            await self._publisher.publish(
                ProviderStartFailed(
                    error=error_chain(error),
                    host_id=request.host_id,
                    provider_id=request.provider_id,
                    provider_ref=request.provider_ref,
                )
            )
            return
        await self._publisher.publish(
            ProviderStarted(
                annotations=request.annotations or {},
                host_id=request.host_id,
                image_ref=running.reference.value,
                provider_id=request.provider_id,
            )
        )
        running.tasks.spawn(self._deliver(running), name=f"{request.provider_id} mailbox")
        running.tasks.spawn(self._check_health(running), name=f"{request.provider_id} health")

    async def _launch(self, running: _Running) -> None:
        request = running.request
        await self._data.ensure_spec(request.provider_id, running.reference.value)
        factory = find_factory(self._factories, running.reference)
        running.config = await self._config(running)
        # From here on deliveries go to the mailbox; this snapshot is what came before them.
        known = self._links.touching(request.provider_id)
        while not running.mailbox.empty():
            running.mailbox.get_nowait()
            running.mailbox.task_done()
        resolved = [await self._resolve(running, link) for link in known]
        made = factory(
            HostData(
                nc=self._nc,
                lattice=self._lattice,
                host_id=self._publisher.host_id,
                provider_id=request.provider_id,
                tracer=self._tracer,
                neighbours=self._neighbours,
                log=lambda level, text: self._say(request.provider_id, level, text),
                config=running.config.values,
                links=tuple(link for link in resolved if link is not None),
                annotations=request.annotations or {},
            )
        )
        handle = await made if inspect.isawaitable(made) else made
        try:
            await handle.start()
        except BaseException:
            await self._shut_down(request.provider_id, handle)
            raise
        if self._running.get(request.provider_id) is not running:
            await self._shut_down(request.provider_id, handle)
            raise StepFailed("the provider was stopped while it started")
        running.handle = handle

    async def _config(self, running: _Running) -> ConfigBundle:
        def changed() -> None:
            bundle = running.config
            if bundle is not None:
                values = dict(bundle.values)
                running.mailbox.put_nowait(lambda handle: handle.update_config(values))

        return await self._configs.start_bundle(running.request.config, changed)

    async def _resolve(self, running: _Running, link: Link) -> ResolvedLink | None:
        """The link with config values; ``None`` with a log line if they can't be had (§2.7)."""
        try:
            return await running.links.resolve(link)
        except (StepFailed, NatsError) as error:
            _log.error("link %s is not delivered: %s", link.id, error_chain(error))
            return None

    # -- while it runs ---------------------------------------------------------------------------

    def links_changed(self, change: LinkChange) -> None:
        """Queue what the KV watch delivered for every provider at an end of a changed link."""
        for link in change.removed:
            for running in self._at_ends(link):
                running.mailbox.put_nowait(_deletion(running, link))
        for link in change.added:
            for running in self._at_ends(link):
                self._put_again(running, link)

    def _put_again(self, running: _Running, link: Link) -> None:
        """Queue the link; a provider ignores one that it has taken as it is."""
        running.mailbox.put_nowait(self._putting(running, link))

    def _at_ends(self, link: Link) -> list[_Running]:
        ends = {link.source_id, link.target}
        return [running for end in ends if (running := self._running.get(end)) is not None]

    def _putting(self, running: _Running, link: Link) -> Work:
        async def put(handle: ProviderHandle) -> None:
            resolved = await self._resolve(running, link)
            if resolved is not None:
                await handle.put_link(resolved)

        return put

    async def _deliver(self, running: _Running) -> None:
        """Work off the mailbox; one message that fails does not hold up the next."""
        assert running.handle is not None
        while True:
            work = await running.mailbox.get()
            try:
                await work(running.handle)
            except WorkbenchError as error:
                self._say(running.request.provider_id, "error", str(error), error)
                running.doubt.set()
            except Exception as error:
                _log.exception("provider %r failed on a delivery", running.request.provider_id)
                self._say(running.request.provider_id, "error", error_chain(error), error)
                running.doubt.set()
            else:
                if running.healthy is False:
                    running.doubt.set()
            finally:
                running.mailbox.task_done()

    async def settled(self) -> None:
        """Until every provider has taken, or refused, what was queued for it; not for long, as one
        of them may stop or be stuck."""
        started = [one for one in self._running.values() if one.handle is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLING_LIMIT_S):
                await asyncio.gather(*(one.mailbox.join() for one in started))

    async def _check_health(self, running: _Running) -> None:
        """First check after a few seconds, then at the interval (events-and-lattice-data.md
        §A.4.9), and at once after a delivery that makes another answer likely.

        Each check at the interval hands refused links over again: a port may be free by now.
        """
        assert running.handle is not None
        if await self._ask_health(running) is False:
            await self._tell_health(running, HealthCheckFailed, False)
        due_s = self._options.first_health_check_s
        while True:
            doubted = await _within(running.doubt, due_s)
            if not doubted:
                due_s = self._options.health_interval_s
                self._put_refused_again(running)
            running.doubt.clear()
            healthy = await self._ask_health(running)
            if healthy is None:
                continue
            if bool(running.healthy) != healthy:
                kind = HealthCheckPassed if healthy else HealthCheckFailed
                await self._tell_health(running, kind, healthy)
            elif not doubted:
                await self._tell_health(running, HealthCheckStatus, healthy)

    async def _ask_health(self, running: _Running) -> bool | None:
        """The provider's answer; ``None`` if there is none, which changes and publishes nothing."""
        assert running.handle is not None
        try:
            async with asyncio.timeout(2.0):
                return (await running.handle.health()).healthy
        except Exception as error:
            _log.warning("provider %r gave no health: %s", running.request.provider_id, error)
            return None

    def _put_refused_again(self, running: _Running) -> None:
        if running.healthy is False:
            for link in self._links.touching(running.request.provider_id):
                self._put_again(running, link)

    async def _tell_health(
        self,
        running: _Running,
        kind: type[HealthCheckStatus | HealthCheckPassed | HealthCheckFailed],
        healthy: bool,
    ) -> None:
        running.healthy = healthy
        provider_id = running.request.provider_id
        await self._publish_quietly(kind(host_id=self._publisher.host_id, provider_id=provider_id))

    async def _publish_quietly(self, payload: Any) -> None:
        try:
            await self._publisher.publish(payload)
        except StepFailed as error:
            _log.warning("event %s is lost: %s", payload.EVENT, error)

    # -- stop ------------------------------------------------------------------------------------

    async def stop(self, request: StopProvider) -> bool:
        """Stop a provider and publish ``provider_stopped``; ``False``: no such provider here."""
        running = self._running.pop(request.provider_id, None)
        if running is None:
            return False
        await self._end(running)
        await self._publisher.publish(
            ProviderStopped(
                annotations=running.request.annotations or {},
                host_id=request.host_id,
                instance_id=request.provider_id,
                link_name="default",
                provider_id=request.provider_id,
                public_key=request.provider_id,
                reason="stop",
            )
        )
        return True

    async def close(self) -> None:
        """Stop all, without events: the host is going away (§C.4)."""
        running, self._running = list(self._running.values()), {}
        await asyncio.gather(*(self._end(one) for one in running))

    async def _end(self, running: _Running) -> None:
        await running.tasks.close()
        running.links.close()
        if running.config is not None:
            running.config.close()
        handle, running.handle = running.handle, None
        if handle is not None:
            await self._shut_down(running.request.provider_id, handle)

    async def _shut_down(self, provider_id: str, handle: ProviderHandle) -> None:
        """The provider's own shutdown, bounded in time; its errors end here, in the log."""
        try:
            async with asyncio.timeout(self._options.provider_stop_limit_s):
                await handle.stop("stop")
        except TimeoutError:
            _log.warning("provider %r did not stop in time", provider_id)
        except Exception:
            _log.exception("provider %r failed to stop", provider_id)

    def _say(
        self, provider_id: str, level: str, text: str, error: BaseException | None = None
    ) -> None:
        self._on_log(LogLine(provider_id, level, text, stream="host", error=error))


def _deletion(running: _Running, link: Link) -> Work:
    def delete(handle: ProviderHandle) -> Coroutine[Any, Any, None]:
        running.links.forget(link)
        return handle.del_link(bare_link(link))

    return delete


async def _within(event: asyncio.Event, timeout_s: float) -> bool:
    """Whether the event is set before the time is over."""
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
