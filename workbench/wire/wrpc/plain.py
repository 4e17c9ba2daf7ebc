"""The plain form of decoders: closures ``(buffer, position) -> (value, position)`` (wrpc.md §10).

Compiled once for each type, for values that are complete in one buffer and hold no stream or
future. On a buffer that ends too early they let its `IndexError` through or raise `NeedMore`;
on bytes that fit no value they raise `DecodeError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias, assert_never

from workbench.errors import DecodeError, LimitExceeded, UsageError
from workbench.wire.limits import DEFAULT_LIMITS, Limits
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
)
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class
from workbench.wire.wrpc.leb128 import Buffer, read_u32, signed_reader, unsigned_reader

__all__ = ["NeedMore", "Plain", "plain", "read_count", "read_option_byte", "tuple_of"]

Plain: TypeAlias = Callable[[Buffer, int], tuple[Any, int]]

_NUMBERS = {"f32": ("f", 4), "f64": ("d", 8)}


class NeedMore(Exception):
    """The buffer ends ``missing`` bytes too early, as far as is known."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


@lru_cache(maxsize=8192)
def plain(type: Type, limits: Limits = DEFAULT_LIMITS) -> Plain:
    """The plain decoder of a type without streams and futures; the same object for equal types."""
    match type:
        case Prim(name):
            return _prim(name, limits)
        case List(item):
            return _list(item, limits)
        case Option(item):
            return _option(plain(item, limits), isinstance(item, Option))
        case Result(ok, err):
            return _result(_optional(ok, limits), _optional(err, limits))
        case Tuple(items):
            return _row([plain(item, limits) for item in items], tuple_of)
        case Record(_, fields):
            return _row([plain(item, limits) for _, item in fields], record_class(type))
        case Variant(name, cases):
            return _variant(name, [(case, _optional(item, limits)) for case, item in cases])
        case Enum(name, cases):
            return _enum(name, cases)
        case Flags(name, names):
            return _flags(name, names)
        case Own() | Borrow():
            return _handle(_bytes("resource handle", limits))
        case Stream() | Future() | ErrorContext():
            raise UsageError(f"{type} has no plain encoding in wRPC")
        case _:
            assert_never(type)


def _optional(type: Type | None, limits: Limits) -> Plain:
    return _nothing if type is None else plain(type, limits)


def _nothing(buffer: Buffer, position: int) -> tuple[None, int]:
    return None, position


def tuple_of(*values: Any) -> tuple[Any, ...]:
    return values


def _prim(name: str, limits: Limits) -> Plain:
    match name:
        case "bool":
            return _bool
        case "u8":
            return _u8
        case "s8":
            return _s8
        case "f32" | "f64":
            return _float(*_NUMBERS[name])
        case "char":
            return _char
        case "string":
            return _string(limits)
        case _:
            bits = int(name[1:])
            return unsigned_reader(bits) if name[0] == "u" else signed_reader(bits)


def _bool(buffer: Buffer, position: int) -> tuple[bool, int]:
    byte = buffer[position]
    if byte > 1:
        raise DecodeError(f"{byte:#04x} is no bool", offset=position)
    return byte == 1, position + 1


def _u8(buffer: Buffer, position: int) -> tuple[int, int]:
    return buffer[position], position + 1


def _s8(buffer: Buffer, position: int) -> tuple[int, int]:
    byte = buffer[position]
    return (byte - 256 if byte > 127 else byte), position + 1


def _float(code: str, size: int) -> Plain:
    unpack = struct.Struct(f"<{code}").unpack_from

    def decode(buffer: Buffer, position: int) -> tuple[float, int]:
        end = position + size
        if end > len(buffer):
            raise NeedMore(end - len(buffer))
        return unpack(buffer, position)[0], end

    return decode


def _char(buffer: Buffer, position: int) -> tuple[str, int]:
    first = buffer[position]
    if first < 0x80:
        return chr(first), position + 1
    end = position + (2 if first < 0xE0 else 3 if first < 0xF0 else 4)
    if end > len(buffer):
        raise NeedMore(end - len(buffer))
    try:
        text = str(buffer[position:end], "utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError("a char is not UTF-8", offset=position) from error
    return text, end


def _length(buffer: Buffer, position: int, what: str, limit: int) -> tuple[int, int]:
    """The end of a length-prefixed run of bytes, refused before any memory is taken for it."""
    size, start = read_u32(buffer, position)
    if size > limit:
        raise LimitExceeded(
            f"a {what} of {size} bytes is over the limit of {limit}",
            limit="bytes",
            offset=position,
        )
    end = start + size
    if end > len(buffer):
        raise NeedMore(end - len(buffer))
    return start, end


def _string(limits: Limits) -> Plain:
    limit = limits.bytes

    def decode(buffer: Buffer, position: int) -> tuple[str, int]:
        end = position + 1 + buffer[position]
        if buffer[position] < 0x80 and end <= len(buffer):
            position += 1
        else:
            position, end = _length(buffer, position, "string", limit)
        try:
            return str(buffer[position:end], "utf-8"), end
        except UnicodeDecodeError as error:
            raise DecodeError("a string is not UTF-8", offset=position) from error

    return decode


def _bytes(what: str, limits: Limits) -> Plain:
    limit = limits.bytes

    def decode(buffer: Buffer, position: int) -> tuple[bytes, int]:
        start, end = _length(buffer, position, what, limit)
        return bytes(buffer[start:end]), end

    return decode


def _handle(decode_bytes: Plain) -> Plain:
    def decode(buffer: Buffer, position: int) -> tuple[Handle, int]:
        data, position = decode_bytes(buffer, position)
        return Handle(data), position

    return decode


def read_count(buffer: Buffer, position: int, limit: int) -> tuple[int, int]:
    count, start = read_u32(buffer, position)
    if count > limit:
        raise LimitExceeded(
            f"a list of {count} items is over the limit of {limit}", limit="count", offset=position
        )
    return count, start


def _list(item: Type, limits: Limits) -> Plain:
    if item == Prim("u8"):
        return _bytes("list<u8>", limits)
    if isinstance(item, Prim) and item.name in _NUMBERS:
        return _float_list(*_NUMBERS[item.name], limits.count)
    decode_item = plain(item, limits)
    limit = limits.count

    def decode(buffer: Buffer, position: int) -> tuple[list[Any], int]:
        count, position = read_count(buffer, position, limit)
        values = []
        for _ in range(count):
            value, position = decode_item(buffer, position)
            values.append(value)
        return values, position

    return decode


def _float_list(code: str, size: int, limit: int) -> Plain:
    def decode(buffer: Buffer, position: int) -> tuple[list[float], int]:
        count, position = read_count(buffer, position, limit)
        end = position + count * size
        if end > len(buffer):
            raise NeedMore(end - len(buffer))
        return list(struct.unpack_from(f"<{count}{code}", buffer, position)), end

    return decode


def _option(decode_item: Plain, nested: bool) -> Plain:
    def decode(buffer: Buffer, position: int) -> tuple[Any, int]:
        if read_option_byte(buffer, position):
            value, position = decode_item(buffer, position + 1)
            return (Some(value) if nested else value), position
        return None, position + 1

    return decode


def read_option_byte(buffer: Buffer, position: int) -> int:
    byte = buffer[position]
    if byte > 1:
        raise DecodeError(f"{byte:#04x} is neither none nor some", offset=position)
    return byte


def _result(decode_ok: Plain, decode_err: Plain) -> Plain:
    def decode(buffer: Buffer, position: int) -> tuple[Ok | Err, int]:
        byte = buffer[position]
        if byte == 0:
            value, position = decode_ok(buffer, position + 1)
            return Ok(value), position
        if byte == 1:
            value, position = decode_err(buffer, position + 1)
            return Err(value), position
        raise DecodeError(f"{byte:#04x} is neither ok nor err", offset=position)

    return decode


def _row(decoders: list[Plain], make: Callable[..., Any]) -> Plain:
    def decode(buffer: Buffer, position: int) -> tuple[Any, int]:
        values = []
        for decode_item in decoders:
            value, position = decode_item(buffer, position)
            values.append(value)
        return make(*values), position

    return decode


def _case_index(buffer: Buffer, position: int, count: int, name: str) -> tuple[int, int]:
    index, after = read_u32(buffer, position)
    if index >= count:
        raise DecodeError(f"{name or 'a variant'} has no case {index}", offset=position)
    return index, after


def _variant(name: str, cases: list[tuple[str, Plain]]) -> Plain:
    count = len(cases)

    def decode(buffer: Buffer, position: int) -> tuple[Case, int]:
        index, position = _case_index(buffer, position, count, name)
        case, decode_payload = cases[index]
        payload, position = decode_payload(buffer, position)
        return Case(case, payload), position

    return decode


def _enum(name: str, cases: tuple[str, ...]) -> Plain:
    count = len(cases)

    def decode(buffer: Buffer, position: int) -> tuple[str, int]:
        index, position = _case_index(buffer, position, count, name)
        return cases[index], position

    return decode


def _flags(name: str, names: tuple[str, ...]) -> Plain:
    size = (len(names) + 7) // 8

    def decode(buffer: Buffer, position: int) -> tuple[frozenset[str], int]:
        end = position + size
        if end > len(buffer):
            raise NeedMore(end - len(buffer))
        bits = int.from_bytes(buffer[position:end], "little")
        if bits >> len(names):
            raise DecodeError(f"{name or 'flags'} has an unknown flag set", offset=position)
        return frozenset(flag for index, flag in enumerate(names) if bits >> index & 1), end

    return decode
