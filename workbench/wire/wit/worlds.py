"""Worlds: what they import and export, with everything that those need.

An imported interface brings the interfaces whose types it uses along as imports, and an
exported one brings them as imports where they are not exported themselves. So a world here
lists what a component built for it really imports.

Source: component-model WIT.md, "Worlds", and the elaboration rule of its binary encoding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from workbench.wire.wit.ast import (
    Extern,
    FunctionDecl,
    Include,
    InterfaceDecl,
    PackageDecl,
    WorldDecl,
)
from workbench.wire.wit.naming import closest
from workbench.wire.wit.scope import Body, InterfaceEntry
from workbench.wire.wit.types import Function, Interface, World

if TYPE_CHECKING:
    from workbench.wire.wit.package_scope import PackageScope

__all__ = ["build_world"]

Externs = dict[str, Interface | Function]


def build_world(scope: PackageScope, declaration: WorldDecl, file: PackageDecl) -> World:
    """Resolve one world; faults point into ``file``."""
    return _WorldBuilder(scope, declaration, file).build()


class _WorldBuilder:
    def __init__(self, scope: PackageScope, declaration: WorldDecl, file: PackageDecl) -> None:
        self._scope = scope
        self._declaration = declaration
        self._file = file
        # A resource of the world itself belongs to no interface.
        self._body: Body = scope.body(file, "")
        self._imports: Externs = {}
        self._exports: Externs = {}
        self._needed: dict[str, list[str]] = {}

    def build(self) -> World:
        declaration, body = self._declaration, self._body
        body.add(declaration.uses, declaration.types, [])
        for id in body.dependencies:
            self._import_by_id(id)
        self._imports.update(body.functions)
        for include in declaration.includes:
            if not body.absence(include):
                self._include(include)
        for extern in declaration.externs:
            if not body.absence(extern):
                self._extern(extern)
        self._elaborate()
        id = self._scope.name.item(declaration.name)
        return World(
            id, self._imports, self._exports, declaration.doc, body.types, body.docs, body.uses
        )

    def _extern(self, extern: Extern) -> None:
        target = extern.target
        if isinstance(target, FunctionDecl):
            self._add(extern.direction, target.name, self._body.function(target), extern.offset)
        elif isinstance(target, InterfaceDecl):
            entry = self._scope.build(target, self._file, target.name)
            self._needed[target.name] = entry.dependencies
            self._add(extern.direction, target.name, entry.interface, extern.offset)
        else:
            entry = self._scope.interface_at(self._file, target)
            key = extern.label or entry.interface.id
            self._needed[key] = entry.dependencies
            self._add(extern.direction, key, entry.interface, extern.offset)
            if extern.doc:
                self._body.docs[f"{extern.direction} {key}"] = extern.doc

    def _add(
        self,
        direction: Literal["import", "export"],
        key: str,
        item: Interface | Function,
        offset: int,
    ) -> None:
        side = self._imports if direction == "import" else self._exports
        if key in side and side[key] is not item:
            self._file.source.resolve_fault(f"the world {direction}s {key!r} twice", offset)
        side[key] = item

    def _include(self, include: Include) -> None:
        world = self._scope.world_at(self._file, include.path)
        renames = {old: new for old, new, _ in include.renames}
        plain = {k for side in (world.imports, world.exports) for k in side if ":" not in k}
        for old, _, offset in include.renames:
            if old not in plain:
                self._file.source.resolve_fault(
                    f"the world {world.id} has no {old!r} to rename{closest(old, plain)}", offset
                )
        for key, item in world.imports.items():
            self._add("import", *_renamed(key, item, renames), include.path.offset)
        for key, item in world.exports.items():
            self._add("export", *_renamed(key, item, renames), include.path.offset)
        self._include_types(world, include.path.offset)
        for place, doc in world.docs.items():
            # Of a type, or of an import or export: `import key`.
            direction, space, key = place.partition(" ")
            renamed = f"{direction} {renames.get(key, key)}" if space else place
            self._body.docs.setdefault(renamed, doc)

    def _include_types(self, world: World, offset: int) -> None:
        body = self._body
        for name, type in world.types.items():
            if body.types.setdefault(name, type) != type:
                self._file.source.resolve_fault(
                    f"{name!r} is one type here and another in the world {world.id}", offset
                )
            if name in world.uses:
                body.uses.setdefault(name, world.uses[name])

    # -- elaboration --------------------------------------------------------------------------

    def _elaborate(self) -> None:
        for key, item in list(self._imports.items()):
            if isinstance(item, Interface):
                self._import_needs(key, item)
        for key, item in list(self._exports.items()):
            if isinstance(item, Interface):
                self._import_needs(key, item)

    def _import_needs(self, key: str, item: Interface) -> None:
        waiting = list(self._dependencies(key, item))
        while waiting:
            id = waiting.pop()
            if id in self._imports or id in self._exports:
                continue
            entry = self._import_by_id(id)
            if entry is not None:
                waiting.extend(entry.dependencies)

    def _dependencies(self, key: str, item: Interface) -> list[str]:
        if key in self._needed:
            return self._needed[key]
        entry = self._scope.resolver.entry_by_id(item.id)
        return [] if entry is None else entry.dependencies

    def _import_by_id(self, id: str) -> InterfaceEntry | None:
        entry = self._scope.resolver.entry_by_id(id)
        if entry is not None:
            self._imports.setdefault(id, entry.interface)
        return entry


def _renamed(
    key: str, item: Interface | Function, renames: dict[str, str]
) -> tuple[str, Interface | Function]:
    """An included item under its name here; what is declared in a world is called as it is keyed."""
    new = renames.get(key)
    if new is None:
        return key, item
    if isinstance(item, Function):
        return new, replace(item, name=new)
    return new, replace(item, id=new) if item.id == key else item
