"""A whole lattice inside this process: nats-server, hosts and the deployment manager.

This is where rooms that may not know each other meet: the host room gets the providers through
a port, the manager only a connection.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.errors import UsageError
from workbench.lattice.diagnosis import refusal
from workbench.nats import Connection, Server

if TYPE_CHECKING:
    from workbench.host import CellArtifacts, Host, HostOptions
    from workbench.host.options import LogLine, OnLog
    from workbench.lattice.trace import Tracer
    from workbench.wadm import Manager
    from workbench.wasm import Engine

__all__ = ["Embedded", "quietly"]

log = logging.getLogger(__name__)

T = TypeVar("T")
Progress = Callable[[str], None]
OnTrouble = Callable[[str, str, str], None]
MAX_HOSTS = 32


def _no_trouble(_host_id: str, _thing_id: str, _text: str) -> None:
    return None


# Importing these takes longer than starting what they hold, so it happens on a thread while
# nats-server starts.
_HEAVY = (
    "workbench.host",
    "workbench.wasm",
    "workbench.wadm",
    "workbench.providers",
    "aiohttp.web",
)


class Embedded:
    """The running parts; `start` brings them up, `stop` takes all of them down.

    ``on_trouble(host id, thing id, text)`` hears on the loop what no event tells.
    """

    def __init__(
        self,
        lattice: str,
        tracer: Tracer,
        *,
        store: Path | None = None,
        labels: Mapping[str, str] | None = None,
        on_log: OnLog | None = None,
    ) -> None:
        self.lattice = lattice
        self._tracer = tracer
        self._store = store
        self._labels = dict(labels or {})
        self._on_log = on_log
        self.on_trouble: OnTrouble = _no_trouble
        self.server: Server | None = None
        self.engine: Engine | None = None
        self.cells: CellArtifacts | None = None
        self.manager: Manager | None = None
        self.hosts: dict[str, Host] = {}
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[str, asyncio.Future[str]] = {}
        self._connections: dict[str, Connection] = {}
        self._watchers: set[asyncio.Task[None]] = set()

    async def start(self, *, hosts: int, wadm: bool, progress: Progress) -> None:
        """Server first, then manager and hosts side by side."""
        progress("nats-server")
        importing = asyncio.to_thread(_import_all, _HEAVY)
        self.server, _ = await asyncio.gather(Server.start(store_dir=self._store), importing)
        from workbench.host import CellArtifacts
        from workbench.wasm import Engine

        self.engine = Engine()
        self.cells = CellArtifacts()
        if wadm:
            # Before the hosts: its streams then hold their first events.
            progress("manager")
            await self._start_manager()
        progress("host" if hosts == 1 else f"{hosts} hosts")
        await asyncio.gather(*(self.add_host() for _ in range(hosts)))

    async def connect(self, name: str) -> Connection:
        """One more connection to the embedded server."""
        assert self.server is not None
        return await Connection.connect(
            self.server.url, user=self.server.user, password=self.server.password, name=name
        )

    async def _start_manager(self) -> None:
        from workbench.wadm import Manager

        connection = await self.connect("wadm")
        self._connections["wadm"] = connection
        self.manager = Manager(connection, self.lattice)
        await self.manager.start()

    async def add_host(
        self, labels: Mapping[str, str] | None = None, *, options: HostOptions | None = None
    ) -> Host:
        """One more host; it announces itself before this returns."""
        from workbench.host import Artifacts, Host, HostOptions
        from workbench.providers import builtin_providers

        if len(self.hosts) >= MAX_HOSTS:
            raise UsageError(
                f"{MAX_HOSTS} hosts run in this kernel already", hint="%wasmcloud stop host NAME"
            )
        assert self.engine is not None and self.cells is not None
        connection = await self.connect("wasmbus")

        def on_log(line: LogLine) -> None:
            self._hear(host.id, line)

        host = Host(
            connection,
            lattice=self.lattice,
            engine=self.engine,
            tracer=self._tracer,
            labels={**self._labels, **(labels or {})},
            artifacts=Artifacts(self.cells),
            providers=builtin_providers(),
            options=options or HostOptions(),
            on_log=on_log,
        )
        try:
            await host.start()
        except BaseException:
            await connection.close()
            raise
        self.hosts[host.id] = host
        self._connections[host.id] = connection
        watcher = asyncio.create_task(self._forget_when_stopped(host), name=f"host {host.id}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return host

    def _hear(self, host_id: str, line: LogLine) -> None:
        """Pass on what a host of ours says; on the loop's thread or on a worker's."""
        from workbench.host.host import to_python_log

        (self._on_log or to_python_log)(line)
        # A line with a context is about one call, and its caller hears of it.
        if line.stream == "host" and line.level == "error" and not line.context:
            text = "; ".join(line.message.splitlines())
            self._loop.call_soon_threadsafe(self._tell, host_id, line.component_id, text)

    async def unless_troubled(self, thing_id: str, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work`` on a thing, or `ControlError` when a host of ours tells of trouble
        first: no message says that an update failed (control-interface.md §8.2)."""
        trouble = self._awaited[thing_id] = self._loop.create_future()
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait((working, trouble), return_when=asyncio.FIRST_COMPLETED)
            if trouble.done() and not working.done():
                raise refusal("component.update", trouble.result(), "")
            return await working
        finally:
            self._awaited.pop(thing_id, None)
            trouble.cancel()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    def _tell(self, host_id: str, thing_id: str, text: str) -> None:
        self.on_trouble(host_id, thing_id, text)
        awaited = self._awaited.get(thing_id)
        if awaited is not None and not awaited.done():
            awaited.set_result(text)

    async def _forget_when_stopped(self, host: Host) -> None:
        """A host may be stopped from anywhere on the lattice; then its connection goes too."""
        await host.wait_stopped()
        self.hosts.pop(host.id, None)
        if (connection := self._connections.pop(host.id, None)) is not None:
            await connection.close()

    async def stop(self) -> None:
        """Everything down, in the order that lets each part say goodbye. Harmless when down."""
        if self.manager is not None:
            # First, or it would start elsewhere what the hosts below give up.
            await quietly(self.manager.stop(), "the manager")
            self.manager = None
        hosts = list(self.hosts.values())
        await asyncio.gather(*(quietly(host.stop(), f"host {host.id}") for host in hosts))
        self.hosts.clear()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for name, connection in self._connections.items():
            await quietly(connection.close(), f"the connection of {name}")
        self._connections.clear()
        if self.engine is not None:
            await quietly(self.engine.close(), "the wasm engine")
            self.engine = None
        if self.server is not None:
            await self.server.stop()
            self.server = None


def _import_all(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)


async def quietly(stopping: Any, what: str) -> None:
    """One part that fails to stop must not keep the others running."""
    try:
        await stopping
    except Exception:
        log.exception("stopping %s failed", what)
