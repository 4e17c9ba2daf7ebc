"""Decoders of types without parts: ``(buffer, position) -> (value, position)`` (wrpc.md §10.1).

On a buffer that ends too early they let its `IndexError` through or raise `NeedMore`; on bytes
that fit no value they raise `DecodeError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from workbench.errors import DecodeError, LimitExceeded
from workbench.wire.limits import Limits
from workbench.wire.wit.values import Handle
from workbench.wire.wrpc.leb128 import Buffer, read_u32, signed_reader, unsigned_reader

__all__ = ["FLOATS", "NeedMore", "Plain", "bytes_reader", "case_index", "enum_reader",
           "flags_reader", "float_list_reader", "handle_reader", "prim_reader", "read_count",
           "read_option_byte", "read_result_byte"]  # fmt: skip

Plain: TypeAlias = Callable[[Buffer, int], tuple[Any, int]]

FLOATS = {"f32": struct.Struct("<f"), "f64": struct.Struct("<d")}


class NeedMore(Exception):
    """The buffer ends ``missing`` bytes too early, as far as is known."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


def prim_reader(name: str, limits: Limits) -> Plain:
    """The decoder of a primitive."""
    match name:
        case "bool":
            return _bool
        case "u8":
            return _u8
        case "s8":
            return _s8
        case "f32" | "f64":
            return _float(FLOATS[name])
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


def _float(form: struct.Struct) -> Plain:
    unpack, size = form.unpack_from, form.size

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
    if not 0xC2 <= first < 0xF5:  # begins no character: not worth waiting for more
        raise DecodeError(f"{first:#04x} does not begin a char", offset=position)
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


def bytes_reader(what: str, limits: Limits) -> Plain:
    limit = limits.bytes

    def decode(buffer: Buffer, position: int) -> tuple[bytes, int]:
        start, end = _length(buffer, position, what, limit)
        return bytes(buffer[start:end]), end

    return decode


def handle_reader(limits: Limits) -> Plain:
    decode_bytes = bytes_reader("resource handle", limits)

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


def float_list_reader(name: str, limits: Limits) -> Plain:
    code, size = FLOATS[name].format[1:], FLOATS[name].size
    limit = limits.count

    def decode(buffer: Buffer, position: int) -> tuple[list[float], int]:
        count, position = read_count(buffer, position, limit)
        end = position + count * size
        if end > len(buffer):
            raise NeedMore(end - len(buffer))
        return list(struct.unpack_from(f"<{count}{code}", buffer, position)), end

    return decode


def read_option_byte(buffer: Buffer, position: int) -> int:
    byte = buffer[position]
    if byte > 1:
        raise DecodeError(f"{byte:#04x} is neither none nor some", offset=position)
    return byte


def read_result_byte(buffer: Buffer, position: int) -> tuple[int, int]:
    byte = buffer[position]
    if byte > 1:
        raise DecodeError(f"{byte:#04x} is neither ok nor err", offset=position)
    return byte, position + 1


def case_index(buffer: Buffer, position: int, count: int, name: str) -> tuple[int, int]:
    index, after = read_u32(buffer, position)
    if index >= count:
        raise DecodeError(f"{name or 'a variant'} has no case {index}", offset=position)
    return index, after


def enum_reader(name: str, cases: tuple[str, ...]) -> Plain:
    count = len(cases)

    def decode(buffer: Buffer, position: int) -> tuple[str, int]:
        index, position = case_index(buffer, position, count, name)
        return cases[index], position

    return decode


# Different sets of one flags type that are kept, so that equal ones are one object: a frozenset
# of eight names takes 700 bytes, and one byte on the wire.
_SETS_KEPT = 1024


def flags_reader(name: str, names: tuple[str, ...]) -> Plain:
    size = (len(names) + 7) // 8
    known: dict[int, frozenset[str]] = {}

    def decode(buffer: Buffer, position: int) -> tuple[frozenset[str], int]:
        end = position + size
        if end > len(buffer):
            raise NeedMore(end - len(buffer))
        bits = int.from_bytes(buffer[position:end], "little")
        value = known.get(bits)
        if value is None:
            if bits >> len(names):
                raise DecodeError(f"{name or 'flags'} has an unknown flag set", offset=position)
            value = frozenset(flag for index, flag in enumerate(names) if bits >> index & 1)
            if len(known) < _SETS_KEPT:
                known[bits] = value
        return value, end

    return decode
