"""The awaitable `Lattice`: one lattice on one event loop, embedded or joined."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from workbench._apps import App, checked_manifest, keeper_of
from workbench._calls import Calls
from workbench._embedded import Embedded, quietly
from workbench._preview import preview_of
from workbench._running import Running, Unlinked
from workbench._serving import Serving, serve_functions
from workbench.errors import NoResponders, NotFound, NotRunning, ReadOnly, UsageError
from workbench.lattice.control import ControlClient
from workbench.lattice.observer import Observer
from workbench.lattice.traffic import Traffic
from workbench.lattice.wadm import WadmClient
from workbench.wire.http_reply import HttpReply
from workbench.wire.records import Link, split_interface

if TYPE_CHECKING:
    import networkx

    from workbench.lattice.control import Ack
    from workbench.lattice.state import LatticeState
    from workbench.lattice.trace import Tracer
    from workbench.nats import Connection
    from workbench.wire.control import Inventory

__all__ = ["Lattice"]

log = logging.getLogger(__name__)

EVENT_WAIT_S = 60.0


class Lattice:
    """One lattice, embedded or joined.

    ``control``, ``wadm_client``, ``calls``, ``observer``, ``traffic`` and ``tracer`` are the parts
    underneath, for what the methods here do not offer.
    """

    def __init__(
        self,
        connection: Connection,
        name: str,
        tracer: Tracer,
        *,
        embedded: Embedded | None = None,
        writable: bool = True,
    ) -> None:
        self.name = name
        self.nc = connection
        self.tracer = tracer
        self.writable = writable
        self.started_s = 0.0
        self.closed = False
        self._embedded = embedded
        self._on_close: list[Callable[[], None]] = []
        self.control = ControlClient(connection, name)
        self.wadm_client = WadmClient(connection, name)
        # Our own hosts answer at once; a ping of a lattice elsewhere must wait longer for the last.
        near = ControlClient(connection, name, quiet_s=0.05) if embedded is not None else None
        self.observer = Observer(connection, name, control=near)
        self.traffic = Traffic(tracer)
        self.running = Running(name, lambda: self.state, lambda: self.hosts_running)
        self.serving = Serving(self)
        self.calls = Calls(connection, name, tracer, self.exports, self.running)

    async def _open(self) -> None:
        await self.observer.start()

    def __repr__(self) -> str:
        if self.closed:
            return f"<lattice {self.name}, closed>"
        kind = "embedded" if self.embedded else "joined"
        state = self.state
        return (
            f"<lattice {self.name}, {kind}: {len(state.hosts)} hosts, "
            f"{len({c.id for _, c in state.components()})} components, "
            f"{len({p.id for _, p in state.providers()})} providers, {len(state.links)} links>"
        )

    # -- what is there -------------------------------------------------------------------------

    @property
    def state(self) -> LatticeState:
        """All that is known now; frozen."""
        return self.observer.state

    @property
    def embedded(self) -> bool:
        """Whether it runs in this process."""
        return self._embedded is not None

    @property
    def connected(self) -> bool:
        """Whether the NATS server is there now."""
        return self.nc.is_connected

    @property
    def nats_url(self) -> str:
        """The address of the NATS server, without credentials."""
        return self.nc.url.rpartition("@")[2] if "@" in self.nc.url else self.nc.url

    @property
    def wadm(self) -> bool:
        """Whether the deployment manager is ours and runs."""
        return self.manager is not None and self.manager.running

    @property
    def manager(self) -> Any:
        """Our own deployment manager, or None."""
        return self._embedded.manager if self._embedded is not None else None

    @property
    def cells(self) -> Any:
        """The components that cells built, as ``cell://NAME`` (embedded lattices only)."""
        return self._own("cells are known to").cells

    @property
    def hosts_running(self) -> list[Any]:
        """Our own hosts, in the order they were started."""
        return list(self._embedded.hosts.values()) if self._embedded is not None else []

    def _own(self, what: str) -> Embedded:
        if self._embedded is None:
            raise UsageError(f"{what} an embedded lattice only", hint="`%wasmcloud up` starts one")
        return self._embedded

    async def inventory(self, host: str | None = None) -> list[Inventory]:
        """What one host runs, or every host."""
        if host is not None:
            return [await self.control.inventory(host)]
        return await self.control.inventories()

    # -- hosts ---------------------------------------------------------------------------------

    async def add_host(self, labels: Mapping[str, str] | None = None) -> Any:
        """One more embedded host, known to the observer before this returns."""
        host = await self._own("hosts can be added to").add_host(labels)
        await self._heard_of_own_hosts()
        return host

    async def _heard_of_own_hosts(self) -> None:
        wanted = {host.id for host in self.hosts_running}
        await self.observer.wait_for(lambda state: wanted <= set(state.hosts), timeout_s=5.0)

    async def stop(self, kind: str, name: str, *, host: str | None = None) -> None:
        """Stop a ``component``, ``provider`` or ``host``, and wait until it is gone."""
        self._write()
        if kind == "host":
            await self.control.stop_host(name, wait_s=EVENT_WAIT_S)
        elif kind == "component":
            await self.control.stop_component(host, name, wait_s=EVENT_WAIT_S)
        elif kind == "provider":
            await self.control.stop_provider(host, name)
        else:
            raise UsageError(
                f"a {kind!r} can't be stopped", hint="stop a component, a provider or a host"
            )

    async def set_label(self, host: str, key: str, value: str) -> None:
        """Set a label of a running host; it is lost when the host restarts."""
        self._write()
        await self.control.put_label(host, key, value)

    async def delete_label(self, host: str, key: str) -> None:
        """Take a label off a running host."""
        self._write()
        await self.control.delete_label(host, key)

    # -- components and providers --------------------------------------------------------------

    async def start_component(
        self,
        ref: str,
        component_id: str,
        *,
        host: str | None = None,
        count: int = 1,
        config: Sequence[str] = (),
        annotations: Mapping[str, str] | None = None,
    ) -> Ack:
        """Start a component and wait until it serves; without ``host`` wherever it fits."""
        self._write()
        if count < 1:
            raise UsageError(
                f"{count} instances can't be started", hint="start at least 1; `scale` goes to 0"
            )
        return await self.control.start_component(
            host,
            ref,
            component_id,
            count=count,
            config=config,
            annotations=annotations,
            wait_s=EVENT_WAIT_S,
        )

    async def start_provider(
        self, ref: str, provider_id: str, *, host: str | None = None, config: Sequence[str] = ()
    ) -> Ack:
        """Start a provider and wait until it runs; without ``host`` wherever it fits."""
        self._write()
        return await self.control.start_provider(
            host, ref, provider_id, config=config, wait_s=EVENT_WAIT_S
        )

    async def scale(
        self, component_id: str, count: int, *, host: str | None = None
    ) -> dict[str, int]:
        """Let up to ``count`` instances of a running component work at once.

        On one host, or spread evenly over all of them. Returns the number by host id.
        """
        self._write()
        if count < 0:
            raise UsageError(f"{count} instances can't run", hint="give 0 or more; 0 stops it")
        if host is not None:
            shares = {await self.control.host_id(host): count}
        else:
            shares = self.running.shares(component_id, count)
        image_ref, config = self.running.image_and_config(component_id)
        for host_id, share in shares.items():
            await self.control.start_component(
                host_id, image_ref, component_id, count=share, config=config, wait_s=EVENT_WAIT_S
            )
        return shares

    async def update(self, component_id: str, ref: str, *, host: str | None = None) -> Ack:
        """Exchange the code of a running component; a failure leaves the old code running."""
        self._write()
        update = self.control.update(host, component_id, ref, wait_s=EVENT_WAIT_S)
        if self._embedded is None:
            return await update
        return await self._embedded.unless_troubled(component_id, update)

    async def reload_cell(self, name: str) -> list[str]:
        """Exchange the code of every component that runs ``cell://NAME`` for its newest build.

        Returns the ids; empty when none runs, or all run that build already.
        """
        reference = f"cell://{name}"
        reloaded: set[str] = set()
        for host in self.hosts_running:
            known = self.state.hosts.get(host.id)
            for component in known.components.values() if known is not None else ():
                runs_it = component.image_ref == reference and component.running
                if runs_it and await host.replace_artifact(component.id):
                    reloaded.add(component.id)
        return sorted(reloaded)

    # -- links and configuration ---------------------------------------------------------------

    async def put_link(
        self,
        source: str,
        target: str,
        interface: str,
        *,
        name: str = "default",
        source_config: Sequence[str] = (),
        target_config: Sequence[str] = (),
    ) -> Link:
        """Link ``source`` to ``target`` for ``ns:pkg/iface`` (several: ``ns:pkg/a,b``)."""
        self._write()
        namespace, package, interfaces = split_interface(interface)
        link = Link(
            source_id=source,
            target=target,
            name=name,
            wit_namespace=namespace,
            wit_package=package,
            interfaces=interfaces,
            source_config=tuple(source_config),
            target_config=tuple(target_config),
        )
        await self.control.put_link(link)
        await self.observer.wait_for(lambda state: link in state.links, timeout_s=5.0)
        return link

    async def delete_link(self, source: str, interface: str, *, name: str = "default") -> None:
        """Delete the link of this source, package and name; `NotFound` if there is none."""
        self._write()
        namespace, package, _ = split_interface(interface)

        def fits(link: Link) -> bool:
            found = (link.source_id, link.wit_namespace, link.wit_package, link.name)
            return found == (source, namespace, package, name)

        if not any(map(fits, self.state.links)):
            from_source = [one.id for one in self.state.links if one.source_id == source]
            raise NotFound(
                f"{source!r} has no link {name!r} for {namespace}:{package}",
                hint=f"its links: {', '.join(from_source) or 'none'}",
                matches=from_source,
            )
        await self.control.delete_link(source, namespace, package, name=name)
        await self.observer.wait_for(lambda state: not any(map(fits, state.links)), timeout_s=5.0)

    async def settled(self) -> None:
        """Until the providers on our own hosts have taken, or refused, their links and configs."""
        await asyncio.gather(*(host.settled() for host in self.hosts_running))
        # What they said about it waits for one turn of the loop.
        await asyncio.sleep(0)

    async def put_config(self, name: str, values: Mapping[str, str]) -> None:
        """Store a named configuration, in place of what it held."""
        self._write()
        await self.control.put_config(name, values)

    async def get_config(self, name: str) -> dict[str, str]:
        """The values of a named configuration; `NotFound` with near names."""
        values = await self.control.get_config(name)
        if values is None:
            near = difflib.get_close_matches(name, self.state.configs, n=3)
            raise NotFound(
                f"there is no configuration {name!r}",
                hint="known: " + (", ".join(near or sorted(self.state.configs)) or "none"),
                matches=near,
            )
        return values

    async def delete_config(self, name: str) -> None:
        """Delete a named configuration; what names it keeps running."""
        self._write()
        await self.control.delete_config(name)

    # -- applications --------------------------------------------------------------------------

    async def put_manifest(self, manifest: Any) -> App:
        """Store a manifest without deploying it. Raises `ManifestError` with all findings."""
        self._write()
        answer = await self.wadm_client.put(checked_manifest(manifest))
        return App(self, answer.name)

    async def deploy(self, manifest: Any, *, wait: bool = False) -> App:
        """Store and deploy a manifest: YAML text, a path, or a mapping.

        Raises `ManifestError` with all findings before anything is sent. With ``wait`` returns
        when it is deployed.
        """
        self._write()
        name, _version = await self.wadm_client.put_and_deploy(checked_manifest(manifest))
        app = App(self, name)
        if wait:
            await app.wait()
        return app

    preview = preview_of
    keeper = keeper_of

    def app(self, name: str) -> App:
        return App(self, name)

    async def apps(self) -> list[App]:
        return [App(self, summary.name) for summary in await self.wadm_client.list()]

    # -- calling -------------------------------------------------------------------------------

    async def invoke(
        self,
        target: str,
        path: str,
        *args: Any,
        timeout_s: float | None = None,
        link_name: str = "default",
        **named: Any,
    ) -> Any:
        """Call ``ns:pkg/iface.func`` of a component; returns its value.

        Arguments are Python values, by position or name. Raises `ValueMismatch` before anything
        is sent, `WitError` with the payload when the function answers with its error case, and
        the cause itself where the callee runs in this process.
        """
        return await self.calls.invoke(
            target, path, args, named, timeout_s=timeout_s, link_name=link_name
        )

    async def function(self, target: str, path: str) -> tuple[str, Any]:
        """The instance id and WIT function behind a path."""
        return await self.calls.function(target, path)

    async def exports(self, target: str) -> Mapping[str, Any]:
        """The exports of a component, or of functions served here, by interface id."""
        return self.serving.exports(target) or await self.running.exports(target)

    async def unlinked(self, component_id: str) -> list[Unlinked]:
        """What it imports from others while no link says from whom: those calls would fail."""
        await self.settled()
        return self.running.unlinked(component_id)

    async def http(
        self,
        target: str,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str = b"",
        timeout_s: float | None = None,
    ) -> HttpReply:
        """Call ``wasi:http/incoming-handler`` of a component directly, without any port."""
        try:
            return await self.calls.http(
                target, method, path, headers=headers, body=body, timeout_s=timeout_s
            )
        except NoResponders as error:
            if self.state.running(target):
                raise
            raise self.running.not_running(target) from error

    serve = serve_functions

    # -- seeing --------------------------------------------------------------------------------

    def to_networkx(self) -> networkx.MultiDiGraph:
        from workbench.lattice.graph import to_networkx

        return to_networkx(self.state)

    def explain(
        self, source: str, target: str, interface: str, *, link_name: str = "default"
    ) -> list[Any]:
        """Why ``source`` can or can't call ``target`` over ``interface``, in plain findings."""
        return self.running.explain(source, target, interface, link_name)

    async def doctor(self) -> list[Any]:
        """Checks of the lattice and of what it stands on, each with what to do."""
        from workbench.lattice.doctor import examine

        return await examine(self.nc, self.name, self.observer, self.wadm_client)

    @asynccontextmanager
    async def events(self) -> AsyncIterator[Any]:
        """All events of the lattice while the context is open, as an async iterator."""
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        unsubscribe = self.observer.subscribe_events(arrived.put_nowait)

        async def stream() -> AsyncIterator[Any]:
            while True:
                yield await arrived.get()

        try:
            yield stream()
        finally:
            unsubscribe()

    async def wait_for(self, event: str, *, timeout_s: float = 30.0, **fields: Any) -> Any:
        """The next event of a type whose data has these fields."""
        return await self.observer.wait_for(event, timeout_s=timeout_s, **fields)

    # -- the end -------------------------------------------------------------------------------

    def _write(self) -> None:
        if self.closed:
            raise NotRunning(f"lattice {self.name} is closed", hint="`%wasmcloud up` starts one")
        if not self.writable:
            raise ReadOnly(
                f"lattice {self.name} was joined read-only",
                hint="connect with --writable (in Python: writable=True) to change it",
            )

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when this lattice closes."""
        self._on_close.append(callback)

    async def close(self) -> None:
        """Leave the lattice; an embedded one goes down with all its parts. Harmless twice."""
        if self.closed:
            return
        self.closed = True
        self.traffic.close()
        # One part that fails to end, with the server dead for instance, must not keep the others.
        await quietly(self.serving.close(), "the functions served here")
        await quietly(self.calls.close(), "the client of calls")
        await quietly(self.observer.stop(), "the observer")
        await quietly(self.nc.close(), "the connection")
        if self._embedded is not None:
            await self._embedded.stop()
        for callback in self._on_close:
            try:
                callback()
            except Exception:
                log.exception("a callback on closing failed")

    async def __aenter__(self) -> Lattice:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
