"""From wasmtime's component types to the WIT model.

A compiled component knows its types by structure. Their names survive as exports of the instance
types that declare them, so a record gets back the name under which its interface exports it.
Resources are told apart by wasmtime's own equality, never by name: interfaces re-export each
other's resources, and two interfaces may use one name for different things (ARCHITECTURE §5).
"""

from __future__ import annotations

from typing import Any

from wasmtime import component as wc

from workbench.errors import InvalidComponent
from workbench.wasm.capi import ffi
from workbench.wire.wit import types as wit
from workbench.wire.wit.types import Function, FunctionKind, Interface, ResourceType, World

__all__ = ["Introspection", "introspect"]

_PRIMITIVES: dict[type, wit.Prim] = {
    wc.Bool: wit.BOOL, wc.S8: wit.S8, wc.S16: wit.S16, wc.S32: wit.S32, wc.S64: wit.S64,
    wc.U8: wit.U8, wc.U16: wit.U16, wc.U32: wit.U32, wc.U64: wit.U64, wc.F32: wit.F32,
    wc.F64: wit.F64, wc.Char: wit.CHAR, wc.String: wit.STRING,
}  # fmt: skip


MAX_TYPES = 50_000
"""Reading so many takes half a second; the largest known components have some thousands."""

_NAMED = (wit.Record, wit.Variant, wit.Enum, wit.Flags)


class Introspection:
    """The WIT model of one component.

    ``resources`` maps every name under which an import instance exports a resource,
    ``(instance, name)``, to the resource it really is.
    """

    def __init__(self) -> None:
        self.imports: dict[str, Interface | Function] = {}
        self.exports: dict[str, Interface | Function] = {}
        self.resources: dict[tuple[str, str], ResourceType] = {}
        self.skipped: list[str] = []
        self._known: list[tuple[Any, ResourceType]] = []
        self._declared: dict[tuple[str, wit.Type], str] = {}
        self._equal: dict[wit.Type, wit.Type] = {}
        self._read = 0

    def __getstate__(self) -> dict[str, Any]:
        # Kept with the compiled code (cache.py): without the handles that only `introspect` needs.
        state = Introspection().__dict__
        kept = ("imports", "exports", "resources", "skipped")
        return state | {name: self.__dict__[name] for name in kept}

    def count(self) -> None:
        """One more type is read. A hundred bytes can name a type of a million parts."""
        self._read += 1
        if self._read > MAX_TYPES:
            raise InvalidComponent(
                f"its functions have types of more than {MAX_TYPES} parts",
                hint="a real component has some thousands: where does this one come from?",
                limit="types",
            )

    def shared(self, type: wit.Type) -> wit.Type:
        """One object for all equal types: an error code of HTTP is in a hundred functions."""
        return self._equal.setdefault(type, type)

    def world(self) -> World:
        """The world under the name that tools give to one without a name."""
        return World("root:component/root", self.imports, self.exports)

    def origin(self, interface: str, name: str, type: wit.Type) -> str:
        """The interface that first declared this named type."""
        return self._declared.setdefault((name, type), interface)

    def resource(self, native: Any, name: str = "", interface: str = "") -> ResourceType:
        """The resource that equals ``native``; a new one under this name if there is none."""
        for other, known in self._known:
            if other == native:
                return known
        made = ResourceType(name, interface)
        self._known.append((native, made))
        return made


class _Scope:
    """The named types of one interface, or of the world itself."""

    def __init__(self, owner: Introspection) -> None:
        self.owner = owner
        self.names: dict[wit.Type, str] = {}
        self.types: dict[str, wit.Type | ResourceType] = {}

    def declare(self, name: str, native: Any) -> None:
        bare = self._convert(native)
        self.types[name] = self._named(bare, self.names.setdefault(bare, name))

    def type(self, native: Any) -> wit.Type:
        bare = self._convert(native)
        return self.owner.shared(self._named(bare, self.names.get(bare, "")))

    @staticmethod
    def _named(bare: wit.Type, name: str) -> wit.Type:
        match bare:
            case wit.Record(_, fields):
                return wit.Record(name, fields)
            case wit.Variant(_, cases):
                return wit.Variant(name, cases)
            case wit.Enum(_, cases):
                return wit.Enum(name, cases)
            case wit.Flags(_, names):
                return wit.Flags(name, names)
            case _:
                return bare

    def _convert(self, native: Any) -> wit.Type:
        """The structure of a type, its parts already named, itself not."""
        self.owner.count()
        primitive = _PRIMITIVES.get(type(native))
        if primitive is not None:
            return primitive
        make = _CONVERT.get(type(native))
        if make is None:
            raise InvalidComponent(
                f"its functions have values of a kind that is not known here: {type(native).__name__}"
            )
        return make(self, native)

    def maybe(self, native: Any) -> wit.Type | None:
        return None if native is None else self.type(native)


def _payload(scope: _Scope, native: Any) -> wit.Type | None:
    return scope.maybe(getattr(native, "payload", None))


_CONVERT: dict[type, Any] = {
    wc.ListType: lambda s, t: wit.List(s.type(t.element)),
    wc.TupleType: lambda s, t: wit.Tuple(tuple(map(s.type, t.elements))),
    wc.RecordType: lambda s, t: wit.Record("", tuple((n, s.type(f)) for n, f in t.fields)),
    wc.VariantType: lambda s, t: wit.Variant("", tuple((n, s.maybe(c)) for n, c in t.cases)),
    wc.EnumType: lambda s, t: wit.Enum("", tuple(t.names)),
    wc.FlagsType: lambda s, t: wit.Flags("", tuple(t.names)),
    wc.OptionType: lambda s, t: wit.Option(s.type(t.payload)),
    wc.ResultType: lambda s, t: wit.Result(s.maybe(t.ok), s.maybe(t.err)),
    wc.OwnType: lambda s, t: wit.Own(s.owner.resource(t.ty)),
    wc.BorrowType: lambda s, t: wit.Borrow(s.owner.resource(t.ty)),
    wc.StreamType: lambda s, t: wit.Stream(_payload(s, t)),
    wc.FutureType: lambda s, t: wit.Future(_payload(s, t)),
    wc.ErrorContext: lambda s, t: wit.ErrorContext(),
}


def introspect(component: Any, engine: Any) -> Introspection:
    """Read imports and exports of a compiled wasmtime component."""
    found = Introspection()
    component_type = component.type
    root = _Scope(found)
    for side, natives in (
        (found.imports, component_type.imports(engine)),
        (found.exports, component_type.exports(engine)),
    ):
        # Functions of the world last: wasmtime names its types only where an interface does.
        items = sorted(natives.items(), key=lambda item: isinstance(item[1].ty, wc.FuncType))
        for name, extern in items:
            _item(found, root, side, name, extern.ty, engine)
    return found


def _item(
    found: Introspection, root: _Scope, side: dict[str, Any], name: str, item: Any, engine: Any
) -> None:
    if isinstance(item, wc.ComponentInstanceType):
        side[name], names = _interface(found, name, item, engine, imported=side is found.imports)
        for bare, known in names.items():
            root.names.setdefault(bare, known)
    elif isinstance(item, wc.FuncType):
        side[name] = _function(root, name, item)
    elif isinstance(item, wc.ResourceType):
        resource = found.resource(item, name, "")
        if side is found.imports:
            found.resources["", name] = resource
    elif isinstance(item, (wc.ComponentType, wc.ModuleType)):
        found.skipped.append(name)
    else:
        root.declare(name, item)


def _interface(
    found: Introspection, name: str, native: Any, engine: Any, *, imported: bool
) -> tuple[Interface, dict[wit.Type, str]]:
    scope, natives = _Scope(found), []
    uses: dict[str, tuple[str, str]] = {}
    for member, extern in native.exports(engine).items():
        item = extern.ty
        if isinstance(item, wc.ResourceType):
            resource = found.resource(item, member, name)
            scope.types[member] = resource
            if resource.interface != name:
                uses[member] = (resource.interface, resource.name)
            if imported:
                found.resources[name, member] = resource
        elif isinstance(item, wc.FuncType):
            natives.append((member, item))
        elif isinstance(item, (wc.ComponentType, wc.ModuleType, wc.ComponentInstanceType)):
            found.skipped.append(f"{name}#{member}")
        else:
            scope.declare(member, item)
            origin = found.origin(name, member, scope.types[member])  # type: ignore[arg-type]
            if origin != name and isinstance(scope.types[member], _NAMED):
                uses[member] = (origin, member)
    functions = {n: _function(scope, n, f) for n, f in natives}
    return Interface(name, scope.types, functions, uses=uses), scope.names


_KINDS = {
    "[method]": FunctionKind.METHOD,
    "[static]": FunctionKind.STATIC,
    "[constructor]": FunctionKind.CONSTRUCTOR,
}


def _function(scope: _Scope, name: str, native: Any) -> Function:
    prefix = name[: name.index("]") + 1] if name.startswith("[") else ""
    params = tuple((n, scope.type(t)) for n, t in native.params)
    return Function(
        name,
        params,
        scope.maybe(native.result),
        kind=_KINDS.get(prefix.replace("async ", "").replace("[async", "["), FunctionKind.FREE),
        is_async=bool(ffi.wasmtime_component_func_type_async(native.ptr())),
    )
