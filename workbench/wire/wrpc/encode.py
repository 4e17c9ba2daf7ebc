"""Values into bytes: one encoder for each type, compiled once (wrpc.md §10).

An encoder takes canonical values (`workbench.wire.wit.values`) and appends to a bytearray.
Streams and futures leave their pending byte and a `Deferred`, to be sent on their channel later.
A value of another shape makes an encoder raise whatever Python raises; `codec.py` then asks
`coerce`, which converts it or names the place that does not fit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, assert_never

from workbench.errors import UsageError
from workbench.wire.wit.types import (
    Borrow,
    Enum,
    ErrorContext,
    Flags,
    Future,
    List,
    Option,
    Own,
    Prim,
    Record,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)  # fmt: skip
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class
from workbench.wire.wrpc.leb128 import signed_writer, unsigned_writer, write_unsigned
from workbench.wire.wrpc.pending import AsyncType, Path
from workbench.wire.wrpc.shape import has_async

__all__ = ["Deferred", "Encoder", "compile_encoder"]


class Deferred(NamedTuple):
    """A stream or future to be sent on the channel at ``path``."""

    path: Path
    type: AsyncType
    value: Any


Encoder: TypeAlias = Callable[[Any, bytearray, "list[Deferred]", Path], None]


@lru_cache(maxsize=8192)
def compile_encoder(type: Type) -> Encoder:
    """The encoder of any type; the same object for equal types."""
    match type:
        case Prim(name):
            return _prim(name)
        case List(item):
            return _list(item)
        case Option(item):
            return _option(compile_encoder(item), isinstance(item, Option))
        case Result(ok, err):
            return _result(_optional(ok), _optional(err))
        case Tuple(items):
            return _tuple([compile_encoder(item) for item in items])
        case Record(_, fields):
            return _record(type, [compile_encoder(item) for _, item in fields])
        case Variant(_, cases):
            return _variant(cases)
        case Enum(_, cases):
            return _enum(cases)
        case Flags(_, names):
            return _flags(names)
        case Own() | Borrow():
            return _handle
        case Stream() | Future():
            return _deferred(type)
        case ErrorContext():
            raise UsageError("error-context can't travel over wRPC")
        case _:
            assert_never(type)


def _optional(type: Type | None) -> Encoder:
    return _nothing if type is None else compile_encoder(type)


def _nothing(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if value is not None:
        raise ValueError(f"no value is expected here, not {value!r}")


def _prim(name: str) -> Encoder:
    match name:
        case "bool":
            return _bool
        case "u8":
            return _u8
        case "s8":
            return _s8
        case "f32":
            return _float("<f")
        case "f64":
            return _float("<d")
        case "char":
            return _char
        case "string":
            return _string
        case _:
            bits = int(name[1:])
            write = unsigned_writer(bits) if name[0] == "u" else signed_writer(bits)

            def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
                write(value, out)

            return encode


def _bool(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if value is True:
        out.append(1)
    elif value is False:
        out.append(0)
    else:
        raise TypeError("not a bool")


def _u8(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    out.append(value)


def _s8(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    # One raw byte, unlike the wider signed types (§10.2).
    if not -128 <= value < 128:
        raise ValueError(f"{value} does not fit s8")
    out.append(value & 0xFF)


def _float(code: str) -> Encoder:
    pack = struct.Struct(code).pack

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        out += pack(value)

    return encode


def _char(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if len(value) != 1:
        raise ValueError("a char is one character")
    out += value.encode()


def _string(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    data = value.encode()
    write_unsigned(len(data), out)
    out += data


def _bytes(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if not isinstance(value, bytes | bytearray):
        raise TypeError("not bytes")
    write_unsigned(len(value), out)
    out += value


def _handle(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if not isinstance(value, Handle):
        raise TypeError("not a handle")
    _bytes(value.data, out, deferred, path)


def _list(item: Type) -> Encoder:
    if item == Prim("u8"):
        return _bytes
    if isinstance(item, Prim) and item.name in ("f32", "f64"):
        return _float_list("f" if item.name == "f32" else "d")
    encode_item = compile_encoder(item)

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if not isinstance(value, list | tuple):
            raise TypeError("not a list")
        write_unsigned(len(value), out)
        for index, part in enumerate(value):
            encode_item(part, out, deferred, (*path, index))

    def encode_without_paths(
        value: Any, out: bytearray, deferred: list[Deferred], path: Path
    ) -> None:
        if not isinstance(value, list | tuple):
            raise TypeError("not a list")
        write_unsigned(len(value), out)
        for part in value:
            encode_item(part, out, deferred, path)

    return encode if has_async(item) else encode_without_paths


def _float_list(code: str) -> Encoder:
    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if not isinstance(value, list | tuple):
            raise TypeError("not a list")
        write_unsigned(len(value), out)
        out += struct.pack(f"<{len(value)}{code}", *value)

    return encode


def _option(encode_item: Encoder, nested: bool) -> Encoder:
    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if value is None:
            out.append(0)
            return
        if nested:
            if not isinstance(value, Some):
                raise TypeError("an option in an option is None or Some")
            value = value.value
        out.append(1)
        encode_item(value, out, deferred, path)

    return encode


def _result(encode_ok: Encoder, encode_err: Encoder) -> Encoder:
    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if isinstance(value, Ok):
            out.append(0)
            encode_ok(value.value, out, deferred, path)
        elif isinstance(value, Err):
            out.append(1)
            encode_err(value.value, out, deferred, path)
        else:
            raise TypeError("a result is Ok or Err")

    return encode


def _tuple(encoders: list[Encoder]) -> Encoder:
    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if not isinstance(value, tuple) or len(value) != len(encoders):
            raise TypeError("not a tuple of the right length")
        for index, encode_item in enumerate(encoders):
            encode_item(value[index], out, deferred, (*path, index))

    return encode


def _record(type: Record, encoders: list[Encoder]) -> Encoder:
    value_class = record_class(type)

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if value.__class__ is not value_class:
            raise TypeError("not the record's class")
        for index, part in enumerate(value):
            encoders[index](part, out, deferred, (*path, index))

    return encode


def _variant(cases: tuple[tuple[str, Type | None], ...]) -> Encoder:
    by_name = {name: (index, _optional(item)) for index, (name, item) in enumerate(cases)}

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if not isinstance(value, Case):
            raise TypeError("a variant is a Case")
        index, encode_payload = by_name[value.name]
        write_unsigned(index, out)
        encode_payload(value.payload, out, deferred, path)

    return encode


def _enum(cases: tuple[str, ...]) -> Encoder:
    by_name = {name: index for index, name in enumerate(cases)}

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        write_unsigned(by_name[value], out)

    return encode


def _flags(names: tuple[str, ...]) -> Encoder:
    by_name = {name: 1 << index for index, name in enumerate(names)}
    # ceil(n/8), also where static Rust peers write more and so spoil what follows (§10.2).
    size = (len(names) + 7) // 8

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if not isinstance(value, frozenset | set):
            raise TypeError("flags are a set of names")
        bits = 0
        for name in value:
            bits |= by_name[name]
        out += bits.to_bytes(size, "little")

    return encode


def _deferred(type: AsyncType) -> Encoder:
    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        # Always pending: peers disagree on the inline forms (§6.3, §10.2).
        out.append(0)
        deferred.append(Deferred(path, type, value))

    return encode
