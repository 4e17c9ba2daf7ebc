"""A component that has been compiled: its interfaces, and the way to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.wasm import capi
from workbench.wasm.grants import NOTHING, Grants
from workbench.wasm.introspect import Introspection
from workbench.wasm.limits import StoreLimits
from workbench.wasm.linking import missing_imports
from workbench.wire.wit.types import Function, Interface

if TYPE_CHECKING:
    from workbench.wasm.engine import Engine
    from workbench.wasm.imports import Imports
    from workbench.wasm.instantiator import Instantiator, OnLog

__all__ = ["CompiledComponent", "ExportIndex"]


class ExportIndex:
    """Where an exported function is in any instance of its component."""

    __slots__ = ("_native", "function", "instance", "pointer")

    def __init__(self, native: Any, instance: str, function: Function) -> None:
        self._native = native
        self.pointer = capi.pointer_of(native)
        self.instance = instance
        self.function = function

    def __repr__(self) -> str:
        return f"{self.instance}.{self.function.name}" if self.instance else self.function.name


class CompiledComponent:
    """A compiled component, shared by everyone who loaded the same bytes."""

    def __init__(
        self,
        engine: Engine,
        native: Any,
        found: Introspection,
        *,
        name: str,
        digest: str,
        size: int,
        cached: bool,
        load_seconds: float,
    ) -> None:
        self.engine = engine
        self.native = native
        self.pointer = capi.pointer_of(native)
        self.found = found
        self.name = name
        self.digest = digest
        self.size = size
        self.cached = cached
        self.load_seconds = load_seconds
        self.imports = found.imports
        self.exports = found.exports
        self.world = found.world()
        self.functions = self._index_exports()

    def __repr__(self) -> str:
        return f"<CompiledComponent {self.name or self.digest[:12]}, {self.size / 1e6:.1f} MB>"

    def _index_exports(self) -> dict[tuple[str, str], ExportIndex]:
        found: dict[tuple[str, str], ExportIndex] = {}
        for name, item in self.exports.items():
            owner = self.native.get_export_index(name)
            if owner is None:
                continue
            if isinstance(item, Function):
                found["", name] = ExportIndex(owner, "", item)
            elif isinstance(item, Interface):
                for member, function in item.functions.items():
                    index = self.native.get_export_index(member, owner)
                    if index is not None:
                        found[name, member] = ExportIndex(index, name, function)
        return found

    def missing(self, provide: Imports | None) -> list[str]:
        """What neither WASI nor ``provide`` has, as ``instance#function``."""
        return missing_imports(self.found, provide)

    def instantiator(
        self,
        provide: Imports | None = None,
        *,
        name: str = "",
        limits: StoreLimits | None = None,
        on_log: OnLog | None = None,
        grants: Grants = NOTHING,
    ) -> Instantiator:
        """Prepare to run this component with these imports. Raises `MissingImport`."""
        from workbench.wasm.instantiator import Instantiator

        return Instantiator(
            self,
            provide,
            name=name or self.name,
            limits=limits or self.engine.limits,
            on_log=on_log,
            grants=grants,
        )
