"""WIT packages by name: everything that was read, looked up and put together on demand.

A `Resolver` holds the packages that were added to it. What it does not hold it asks of its
library (texts served by name and version, see `bundled.py`) and then of its base, another
resolver. Interfaces and worlds are resolved when they are first asked for, once.

Only `WitSyntaxError` and `WitResolveError` come out of here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Protocol

from workbench.errors import WitResolveError, WitSyntaxError
from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.ast import InterfaceDecl, PackageDecl, PackageName, Path, WorldDecl
from workbench.wire.wit.naming import closest
from workbench.wire.wit.parse import parse_package
from workbench.wire.wit.scope import Body, InterfaceEntry, included, version_key
from workbench.wire.wit.types import Interface, Package, World
from workbench.wire.wit.worlds import build_world

__all__ = ["Library", "PackageScope", "Resolver"]

_ID = re.compile(r"(?:(?P<ns>[^:/@]+):(?P<pkg>[^:/@]+)/)?(?P<item>[^:/@]+)(?:@(?P<version>\S+))?")
# Interfaces that use each other in a row; real ones stay below ten.
_CHAIN = 32


class Library(Protocol):
    """Package texts by name and version."""

    def texts(self, name: PackageName) -> Sequence[tuple[str, str]] | None:
        """(path, text) of each file of exactly this package, or None."""
        ...

    def names(self) -> Sequence[PackageName]:
        """The packages as they are listed; other versions may be served too."""
        ...


class PackageScope:
    """All that the files of one package declare, and what was resolved of it."""

    def __init__(self, name: PackageName, resolver: Resolver) -> None:
        self.name = name
        self.resolver = resolver
        self.interfaces: dict[str, tuple[InterfaceDecl, PackageDecl]] = {}
        self.worlds: dict[str, tuple[WorldDecl, PackageDecl]] = {}
        self._entries: dict[str, InterfaceEntry] = {}
        self._worlds: dict[str, World] = {}

    def add(self, file: PackageDecl) -> None:
        features = self.resolver.features
        known = {*self.interfaces, *self.worlds}
        fresh = [d for d in file.interfaces if included(d.gate, self.name, features)]
        worlds = [d for d in file.worlds if included(d.gate, self.name, features)]
        for declaration in (*fresh, *worlds):
            if declaration.name in known:
                file.source.resolve_fault(
                    f"{declaration.name!r} is declared twice in the package {self.name}",
                    declaration.offset,
                )
            known.add(declaration.name)
        self.interfaces.update({d.name: (d, file) for d in fresh})
        self.worlds.update({d.name: (d, file) for d in worlds})

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
        interface = Interface(id, body.types, body.functions, declaration.doc, body.uses)
        return InterfaceEntry(interface, body.sizes, body.dependencies)

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
            near = closest(name, scope.interfaces)
            file.source.resolve_fault(
                f"the interface {scope.name.item(name)} {what}{near}", path.offset
            )
        return entry

    def world_at(self, file: PackageDecl, path: Path) -> World:
        """The world that ``path`` means in ``file``."""
        scope, name = self._target(file, path)
        world = scope.world(name)
        if world is None:
            near = closest(name, scope.worlds)
            file.source.resolve_fault(
                f"the world {scope.name.item(name)} does not exist{near}", path.offset
            )
        return world

    def _target(self, file: PackageDecl, path: Path) -> tuple[PackageScope, str]:
        if path.package is None:
            for use in file.uses:
                if use.alias == path.name and use.path is not path:
                    return self._target(file, _unaliased(use.path))
            return self, path.name
        if path.package == self.name:
            return self, path.name
        scope = self.resolver.find(path.package)
        if scope is None:
            hint = self.resolver.hint_for(path.package)
            file.source.resolve_fault(f"the package {path.package} is not known", path.offset, hint)
        return scope, path.name

    def world(self, name: str) -> World | None:
        known = self._worlds.get(name)
        if known is not None or name not in self.worlds:
            return known
        declaration, file = self.worlds[name]
        id = self.name.item(name)
        chain = self.resolver.chain
        if id in chain or len(chain) >= _CHAIN:
            file.source.resolve_fault(
                f"the world {id} includes itself, or too many others", declaration.offset
            )
        chain.append(id)
        try:
            world = build_world(self, declaration, file)
        finally:
            chain.pop()
        self._worlds[name] = world
        return world


def _unaliased(path: Path) -> Path:
    return path if path.package is not None else Path(None, path.name, path.offset)


class Resolver:
    """WIT packages that were added, looked up by name."""

    def __init__(
        self,
        *,
        base: Resolver | None = None,
        library: Library | None = None,
        features: Iterable[str] = (),
    ) -> None:
        self.features = frozenset(features)
        self.chain: list[str] = []
        self._base = base
        self._library = library
        self._scopes: dict[str, PackageScope] = {}
        self._read: dict[tuple[str, str], str] = {}
        self._frozen = False
        # Worker threads and the loop share the bundled resolver; a base is locked after its user.
        self._lock = threading.RLock()

    # -- adding -------------------------------------------------------------------------------

    def freeze(self) -> Resolver:
        """Refuse `add_text` and `add_dir` from now on: this resolver is shared."""
        self._frozen = True
        return self

    def add_text(self, text: str, path: str = "<wit>") -> str:
        """Add one file; returns the id of its package (of the last nested one if it has none)."""
        return self._add_files([(path, text)])

    def add_dir(self, path: FilePath | str) -> str:
        """Add a package directory with its ``deps``, or one file; returns the package's id."""
        root = FilePath(path)
        if root.is_file():
            return self._add_files([_read_file(root)])
        if not root.is_dir():
            raise WitResolveError(f"there is no directory {root}")
        deps = root / "deps"
        if deps.is_dir():
            for entry in sorted(deps.iterdir()):
                if entry.is_dir() and any(entry.glob("*.wit")):
                    self._add_files([_read_file(f) for f in sorted(entry.glob("*.wit"))])
                elif entry.suffix == ".wit":
                    self._add_files([_read_file(entry)])
        files = sorted(root.glob("*.wit"))
        if not files:
            raise WitResolveError(
                f"{root} holds no .wit file", hint="a package is a directory of .wit files"
            )
        return self._add_files([_read_file(f) for f in files])

    def _add_files(self, files: Sequence[tuple[str, str]]) -> str:
        if self._frozen:
            raise WitResolveError(
                "this resolver is shared and can't be added to", hint="use Resolver(base=…)"
            )
        with self._lock:
            return self._register(files)

    def _register(self, files: Sequence[tuple[str, str]]) -> str:
        key = ("\0".join(p for p, _ in files), "\0".join(t for _, t in files))
        if key in self._read:
            return self._read[key]
        documents = [parse_package(text, path=path) for path, text in files]
        name: PackageName | None = None
        for document in documents:
            main = document.main
            if main.name is not None and name is not None and main.name != name:
                document.source.resolve_fault(
                    f"this file is of the package {main.name}, its neighbours of {name}",
                    main.offset,
                )
            name = main.name or name
        last = name
        for document in documents:
            if name is not None:
                self._scope(name).add(document.main)
            elif document.main.interfaces or document.main.worlds:
                document.source.resolve_fault(
                    "no file says which package this is", 0, "start with: package my:name;"
                )
            for nested in document.nested:
                assert nested.name is not None  # the parser demands it
                self._scope(nested.name).add(nested)
                last = name or nested.name
        if last is None:
            raise WitResolveError(f"{files[0][0]} declares no package")
        self._read[key] = str(last)
        return str(last)

    def _scope(self, name: PackageName) -> PackageScope:
        return self._scopes.setdefault(str(name), PackageScope(name, self))

    # -- looking up ---------------------------------------------------------------------------

    def find(self, name: PackageName) -> PackageScope | None:
        """The package of exactly this name and version, here, in the library or in the base."""
        with self._lock:
            scope = self._scopes.get(str(name))
            if scope is None and self._library is not None:
                files = self._library.texts(name)
                if files is not None:
                    self._register(files)
                    scope = self._scopes.get(str(name))
        if scope is None and self._base is not None:
            return self._base.find(name)
        return scope

    def known(self) -> list[PackageName]:
        """Every package that is here, in the library or in the base."""
        names = {str(s.name): s.name for s in self._scopes.values()}
        for name in self._library.names() if self._library is not None else ():
            names.setdefault(str(name), name)
        for name in self._base.known() if self._base is not None else ():
            names.setdefault(str(name), name)
        return list(names.values())

    def hint_for(self, name: PackageName) -> str:
        """What to do about a package that is not known."""
        versions = [str(known) for known in self.known() if known.bare == name.bare]
        if versions:
            return f"known: {', '.join(versions)}"
        near = closest(name.bare, {known.bare for known in self.known()})
        return near.removeprefix("; ") or "put it into deps/, or add its text"

    @property
    def packages(self) -> dict[str, Package]:
        """The packages of this resolver and its library (not of its base), all resolved."""
        with self._lock:
            for name in self._library.names() if self._library is not None else ():
                self.find(name)
            return {id: self._package(scope) for id, scope in list(self._scopes.items())}

    def _package(self, scope: PackageScope) -> Package:
        interfaces = {}
        for name in scope.interfaces:
            entry = scope.entry(name)
            assert entry is not None  # it was declared
            interfaces[name] = entry.interface
        worlds = {}
        for name in scope.worlds:
            world = scope.world(name)
            assert world is not None  # it was declared
            worlds[name] = world
        return Package(str(scope.name), interfaces, worlds)

    def interface(self, id: str) -> Interface:
        """The interface ``ns:pkg/name[@version]``; a bare name if only one package here has it."""
        with self._lock:
            scope, name = self._locate(id, "interface")
            return self.entry_of(scope, name).interface

    def entry_of(self, scope: PackageScope, name: str) -> InterfaceEntry:
        entry = scope.entry(name)
        if entry is None:
            near = closest(name, scope.interfaces)
            raise WitResolveError(f"the package {scope.name} has no interface {name!r}{near}")
        return entry

    def entry_by_id(self, id: str) -> InterfaceEntry | None:
        """The entry behind the id of an interface that was resolved before."""
        parts = _ID.fullmatch(id)
        if parts is None or parts["ns"] is None:
            return None
        scope = self.find(PackageName(parts["ns"], parts["pkg"], parts["version"] or ""))
        return None if scope is None else scope.entry(parts["item"])

    def world(self, name: str = "") -> World:
        """The world of this id, or of this bare name; the only one there is when empty."""
        with self._lock:
            scope, item = self._locate(name, "world")
            world = scope.world(item)
            if world is None:
                near = closest(item, scope.worlds)
                raise WitResolveError(f"the package {scope.name} has no world {item!r}{near}")
            return world

    def _locate(self, id: str, what: str) -> tuple[PackageScope, str]:
        parts = _ID.fullmatch(id) if id else None
        if id and parts is None:
            raise WitResolveError(
                f"{id!r} is no name of a {what}", hint=f"write ns:package/{what}@1.2.3"
            )
        if parts is None or parts["ns"] is None:
            return self._locate_bare(id, what)
        name = PackageName(parts["ns"], parts["pkg"], parts["version"] or "")
        scope = self.find(name)
        if scope is None and not name.version:
            # Without a version the newest one that is known is meant.
            versions = [k for k in self.known() if k.bare == name.bare]
            if versions:
                scope = self.find(max(versions, key=lambda k: version_key(k.version)))
        if scope is None:
            raise WitResolveError(f"the package {name} is not known", hint=self.hint_for(name))
        return scope, parts["item"]

    def _locate_bare(self, name: str, what: str) -> tuple[PackageScope, str]:
        found = [
            (scope, item)
            for scope in self._scopes.values()
            for item in (scope.worlds if what == "world" else scope.interfaces)
            if not name or item == name
        ]
        if len(found) == 1:
            return found[0]
        ids = ", ".join(scope.name.item(item) for scope, item in found[:8])
        if found:
            wanted = f"{what} {name!r}" if name else what
            raise WitResolveError(f"more than one {wanted} is here", hint=f"name one of: {ids}")
        names = [
            i
            for s in self._scopes.values()
            for i in (s.worlds if what == "world" else s.interfaces)
        ]
        wanted = f"no {what} {name!r}" if name else f"no {what}"
        raise WitResolveError(
            f"there is {wanted} here{closest(name, names)}",
            hint=f"there are: {', '.join(names[:12])}" if names else "",
        )


def _read_file(path: FilePath) -> tuple[str, str]:
    try:
        if path.stat().st_size > DEFAULT_LIMITS.text:
            raise WitResolveError(f"{path} is larger than {DEFAULT_LIMITS.text} bytes")
        return str(path), path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise WitSyntaxError(f"{path} is not UTF-8", line=1, column=1, path=str(path)) from None
    except OSError as fault:
        raise WitResolveError(f"{path} can't be read: {fault.strerror}") from fault
