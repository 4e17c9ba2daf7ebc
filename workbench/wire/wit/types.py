"""The type model of WIT: what every codec, bridge, parser and printer shares.

Types are frozen and compare by structure, so a compiled codec can be cached by type. A name
never takes part in the encoding, but it does take part in equality: two records with the same
fields and different names are different types to a reader. `compatible()` in `compat.py`
compares structure alone.

Source: component-model WIT.md and the value encodings of wrpc.md §10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum as _PyEnum
from typing import TypeAlias

__all__ = [
    "BOOL",
    "CHAR",
    "F32",
    "F64",
    "PRIMITIVES",
    "S8",
    "S16",
    "S32",
    "S64",
    "STRING",
    "U8",
    "U16",
    "U32",
    "U64",
    "Borrow",
    "Enum",
    "ErrorContext",
    "Flags",
    "Function",
    "FunctionKind",
    "Future",
    "Interface",
    "List",
    "Option",
    "Own",
    "Package",
    "Prim",
    "Record",
    "ResourceType",
    "Result",
    "Stream",
    "Tuple",
    "Type",
    "Variant",
    "World",
]  # fmt: skip


class _Hashed:
    """Remembers the hash of a type.

    Types are keys of every cache of compiled code, and the generated hash walks all of a nested
    type each time. What is remembered is not pickled: dataclasses pickle their fields.
    """

    __slots__ = ("_hash",)
    _hash: int

    def __init_subclass__(cls) -> None:
        # The dataclass decorator keeps a hash only where the class has one itself.
        cls.__hash__ = _Hashed.__hash__

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            cls = self.__class__
            value = hash((cls, *(getattr(self, name) for name in cls.__slots__)))
            object.__setattr__(self, "_hash", value)
            return value


@dataclass(frozen=True, slots=True)
class Prim(_Hashed):
    """A primitive: ``bool``, ``s8``…``u64``, ``f32``, ``f64``, ``char``, ``string``."""

    name: str

    def __str__(self) -> str:
        return self.name


BOOL, CHAR, STRING = Prim("bool"), Prim("char"), Prim("string")
S8, S16, S32, S64 = Prim("s8"), Prim("s16"), Prim("s32"), Prim("s64")
U8, U16, U32, U64 = Prim("u8"), Prim("u16"), Prim("u32"), Prim("u64")
F32, F64 = Prim("f32"), Prim("f64")
PRIMITIVES: dict[str, Prim] = {
    p.name: p for p in (BOOL, S8, S16, S32, S64, U8, U16, U32, U64, F32, F64, CHAR, STRING)
}


@dataclass(frozen=True, slots=True)
class List(_Hashed):
    item: Type

    def __str__(self) -> str:
        return f"list<{self.item}>"


@dataclass(frozen=True, slots=True)
class Option(_Hashed):
    item: Type

    def __str__(self) -> str:
        return f"option<{self.item}>"


@dataclass(frozen=True, slots=True)
class Result(_Hashed):
    ok: Type | None = None
    err: Type | None = None

    def __str__(self) -> str:
        if self.ok is None and self.err is None:
            return "result"
        if self.err is None:
            return f"result<{self.ok}>"
        return f"result<{self.ok if self.ok is not None else '_'}, {self.err}>"


@dataclass(frozen=True, slots=True)
class Tuple(_Hashed):
    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple<{', '.join(map(str, self.items))}>"


@dataclass(frozen=True, slots=True)
class Record(_Hashed):
    """Fields in declaration order, as (kebab-name, type). ``name`` may be empty when unknown."""

    name: str
    fields: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        inner = ", ".join(f"{n}: {t}" for n, t in self.fields)
        return self.name or f"record {{ {inner} }}"


@dataclass(frozen=True, slots=True)
class Variant(_Hashed):
    """Cases in declaration order, as (kebab-name, payload type or None)."""

    name: str
    cases: tuple[tuple[str, Type | None], ...]

    def __str__(self) -> str:
        inner = ", ".join(n if t is None else f"{n}({t})" for n, t in self.cases)
        return self.name or f"variant {{ {inner} }}"


@dataclass(frozen=True, slots=True)
class Enum(_Hashed):
    name: str
    cases: tuple[str, ...]

    def __str__(self) -> str:
        return self.name or f"enum {{ {', '.join(self.cases)} }}"


@dataclass(frozen=True, slots=True)
class Flags(_Hashed):
    name: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return self.name or f"flags {{ {', '.join(self.names)} }}"


@dataclass(frozen=True, slots=True)
class ResourceType(_Hashed):
    """A resource, identified by the interface that declares it and its kebab-name."""

    name: str
    interface: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Own(_Hashed):
    resource: ResourceType

    def __str__(self) -> str:
        return str(self.resource)


@dataclass(frozen=True, slots=True)
class Borrow(_Hashed):
    resource: ResourceType

    def __str__(self) -> str:
        return f"borrow<{self.resource}>"


@dataclass(frozen=True, slots=True)
class Stream(_Hashed):
    item: Type | None = None

    def __str__(self) -> str:
        return "stream" if self.item is None else f"stream<{self.item}>"


@dataclass(frozen=True, slots=True)
class Future(_Hashed):
    item: Type | None = None

    def __str__(self) -> str:
        return "future" if self.item is None else f"future<{self.item}>"


@dataclass(frozen=True, slots=True)
class ErrorContext(_Hashed):
    def __str__(self) -> str:
        return "error-context"


Type: TypeAlias = (
    Prim | List | Option | Result | Tuple | Record | Variant | Enum | Flags
    | Own | Borrow | Stream | Future | ErrorContext
)  # fmt: skip


class FunctionKind(_PyEnum):
    FREE = "free"
    METHOD = "method"
    STATIC = "static"
    CONSTRUCTOR = "constructor"


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``name`` is the component-model name: ``describe``, ``[method]bucket.get``."""

    name: str
    params: tuple[tuple[str, Type], ...] = ()
    result: Type | None = None
    kind: FunctionKind = FunctionKind.FREE
    doc: str = ""
    is_async: bool = False

    def __str__(self) -> str:
        params = ", ".join(f"{n}: {t}" for n, t in self.params)
        tail = f" -> {self.result}" if self.result is not None else ""
        head = "async func" if self.is_async else "func"
        return f"{self.name}: {head}({params}){tail}"


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface. ``id`` is ``ns:pkg/iface[@version]``, or a bare name when inline in a world.

    ``types`` maps every name the interface declares *or* brings in with ``use`` to its type;
    a resource appears as its ``ResourceType``. ``functions`` is keyed by component-model name.
    ``docs`` holds the doc comments of types under their name and of their members under
    ``type.member``. ``uses`` tells where a name of ``types`` came from, as (interface id, name
    there); it is for printing, and empty where that is not known.
    """

    id: str
    types: dict[str, Type | ResourceType] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    doc: str = ""
    docs: dict[str, str] = field(default_factory=dict)
    uses: dict[str, tuple[str, str]] = field(default_factory=dict, compare=False)

    # The dict fields make the generated hash unusable; an interface is identified by its id.
    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class World:
    """A world: imports and exports keyed by interface id, or by name for bare functions.

    ``types``, ``docs`` and ``uses`` are those of its own body, as an `Interface` has them; the doc
    comment of an import or export of a whole interface is under ``import key`` or ``export key``.
    """

    id: str
    imports: dict[str, Interface | Function] = field(default_factory=dict)
    exports: dict[str, Interface | Function] = field(default_factory=dict)
    doc: str = ""
    types: dict[str, Type | ResourceType] = field(default_factory=dict)
    docs: dict[str, str] = field(default_factory=dict)
    uses: dict[str, tuple[str, str]] = field(default_factory=dict, compare=False)

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Package:
    """A package: ``id`` is ``ns:pkg[@version]``; interfaces and worlds are keyed by bare name."""

    id: str
    interfaces: dict[str, Interface] = field(default_factory=dict)
    worlds: dict[str, World] = field(default_factory=dict)
    doc: str = ""

    def __hash__(self) -> int:
        return hash(self.id)
