"""WIT packages by name: everything that was read, looked up and put together on demand.

A `Resolver` holds the packages that were added to it. What it does not hold it asks of its
library (texts served by name and version, see `bundled.py`) and then of its base, another
resolver. Interfaces and worlds are resolved when they are first asked for, once.

Only `WitSyntaxError` and `WitResolveError` come out of here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Protocol

from workbench.errors import WitResolveError, WitSyntaxError
from workbench.wire.wit.ast import Document, PackageName
from workbench.wire.wit.gates import version_key
from workbench.wire.wit.naming import closest
from workbench.wire.wit.package_scope import PackageScope
from workbench.wire.wit.parse import parse_package
from workbench.wire.wit.scope import InterfaceEntry, because
from workbench.wire.wit.source import MOST_TEXT
from workbench.wire.wit.types import Interface, Package, World

__all__ = ["Library", "Resolver"]

_ID = re.compile(r"(?:(?P<ns>[^:/@]+):(?P<pkg>[^:/@]+)/)?(?P<item>[^:/@]+)(?:@(?P<version>\S+))?")


class Library(Protocol):
    """Package texts by name and version."""

    def texts(self, name: PackageName) -> Sequence[tuple[str, str]] | None:
        """(path, text) of each file of exactly this package, or None."""
        ...

    def names(self) -> Sequence[PackageName]:
        """The packages as they are listed; other versions may be served too."""
        ...


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
        # What was asked to be added, as against what that brought along; used as an ordered set.
        self._roots: dict[str, None] = {}
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
        return self.add_files([(path, text)])

    def add_dir(self, path: FilePath | str) -> str:
        """Add a package directory with its ``deps``, or one file; returns the package's id."""
        root = FilePath(path)
        if root.is_file():
            return self.add_files([_read_file(root)])
        if not root.is_dir():
            raise WitResolveError(f"there is no directory {root}")
        files = _read_dir(root)
        if not files:
            raise WitResolveError(
                f"{root} holds no .wit file", hint="a package is a directory of .wit files"
            )
        self._demand_open()
        deps = root / "deps"
        with self._lock:
            for entry in sorted(deps.iterdir()) if deps.is_dir() else ():
                if entry.is_dir() and (found := _read_dir(entry)):
                    self._register(found)
                elif entry.is_file() and entry.suffix == ".wit":
                    self._register([_read_file(entry)])
        return self.add_files(files)

    def add_files(self, files: Sequence[tuple[str, str]]) -> str:
        """Add all files of one package as (path, text); returns the package's id.

        A package comes whole: adding it again is fine as long as it says the same.
        """
        self._demand_open()
        with self._lock:
            id = self._register(files)
            self._roots.setdefault(id)
            return id

    def _demand_open(self) -> None:
        if self._frozen:
            raise WitResolveError(
                "this resolver is shared and can't be added to", hint="use Resolver(base=…)"
            )

    def _register(self, files: Sequence[tuple[str, str]]) -> str:
        documents = [parse_package(text, path=path) for path, text in files]
        name = _common_name(documents)
        drafts: dict[str, PackageScope] = {}
        for block in (b for d in documents for b in (d.main, *d.nested)):
            owner = block.name or name
            if owner is not None:
                drafts.setdefault(str(owner), PackageScope(owner, self)).add(block)
            elif block.spans:
                block.source.resolve_fault(
                    "no file says which package this is", 0, "start with: package my:name;"
                )
        for id, draft in drafts.items():
            self._refuse_other(self._scopes.get(id), draft)
        # Nothing was changed so far, so what is faulty can be put right and added again.
        for id, draft in drafts.items():
            self._scopes.setdefault(id, draft)
        if not drafts:
            raise WitResolveError(f"{files[0][0]} declares no package")
        return str(name) if name is not None else list(drafts)[-1]

    def _refuse_other(self, known: PackageScope | None, draft: PackageScope) -> None:
        if known is None or known.contents() == draft.contents():
            return
        here, there = draft.files[0], known.files[0]
        line, _ = there.source.place(there.offset)
        here.source.resolve_fault(
            f"the package {draft.name} is here already, and it says something else",
            here.offset,
            f"the other one is in {there.source.path}:{line}; keep one of them",
        )

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
        return Package(str(scope.name), interfaces, worlds, scope.doc)

    def interface(self, id: str) -> Interface:
        """The interface ``ns:pkg/name[@version]``; a bare name if only one package here has it."""
        with self._lock:
            scope, name = self._locate(id, "interface")
            return self.entry_of(scope, name).interface

    def entry_of(self, scope: PackageScope, name: str) -> InterfaceEntry:
        entry = scope.entry(name)
        if entry is None:
            why = because(scope.absent.get(name), name, scope.interfaces)
            raise WitResolveError(f"the package {scope.name} has no interface {name!r}{why}")
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
                why = because(scope.absent.get(item), item, scope.worlds)
                raise WitResolveError(f"the package {scope.name} has no world {item!r}{why}")
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
        here = list(_items(self._scopes.values(), what))
        roots = [(scope, item) for scope, item in here if str(scope.name) in self._roots]
        # A world of the package itself comes before those of its dependencies (WIT.md,
        # "Specifying a World").
        for candidates in (roots, here):
            found = [(s, item) for s, item in candidates if not name or item == name]
            if len(found) == 1:
                return found[0]
            if found:
                ids = ", ".join(scope.name.item(item) for scope, item in found[:8])
                wanted = f"{what} {name!r}" if name else what
                raise WitResolveError(f"more than one {wanted} is here", hint=f"name one of: {ids}")
        names = [item for _, item in here]
        reasons = [s.absent[name] for s in self._scopes.values() if name in s.absent]
        why = because(reasons[0] if reasons else None, name, names)
        raise WitResolveError(
            f"there is no {what} {name!r} here{why}" if name else f"there is no {what} here",
            hint=f"there are: {', '.join(names[:12])}" if names else "",
        )


def _items(scopes: Iterable[PackageScope], what: str) -> Iterator[tuple[PackageScope, str]]:
    for scope in scopes:
        for item in scope.worlds if what == "world" else scope.interfaces:
            yield scope, item


def _common_name(documents: Sequence[Document]) -> PackageName | None:
    """The package that the files of one folder are of."""
    name: PackageName | None = None
    for document in documents:
        main = document.main
        if main.name is not None and name is not None and main.name != name:
            document.source.resolve_fault(
                f"this file is of the package {main.name}, its neighbours of {name}",
                main.offset,
            )
        name = main.name or name
    return name


def _read_dir(path: FilePath) -> list[tuple[str, str]]:
    return [_read_file(file) for file in sorted(path.glob("*.wit"))]


def _read_file(path: FilePath) -> tuple[str, str]:
    try:
        if path.stat().st_size > MOST_TEXT:
            raise WitResolveError(f"{path} is larger than {MOST_TEXT} bytes")
        return str(path), path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise WitSyntaxError(f"{path} is not UTF-8", line=1, column=1, path=str(path)) from None
    except OSError as fault:
        raise WitResolveError(f"{path} can't be read: {fault.strerror}") from fault
