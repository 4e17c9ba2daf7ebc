"""Values into bytes: one encoder for each type, compiled once (wrpc.md §10).

An encoder takes canonical values (`workbench.wire.wit.values`) and appends to a bytearray.
Streams and futures leave their pending byte and a `Deferred`, to be sent on their channel later.
A value of another shape makes an encoder raise whatever Python raises; `codec.py` then asks
`coerce`, which converts it or names the place that does not fit. Types with parts get a function
written for them (`source`), which appends small parts in place.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from workbench.errors import UsageError
from workbench.wire.wit import types as wit
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class
from workbench.wire.wrpc.integers import integer_list_writer
from workbench.wire.wrpc.leb128 import signed_writer, unsigned_writer, write_unsigned
from workbench.wire.wrpc.pending import AsyncType, Path
from workbench.wire.wrpc.shape import has_async
from workbench.wire.wrpc.source import COMPOSITES, Source

__all__ = ["Deferred", "Encoder", "compile_encoder"]


class Deferred(NamedTuple):
    """A stream or future to be sent on the channel at ``path``."""

    path: Path
    type: AsyncType
    value: Any


Encoder: TypeAlias = Callable[[Any, bytearray, "list[Deferred]", Path], None]


@lru_cache(maxsize=8192)
def compile_encoder(type: wit.Type) -> Encoder:
    """The encoder of any type; the same object for equal types."""
    match type:
        case wit.List(wit.Prim("u8")):
            return _bytes
        case wit.Flags(_, names):
            return _flags(names)
        case wit.Own() | wit.Borrow():
            return _handle
        case wit.Stream() | wit.Future():
            return _deferred(type)
        case wit.Variant(_, cases):
            return _variant(cases)
        case wit.ErrorContext():
            raise UsageError("error-context can't travel over wRPC")
        case _:
            return _Writing().encoder(type)


def _bytes(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if not isinstance(value, bytes | bytearray):
        raise TypeError("not bytes")
    write_unsigned(len(value), out)
    out += value


def _handle(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
    if not isinstance(value, Handle):
        raise TypeError("not a handle")
    _bytes(value.data, out, deferred, path)


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


def _variant(cases: tuple[tuple[str, wit.Type | None], ...]) -> Encoder:
    by_name = {
        name: (index, None if item is None else compile_encoder(item))
        for index, (name, item) in enumerate(cases)
    }

    def encode(value: Any, out: bytearray, deferred: list[Deferred], path: Path) -> None:
        if not isinstance(value, Case):
            raise TypeError("a variant is a Case")
        index, encode_payload = by_name[value.name]
        write_unsigned(index, out)
        if encode_payload is not None:
            encode_payload(value.payload, out, deferred, path)
        elif value.payload is not None:
            raise ValueError(f"{value.name} has no payload")

    return encode


def _s8(value: int, out: bytearray) -> None:
    # One raw byte, unlike the wider signed types (§10.2).
    if not -128 <= value < 128:
        raise ValueError(f"{value} does not fit s8")
    out.append(value & 0xFF)


def _char(value: str, out: bytearray) -> None:
    if len(value) != 1:
        raise ValueError("a char is one character")
    out += value.encode()


def _float_list(code: str) -> Callable[[Sequence[float], bytearray], None]:
    def write(values: Sequence[float], out: bytearray) -> None:
        write_unsigned(len(values), out)
        out += struct.pack(f"<{len(values)}{code}", *values)

    return write


_FLOATS = {"f32": "f", "f64": "d"}


class _Writing:
    """Writes the encoder of one type: lines that append what a variable holds."""

    def __init__(self) -> None:
        self.source = Source()

    def encoder(self, type: wit.Type) -> Encoder:
        self.source.line("append = out.append")
        if isinstance(type, wit.Prim | wit.Enum):
            self.value(type, "value", "path", 0)
        else:
            self.parts(type, "value", "path", 0)
        return self.source.function("value, out, deferred, path", f"encoder of {type}")

    def value(self, type: wit.Type, it: str, path: str, depth: int) -> None:
        """Lines that append the ``type`` in the variable ``it``; ``path`` holds where it is."""
        source = self.source
        match type:
            case wit.Prim("u8"):
                source.line(f"append({it})")
            case wit.Prim("bool"):
                self._bool(it)
            case wit.Prim("string"):
                self._string(it)
            case wit.Prim("f32" | "f64" as name):
                pack = source.bind(struct.Struct(f"<{_FLOATS[name]}").pack)
                source.line(f"out += {pack}({it})")
            case wit.Prim("char" | "s8" as name):
                source.line(f"{source.bind(_char if name == 'char' else _s8)}({it}, out)")
            case wit.Prim(name):
                self._integer(name, it)
            case wit.Enum(_, cases):
                index = {case: number for number, case in enumerate(cases)}
                self._size(f"{source.bind(index)}[{it}]")
            case wit.List(wit.Prim("u8")):
                self._call(type, it, path)
            case _ if isinstance(type, COMPOSITES) and source.has_room(type, depth):
                self.parts(type, it, path, depth)
            case _:
                self._call(type, it, path)

    def _call(self, type: wit.Type, it: str, path: str) -> None:
        encode = self.source.bind(compile_encoder(type))
        self.source.line(f"{encode}({it}, out, deferred, {path})")

    def parts(self, type: wit.Type, it: str, path: str, depth: int) -> None:
        match type:
            case wit.List(item):
                self._list(item, it, path, depth + 1)
            case wit.Option(item):
                self._option(item, it, path, depth + 1)
            case wit.Result(ok, err):
                self._result(ok, err, it, path, depth + 1)
            case wit.Tuple(items):
                self._require(f"isinstance({it}, tuple)", "not a tuple")
                self._row(items, it, path, depth + 1)
            case wit.Record(_, fields):
                kind = self.source.bind(record_class(type))
                self._require(f"{it}.__class__ is {kind}", "not the record's class")
                self._row([item for _, item in fields], f"{it}._values", path, depth + 1)
            case _:
                raise TypeError(f"{type} has no parts")

    def _require(self, condition: str, otherwise: str) -> None:
        with self.source.block(f"if not ({condition})"):
            self.source.line(f"raise TypeError({otherwise!r})")

    def _bool(self, it: str) -> None:
        for number, name in enumerate(("False", "True")):
            with self.source.block(f"{'el' * number}if {it} is {name}"):
                self.source.line(f"append({number})")
        with self.source.block("else"):
            self.source.line("raise TypeError('not a bool')")

    def _integer(self, name: str, it: str) -> None:
        source, bits = self.source, int(name[1:])
        if name[0] == "u":
            short, write = f"append({it})", unsigned_writer(bits)
            condition = f"0 <= {it} < 0x80"
        else:
            short, write = f"append({it} & 0x7F)", signed_writer(bits)
            condition = f"-0x40 <= {it} < 0x40"
        with source.block(f"if {condition}"):
            source.line(short)
        with source.block("else"):
            source.line(f"{source.bind(write)}({it}, out)")

    def _size(self, expression: str) -> None:
        """A length or an index."""
        source, size = self.source, self.source.fresh()
        source.line(f"{size} = {expression}")
        with source.block(f"if {size} < 0x80"):
            source.line(f"append({size})")
        with source.block("else"):
            source.line(f"{source.bind(write_unsigned)}({size}, out)")

    def _string(self, it: str) -> None:
        data = self.source.fresh()
        self.source.line(f"{data} = {it}.encode()")
        self._size(f"len({data})")
        self.source.line(f"out += {data}")

    def _list(self, item: wit.Type, it: str, path: str, depth: int) -> None:
        source, part = self.source, self.source.fresh()
        self._require(f"isinstance({it}, {source.bind((list, tuple))})", "not a list")
        if isinstance(item, wit.Prim) and item.name not in ("bool", "char", "string"):
            code = _FLOATS.get(item.name)
            write = _float_list(code) if code else integer_list_writer(item.name)
            source.line(f"{source.bind(write)}({it}, out)")
            return
        self._size(f"len({it})")
        if has_async(item):
            index, below = source.fresh(), source.fresh()
            with source.block(f"for {index}, {part} in enumerate({it})"):
                source.line(f"{below} = (*{path}, {index})")
                self.value(item, part, below, depth)
        else:
            with source.block(f"for {part} in {it}"):
                self.value(item, part, path, depth)

    def _option(self, item: wit.Type, it: str, path: str, depth: int) -> None:
        source = self.source
        with source.block(f"if {it} is None"):
            source.line("append(0)")
        with source.block("else"):
            source.line("append(1)")
            if isinstance(item, wit.Option):
                self._require(
                    f"isinstance({it}, {source.bind(Some)})", "an option in an option is Some"
                )
                it = self._inner(it)
            self.value(item, it, path, depth)

    def _inner(self, it: str) -> str:
        inner = self.source.fresh()
        self.source.line(f"{inner} = {it}.value")
        return inner

    def _result(
        self, ok: wit.Type | None, err: wit.Type | None, it: str, path: str, depth: int
    ) -> None:
        source = self.source
        for number, (side, kind) in enumerate(((ok, Ok), (err, Err))):
            with source.block(f"{'el' * number}if isinstance({it}, {source.bind(kind)})"):
                source.line(f"append({number})")
                inner = self._inner(it)
                if side is None:
                    self._require(f"{inner} is None", "this side of the result has no value")
                else:
                    self.value(side, inner, path, depth)
        with source.block("else"):
            source.line("raise TypeError('a result is Ok or Err')")

    def _row(self, items: Sequence[wit.Type], row: str, path: str, depth: int) -> None:
        names = [self.source.fresh() for _ in items]
        # Raises ValueError for a row of another length.
        self.source.line(f"{', '.join(names)}, = {row}")
        for index, (item, name) in enumerate(zip(items, names, strict=True)):
            below = path
            if has_async(item):
                below = self.source.fresh()
                self.source.line(f"{below} = (*{path}, {index})")
            self.value(item, name, below, depth)
