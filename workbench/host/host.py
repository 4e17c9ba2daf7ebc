"""A wasmCloud host: what it is made of, how it starts and how it ends.

Everything a host does is in the modules around this one; here they are put together in the order
of events-and-lattice-data.md §C.1 and taken apart in that of §C.4. Several hosts live in one
process; each owns its tasks and subscriptions and shares the connection and the engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from workbench.errors import NatsError, UsageError
from workbench.host.artifacts import Artifacts, ArtifactSource
from workbench.host.components import ComponentTable
from workbench.host.config import ConfigStore
from workbench.host.config_operations import ConfigOperations
from workbench.host.control_server import ControlServer
from workbench.host.failures import StepFailed
from workbench.host.heartbeat import send_heartbeats
from workbench.host.host_operations import HostOperations
from workbench.host.inventory import SelfDescription
from workbench.host.labels import Labels
from workbench.host.lattice_data import LatticeData, SpecObserver
from workbench.host.launcher import Launcher
from workbench.host.link_operations import LinkOperations
from workbench.host.links import LinkTable
from workbench.host.options import HostOptions, LogLine, OnLog
from workbench.host.provider_table import ProviderTable
from workbench.host.providers import ProviderFactory
from workbench.host.publisher import EventPublisher
from workbench.host.tasks import TaskOwner
from workbench.host.workload_operations import WorkloadOperations
from workbench.lattice.http_neighbours import HttpNeighbours
from workbench.lattice.rpc import RpcClient, RpcServer
from workbench.lattice.trace import Tracer
from workbench.wire import subjects
from workbench.wire.control import Inventory
from workbench.wire.events import HostStarted, HostStopped
from workbench.wire.keys import KeyPair
from workbench.wire.names import friendly_name
from workbench.wire.records import ClaimsRecord, ComponentSpec

if TYPE_CHECKING:
    from workbench.nats import Connection
    from workbench.wasm import Engine
    from workbench.wire.wit.types import World

__all__ = ["Host", "to_python_log"]

_log = logging.getLogger(__name__)
_component_log = logging.getLogger("workbench.component")

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


class _Deliveries(SpecObserver):
    """Hands what the bucket delivers to those who live by it, links first (§B.4)."""

    def __init__(self) -> None:
        self.links = LinkTable()
        self.claims: dict[str, ClaimsRecord] = {}
        self.components: ComponentTable | None = None
        self.providers: ProviderTable | None = None

    def spec_delivered(self, component_id: str, spec: ComponentSpec) -> None:
        change = self.links.replace(component_id, spec.links)
        if self.providers is not None:
            self.providers.links_changed(change)
        if self.components is not None:
            self.components.spec_delivered(component_id, spec)

    def claims_delivered(self, record: ClaimsRecord) -> None:
        self.claims[record.subject] = record


class Host:
    """One host of a lattice.

    ``nc`` stays the caller's. ``name`` replaces the random friendly name, ``seed`` (``SN…``) the
    random key. ``on_log`` gets what components write and what the host says about them; it is
    called on the loop thread or a worker thread, must be quick and must not raise.
    """

    def __init__(
        self,
        nc: Connection,
        *,
        engine: Engine,
        lattice: str = "default",
        tracer: Tracer | None = None,
        labels: Mapping[str, str] | None = None,
        name: str | None = None,
        seed: str | None = None,
        artifacts: ArtifactSource | None = None,
        providers: Mapping[str, ProviderFactory] | None = None,
        heartbeat_s: float = 30.0,
        options: HostOptions | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        if not subjects.is_token(lattice):
            raise UsageError(
                f"{lattice!r} can't be the name of a lattice",
                hint="use letters, digits, '_' and '-': it becomes a part of NATS subjects",
            )
        key = KeyPair.generate("N") if seed is None else KeyPair.from_seed(seed)
        if key.kind != "N":
            raise UsageError("the seed of a host is a server seed (SN…)")
        self.id = key.public
        self.lattice = lattice
        self.friendly_name = name or friendly_name()
        self._nc = nc
        self._engine = engine
        self._tracer = tracer if tracer is not None else Tracer()
        self._labels = Labels(labels)
        self._options = options if options is not None else HostOptions()
        self._artifacts: ArtifactSource = (
            artifacts
            if artifacts is not None
            else Artifacts(allow_file_load=self._options.allow_file_load)
        )
        self._provider_factories = dict(providers or {})
        self._heartbeat_s = heartbeat_s
        self._log_target = on_log if on_log is not None else to_python_log
        self._publisher = EventPublisher(nc, lattice, self.id)
        self._tasks = TaskOwner(f"host {self.friendly_name}")
        self._parts: _Parts | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def __repr__(self) -> str:
        state = "running" if self.is_running else "not running"
        return f"Host({self.friendly_name!r}, {self.id[:8]}…, lattice {self.lattice!r}, {state})"

    def _on_log(self, line: LogLine) -> None:
        """Pass a line on; a target that fails must not fail the call or start it is about."""
        try:
            self._log_target(line)
        except Exception:
            _log.exception("the log target of host %s failed", self.friendly_name)

    async def settled(self) -> None:
        """Until the providers have taken, or refused, the links and configs they were given."""
        if self._parts is not None:
            await self._parts.providers.settled()

    @property
    def labels(self) -> dict[str, str]:
        return self._labels.as_dict()

    @property
    def is_running(self) -> bool:
        return self._parts is not None and self._stopping is None

    def inventory(self) -> Inventory:
        """What runs here, at this moment."""
        if self._parts is None:
            raise UsageError("the host has not been started")
        return self._parts.description.inventory()

    def world_of(self, component_id: str) -> World | None:
        """The world of a component that runs here, None for any other id."""
        return self._parts.components.world_of(component_id) if self._parts is not None else None

    def config_of(self, component_id: str) -> tuple[str, ...]:
        """The names of the configurations that a component here was started with."""
        return self._parts.components.config_of(component_id) if self._parts is not None else ()

    async def replace_artifact(self, component_id: str) -> bool:
        """Run what a component's reference means now; True if that was something else."""
        if self._parts is None:
            return False
        return await self._parts.components.replace_artifact(component_id)

    async def start(self) -> None:
        """Subscribe, load the lattice's data, announce. Raises `NatsError` when NATS refuses."""
        if self._parts is not None:
            raise UsageError("a host starts once; make a new one")
        parts = self._parts = await self._assemble()
        try:
            await parts.data.start()
            parts.control.open()
            await self._publisher.publish(
                HostStarted(
                    friendly_name=self.friendly_name,
                    labels=self.labels,
                    uptime_seconds=0,
                    version=self._options.version,
                )
            )
        except BaseException:
            await self._take_apart(parts, 0.0)
            self._stopped.set()
            raise
        self._tasks.spawn(
            send_heartbeats(parts.description, self._publisher, self._heartbeat_s),
            name="heartbeat",
        )

    async def stop(self, deadline_s: float | None = None) -> None:
        """Stop in order, announce, flush. Calling it again waits for the first call's end."""
        self._begin_stop(deadline_s)
        await self.wait_stopped()

    async def wait_stopped(self) -> None:
        """Until the host has stopped, whoever asked it to."""
        await self._stopped.wait()

    def _begin_stop(self, deadline_s: float | None) -> None:
        if self._stopping is not None or self._stopped.is_set():
            return
        if self._parts is None:
            self._stopped.set()
            return
        limit_s = self._options.stop_deadline_s if deadline_s is None else deadline_s
        # Its own task, owned by this attribute and awaited through `wait_stopped`: a stop asked
        # for by a control request must outlive the control server that it closes.
        self._stopping = asyncio.get_running_loop().create_task(
            self._stop(self._parts, limit_s), name=f"stopping {self.friendly_name}"
        )

    async def _stop(self, parts: _Parts, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self._take_apart(parts, limit_s / 2)
        except TimeoutError:
            _log.error("host shutdown timed out")
        except Exception:
            _log.exception("host %s did not stop cleanly", self.friendly_name)
        finally:
            await self._announce_end()
            self._stopped.set()

    async def _announce_end(self) -> None:
        try:
            await self._publisher.publish(HostStopped(labels=self.labels))
            await self._nc.flush()
        except (StepFailed, NatsError) as error:
            _log.warning("host_stopped may be lost: %s", error)

    async def _take_apart(self, parts: _Parts, settle_s: float) -> None:
        """Heartbeat, control, watch, then what runs; no events for single workloads (§C.4)."""
        await self._tasks.close()
        await parts.control.close(settle_s)
        await parts.data.stop()
        await parts.components.close()
        await parts.providers.close()
        await parts.launcher.tasks.close()
        await parts.launcher.server.close()
        await parts.configs.stop()
        await parts.launcher.client.close()

    async def _assemble(self) -> _Parts:
        deliveries = _Deliveries()
        parts = _Parts(self, deliveries)
        await parts.control.subscribe()
        try:
            js = self._nc.js
            for name, use in (
                (subjects.lattice_bucket(self.lattice), parts.data.use),
                (subjects.config_bucket(self.lattice), parts.configs.use),
            ):
                try:
                    use(await js.bucket(name, create={}))
                except NatsError as error:
                    raise NatsError(
                        f"failed to create bucket '{name}'",
                        hint="A lattice needs a NATS server with JetStream.",
                    ) from error
        except BaseException:
            await parts.control.close(0.0)
            raise
        return parts


class _Parts:
    """The parts of a running host, wired together; they live from start to stop."""

    def __init__(self, host: Host, deliveries: _Deliveries) -> None:
        options, publisher, nc = host._options, host._publisher, host._nc
        self.configs = ConfigStore()
        self.data = LatticeData(deliveries)
        neighbours = HttpNeighbours(host._tracer)
        self.launcher = Launcher(
            engine=host._engine,
            artifacts=host._artifacts,
            configs=self.configs,
            data=self.data,
            links=deliveries.links,
            client=RpcClient(nc, lattice=host.lattice, source_id=host.id, tracer=host._tracer),
            server=RpcServer(nc, lattice=host.lattice, tracer=host._tracer),
            neighbours=neighbours,
            options=options,
            on_log=host._on_log,
        )
        self.components = deliveries.components = ComponentTable(self.launcher, publisher)
        self.providers = deliveries.providers = ProviderTable(
            nc=nc,
            lattice=host.lattice,
            publisher=publisher,
            data=self.data,
            configs=self.configs,
            links=deliveries.links,
            factories=host._provider_factories,
            tracer=host._tracer,
            neighbours=neighbours,
            options=options,
            on_log=host._on_log,
        )
        self.description = SelfDescription(
            host_id=host.id,
            friendly_name=host.friendly_name,
            lattice=host.lattice,
            nats_url=nc.url,
            js_domain=nc.js_domain,
            labels=host._labels,
            options=options,
            components=self.components,
            providers=self.providers,
        )
        self.control = ControlServer(
            nc,
            lattice=host.lattice,
            host_id=host.id,
            options=options,
            handlers=self._handlers(host, deliveries),
        )

    def _handlers(self, host: Host, deliveries: _Deliveries) -> dict[str, Callable]:
        publisher = host._publisher
        about_host = HostOperations(
            description=self.description,
            labels=host._labels,
            components=self.components,
            providers=self.providers,
            publisher=publisher,
            claims=lambda: list(deliveries.claims.values()),
            stop=host._begin_stop,
        )
        links = LinkOperations(
            host._nc,
            lattice=host.lattice,
            data=self.data,
            configs=self.configs,
            links=deliveries.links,
            publisher=publisher,
        )
        return {
            **about_host.handlers(),
            **WorkloadOperations(self.components, self.providers).handlers(),
            **links.handlers(),
            **ConfigOperations(self.configs, publisher).handlers(),
        }


def to_python_log(line: LogLine) -> None:
    """Under ``workbench.component``. What the host has to say about a thing it runs reaches people
    as event, answer or trouble of the lattice, so in the log it is only information, or less. The record
    names the invocation by its trace and carries the line itself as ``line``."""
    level = _LEVELS.get(line.level, logging.INFO)
    _component_log.log(
        min(level, logging.INFO) if line.stream == "host" else level,
        "%s %s %s: %s",
        line.component_id,
        line.traceparent[3:35] or "-",
        line.context or line.stream,
        line.message,
        extra={"line": line},
    )
