"""Python functions served on a lattice: what `Lattice.serve` does, and what it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound, UsageError, WitResolveError
from workbench.lattice.heard import ServedHeard
from workbench.lattice.python_functions import handlers_of
from workbench.lattice.rpc import RpcServer, Served
from workbench.wire.wit.bundled import new_resolver
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import Interface

if TYPE_CHECKING:
    from workbench._aio_lattice import Lattice

__all__ = ["ServedFunctions", "Serving", "serve_functions"]

# Each call of a plain function has a thread while it runs.
AT_ONCE = 64


class ServedFunctions:
    """What `Lattice.serve` started. ``stop()`` ends it, as leaving its context does."""

    def __init__(
        self, lattice: Lattice, id: str, interfaces: Mapping[str, Interface], served: Served
    ) -> None:
        self._lattice = lattice
        self._served = served
        self.id = id
        self.interfaces = interfaces
        self.stopped = False

    @property
    def in_flight(self) -> int:
        """Calls that are not answered yet, or whose streams still run."""
        return self._served.in_flight

    async def stop(self, *, drain_s: float = 5.0) -> None:
        """Take no new calls and end after those that run, at the latest after ``drain_s``.

        Harmless twice.
        """
        if not self.stopped:
            self.stopped = True
            self._lattice.serving.forget(self)
            await self._served.stop(drain_s=drain_s)

    async def __aenter__(self) -> ServedFunctions:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __repr__(self) -> str:
        state = "stopped" if self.stopped else "served by this process"
        return f"<{self.id}, {state}: {', '.join(self.interfaces)}>"


class Serving:
    """The Python functions that one lattice serves."""

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        self._server: RpcServer | None = None
        self._served: dict[str, ServedFunctions] = {}
        self._starting = asyncio.Lock()

    def exports(self, target: str) -> Mapping[str, Interface] | None:
        """The interfaces that an id of ours serves; None for any other id."""
        found = self._served.get(target)
        return found.interfaces if found is not None else None

    async def start(
        self, id: str, implementations: Mapping[str, Any], wit: str | Path | None
    ) -> ServedFunctions:
        """Serve; nothing is subscribed when this raises."""
        async with self._starting:
            return await self._start(id, implementations, wit)

    async def _start(
        self, id: str, implementations: Mapping[str, Any], wit: str | Path | None
    ) -> ServedFunctions:
        self._refuse_taken(id)
        pairs = [(self._interface(name, wit), given) for name, given in implementations.items()]
        interfaces = {interface.id: interface for interface, _ in pairs}
        functions = {interface.id: handlers_of(interface, given) for interface, given in pairs}
        if self._server is None:
            self._server = RpcServer(
                self._lattice.nc,
                lattice=self._lattice.name,
                tracer=self._lattice.tracer,
                max_in_flight=AT_ONCE,
            )
        served = await self._server.serve(id, functions)
        started = self._served[id] = ServedFunctions(self._lattice, id, interfaces, served)
        self._tell(id, interfaces)
        return started

    def forget(self, served: ServedFunctions) -> None:
        if self._served.pop(served.id, None) is not None:
            self._tell(served.id, ())

    async def close(self) -> None:
        await asyncio.gather(*(one.stop(drain_s=0.0) for one in list(self._served.values())))

    def _tell(self, id: str, interfaces: Iterable[str]) -> None:
        self._lattice.observer.hear(ServedHeard(id, tuple(interfaces)))

    def _refuse_taken(self, id: str) -> None:
        if not id or not id.isprintable() or any(c in id for c in " .*>"):
            raise UsageError(
                f"{id!r} can't be an id", hint="use letters, digits, '-' and '_', as in 'my-tool'"
            )
        if id in self._served:
            raise UsageError(f"{id!r} is served already", hint="stop it first, or take another id")
        if self._lattice.state.running(id):
            raise UsageError(
                f"{id!r} runs on this lattice: its calls would be shared out between the two",
                hint="take another id, and link to that",
            )

    def _interface(self, name: str, wit: str | Path | None) -> Interface:
        """The interface that is meant: from the WIT given, from a component here, or bundled."""
        if wit is not None:
            return _resolver(wit).interface(name)
        known = self._lattice.running.interface(name)
        if known is not None:
            return known
        try:
            return new_resolver().interface(name)
        except WitResolveError as error:
            raise NotFound(
                f"the WIT of {name!r} is not known",
                hint="pass it: wit='package …; interface … { … }', or the path of a .wit file or "
                "directory",
            ) from error


def _resolver(wit: str | Path) -> Resolver:
    resolver = new_resolver()
    if isinstance(wit, Path) or not any(sign in wit for sign in "{;\n"):
        resolver.add_dir(wit)
    else:
        resolver.add_text(wit)
    return resolver


async def serve_functions(
    self: Lattice, id: str, functions: Any, *, wit: str | Path | None = None
) -> ServedFunctions:
    """Answer calls to ``id`` with Python functions, until ``stop()`` or the lattice closes.

    ``functions`` maps interfaces to what implements them, ``{"ns:pkg/iface@1.0.0": implementation}``;
    an object whose ``wit`` attribute holds WIT text implements all interfaces of that package. An
    implementation is an object, a class or a mapping of functions, sync or async; plain ones run
    on threads, so a slow one blocks nobody. `workbench.lattice.python_functions` tells the rules.

    ``wit`` is WIT text or the path of a file or package directory. Without it the interface is
    taken from a component of this kernel that imports or exports it, or from the bundled
    packages. Components reach ``id`` by a link, `invoke` calls it like a component; with several
    processes that serve the same id each call goes to one of them.

    Raises `ReadOnly` on a lattice that was joined without ``writable``, `UsageError` with the
    names of functions that are missing, `NotFound` for an interface without WIT.
    """
    self._write()
    if not isinstance(functions, Mapping):
        text = getattr(functions, "wit", "")
        if not (isinstance(text, str) and text):
            raise UsageError(
                f"{type(functions).__name__} does not say which interface it implements",
                hint="pass {'ns:pkg/iface@1.0.0': implementation}, or give it a `wit` attribute",
            )
        wit = text
        resolver = new_resolver()
        package = resolver.add_text(text)
        interfaces = resolver.packages[package].interfaces.values()
        functions = {interface.id: functions for interface in interfaces}
    if not functions:
        raise UsageError("there is nothing to serve", hint="name an interface at least")
    return await self.serving.start(id, functions, wit)
