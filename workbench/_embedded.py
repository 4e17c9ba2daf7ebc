"""A whole lattice inside this process: nats-server, hosts and the deployment manager.

This is where rooms that may not know each other meet: the host room gets the providers through
a port, the manager only a connection.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.nats import Connection, Server

if TYPE_CHECKING:
    from workbench.host import CellArtifacts, Host, HostOptions
    from workbench.host.options import OnLog
    from workbench.lattice.trace import Tracer
    from workbench.wadm import Manager
    from workbench.wasm import Engine

__all__ = ["Embedded"]

log = logging.getLogger(__name__)

Progress = Callable[[str], None]
MAX_HOSTS = 32

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
    """The running parts; `start` brings them up, `stop` takes all of them down."""

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
        self.server: Server | None = None
        self.engine: Engine | None = None
        self.cells: CellArtifacts | None = None
        self.manager: Manager | None = None
        self.hosts: dict[str, Host] = {}
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
        host = Host(
            connection,
            lattice=self.lattice,
            engine=self.engine,
            tracer=self._tracer,
            labels={**self._labels, **(labels or {})},
            artifacts=Artifacts(self.cells),
            providers=builtin_providers(),
            options=options or HostOptions(),
            on_log=self._on_log,
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
            await _quietly(self.manager.stop(), "the manager")
            self.manager = None
        hosts = list(self.hosts.values())
        await asyncio.gather(*(_quietly(host.stop(), f"host {host.id}") for host in hosts))
        self.hosts.clear()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()
        if self.engine is not None:
            await _quietly(self.engine.close(), "the wasm engine")
            self.engine = None
        if self.server is not None:
            await self.server.stop()
            self.server = None


def _import_all(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)


async def _quietly(stopping: Any, what: str) -> None:
    """One part that fails to stop must not keep the others running."""
    try:
        await stopping
    except Exception:
        log.exception("stopping %s failed", what)
