"""Lists of integers as a whole: what is one byte each is moved at once (wrpc.md §10.1, §10.3).

Decoders are `Plain`; encoders append a list that is known to be one. Both refuse what their
scalars in `leb128` refuse.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from workbench.errors import DecodeError
from workbench.wire.limits import Limits
from workbench.wire.wrpc.leaves import NeedMore, Plain, read_count
from workbench.wire.wrpc.leb128 import Buffer, signed_writer, write_unsigned

__all__ = ["Absorb", "ListWriter", "integer_absorber", "integer_list_reader",
           "integer_list_writer"]  # fmt: skip

ListWriter: TypeAlias = Callable[[Sequence[int], bytearray], None]
Absorb: TypeAlias = Callable[[Buffer, "list[int]", int, int], tuple[int, int]]
"""Appends the numbers in a run of bytes; takes and returns what is unfinished: value, shift."""


def integer_list_reader(name: str, limits: Limits) -> Plain:
    """The decoder of ``list<name>``, for every integer type but u8."""
    absorb, limit = integer_absorber(name), limits.count

    def decode(buffer: Buffer, position: int) -> tuple[list[int], int]:
        count, position = read_count(buffer, position, limit)
        values: list[int] = []
        value = shift = 0
        # As many bytes as numbers are missing can't hold more than those numbers.
        while missing := count - len(values):
            run = buffer[position : position + missing]
            if len(run) < missing:
                raise NeedMore(missing - len(run))
            position += missing
            value, shift = absorb(run, values, value, shift)
        return values, position

    return decode


def integer_absorber(name: str) -> Absorb:
    """What turns runs of bytes into numbers, for every integer type but u8."""
    if name == "s8":
        return _absorb_s8
    bits = int(name[1:])
    if name[0] == "s":
        return _bytewise_first(_signed(bits), _SIGNED_BYTES, "b")
    return _bytewise_first(_unsigned(bits), None, "B")


def _absorb_s8(run: Buffer, values: list[int], value: int, shift: int) -> tuple[int, int]:
    values += memoryview(run).cast("b")
    return 0, 0


def _bytewise_first(absorb: Absorb, table: bytes | None, code: Literal["b", "B"]) -> Absorb:
    """Numbers of one byte each are translated by ``table`` and cast to ``code``."""

    def absorb_all(run: Buffer, values: list[int], value: int, shift: int) -> tuple[int, int]:
        if shift or not run.isascii():
            return absorb(run, values, value, shift)
        values += memoryview(run.translate(table)).cast(code)
        return 0, 0

    return absorb_all


def _overflow(bits: int) -> DecodeError:
    return DecodeError(f"a number in a list overflows its {bits} bits")


def _unsigned(bits: int) -> Absorb:
    last_shift = (bits - 1) // 7 * 7
    most = (1 << bits) - 1

    def absorb(run: Buffer, values: list[int], value: int, shift: int) -> tuple[int, int]:
        add = values.append
        for byte in run:
            if byte >= 0x80:
                if shift == last_shift:
                    raise _overflow(bits)
                value |= (byte & 0x7F) << shift
                shift += 7
            elif not shift:
                add(byte)
            else:
                value |= byte << shift
                if value > most:
                    raise _overflow(bits)
                add(value)
                value = shift = 0
        return value, shift

    return absorb


# One byte of signed LEB128 as two's complement: bit 6 is the sign.
_SIGNED_BYTES = bytes(b | 0x80 if b & 0x40 else b for b in range(0x100))


def _signed(bits: int) -> Absorb:
    last_shift = (bits - 1) // 7 * 7
    last_limit = (1 << (bits - last_shift)) - 1
    # The last byte may come masked or filled with its sign, as in `leb128.signed_reader`.
    last_canonical = range(0x80 - (last_limit + 1) // 2, 0x80)
    half, full = 1 << (bits - 1), 1 << bits

    def absorb(run: Buffer, values: list[int], value: int, shift: int) -> tuple[int, int]:
        add = values.append
        for byte in run:
            if byte >= 0x80:
                if shift == last_shift:
                    raise _overflow(bits)
                value |= (byte & 0x7F) << shift
                shift += 7
                continue
            value |= byte << shift
            if shift == last_shift:
                if byte > last_limit and byte not in last_canonical:
                    raise _overflow(bits)
                value &= full - 1
                add(value - full if value >= half else value)
            else:
                add(value - (0x80 << shift) if byte & 0x40 else value)
            value = shift = 0
        return value, shift

    return absorb


def integer_list_writer(name: str) -> ListWriter:
    """The encoder of ``list<name>``, for every integer type but u8.

    It raises `TypeError` for what is no integer and `OverflowError` for one out of range.
    """
    if name == "s8":
        return _write_s8
    bits = int(name[1:])
    code = next(c for c in "hilq" if array(c).itemsize * 8 == bits)
    return _signed_writer(code, bits) if name[0] == "s" else _unsigned_writer(code.upper())


def _write_s8(values: Sequence[int], out: bytearray) -> None:
    write_unsigned(len(values), out)
    out += array("b", values)


def _unsigned_writer(code: str) -> ListWriter:
    def write(values: Sequence[int], out: bytearray) -> None:
        write_unsigned(len(values), out)
        run = _short_unsigned(values)
        if run is not None:
            out += run
            return
        append = out.append
        for value in array(code, values):  # which refuses what is no such integer
            while value > 0x7F:
                append(value & 0x7F | 0x80)
                value >>= 7
            append(value)

    return write


def _signed_writer(code: str, bits: int) -> ListWriter:
    write_one = signed_writer(bits)

    def write(values: Sequence[int], out: bytearray) -> None:
        write_unsigned(len(values), out)
        run = _short_signed(values)
        if run is not None:
            out += run
            return
        for value in array(code, values):
            write_one(value, out)

    return write


def _short_unsigned(values: Sequence[int]) -> bytes | None:
    """The encoding if each number takes one byte."""
    try:
        run = bytes(values)
    except ValueError:
        return None
    return run if run.isascii() else None


_SHORT = bytes(range(0x40)) + bytes(range(0xC0, 0x100))
_LOW_BITS = bytes(b & 0x7F for b in range(0x100))


def _short_signed(values: Sequence[int]) -> bytes | None:
    try:
        run = array("b", values).tobytes()
    except OverflowError:
        return None
    return None if run.translate(None, _SHORT) else run.translate(_LOW_BITS)
