"""WIT text of the model, in a form that the parser reads back.

The model keeps no aliases, so a type prints where an alias stood for it. A type that is
mentioned and listed nowhere, as in an interface that was read from a component, is declared
on the side.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from workbench.wire.wit.parse_items import CONTEXTUAL, KEYWORDS
from workbench.wire.wit.types import (
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
    Package,
    Prim,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
    World,
)

__all__ = [
    "print_function",
    "print_interface",
    "print_package",
    "print_type",
    "print_world",
]

_INDENT = "  "
_WIDTH = 100
_NO_DOCS: Mapping[str, str] = {}
_ID = re.compile(r"(?P<package>[^/@]+)/(?P<item>[^/@]+)(?:@(?P<version>.+))?")

Named = Record | Variant | Enum | Flags


def print_type(type: Type | ResourceType) -> str:
    """The declaration of a named type or resource, the expression of any other."""
    scope = _Scope("", {}, declares=False)
    if isinstance(type, (Record, Variant, Enum, Flags)):
        return "\n".join(scope.declaration(scope.name_of(type), type))
    if isinstance(type, ResourceType):
        return f"resource {_escaped(type.name)};"
    return scope.expression(type)


def print_function(function: Function) -> str:
    """One function as it stands in an interface: ``describe: func(p: person) -> string;``"""
    return "\n".join(_Scope("", {}, declares=False).function(function, function.name))


def print_interface(interface: Interface, *, package: str = "") -> str:
    """``interface name { … }``; names of ``package`` (``ns:pkg@1.0.0``) print short."""
    match = _ID.fullmatch(interface.id)
    name = match["item"] if match else interface.id
    body = _interface_body(interface, package)
    return "\n".join([*_doc(interface.doc), f"interface {_escaped(name)} {{", *body, "}"]) + "\n"


def print_world(world: World, *, package: str = "") -> str:
    """``world name { … }`` with every import and export, in order."""
    match = _ID.fullmatch(world.id)
    bare = match["item"] if match else world.id
    plain = {k: v for k, v in world.imports.items() if isinstance(v, Function)}
    # A world that was read from a component names no types, but its functions show resources.
    types = {**{name: ResourceType(name) for name in _resources(plain)}, **world.types}
    scope = _Scope("", types, package, world.uses, docs=world.docs)
    lines = _uses(world.uses, package)
    for name, type in types.items():
        if name not in world.uses:
            lines += scope.listed(name, type, plain)
    for direction, side in (("import", world.imports), ("export", world.exports)):
        for key, item in side.items():
            if isinstance(item, Interface):
                lines += _doc(world.docs.get(f"{direction} {key}", ""))
                lines += _extern(direction, key, item, package)
            elif item.kind is FunctionKind.FREE:
                lines += scope.function(item, key, f"{direction} ")
    body = _indented([*scope.finish(), *lines])
    return "\n".join([*_doc(world.doc), f"world {_escaped(bare)} {{", *body, "}"]) + "\n"


def print_package(package: Package) -> str:
    """The whole package as one file."""
    parts = ["\n".join([*_doc(package.doc), f"package {_package_id(package.id)};\n"])]
    parts += [print_interface(i, package=package.id) for i in package.interfaces.values()]
    parts += [print_world(w, package=package.id) for w in package.worlds.values()]
    return "\n".join(parts)


def _package_id(id: str) -> str:
    bare, _, version = id.partition("@")
    names = ":".join(_escaped(part) for part in bare.split(":"))
    return f"{names}@{version}" if version else names


def _path(id: str, package: str) -> str:
    """An interface id as a path, short where it belongs to ``package``."""
    match = _ID.fullmatch(id)
    if match is None:
        return _escaped(id)
    version = f"@{match['version']}" if match["version"] else ""
    if f"{match['package']}{version}" == package:
        return _escaped(match["item"])
    return f"{_package_id(match['package'])}/{_escaped(match['item'])}{version}"


def _extern(direction: str, key: str, item: Interface, package: str) -> list[str]:
    if ":" in key:
        return [f"{direction} {_path(key, package)};"]
    if ":" in item.id:
        return [f"{direction} {_escaped(key)}: {_path(item.id, package)};"]
    body = _interface_body(item, package)
    return [*_doc(item.doc), f"{direction} {_escaped(key)}: interface {{", *body, "}"]


def _interface_body(interface: Interface, package: str) -> list[str]:
    scope = _Scope(interface.id, interface.types, package, interface.uses, docs=interface.docs)
    lines = _uses(interface.uses, package)
    for name, type in interface.types.items():
        if name not in interface.uses:
            lines += scope.listed(name, type, interface.functions)
    for function in interface.functions.values():
        if function.kind is FunctionKind.FREE:
            lines += scope.function(function, function.name)
    return _indented([*scope.finish(), *lines])


def _resources(functions: Iterable[str]) -> list[str]:
    """The resources that component-model names such as ``[method]bucket.get`` belong to."""
    found = (name.partition("]")[2].partition(".")[0] for name in functions if name[:1] == "[")
    return list(dict.fromkeys(found))


def _uses(uses: Mapping[str, tuple[str, str]], package: str) -> list[str]:
    names: dict[str, list[str]] = {}
    for name, (id, original) in uses.items():
        alias = "" if name == original else f" as {_escaped(name)}"
        names.setdefault(id, []).append(f"{_escaped(original)}{alias}")
    lines: list[str] = []
    for id, used in names.items():
        line = f"use {_path(id, package)}.{{{', '.join(used)}}};"
        if len(line) <= _WIDTH:
            lines.append(line)
        else:
            lines += [f"use {_path(id, package)}.{{", *_indented(f"{u}," for u in used), "};"]
    return lines


class _Scope:
    """The names of one body, and the declarations that printing it turned out to need."""

    def __init__(
        self,
        id: str,
        types: dict[str, Type | ResourceType],
        package: str = "",
        uses: Collection[str] = (),
        *,
        docs: Mapping[str, str] = _NO_DOCS,
        declares: bool = True,
    ) -> None:
        self._id = id
        self._package = package
        self._docs = docs
        self._declares = declares
        self._names: dict[Named | ResourceType, str] = {}
        self._taken = set(types)
        self._extra: list[str] = []
        # A used alias hides the resource in it: its name says all without another `use`.
        self._aliases = {types[name]: name for name in uses if _names_something(types[name])}
        # A type's own name comes before the names that merely stand for it.
        for own in (True, False):
            for name, type in types.items():
                if isinstance(type, ResourceType):
                    declared = self._is_own(type) and type.name == name
                    stands = not self._is_own(type)
                elif isinstance(type, (Record, Variant, Enum, Flags)):
                    declared = type.name == name
                    stands = name in uses
                else:
                    continue
                if declared if own else stands:
                    self._names.setdefault(type, name)

    def _is_own(self, resource: ResourceType) -> bool:
        return resource.interface == self._id

    def finish(self) -> list[str]:
        """Declarations of everything that was mentioned without being listed."""
        return self._extra

    def _fresh(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}-n{number}"
        self._taken.add(name)
        return name

    def name_of(self, type: Named | ResourceType) -> str:
        """The name of a type here; one that has none yet is declared on the side."""
        known = self._names.get(type)
        if known is not None:
            return known
        fallback = type.__class__.__name__.lower()
        name = self._fresh(type.name or f"{fallback}-type")
        self._names[type] = name
        if not self._declares:
            return name
        if isinstance(type, ResourceType):
            if self._is_own(type):
                self._extra.append(f"resource {_escaped(name)};")
            else:
                self._extra.append(self._use(type, name))
        else:
            self._extra += self.declaration(name, type)
        return name

    def _use(self, resource: ResourceType, name: str) -> str:
        alias = "" if name == resource.name else f" as {_escaped(name)}"
        path = _path(resource.interface, self._package)
        return f"use {path}.{{{_escaped(resource.name)}{alias}}};"

    def listed(
        self, name: str, type: Type | ResourceType, functions: dict[str, Function]
    ) -> list[str]:
        """The line or lines for an entry of ``types``, with its doc comment."""
        return [*_doc(self._docs.get(name, "")), *self._listed(name, type, functions)]

    def _listed(
        self, name: str, type: Type | ResourceType, functions: dict[str, Function]
    ) -> list[str]:
        if isinstance(type, ResourceType):
            if self._is_own(type) and type.name == name:
                return self.resource(type, functions)
            if not self._is_own(type) and self._names.get(type) == name:
                return [self._use(type, name)]
            return [f"type {_escaped(name)} = {_escaped(self.name_of(type))};"]
        if isinstance(type, (Record, Variant, Enum, Flags)) and self._names.get(type) == name:
            return self.declaration(name, type)
        # `type x = own<r>` where a bare name would mean the resource itself.
        if isinstance(type, Own) and type not in self._aliases:
            return [f"type {_escaped(name)} = own<{_escaped(self.name_of(type.resource))}>;"]
        return [f"type {_escaped(name)} = {self.expression(type)};"]

    def declaration(self, name: str, type: Named) -> list[str]:
        kind = type.__class__.__name__.lower()
        lines: list[str] = []
        for member, text in self._members(type):
            lines += [*_doc(self._docs.get(f"{name}.{member}", "")), f"{text},"]
        return [f"{kind} {_escaped(name)} {{", *_indented(lines), "}"]

    def _members(self, type: Named) -> list[tuple[str, str]]:
        """The members of a type as (name, text)."""
        if isinstance(type, Record):
            return [(n, f"{_escaped(n)}: {self.expression(t)}") for n, t in type.fields]
        if isinstance(type, Variant):
            payloads = {n: "" if t is None else f"({self.expression(t)})" for n, t in type.cases}
            return [(n, f"{_escaped(n)}{payload}") for n, payload in payloads.items()]
        members = type.cases if isinstance(type, Enum) else type.names
        return [(n, _escaped(n)) for n in members]

    def resource(self, type: ResourceType, functions: dict[str, Function]) -> list[str]:
        lines: list[str] = []
        for key, function in functions.items():
            kind, _, rest = key.partition("]")
            if key == f"[constructor]{type.name}":
                lines += self._constructor(type, function)
            elif rest.startswith(f"{type.name}.") and kind in ("[method", "[static"):
                lines += self.function(function, rest.removeprefix(f"{type.name}."))
        name = _escaped(self.name_of(type))
        return [f"resource {name} {{", *_indented(lines), "}"] if lines else [f"resource {name};"]

    def _constructor(self, type: ResourceType, function: Function) -> list[str]:
        result = None if function.result == Own(type) else function.result
        return self._signature("constructor", function.params, result, function.doc)

    def function(self, function: Function, name: str, prefix: str = "") -> list[str]:
        params = function.params
        if function.kind is FunctionKind.METHOD:
            params = params[1:]
        static = "static " if function.kind is FunctionKind.STATIC else ""
        is_async = "async " if function.is_async else ""
        head = f"{prefix}{_escaped(name)}: {static}{is_async}func"
        return self._signature(head, params, function.result, function.doc)

    def _signature(
        self,
        head: str,
        params: Iterable[tuple[str, Type]],
        result: Type | None,
        doc: str,
    ) -> list[str]:
        shown = [f"{_escaped(n)}: {self.expression(t)}" for n, t in params]
        tail = f" -> {self.expression(result)};" if result is not None else ";"
        line = f"{head}({', '.join(shown)}){tail}"
        if len(line) <= _WIDTH:
            return [*_doc(doc), line]
        return [*_doc(doc), f"{head}(", *_indented(f"{p}," for p in shown), f"){tail}"]

    def expression(self, type: Type) -> str:
        alias = self._aliases.get(type)
        if alias is not None:
            return _escaped(alias)
        match type:
            case Prim(name):
                return name
            case List(item) | Option(item):
                return f"{type.__class__.__name__.lower()}<{self.expression(item)}>"
            case Stream(item) | Future(item):
                kind = type.__class__.__name__.lower()
                return kind if item is None else f"{kind}<{self.expression(item)}>"
            case Tuple(items):
                return f"tuple<{', '.join(map(self.expression, items))}>"
            case Result(ok, err):
                return self._result(ok, err)
            case Own(resource):
                return _escaped(self.name_of(resource))
            case Borrow(resource):
                return f"borrow<{_escaped(self.name_of(resource))}>"
            case ErrorContext():
                return "error-context"
            case Record() | Variant() | Enum() | Flags():
                return _escaped(self.name_of(type))

    def _result(self, ok: Type | None, err: Type | None) -> str:
        if ok is None and err is None:
            return "result"
        first = "_" if ok is None else self.expression(ok)
        return f"result<{first}>" if err is None else f"result<{first}, {self.expression(err)}>"


def _names_something(type: Type | ResourceType | None) -> bool:
    """Whether an unnamed type can't be written without naming another one."""
    match type:
        case List(item) | Option(item) | Stream(item) | Future(item):
            return _is_named(item) or _names_something(item)
        case Result(ok, err):
            return any(_is_named(side) or _names_something(side) for side in (ok, err))
        case Tuple(items):
            return any(_is_named(item) or _names_something(item) for item in items)
        case Own() | Borrow():
            return True
        case _:
            return False


def _is_named(type: Type | None) -> bool:
    return isinstance(type, (Record, Variant, Enum, Flags))


def _escaped(name: str) -> str:
    return f"%{name}" if name in KEYWORDS or name in CONTEXTUAL else name


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"{_INDENT}{line}" for line in lines]


def _doc(doc: str) -> list[str]:
    return [f"/// {line}".rstrip() for line in doc.split("\n")] if doc else []
