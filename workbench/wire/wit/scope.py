"""From declarations to the model: the types and functions of one interface or world body.

A body is resolved as a whole. Types may refer to later ones of the same body; a type that
contains itself is refused. Every type carries its depth and the number of parts it has when
written out, both limited: types share parts, so a short text can describe a type that no
codec could ever be compiled for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.subjects import wire_function_name
from workbench.wire.wit.ast import (
    Applied,
    Extern,
    FunctionDecl,
    Include,
    Name,
    PackageDecl,
    PackageName,
    Path,
    TypeDecl,
    TypeExpr,
    Use,
)
from workbench.wire.wit.gates import absence
from workbench.wire.wit.naming import closest
from workbench.wire.wit.types import (
    PRIMITIVES,
    Borrow,
    Enum,
    ErrorContext,
    Flags,
    Function,
    FunctionKind,
    Future,
    Interface,
    List,
    Option,
    Own,
    Prim,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)

__all__ = ["Body", "InterfaceEntry"]


class Size(NamedTuple):
    """How large a type is when written out, and whether it lends: holds a ``borrow<…>``."""

    depth: int
    parts: int
    lends: bool


_LEAF = Size(1, 1, False)


class _Sized(NamedTuple):
    type: Type | ResourceType
    size: Size


@dataclass(slots=True)
class InterfaceEntry:
    """A resolved interface, with what others need to build on it."""

    interface: Interface
    sizes: dict[str, Size] = field(default_factory=dict)
    dependencies: list[str] = field(default_factory=list)
    """Ids of the interfaces that it uses types of."""
    absent: dict[str, str] = field(default_factory=dict)
    """Types that a gate took away, with the reason."""


class Body:
    """The types and functions of one interface or world, while they are being resolved."""

    def __init__(
        self,
        *,
        file: PackageDecl,
        package: PackageName,
        features: frozenset[str],
        owner_id: str,
        lookup: Callable[[PackageDecl, Path], InterfaceEntry],
    ) -> None:
        self._source = file.source
        self._file = file
        self._package = package
        self._features = features
        self._owner_id = owner_id
        self._lookup = lookup
        self._named: dict[str, _Sized] = {}
        self._waiting: dict[str, TypeDecl] = {}
        self._building: list[str] = []
        self.types: dict[str, Type | ResourceType] = {}
        self.functions: dict[str, Function] = {}
        self._functions: set[str] = set()
        self.dependencies: list[str] = []
        self.uses: dict[str, tuple[str, str]] = {}
        self.docs: dict[str, str] = {}
        self.absent: dict[str, str] = {}

    @property
    def sizes(self) -> dict[str, Size]:
        return {name: sized.size for name, sized in self._named.items()}

    def absence(self, item: TypeDecl | Use | FunctionDecl | Include | Extern) -> str:
        """Why an item is not there in this version with these features; empty when it is."""
        return absence(item.gate, self._package, self._features, self._source)

    def add(self, uses: list[Use], types: list[TypeDecl], functions: list[FunctionDecl]) -> None:
        """Resolve the items of the body; called once."""
        declared: list[TypeDecl] = []
        for declaration in types:
            if reason := self.absence(declaration):
                self.absent[declaration.name] = reason
                continue
            if declaration.name in self._waiting:
                self._fail_twice(declaration.name, declaration.offset)
            self._waiting[declaration.name] = declaration
            declared.append(declaration)
        for use in uses:
            if reason := self.absence(use):
                self.absent.update((alias, reason) for _, alias, _ in use.names)
            else:
                self._use(use)
        for declaration in declared:
            sized = self._name(declaration.name, declaration.offset)
            self.types[declaration.name] = sized.type
            self._document(declaration)
        for declaration in declared:
            for function in declaration.functions:
                self._add_function(function, self._named[declaration.name].type)
        for function in functions:
            self._add_function(function, None)

    def _document(self, declaration: TypeDecl) -> None:
        if declaration.doc:
            self.docs[declaration.name] = declaration.doc
        for member, doc in declaration.docs.items():
            self.docs[f"{declaration.name}.{member}"] = doc

    def _fail_twice(self, name: str, offset: int) -> NoReturn:
        self._source.resolve_fault(f"{name!r} is declared twice", offset)

    def _use(self, use: Use) -> None:
        entry = self._lookup(self._file, use.path)
        interface = entry.interface
        if interface.id not in self.dependencies:
            self.dependencies.append(interface.id)
        for name, alias, offset in use.names:
            type = interface.types.get(name)
            if type is None:
                why = because(entry.absent.get(name), name, interface.types)
                self._source.resolve_fault(
                    f"the interface {interface.id} has no type {name!r}{why}", offset
                )
            if alias in self._named or alias in self._waiting:
                self._fail_twice(alias, offset)
            self._named[alias] = _Sized(type, entry.sizes.get(name, _LEAF))
            self.types[alias] = type
            self.uses[alias] = (interface.id, name)

    # -- types --------------------------------------------------------------------------------

    def type(self, expression: TypeExpr) -> Type:
        """The type of an expression; a bare resource name means an owned handle."""
        return self._sized(expression).type  # type: ignore[return-value]

    def _name(self, name: str, offset: int) -> _Sized:
        known = self._named.get(name)
        if known is not None:
            return known
        declaration = self._waiting.get(name)
        if declaration is None:
            why = because(self.absent.get(name), name, [*self._named, *self._waiting, *PRIMITIVES])
            self._source.resolve_fault(f"there is no type {name!r} here{why}", offset)
        if name in self._building:
            chain = " → ".join([*self._building[self._building.index(name) :], name])
            self._source.resolve_fault(f"the type {name!r} contains itself: {chain}", offset)
        if len(self._building) > DEFAULT_LIMITS.depth:
            self._source.resolve_fault(
                f"types nest deeper than {DEFAULT_LIMITS.depth} levels", offset
            )
        self._building.append(name)
        sized = self._declare(declaration)
        self._building.pop()
        self._named[name] = sized
        return sized

    def _declare(self, declaration: TypeDecl) -> _Sized:
        name, members = declaration.name, declaration.members
        if declaration.kind == "resource":
            return _Sized(ResourceType(name, self._owner_id), _LEAF)
        if declaration.kind == "type":
            assert declaration.target is not None  # the parser demands it
            return self._alias(declaration.target)
        seen: set[str] = set()
        for member, _, offset in members:
            if member in seen:
                self._fail_twice(member, offset)
            seen.add(member)
        if declaration.kind == "enum":
            return _Sized(Enum(name, tuple(n for n, _, _ in members)), _LEAF)
        if declaration.kind == "flags":
            return _Sized(Flags(name, tuple(n for n, _, _ in members)), _LEAF)
        parts = [(n, None if e is None else self._sized(e)) for n, e, _ in members]
        size = self._over(declaration.offset, [p.size for _, p in parts if p is not None])
        pairs = tuple((n, None if p is None else p.type) for n, p in parts)
        if declaration.kind == "variant":
            return _Sized(Variant(name, pairs), size)  # type: ignore[arg-type]
        return _Sized(Record(name, pairs), size)  # type: ignore[arg-type]

    def _alias(self, target: TypeExpr) -> _Sized:
        # `type headers = fields;` names the resource itself, not a handle of it.
        if isinstance(target, Name):
            return self._name(target.name, target.offset)
        return self._sized(target)

    def _sized(self, expression: TypeExpr) -> _Sized:
        if isinstance(expression, Prim):
            return _Sized(expression, _LEAF)
        if isinstance(expression, Name):
            sized = self._name(expression.name, expression.offset)
            if isinstance(sized.type, ResourceType):
                return _Sized(Own(sized.type), _LEAF)
            return sized
        if expression.kind in ("own", "borrow"):
            return self._handle(expression)
        self._refuse_unsupported(expression)
        args = [None if arg is None else self._sized(arg) for arg in expression.args]
        size = self._over(expression.offset, [arg.size for arg in args if arg is not None])
        if size.lends and expression.kind in ("stream", "future"):
            self._fail_lends(f"a {expression.kind}", expression.offset)
        types = [None if arg is None else arg.type for arg in args]
        return _Sized(_apply(expression.kind, types), size)  # type: ignore[arg-type]

    def _handle(self, expression: Applied) -> _Sized:
        target = expression.args[0]
        resource = self._name(target.name, target.offset).type if isinstance(target, Name) else None
        if not isinstance(resource, ResourceType):
            self._source.resolve_fault(
                f"{expression.kind}<…> takes the name of a resource", expression.offset
            )
        handle = Own(resource) if expression.kind == "own" else Borrow(resource)
        return _Sized(handle, Size(1, 1, expression.kind == "borrow"))

    def _refuse_unsupported(self, expression: Applied) -> None:
        """What WIT has and neither wRPC nor WASI 0.2 components carry (wrpc.md §10.1)."""
        if expression.length:
            self._source.resolve_fault(
                "a list of a fixed length is not supported: wRPC has no encoding for it",
                expression.offset,
                "write list<…> without the length, or tuple<…>",
            )
        if expression.kind == "map":
            self._source.resolve_fault(
                "map<…> is not supported: wRPC has no encoding for it",
                expression.offset,
                "write list<tuple<key, value>>, which means the same",
            )

    def _over(self, offset: int, sizes: list[Size]) -> Size:
        depth = 1 + max((size.depth for size in sizes), default=0)
        nodes = 1 + sum(size.parts for size in sizes)
        if depth > DEFAULT_LIMITS.depth:
            self._source.resolve_fault(
                f"types nest deeper than {DEFAULT_LIMITS.depth} levels", offset
            )
        if nodes > DEFAULT_LIMITS.nodes:
            self._source.resolve_fault(
                f"this type has more than {DEFAULT_LIMITS.nodes} parts when written out", offset
            )
        return Size(depth, nodes, any(size.lends for size in sizes))

    def _fail_lends(self, what: str, offset: int) -> NoReturn:
        self._source.resolve_fault(
            f"{what} can't hold a borrow<…>: what is lent goes back when the call ends",
            offset,
            "hand over the resource itself, or an index of it",
        )

    # -- functions ----------------------------------------------------------------------------

    def _add_function(self, declaration: FunctionDecl, owner: Type | ResourceType | None) -> None:
        if self.absence(declaration):
            return
        function = self.function(declaration, owner)
        # Methods and statics share their names: both are called as `resource.name`.
        name = wire_function_name(function.name)
        if function.kind is FunctionKind.CONSTRUCTOR:
            name = function.name
        if name in self._functions or name in self._named:
            self._fail_twice(declaration.name, declaration.offset)
        self._functions.add(name)
        self.functions[function.name] = function

    def function(
        self, declaration: FunctionDecl, owner: Type | ResourceType | None = None
    ) -> Function:
        """One function under its component-model name; ``owner`` is the resource it belongs to."""
        params = tuple((name, self.type(t)) for name, t, _ in declaration.params)
        result = self._result(declaration)
        name, kind = declaration.name, declaration.kind
        if isinstance(owner, ResourceType):
            if kind is FunctionKind.CONSTRUCTOR:
                name = f"[constructor]{owner.name}"
                result = Own(owner) if result is None else self._made(result, owner, declaration)
            else:
                name = f"[{kind.value}]{owner.name}.{name}"
            if kind is FunctionKind.METHOD:
                params = (("self", Borrow(owner)), *params)
        return Function(name, params, result, kind, declaration.doc, declaration.is_async)

    def _result(self, declaration: FunctionDecl) -> Type | None:
        if declaration.result is None:
            return None
        sized = self._sized(declaration.result)
        if sized.size.lends:
            self._fail_lends(f"the result of {declaration.name}", declaration.offset)
        return sized.type  # type: ignore[return-value]  # an expression is no bare resource

    def _made(self, result: Type, owner: ResourceType, declaration: FunctionDecl) -> Type:
        if isinstance(result, Result) and result.ok == Own(owner):
            return result
        self._source.resolve_fault(
            f"a constructor of {owner.name} that may fail returns result<{owner.name}, …>, "
            f"not {result}",
            declaration.offset,
        )


def because(reason: str | None, name: str, names: Iterable[str]) -> str:
    """The end of a complaint about ``name``: the gate that took it away, else what is near."""
    return f": {reason}" if reason else closest(name, names)


def _apply(kind: str, args: list[Type | None]) -> Type:
    if kind == "error-context":
        return ErrorContext()
    if kind == "tuple":
        return Tuple(tuple(args))  # type: ignore[arg-type]
    first = args[0] if args else None
    if kind == "result":
        return Result(first, args[1] if len(args) > 1 else None)
    if kind == "stream":
        return Stream(first)
    if kind == "future":
        return Future(first)
    assert first is not None  # the parser demands an argument
    return List(first) if kind == "list" else Option(first)
