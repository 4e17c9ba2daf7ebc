"""A component as a local artifact: look at it, and run it without any lattice."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import AmbiguousName, NotFound, WitError
from workbench.wasm.compiled import CompiledComponent
from workbench.wasm.engine import Engine
from workbench.wasm.grants import NOTHING, Grants
from workbench.wasm.imports import ImportsBase, ObjectImports
from workbench.wasm.instantiator import Instantiator, OnLog
from workbench.wasm.text import wat_to_bytes
from workbench.wire.http import HttpRequest, HttpResponse
from workbench.wire.wit.coerce import coerce_args
from workbench.wire.wit.printer import print_interface, print_world
from workbench.wire.wit.types import Function, Interface, World
from workbench.wire.wit.values import Err, Ok

__all__ = ["Component"]

_shared: list[Engine] = []
_lock = threading.Lock()


def _shared_engine() -> Engine:
    """One engine for all artifacts opened without one; its threads end with the process."""
    with _lock:
        if not _shared or _shared[0].closed:
            _shared[:] = [Engine()]
        return _shared[0]


class Component:
    """A component file.

    ``Component.open("greeter.wasm").run("greeter.describe", {...})`` calls it with a fresh
    instance. Imports are given as Python objects, see `ObjectImports`.
    """

    def __init__(self, compiled: CompiledComponent, data: bytes, on_log: OnLog | None) -> None:
        self._compiled = compiled
        self._on_log = on_log
        self.data = data

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | bytes,
        *,
        name: str = "",
        engine: Engine | None = None,
        on_log: OnLog | None = None,
    ) -> Component:
        """Open a ``.wasm`` or ``.wat`` file, or its bytes, and compile it.

        Raises `InvalidComponent`; a core module is refused with an explanation.
        """
        if isinstance(source, bytes):
            data = source
        else:
            path = Path(source)
            data = path.read_bytes()
            name = name or path.stem
        if data.lstrip()[:1] == b"(":
            data = wat_to_bytes(data.decode())
        compiled = (engine or _shared_engine()).load_blocking(data, name=name)
        return cls(compiled, data, on_log)

    def __repr__(self) -> str:
        exports = ", ".join(self.exports) or "nothing"
        return f"<Component {self.name or self.digest[:12]}, {self.size / 1e6:.1f} MB, exports {exports}>"

    @property
    def name(self) -> str:
        return self._compiled.name

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hex."""
        return self._compiled.digest

    @property
    def size(self) -> int:
        return self._compiled.size

    @property
    def world(self) -> World:
        return self._compiled.world

    @property
    def imports(self) -> dict[str, Interface | Function]:
        return self._compiled.imports

    @property
    def exports(self) -> dict[str, Interface | Function]:
        return self._compiled.exports

    @property
    def wit(self) -> str:
        """The world and every interface in it, as WIT text."""
        parts = ["package root:component;\n", print_world(self.world)]
        interfaces: dict[str, Interface] = {}
        for item in (*self.imports.values(), *self.exports.values()):
            if isinstance(item, Interface) and ":" in item.id:
                interfaces.setdefault(item.id, item)
        packages: dict[str, list[Interface]] = {}
        for interface in interfaces.values():
            packages.setdefault(_package_of(interface.id), []).append(interface)
        for package, members in packages.items():
            body = "\n".join(print_interface(member, package=package) for member in members)
            lines = [f"  {line}" if line else "" for line in body.splitlines()]
            parts.append("\n".join([f"package {package} {{", *lines, "}"]) + "\n")
        return "\n".join(parts)

    def missing(self, imports: Mapping[str, Any] | None = None) -> list[str]:
        """The imports that neither WASI nor ``imports`` has."""
        return self._compiled.missing(ObjectImports(imports))

    # -- running -------------------------------------------------------------------------------

    def run(
        self,
        function: str,
        *args: Any,
        imports: Mapping[str, Any] | ImportsBase | None = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
        **named: Any,
    ) -> Any:
        """Call an export on this thread: ``"ns:pkg/iface.func"``, ``"iface.func"`` or ``"func"``.

        Arguments may be any Python values that fit. The error side of a result is raised as
        `WitError`, its ok side returned. Raises what `Instantiator.call` raises.
        """
        instance, target = self.find(function)
        values = coerce_args(target, args, _kebab(target, named))
        instantiator = self._instantiator(imports, grants)
        try:
            value = instantiator.call_inline(instance, target.name, values, timeout_s=timeout_s)
        finally:
            instantiator.close_blocking()
        return _unwrapped(value)

    async def arun(
        self,
        function: str,
        *args: Any,
        imports: Mapping[str, Any] | ImportsBase | None = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
        **named: Any,
    ) -> Any:
        """`run` for event loops: the guest runs on a worker thread, async imports on the loop."""
        instance, target = self.find(function)
        values = coerce_args(target, args, _kebab(target, named))
        instantiator = self._instantiator(imports, grants)
        try:
            value = await instantiator.call(instance, target.name, values, timeout_s=timeout_s)
        finally:
            await instantiator.close()
        return _unwrapped(value)

    async def ahttp(
        self,
        request: HttpRequest,
        *,
        imports: Mapping[str, Any] | ImportsBase | None = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
    ) -> HttpResponse:
        """Hand a request to the component's HTTP handler; the body is read to its end."""
        instantiator = self._instantiator(imports, grants)
        try:
            response = await instantiator.handle_http(request, timeout_s=timeout_s)
            chunks = [chunk async for chunk in response.body]  # type: ignore[union-attr]
            trailers = await response.trailers if response.trailers is not None else None
        finally:
            await instantiator.close()
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(trailers)
        return HttpResponse(response.status, response.headers, b"".join(chunks), done)

    def find(self, function: str) -> tuple[str, Function]:
        """The exported function that a name means. Raises `NotFound` or `AmbiguousName`."""
        exports = self._compiled.functions
        exact = [key for key in exports if _full_name(*key) == function]
        found = exact or [key for key in exports if function in _short_names(*key)]
        if len(found) == 1:
            return found[0][0], exports[found[0]].function
        names = [_full_name(*key) for key in (found or exports)]
        if found:
            raise AmbiguousName(
                f"{function!r} fits several exports",
                hint="one of " + ", ".join(names),
                matches=names,
            )
        raise NotFound(
            f"the component exports no {function!r}",
            hint="it exports " + (", ".join(names) or "no functions"),
            matches=names,
        )

    def _instantiator(
        self, imports: Mapping[str, Any] | ImportsBase | None, grants: Grants
    ) -> Instantiator:
        provide = imports if isinstance(imports, ImportsBase) else ObjectImports(imports)
        return self._compiled.instantiator(
            provide, name=self.name, on_log=self._on_log, grants=grants
        )


def _package_of(interface: str) -> str:
    path, _, version = interface.partition("@")
    return path.rpartition("/")[0] + (f"@{version}" if version else "")


def _full_name(instance: str, function: str) -> str:
    return f"{instance}.{function}" if instance else function


def _short_names(instance: str, function: str) -> set[str]:
    """The shorter ways to name an export: without version, without package, bare."""
    path = instance.partition("@")[0]
    return {f"{path}.{function}", f"{path.rpartition('/')[2]}.{function}", function}


def _kebab(function: Function, named: Mapping[str, Any]) -> dict[str, Any] | None:
    """Keyword arguments under the names of the WIT parameters."""
    if not named:
        return None
    known = {name.replace("-", "_"): name for name, _ in function.params}
    return {known.get(name.rstrip("_"), name): value for name, value in named.items()}


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Err):
        raise WitError(value.value)
    return value.value if isinstance(value, Ok) else value
