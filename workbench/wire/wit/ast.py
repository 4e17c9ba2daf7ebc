"""What the WIT parser yields: names as written, nothing looked up yet.

Every node that may be at fault keeps its ``offset`` into the source text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from workbench.wire.wit.source import Source
from workbench.wire.wit.types import FunctionKind, Prim

__all__ = [
    "Applied", "Document", "Extern", "FunctionDecl", "Gate", "Include", "InterfaceDecl", "Name",
    "PackageDecl", "PackageName", "Path", "TopUse", "TypeDecl", "TypeExpr", "Use", "WorldDecl",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackageName:
    namespace: str
    name: str
    version: str = ""

    @property
    def bare(self) -> str:
        return f"{self.namespace}:{self.name}"

    def __str__(self) -> str:
        return f"{self.bare}@{self.version}" if self.version else self.bare

    def item(self, name: str) -> str:
        """The id of an interface or world of this package."""
        return f"{self.bare}/{name}@{self.version}" if self.version else f"{self.bare}/{name}"


@dataclass(slots=True)
class Gate:
    """``@since``, ``@unstable`` and ``@deprecated`` before one item."""

    offset: int
    since: str = ""
    unstable: str = ""
    deprecated: str = ""


@dataclass(slots=True)
class Path:
    """``streams`` or ``wasi:io/streams@0.2.2``."""

    package: PackageName | None
    name: str
    offset: int

    def __str__(self) -> str:
        return self.name if self.package is None else self.package.item(self.name)


@dataclass(slots=True)
class Name:
    """A type named elsewhere."""

    name: str
    offset: int


@dataclass(slots=True)
class Applied:
    """``list<…>``, ``result<…, …>``, ``borrow<…>`` and the like; None stands for ``_``.

    ``length`` is that of ``list<…, 4>``, else 0.
    """

    kind: str
    args: list[TypeExpr | None]
    offset: int
    length: int = 0


TypeExpr: TypeAlias = Prim | Name | Applied


@dataclass(slots=True)
class FunctionDecl:
    name: str
    offset: int
    params: list[tuple[str, TypeExpr, int]]
    result: TypeExpr | None = None
    kind: FunctionKind = FunctionKind.FREE
    is_async: bool = False
    doc: str = ""
    gate: Gate | None = None


TypeKind = Literal["record", "variant", "enum", "flags", "resource", "type"]


@dataclass(slots=True)
class TypeDecl:
    """One type; ``members`` are (name, type or None, offset) in order, as far as it has any.

    ``docs`` are the doc comments of members, by name.
    """

    kind: TypeKind
    name: str
    offset: int
    members: list[tuple[str, TypeExpr | None, int]] = field(default_factory=list)
    functions: list[FunctionDecl] = field(default_factory=list)
    target: TypeExpr | None = None
    doc: str = ""
    docs: dict[str, str] = field(default_factory=dict)
    gate: Gate | None = None


@dataclass(slots=True)
class Use:
    """``use path.{a, b as c};`` as (name, name here, offset)."""

    path: Path
    names: list[tuple[str, str, int]]
    gate: Gate | None = None


@dataclass(slots=True)
class InterfaceDecl:
    name: str
    offset: int
    types: list[TypeDecl] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    functions: list[FunctionDecl] = field(default_factory=list)
    doc: str = ""
    gate: Gate | None = None


@dataclass(slots=True)
class Extern:
    """``import`` or ``export`` of a world."""

    direction: Literal["import", "export"]
    target: Path | FunctionDecl | InterfaceDecl
    offset: int
    gate: Gate | None = None
    doc: str = ""
    label: str = ""
    """The plain name of ``import label: path;``, else empty."""


@dataclass(slots=True)
class Include:
    path: Path
    renames: list[tuple[str, str, int]]
    gate: Gate | None = None


@dataclass(slots=True)
class WorldDecl:
    name: str
    offset: int
    externs: list[Extern] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    types: list[TypeDecl] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    doc: str = ""
    gate: Gate | None = None


@dataclass(slots=True)
class TopUse:
    """``use wasi:http/types@0.2.0 as http-types;`` at the top of a file."""

    path: Path
    alias: str
    offset: int


@dataclass(slots=True)
class PackageDecl:
    """What one file, or one ``package … { }`` block, says about a package."""

    source: Source
    name: PackageName | None = None
    offset: int = 0
    interfaces: list[InterfaceDecl] = field(default_factory=list)
    worlds: list[WorldDecl] = field(default_factory=list)
    uses: list[TopUse] = field(default_factory=list)
    doc: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)
    """The tokens of each item, as (first, behind the last)."""

    def contents(self) -> list[list[str]]:
        """The words of all items in an order of their own: equal for equal declarations."""
        return sorted([t[1] for t in self.source.tokens[a:b]] for a, b in self.spans)


@dataclass(slots=True)
class Document:
    """One file: its own package first, then the nested ones in order."""

    source: Source
    main: PackageDecl
    nested: list[PackageDecl] = field(default_factory=list)
