"""One package: what its files declare, resolved item by item when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.ast import InterfaceDecl, PackageDecl, PackageName, Path, WorldDecl
from workbench.wire.wit.gates import absence
from workbench.wire.wit.scope import Body, InterfaceEntry, because
from workbench.wire.wit.types import Interface, World
from workbench.wire.wit.worlds import build_world

if TYPE_CHECKING:
    from workbench.wire.wit.resolve import Resolver

__all__ = ["PackageScope"]

# Interfaces that use each other in a row; real ones stay below ten.
_CHAIN = 32


class PackageScope:
    """All that the files of one package declare, and what was resolved of it."""

    def __init__(self, name: PackageName, resolver: Resolver) -> None:
        self.name = name
        self.resolver = resolver
        self.interfaces: dict[str, tuple[InterfaceDecl, PackageDecl]] = {}
        self.worlds: dict[str, tuple[WorldDecl, PackageDecl]] = {}
        self.files: list[PackageDecl] = []
        self.absent: dict[str, str] = {}
        self.needs: dict[str, PackageScope] = {}
        self._entries: dict[str, InterfaceEntry] = {}
        self._worlds: dict[str, World] = {}
        self._items = 0

    def add(self, file: PackageDecl) -> None:
        """Take in what one file, or one nested block, declares."""
        names = {*self.interfaces, *self.worlds}
        for declaration in (*file.interfaces, *file.worlds):
            name = declaration.name
            reason = absence(declaration.gate, self.name, self.resolver.features, file.source)
            if reason:
                self.absent[name] = reason
                continue
            if name in names:
                self._fail_twice(file, name, declaration.offset)
            names.add(name)
            if isinstance(declaration, InterfaceDecl):
                self.interfaces[name] = (declaration, file)
            else:
                self.worlds[name] = (declaration, file)
        self._check_uses(file)
        self.files.append(file)

    def _check_uses(self, file: PackageDecl) -> None:
        own = {d.name for d in (*file.interfaces, *file.worlds)}
        taken: set[str] = set()
        for use in file.uses:
            renames = str(use.path) != use.alias
            if use.alias in taken or (renames and use.alias in own):
                file.source.resolve_fault(
                    f"{use.alias!r} stands for two things in this file",
                    use.offset,
                    "give it a name of its own: use … as other-name;",
                )
            taken.add(use.alias)

    def _fail_twice(self, file: PackageDecl, name: str, offset: int) -> NoReturn:
        earlier, where = self.interfaces.get(name) or self.worlds[name]
        line, _ = where.source.place(earlier.offset)
        file.source.resolve_fault(
            f"{name!r} is declared twice in the package {self.name}",
            offset,
            f"the first time in {where.source.path}:{line}",
        )

    @property
    def doc(self) -> str:
        """The doc comments before its package statements."""
        return "\n".join(file.doc for file in self.files if file.doc)

    def contents(self) -> list[list[str]]:
        """The words of all that was added, in an order of their own."""
        return sorted(item for file in self.files for item in file.contents())

    def entry(self, name: str) -> InterfaceEntry | None:
        """The interface ``name`` of this package, resolved."""
        known = self._entries.get(name)
        if known is not None or name not in self.interfaces:
            return known
        declaration, file = self.interfaces[name]
        entry = self.build(declaration, file, self.name.item(name))
        self._entries[name] = entry
        return entry

    def build(self, declaration: InterfaceDecl, file: PackageDecl, id: str) -> InterfaceEntry:
        """Resolve one interface body under ``id``; also for those inline in a world."""
        chain = self.resolver.chain
        if id in chain:
            loop = " → ".join([*chain[chain.index(id) :], id])
            file.source.resolve_fault(f"the interface {id} uses itself: {loop}", declaration.offset)
        if len(chain) >= _CHAIN:
            file.source.resolve_fault(
                f"more than {_CHAIN} interfaces use each other in a row", declaration.offset
            )
        chain.append(id)
        try:
            body = self.body(file, id)
            body.add(declaration.uses, declaration.types, declaration.functions)
        finally:
            chain.pop()
        interface = Interface(
            id, body.types, body.functions, declaration.doc, body.docs, uses=body.uses
        )
        return InterfaceEntry(interface, body.sizes, body.dependencies, body.absent)

    def body(self, file: PackageDecl, id: str) -> Body:
        return Body(
            file=file,
            package=self.name,
            features=self.resolver.features,
            owner_id=id,
            lookup=self.interface_at,
        )

    def interface_at(self, file: PackageDecl, path: Path) -> InterfaceEntry:
        """The interface that ``path`` means in ``file``."""
        scope, name = self._target(file, path)
        entry = scope.entry(name)
        if entry is None:
            what = "is a world, not an interface" if name in scope.worlds else "does not exist"
            why = because(scope.absent.get(name), name, scope.interfaces)
            file.source.resolve_fault(
                f"the interface {scope.name.item(name)} {what}{why}", path.offset
            )
        return entry

    def world_at(self, file: PackageDecl, path: Path) -> World:
        """The world that ``path`` means in ``file``."""
        scope, name = self._target(file, path)
        world = scope.world(name)
        if world is None:
            why = because(scope.absent.get(name), name, scope.worlds)
            file.source.resolve_fault(
                f"the world {scope.name.item(name)} does not exist{why}", path.offset
            )
        return world

    def _target(self, file: PackageDecl, path: Path) -> tuple[PackageScope, str]:
        offset = path.offset
        waiting = {use.alias: use.path for use in file.uses}
        # Each alias is followed once, so `use a;` ends at the package's own a.
        while path.package is None and path.name in waiting:
            path = waiting.pop(path.name)
        if path.package is None or path.package == self.name:
            return self, path.name
        scope = self.resolver.find(path.package)
        if scope is None:
            hint = self.resolver.hint_for(path.package)
            file.source.resolve_fault(f"the package {path.package} is not known", offset, hint)
        if str(scope.name) not in self.needs:
            self._need(scope, file, offset)
        return scope, path.name

    def _need(self, other: PackageScope, file: PackageDecl, offset: int) -> None:
        """Packages are built one after the other, so none may come back to itself."""
        waiting, seen = [other], {str(other.name)}
        while waiting:
            scope = waiting.pop()
            if str(self.name) in scope.needs:
                file.source.resolve_fault(
                    f"the packages {self.name} and {other.name} need each other",
                    offset,
                    "move what both need into a package of its own",
                )
            waiting += [s for id, s in scope.needs.items() if id not in seen]
            seen.update(scope.needs)
        self.needs[str(other.name)] = other

    def world(self, name: str) -> World | None:
        """The world ``name`` of this package, resolved."""
        known = self._worlds.get(name)
        if known is not None or name not in self.worlds:
            return known
        declaration, file = self.worlds[name]
        id = self.name.item(name)
        chain = self.resolver.chain
        if id in chain:
            loop = " → ".join([*chain[chain.index(id) :], id])
            file.source.resolve_fault(f"the world {id} includes itself: {loop}", declaration.offset)
        if len(chain) >= _CHAIN:
            file.source.resolve_fault(
                f"more than {_CHAIN} worlds include each other in a row", declaration.offset
            )
        chain.append(id)
        try:
            world = build_world(self, declaration, file)
        finally:
            chain.pop()
        self._count(world, declaration, file)
        self._worlds[name] = world
        return world

    def _count(self, world: World, declaration: WorldDecl, file: PackageDecl) -> None:
        """Worlds that include each other grow by the product; nobody's real ones come near."""
        self._items += len(world.imports) + len(world.exports) + len(world.types)
        if self._items > DEFAULT_LIMITS.nodes:
            file.source.resolve_fault(
                f"the worlds of {self.name} have more than {DEFAULT_LIMITS.nodes} items together",
                declaration.offset,
            )
