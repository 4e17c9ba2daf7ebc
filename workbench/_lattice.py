"""The blocking API: the same lattice as `workbench.aio`, for cells and plain programs.

Every method hands its coroutine to the background loop and waits; an interrupt cancels that one
coroutine. It works in a cell although the kernel runs a loop of its own in the same thread.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from workbench import _loop, aio
from workbench.authoring import Built
from workbench.authoring import build_component as _build_component
from workbench.errors import NotRunning
from workbench.lattice.rows import ComponentRow, ProviderRow, component_rows, provider_rows
from workbench.lattice.state import HostState, LatticeState
from workbench.lattice.traffic import Traffic
from workbench.wire.records import Link
from workbench.wire.subjects import wire_function_name
from workbench.wire.wadm import Status
from workbench.wire.wit.lookup import find_interface
from workbench.wire.wit.types import Function, Interface
from workbench.wire.wit.values import attribute_name

__all__ = ["App", "ComponentHandle", "InterfaceHandle", "Lattice", "build_component", "current"]

P = ParamSpec("P")
T = TypeVar("T")

_open: weakref.WeakSet[Lattice] = weakref.WeakSet()
_newest: weakref.ref[Lattice] | None = None


def current() -> Lattice | None:
    """The newest lattice of this process that is open."""
    lattice = _newest() if _newest is not None else None
    if lattice is not None and not lattice.closed:
        return lattice
    return next((one for one in _open if not one.closed), None)


def up(**options: Any) -> Lattice:
    """A whole lattice inside this process; options and errors as `workbench.aio.up`."""
    return Lattice._opened(aio.up(**options))


def connect(url: str, **options: Any) -> Lattice:
    """Join a lattice that runs elsewhere; options and errors as `workbench.aio.connect`."""
    return Lattice._opened(aio.connect(url, **options))


def build_component(source: str, **options: Any) -> Built:
    """Source code to a component; options and errors as `workbench.authoring.build_component`."""
    portal = _loop.acquire()
    try:
        return portal.run(_build_component(source, **options))
    finally:
        _loop.release()


def _blocking(
    method: Callable[Concatenate[aio.Lattice, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Lattice, P], T]:
    """The blocking twin of a coroutine method, with its signature and docstring."""

    @functools.wraps(method)
    def call(self: Lattice, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self._aio, *args, **kwargs))

    return call


class Lattice:
    """One lattice, embedded or joined; made by `workbench.up` and `workbench.connect`."""

    def __init__(self, inner: aio.Lattice, portal: _loop.LoopThread) -> None:
        self._aio = inner
        self._portal = portal
        self._forget_exit = _loop.at_exit(self.close)

    @classmethod
    def _opened(cls, opening: Coroutine[Any, Any, aio.Lattice]) -> Lattice:
        global _newest
        portal = _loop.acquire()
        try:
            self = cls(portal.run(opening), portal)
        except BaseException:
            _loop.release()
            raise
        _open.add(self)
        _newest = weakref.ref(self)
        return self

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._aio.closed:
            coroutine.close()
            raise NotRunning(f"lattice {self.name} is closed", hint="`%wasmcloud up` starts one")
        return self._portal.run(coroutine)

    def __repr__(self) -> str:
        return repr(self._aio)

    # -- what is there -------------------------------------------------------------------------

    @property
    def loop(self) -> Any:
        """The background event loop, for ``call_soon_threadsafe``."""
        return self._portal.loop

    @property
    def name(self) -> str:
        """The name of the lattice."""
        return self._aio.name

    @property
    def closed(self) -> bool:
        """Whether it was closed; nothing can be asked of it then."""
        return self._aio.closed

    @property
    def writable(self) -> bool:
        """Whether it can be changed; a lattice that was joined is only looked at by default."""
        return self._aio.writable

    @property
    def embedded(self) -> bool:
        """Whether it runs in this process."""
        return self._aio.embedded

    @property
    def wadm(self) -> bool:
        """Whether the deployment manager is ours and runs."""
        return self._aio.wadm

    @property
    def connected(self) -> bool:
        """Whether the NATS server is there now."""
        return self._aio.connected

    @property
    def nats_url(self) -> str:
        """The address of the NATS server, without credentials."""
        return self._aio.nats_url

    @property
    def started_s(self) -> float:
        """How long it took to start or join, in seconds."""
        return self._aio.started_s

    @property
    def state(self) -> LatticeState:
        """All that is known now; frozen."""
        return self._aio.state

    @property
    def observer(self) -> Any:
        """What folds events and buckets into ``state``."""
        return self._aio.observer

    @property
    def tracer(self) -> Any:
        """The hook that every call of this process is reported to."""
        return self._aio.tracer

    @property
    def cells(self) -> Any:
        """The components that cells built, as ``cell://NAME`` (embedded lattices only)."""
        return self._aio.cells

    @property
    def hosts_running(self) -> list[tuple[str, str]]:
        """Our own hosts as (id, friendly name), in the order they were started."""
        return [(host.id, host.friendly_name) for host in self._aio.hosts_running]

    @property
    def hosts(self) -> list[HostState]:
        """The hosts that are heard, by name."""
        return sorted(self.state.hosts.values(), key=lambda host: host.friendly_name)

    @property
    def components(self) -> list[ComponentRow]:
        """The components, each with the hosts it runs on."""
        return component_rows(self.state)

    @property
    def providers(self) -> list[ProviderRow]:
        """The providers, each with the hosts it runs on."""
        return provider_rows(self.state)

    @property
    def links(self) -> list[Link]:
        """All links, by source id."""
        return self.state.links

    @property
    def configs(self) -> Mapping[str, Mapping[str, str]]:
        """All named configurations; values of secret references are not in here."""
        return self.state.configs

    @property
    def apps(self) -> list[App]:
        """The applications that the deployment manager has stored."""
        return [App(self, app) for app in self._run(self._aio.apps())]

    @property
    def traffic(self) -> Traffic:
        """The last calls: ``traffic()`` lists them, oldest first, ``traffic.subscribe`` follows."""
        return self._aio.traffic

    def graph(self) -> Any:
        """The live graph, as a widget."""
        from workbench.notebook.widgets import graph_widget

        return graph_widget(self)

    def to_networkx(self) -> Any:
        """Hosts, components, providers and links as a `networkx.MultiDiGraph`."""
        return self._aio.to_networkx()

    def explain(
        self, source: str, target: str, interface: str, *, link_name: str = "default"
    ) -> list[Any]:
        """Why ``source`` can or can't call ``target`` over ``interface``, in plain findings."""
        return self._aio.explain(source, target, interface, link_name=link_name)

    # -- acting --------------------------------------------------------------------------------

    inventory = _blocking(aio.Lattice.inventory)
    add_host = _blocking(aio.Lattice.add_host)
    stop = _blocking(aio.Lattice.stop)
    set_label = _blocking(aio.Lattice.set_label)
    delete_label = _blocking(aio.Lattice.delete_label)
    start_component = _blocking(aio.Lattice.start_component)
    start_provider = _blocking(aio.Lattice.start_provider)
    scale = _blocking(aio.Lattice.scale)
    update = _blocking(aio.Lattice.update)
    reload_cell = _blocking(aio.Lattice.reload_cell)
    put_link = _blocking(aio.Lattice.put_link)
    delete_link = _blocking(aio.Lattice.delete_link)
    put_config = _blocking(aio.Lattice.put_config)
    get_config = _blocking(aio.Lattice.get_config)
    delete_config = _blocking(aio.Lattice.delete_config)
    invoke = _blocking(aio.Lattice.invoke)
    function = _blocking(aio.Lattice.function)
    exports = _blocking(aio.Lattice.exports)
    unlinked = _blocking(aio.Lattice.unlinked)
    http = _blocking(aio.Lattice.http)
    preview = _blocking(aio.Lattice.preview)
    keeper = _blocking(aio.Lattice.keeper)
    wait_for = _blocking(aio.Lattice.wait_for)
    doctor = _blocking(aio.Lattice.doctor)

    def serve(self, id: str, functions: Any, *, wit: str | Path | None = None) -> ServedFunctions:
        """Answer calls to ``id`` with Python functions, until ``stop()`` or the lattice closes.

        ``functions`` maps interfaces to objects, classes or mappings of functions; ``wit`` is WIT
        text or the path of it, needed where no component here knows the interface. Plain functions
        run on threads, async ones on the background loop. As `workbench.aio.Lattice.serve`.
        """
        return ServedFunctions(self, self._run(self._aio.serve(id, functions, wit=wit)))

    def events(self, limit: int | None = None) -> list[Any]:
        """The last events of the lattice, oldest first."""
        events = list(self._aio.observer.recent_events)
        return events if limit is None else events[-limit:]

    def deploy(self, manifest: Any, *, wait: bool = False) -> App:
        """Store and deploy a manifest: YAML text, a path, or a mapping.

        Raises `ManifestError` with all findings before anything is sent. With ``wait`` returns
        when it is deployed.
        """
        return App(self, self._run(self._aio.deploy(manifest, wait=wait)))

    def put_manifest(self, manifest: Any) -> App:
        """Store a manifest without deploying it."""
        return App(self, self._run(self._aio.put_manifest(manifest)))

    def app(self, name: str) -> App:
        """An application by name; nothing is asked yet."""
        return App(self, self._aio.app(name))

    def component(self, component_id: str) -> ComponentHandle:
        """A component to call: ``lattice.component("greeter")["demo:greet/greeter"].add(1, 2)``."""
        return ComponentHandle(self, component_id)

    # -- the end -------------------------------------------------------------------------------

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, on the background loop, when this lattice closes."""
        self._aio.on_close(callback)

    def close(self) -> None:
        """Leave; an embedded lattice goes down with all its parts. Harmless twice."""
        if self._aio.closed:
            return
        self._forget_exit()
        try:
            self._run(self._aio.close())
        finally:
            _open.discard(self)
            _loop.release()

    def __enter__(self) -> Lattice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ComponentHandle:
    """The exports of one component: ``handle["ns:pkg/iface"].func(...)``, ``handle.func(...)``."""

    def __init__(self, lattice: Lattice, component_id: str) -> None:
        self._lattice = lattice
        self._id = component_id
        self._exports = lattice.exports(component_id)

    def __getitem__(self, interface: str) -> InterfaceHandle:
        found = find_interface(self._exports, interface, owner=self._id)
        return InterfaceHandle(self._lattice, self._id, found)

    def __getattr__(self, name: str) -> Any:
        for export in self._exports.values():
            if isinstance(export, Function) and attribute_name(export.name) == name:
                return _callable(self._lattice, self._id, "", export)
        raise AttributeError(
            f"component {self._id} exports no function {name!r}; its interfaces are "
            + ", ".join(self._exports)
        )

    def _ipython_key_completions_(self) -> list[str]:
        return [key for key, export in self._exports.items() if isinstance(export, Interface)]

    def __dir__(self) -> list[str]:
        return [attribute_name(e.name) for e in self._exports.values() if isinstance(e, Function)]

    def __repr__(self) -> str:
        return f"<component {self._id}: {', '.join(self._exports)}>"


class InterfaceHandle:
    """The functions of one exported interface, as Python functions."""

    def __init__(self, lattice: Lattice, component_id: str, interface: Interface) -> None:
        self._lattice = lattice
        self._id = component_id
        self._interface = interface
        self._by_name = {
            attribute_name(wire_function_name(f.name).replace(".", "_")): f
            for f in interface.functions.values()
        }

    def __getattr__(self, name: str) -> Any:
        function = self._by_name.get(name)
        if function is None:
            raise AttributeError(
                f"{self._interface.id} has no function {name!r}; it has {', '.join(self._by_name)}"
            )
        return _callable(self._lattice, self._id, self._interface.id, function)

    def __dir__(self) -> list[str]:
        return list(self._by_name)

    def __repr__(self) -> str:
        functions = "\n".join(f"  {f}" for f in self._interface.functions.values())
        return f"<{self._interface.id} of {self._id}>\n{functions}"


def _callable(
    lattice: Lattice, component_id: str, instance: str, function: Function
) -> Callable[..., Any]:
    wire_name = wire_function_name(function.name)
    path = f"{instance}.{wire_name}" if instance else wire_name

    def call(*args: Any, **named: Any) -> Any:
        return lattice.invoke(component_id, path, *args, **named)

    call.__name__ = attribute_name(wire_name.replace(".", "_"))
    call.__qualname__ = f"{component_id}.{call.__name__}"
    call.__doc__ = f"{function}\n\n{function.doc}".strip()
    return call


class ServedFunctions:
    """Python functions that answer on a lattice; ``stop()`` or leaving its context ends that."""

    def __init__(self, lattice: Lattice, inner: aio.ServedFunctions) -> None:
        self._lattice = lattice
        self._aio = inner

    @property
    def id(self) -> str:
        """The id that they are called and linked by."""
        return self._aio.id

    @property
    def interfaces(self) -> Mapping[str, Interface]:
        """The interfaces that are served, by id."""
        return self._aio.interfaces

    def stop(self, *, drain_s: float = 5.0) -> None:
        """Take no new calls and end after those that run. Harmless twice."""
        if not self._lattice.closed:
            self._lattice._run(self._aio.stop(drain_s=drain_s))

    def __enter__(self) -> ServedFunctions:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return repr(self._aio)


class App:
    """One application of the deployment manager, by name."""

    def __init__(self, lattice: Lattice, inner: aio.App) -> None:
        self._lattice = lattice
        self._aio = inner

    def __repr__(self) -> str:
        return repr(self._aio)

    @property
    def name(self) -> str:
        """The name of the application."""
        return self._aio.name

    @property
    def status(self) -> Status:
        """Its status now, asked of the manager."""
        return self._lattice._run(self._aio.status())

    @property
    def versions(self) -> list[Any]:
        """Its stored versions, oldest first, as the manager lists them."""
        return self._lattice._run(self._aio.versions())

    @property
    def story(self) -> list[Any]:
        """What our own manager did for it and why, oldest first."""
        return self._aio.story

    def manifest(self, version: str | None = None) -> Any:
        """Its stored manifest; without ``version`` the newest."""
        return self._lattice._run(self._aio.manifest(version))

    def wait(
        self,
        *,
        timeout_s: float = 60.0,
        patience_s: float = 5.0,
        on_status: Callable[[Status], None] | None = None,
    ) -> Status:
        """The status once it is deployed; ``on_status`` hears each change, on the loop's thread.

        Raises `WadmError` after ``timeout_s``, or ``patience_s`` after it failed.
        """
        return self._lattice._run(
            self._aio.wait(timeout_s=timeout_s, patience_s=patience_s, on_status=on_status)
        )

    def undeploy(self) -> None:
        """Take it off the lattice; its manifest stays stored."""
        self._lattice._run(self._aio.undeploy())

    def delete(self) -> bool:
        """Forget it with all versions; False when it was not there."""
        return self._lattice._run(self._aio.delete())
