"""A linker for one component: its WASI, its imports, its resources, defined once.

Exactly what the component imports is defined, under exactly the names and versions it uses
(ARCHITECTURE §5).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from workbench.errors import ComponentError
from workbench.wasm import capi, wasi
from workbench.wasm.hostcalls import Target, host_function, imported, trapping
from workbench.wasm.imports import Imports
from workbench.wasm.introspect import Introspection
from workbench.wasm.missing import missing_error
from workbench.wasm.store import HOST_FUNCTION, RESOURCE_DESTRUCTOR, HostFunctions
from workbench.wire.wit.types import Function, Interface, ResourceType

__all__ = ["Linked", "missing_imports"]


class Linked:
    """A linker with everything defined; ``resource_kinds`` numbers the host's resource types."""

    def __init__(self, engine: int, found: Introspection, imports: Imports | None) -> None:
        missing = missing_imports(found, imports)
        if missing:
            raise missing_error(missing, imports)
        self.resource_kinds = _number_resources(found)
        self.resources = {kind: resource for resource, kind in self.resource_kinds.items()}
        self._functions = HostFunctions()
        self._native_kinds = {k: capi.resource_type_new_host(k) for k in self.resources}
        self.pointer = capi.linker_new(engine)
        root = capi.linker_root(self.pointer)
        try:
            self._define(root, found, imports)
        except BaseException:
            capi.linker_instance_delete(root)
            root = 0
            self.close()
            raise
        finally:
            if root:
                capi.linker_instance_delete(root)

    def close(self) -> None:
        """Free the linker. No invocation may be running."""
        if self.pointer:
            capi.linker_delete(self.pointer)
            self.pointer = 0
        for native in self._native_kinds.values():
            capi.resource_type_delete(native)
        self._native_kinds.clear()
        self._functions.close()

    def _define(self, root: int, found: Introspection, imports: Imports | None) -> None:
        for (instance, name), resource in found.resources.items():
            if not instance:
                self._add_resource(root, name, resource)
        for name, item in found.imports.items():
            if isinstance(item, Function):
                self._add_function(root, "", item, _target(imports, "", item))
                continue
            child = self._child(root, name)
            try:
                for member in _resource_names(found, name):
                    self._add_resource(child, member, found.resources[name, member])
                for function in item.functions.values():
                    self._add_function(child, name, function, _target(imports, name, function))
            finally:
                capi.linker_instance_delete(child)

    def _child(self, root: int, name: str) -> int:
        data, out = name.encode(), (ctypes.c_uint64 * 1)()
        _check(
            capi.linker_add_instance(
                root, capi.address_of_bytes(data), len(data), ctypes.addressof(out)
            )
        )
        return out[0]

    def _add_resource(self, scope: int, name: str, resource: ResourceType) -> None:
        data = name.encode()
        kind = self.resource_kinds[resource]
        native = self._native_kinds[kind]
        address = capi.address_of_bytes(data)
        _check(
            capi.linker_add_resource(
                scope, address, len(data), native, RESOURCE_DESTRUCTOR, kind, None
            )
        )

    def _add_function(self, scope: int, instance: str, function: Function, target: Target) -> None:
        where = f"{instance}#{function.name}" if instance else function.name
        number = self._functions.add(host_function(function, target, where))
        data = function.name.encode()
        address = capi.address_of_bytes(data)
        _check(capi.linker_add_func(scope, address, len(data), HOST_FUNCTION, number, None))


def missing_imports(found: Introspection, imports: Imports | None) -> list[str]:
    """The imported functions that neither WASI nor ``imports`` has, as ``instance#function``."""
    missing = []
    for instance, function in _imported_functions(found):
        if wasi.find(instance) is not None:
            continue
        if imports is None or not imports.provides(instance, function.name):
            missing.append(f"{instance}#{function.name}" if instance else function.name)
    return missing


def _imported_functions(found: Introspection) -> Iterator[tuple[str, Function]]:
    for name, item in found.imports.items():
        if isinstance(item, Interface):
            for function in item.functions.values():
                yield name, function
        else:
            yield "", item


def _target(imports: Imports | None, instance: str, function: Function) -> Target:
    interface = wasi.find(instance)
    where = f"{instance}#{function.name}"
    if function.is_async:
        return trapping(where, "an async import; this host runs WASI 0.2 only")
    if interface is not None:
        target = interface.functions.get(function.name)
        if target is not None:
            return interface.bind(target, instance, imports)
        return trapping(where, "which this host does not implement")
    assert imports is not None
    return imported(imports, instance, function)


def _number_resources(found: Introspection) -> dict[ResourceType, int]:
    return {r: i for i, r in enumerate(dict.fromkeys(found.resources.values()), start=1)}


def _resource_names(found: Introspection, instance: str) -> list[str]:
    return [name for owner, name in found.resources if owner == instance]


def _check(error: int | None, what: Any = "the component's imports can't be defined") -> None:
    if error:
        raise ComponentError(f"{what}: {capi.take_error(error).reason}")
