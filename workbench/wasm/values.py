"""The value bridge: WIT values to and from wasmtime's C values.

Each WIT type is compiled once into a ``lower`` and a ``lift`` function (ARCHITECTURE §4). A C
value is a struct of `SIZE` bytes, kind at 0, payload at `PAYLOAD`. *Lowering* returns that struct
as bytes; what it points to lives in Python objects kept by an `Arena` until the call is over, so
nothing is allocated in wasmtime for arguments. *Lifting* reads structs out of copied blocks of
native memory. Lists of fixed-width items move in bulk (`bulk.py`).

Values are canonical (`wire/wit/values.py`); anything else raises `ValueMismatch`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from struct import error as struct_error
from typing import Any

from workbench.errors import ValueMismatch
from workbench.wasm import bulk, layout
from workbench.wasm.bulk import NotCanonical
from workbench.wasm.capi import address_of_bytes, read, read_text
from workbench.wasm.layout import KINDS, PAYLOAD, RECORD_ENTRY, SIZE
from workbench.wire.wit.coerce import coerce
from workbench.wire.wit.types import (
    U8,
    Borrow,
    Enum,
    Flags,
    List,
    Option,
    Own,
    Prim,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, RecordValue, Some, record_class

__all__ = ["Arena", "Lift", "Lower", "NotCanonical", "lift_of", "lower_all", "lower_of", "mismatch"]


class Arena:
    """Owns what lowered values point to: Python memory, resource handles, bulk buffers."""

    __slots__ = ("anys", "buffers", "keep", "loans", "state")

    def __init__(self, state: Any) -> None:
        self.state = state
        self.keep: list[Any] = []
        self.anys: list[int] = []
        self.loans: list[int] = []
        self.buffers: list[tuple[int, bytearray]] = []

    def put(self, data: bytes) -> int:
        """Keep ``data`` alive until the call is over and say where it is."""
        self.keep.append(data)
        return address_of_bytes(data)

    def close(self) -> None:
        """Free the handles, end the loans and give the bulk buffers back."""
        self.keep.clear()
        for rep in self.loans:
            self.state.objects.pop(rep, None)
        if self.anys:
            self.state.delete_handles(self.anys)
        if self.buffers:
            bulk.give_back(self.buffers)


Lower = Callable[[Any, Arena], bytes]
Lift = Callable[[bytes, int, Any], Any]


def lower_all(
    params: tuple[tuple[str, Type], ...], lowers: tuple[Lower, ...], args: Any, arena: Arena
) -> bytes:
    """The C values of ``args``, one after another."""
    if len(args) != len(lowers):
        raise ValueMismatch(
            f"the function takes {len(lowers)} arguments, got {len(args)}",
            hint="parameters: " + ", ".join(f"{n}: {t}" for n, t in params),
            path="",
            expected=f"{len(lowers)} arguments",
            got=f"{len(args)} arguments",
        )
    images = []
    for (name, type), lower, value in zip(params, lowers, args, strict=True):
        try:
            images.append(lower(value, arena))
        except NotCanonical:
            raise mismatch(type, value, name) from None
    return b"".join(images)


def mismatch(type: Type, value: Any, path: str) -> ValueMismatch:
    """The error for a value that the bridge refused; `coerce` finds the exact place."""
    try:
        coerce(type, value, path)
    except ValueMismatch as error:
        return error
    got = f"{value!r:.80} ({value.__class__.__name__})"
    return ValueMismatch(
        f"{path}: expected {type} in canonical form, got {got}",
        hint="pass the value through workbench.wire.wit.coerce.coerce first",
        path=path,
        expected=str(type),
        got=got,
    )


def lower_of(type: Type) -> Lower:
    """The compiled lowering of a type."""
    return _compile(type)[0]


def lift_of(type: Type) -> Lift:
    """The compiled lifting of a type."""
    return _compile(type)[1]


@lru_cache(maxsize=4096)
def _compile(type: Type) -> tuple[Lower, Lift]:
    match type:
        case Prim("string"):
            return _string()
        case Prim("char"):
            return _char()
        case Prim("bool"):
            return _bool()
        case Prim("f32") | Prim("f64"):
            return _float(type)
        case Prim():
            return _integer(type)
        case List(item):
            return bulk.compile_list(item) or _list(item)
        case Tuple(items):
            return _tuple(items)
        case Record():
            return _record(type)
        case Variant():
            return _variant(type)
        case Enum():
            return _enum(type)
        case Flags():
            return _flags(type)
        case Option(item):
            return _option(item)
        case Result():
            return _result(type)
        case Own() | Borrow():
            return _resource(type)
        case _:
            return _unsupported(type)


def image_struct(kind: str, payload: str) -> Struct:
    """A C value as a struct of (kind, payload…), padded to its size."""
    body = Struct("<" + payload).size
    return Struct(f"<B{PAYLOAD - 1}x{payload}{SIZE - PAYLOAD - body}x")


def _bool() -> tuple[Lower, Lift]:
    images = {v: image_struct("bool", "?").pack(KINDS["bool"], v) for v in (False, True)}

    def lower(value: Any, arena: Arena) -> bytes:
        if value is True or value is False:
            return images[value]
        raise NotCanonical

    def lift(block: bytes, at: int, state: Any) -> bool:
        return block[at + PAYLOAD] != 0

    return lower, lift


def _integer(type: Prim) -> tuple[Lower, Lift]:
    kind = KINDS[type.name]
    pack = image_struct(type.name, layout.FORMATS[type.name]).pack
    unpack = Struct("<" + layout.FORMATS[type.name]).unpack_from

    def lower(value: Any, arena: Arena) -> bytes:
        if value.__class__ is bool or not isinstance(value, int):
            raise NotCanonical
        try:
            return pack(kind, value)
        except struct_error:
            raise NotCanonical from None

    def lift(block: bytes, at: int, state: Any) -> int:
        return unpack(block, at + PAYLOAD)[0]

    return lower, lift


def _float(type: Prim) -> tuple[Lower, Lift]:
    kind = KINDS[type.name]
    pack = image_struct(type.name, layout.FORMATS[type.name]).pack
    unpack = Struct("<" + layout.FORMATS[type.name]).unpack_from

    def lower(value: Any, arena: Arena) -> bytes:
        if not isinstance(value, float):
            raise NotCanonical
        try:
            return pack(kind, value)
        except OverflowError:
            raise NotCanonical from None

    def lift(block: bytes, at: int, state: Any) -> float:
        return unpack(block, at + PAYLOAD)[0]

    return lower, lift


def _char() -> tuple[Lower, Lift]:
    pack = image_struct("char", "I").pack
    unpack = Struct("<I").unpack_from

    def lower(value: Any, arena: Arena) -> bytes:
        if not isinstance(value, str) or len(value) != 1 or 0xD800 <= ord(value) < 0xE000:
            raise NotCanonical
        return pack(KINDS["char"], ord(value))

    def lift(block: bytes, at: int, state: Any) -> str:
        return chr(unpack(block, at + PAYLOAD)[0])

    return lower, lift


_VECTOR = image_struct("list", "QQ")
_POINTER = image_struct("option", "Q")
_two = Struct("<QQ").unpack_from
_three = Struct("<QQQ").unpack_from
_one = Struct("<Q").unpack_from


def _string() -> tuple[Lower, Lift]:
    kind = KINDS["string"]

    def lower(value: Any, arena: Arena) -> bytes:
        try:
            data = value.encode()
        except (AttributeError, UnicodeEncodeError):
            raise NotCanonical from None
        arena.keep.append(data)
        return _VECTOR.pack(kind, len(data), address_of_bytes(data))

    def lift(block: bytes, at: int, state: Any) -> str:
        size, pointer = _two(block, at + PAYLOAD)
        return read_text(pointer, size) if size else ""

    return lower, lift


def _list(item: Type) -> tuple[Lower, Lift]:
    lower_item, lift_item = _compile(item)
    kind = KINDS["list"]
    # list<u8> comes here only where bulk transfer is off.
    is_bytes = item == U8
    wanted = bytes if is_bytes else (list, tuple)

    def lower(value: Any, arena: Arena) -> bytes:
        if not isinstance(value, wanted):
            raise NotCanonical
        data = b"".join([lower_item(v, arena) for v in value])
        return _VECTOR.pack(kind, len(value), arena.put(data))

    def lift(block: bytes, at: int, state: Any) -> Any:
        count, pointer = _two(block, at + PAYLOAD)
        items = read(pointer, count * SIZE) if count else b""
        lifted = [lift_item(items, i, state) for i in range(0, count * SIZE, SIZE)]
        return bytes(lifted) if is_bytes else lifted

    return lower, lift


def _tuple(items: tuple[Type, ...]) -> tuple[Lower, Lift]:
    lowers = tuple(_compile(t)[0] for t in items)
    lifts = tuple((i * SIZE, _compile(t)[1]) for i, t in enumerate(items))
    kind, size = KINDS["tuple"], len(items) * SIZE

    def lower(value: Any, arena: Arena) -> bytes:
        if not isinstance(value, tuple) or len(value) != len(lowers):
            raise NotCanonical
        data = b"".join([low(v, arena) for low, v in zip(lowers, value, strict=True)])
        return _VECTOR.pack(kind, len(lowers), arena.put(data))

    def lift(block: bytes, at: int, state: Any) -> tuple[Any, ...]:
        if not lifts:
            return ()
        data = read(_two(block, at + PAYLOAD)[1], size)
        return tuple([take(data, offset, state) for offset, take in lifts])

    return lower, lift


_name_vector = Struct("<QQ").pack


def _name_image(name: str, owned: list[bytes]) -> bytes:
    """A name as wasmtime's byte vector; ``owned`` must live as long as the image."""
    data = name.encode()
    owned.append(data)
    return _name_vector(len(data), address_of_bytes(data))


def _record(type: Record) -> tuple[Lower, Lift]:
    names: list[bytes] = []
    fields = tuple((_name_image(n, names), _compile(t)[0]) for n, t in type.fields)
    lifts = tuple((i * RECORD_ENTRY + 16, _compile(t)[1]) for i, (_, t) in enumerate(type.fields))
    make, kind, count = record_class(type), KINDS["record"], len(fields)

    def lower(value: Any, arena: Arena, names: list[bytes] = names) -> bytes:
        value = value._values if value.__class__ is make else _record_values(type, value)
        parts = []
        for (name, low), v in zip(fields, value, strict=True):
            parts.append(name)
            parts.append(low(v, arena))
        return _VECTOR.pack(kind, count, arena.put(b"".join(parts)))

    def lift(block: bytes, at: int, state: Any) -> RecordValue:
        data = read(_two(block, at + PAYLOAD)[1], count * RECORD_ENTRY) if count else b""
        return make(*[take(data, offset, state) for offset, take in lifts])

    return lower, lift


def _record_values(type: Record, value: Any) -> tuple[Any, ...]:
    """The fields of a record of another class with the same fields, or of a plain tuple."""
    if isinstance(value, RecordValue) and [n for n, _ in value._type.fields] == [
        n for n, _ in type.fields
    ]:
        return value._values
    if isinstance(value, tuple) and len(value) == len(type.fields):
        return value
    raise NotCanonical


def _variant(type: Variant) -> tuple[Lower, Lift]:
    names: list[bytes] = []
    cases: dict[str, tuple[int, int, Lower | None]] = {}
    lifts: dict[bytes, tuple[str, Lift | None]] = {}
    for name, payload in type.cases:
        image = _name_image(name, names)
        size, pointer = _two(image, 0)
        lower_case, lift_case = _compile(payload) if payload is not None else (None, None)
        cases[name] = (size, pointer, lower_case)
        lifts[name.encode()] = (name, lift_case)
    pack, kind = image_struct("variant", "QQQ").pack, KINDS["variant"]
    bare = {name: Case(name) for name, payload in type.cases if payload is None}

    def lower(value: Any, arena: Arena, names: list[bytes] = names) -> bytes:
        if value.__class__ is not Case or value.name not in cases:
            raise NotCanonical
        size, pointer, low = cases[value.name]
        if low is None:
            if value.payload is not None:
                raise NotCanonical
            return pack(kind, size, pointer, 0)
        return pack(kind, size, pointer, arena.put(low(value.payload, arena)))

    def lift(block: bytes, at: int, state: Any) -> Case:
        size, pointer, payload = _three(block, at + PAYLOAD)
        name, take = lifts[read(pointer, size)]
        if take is None:
            return bare[name]
        return Case(name, take(read(payload, SIZE), 0, state))

    return lower, lift


def _enum(type: Enum) -> tuple[Lower, Lift]:
    names: list[bytes] = []
    images: dict[Any, bytes] = {}
    for name in type.cases:
        size, pointer = _two(_name_image(name, names), 0)
        images[name] = _VECTOR.pack(KINDS["enum"], size, pointer)

    def lower(value: Any, arena: Arena, names: list[bytes] = names) -> bytes:
        try:
            return images[value]
        except (KeyError, TypeError):
            raise NotCanonical from None

    def lift(block: bytes, at: int, state: Any) -> str:
        size, pointer = _two(block, at + PAYLOAD)
        return read(pointer, size).decode()

    return lower, lift


def _flags(type: Flags) -> tuple[Lower, Lift]:
    owned: list[bytes] = []
    images = {name: _name_image(name, owned) for name in type.names}
    known = frozenset(type.names)

    def lower(value: Any, arena: Arena, owned: list[bytes] = owned) -> bytes:
        if not isinstance(value, (set, frozenset)) or not value <= known:
            raise NotCanonical
        data = b"".join([image for name, image in images.items() if name in value])
        return _VECTOR.pack(KINDS["flags"], len(value), arena.put(data))

    def lift(block: bytes, at: int, state: Any) -> frozenset[str]:
        count, pointer = _two(block, at + PAYLOAD)
        data = read(pointer, count * 16) if count else b""
        vectors = [_two(data, i * 16) for i in range(count)]
        return frozenset([read(pointer, size).decode() for size, pointer in vectors])

    return lower, lift


def _option(item: Type) -> tuple[Lower, Lift]:
    lower_item, lift_item = _compile(item)
    kind, nested = KINDS["option"], isinstance(item, Option)
    absent = _POINTER.pack(kind, 0)

    def lower(value: Any, arena: Arena) -> bytes:
        if value is None:
            return absent
        if nested:
            if value.__class__ is not Some:
                raise NotCanonical
            value = value.value
        return _POINTER.pack(kind, arena.put(lower_item(value, arena)))

    def lift(block: bytes, at: int, state: Any) -> Any:
        pointer = _one(block, at + PAYLOAD)[0]
        if not pointer:
            return None
        value = lift_item(read(pointer, SIZE), 0, state)
        return Some(value) if nested else value

    return lower, lift


def _result(type: Result) -> tuple[Lower, Lift]:
    lower_ok, lift_ok = _compile(type.ok) if type.ok is not None else (None, None)
    lower_err, lift_err = _compile(type.err) if type.err is not None else (None, None)
    pack, kind = image_struct("result", "?7xQ").pack, KINDS["result"]

    def lower(value: Any, arena: Arena) -> bytes:
        if value.__class__ is Ok:
            low = lower_ok
        elif value.__class__ is Err:
            low = lower_err
        else:
            raise NotCanonical
        if low is None:
            if value.value is not None:
                raise NotCanonical
            return pack(kind, value.__class__ is Ok, 0)
        image = low(value.value, arena)
        return pack(kind, value.__class__ is Ok, arena.put(image))

    def lift(block: bytes, at: int, state: Any) -> Ok | Err:
        is_ok = block[at + PAYLOAD] != 0
        take = lift_ok if is_ok else lift_err
        pointer = _one(block, at + PAYLOAD + 8)[0]
        value = take(read(pointer, SIZE), 0, state) if take is not None and pointer else None
        return Ok(value) if is_ok else Err(value)

    return lower, lift


def _resource(type: Own | Borrow) -> tuple[Lower, Lift]:
    resource, owned, kind = type.resource, isinstance(type, Own), KINDS["resource"]

    def lower(value: Any, arena: Arena) -> bytes:
        handle = arena.state.lower_resource(value, resource, owned, arena)
        return _POINTER.pack(kind, handle)

    def lift(block: bytes, at: int, state: Any) -> Any:
        return state.lift_resource(_one(block, at + PAYLOAD)[0], resource)

    return lower, lift


def _unsupported(type: Type) -> tuple[Lower, Lift]:
    def refuse(*_: Any) -> Any:
        raise ValueMismatch(
            f"values of type {type} can't pass between host and component here",
            hint="wasmtime's C interface has no streams, futures or error contexts",
            path="",
            expected=str(type),
            got="",
        )

    return refuse, refuse
