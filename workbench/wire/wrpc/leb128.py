"""LEB128 as wRPC peers read and write it, with the defect of signed numbers (wrpc.md §10.3).

Readers take ``(buffer, position)`` and return ``(value, position)``; they let the `IndexError`
of a short buffer through, which decoders take for "more bytes are needed".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from workbench.errors import DecodeError

__all__ = ["Buffer", "Reader", "Writer", "read_u32", "signed_reader", "signed_writer",
           "unsigned_reader", "unsigned_writer", "write_unsigned"]  # fmt: skip

Buffer: TypeAlias = bytes | bytearray
Reader: TypeAlias = Callable[[Buffer, int], tuple[int, int]]
Writer: TypeAlias = Callable[[int, bytearray], None]


def _overflow(bits: int, position: int) -> DecodeError:
    return DecodeError(f"a number overflows its {bits} bits", offset=position)


def unsigned_reader(bits: int) -> Reader:
    """A reader of u16, u32 or u64; over-long encodings of small numbers are accepted."""
    last_shift = (bits - 1) // 7 * 7
    last_limit = (1 << (bits - last_shift)) - 1

    def read(buffer: Buffer, position: int) -> tuple[int, int]:
        byte = buffer[position]
        position += 1
        if byte < 0x80:
            return byte, position
        value = byte & 0x7F
        shift = 7
        while True:
            byte = buffer[position]
            position += 1
            if shift == last_shift:
                if byte > last_limit:
                    raise _overflow(bits, position - 1)
                return value | byte << shift, position
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7

    return read


def signed_reader(bits: int) -> Reader:
    """A reader of s16, s32 or s64 that takes the last byte both canonical and masked."""
    last_shift = (bits - 1) // 7 * 7
    last_limit = (1 << (bits - last_shift)) - 1
    # A canonical negative number fills the unused bits of the last byte with its sign.
    last_canonical = range(0x80 - (last_limit + 1) // 2, 0x80)
    half, full = 1 << (bits - 1), 1 << bits

    def read(buffer: Buffer, position: int) -> tuple[int, int]:
        byte = buffer[position]
        position += 1
        if byte < 0x80:
            return (byte - 0x80 if byte & 0x40 else byte), position
        value = byte & 0x7F
        shift = 7
        while True:
            byte = buffer[position]
            position += 1
            if shift == last_shift:
                if byte > last_limit and byte not in last_canonical:
                    raise _overflow(bits, position - 1)
                value = (value | byte << shift) & (full - 1)
                return (value - full if value >= half else value), position
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value - (1 << shift) if byte & 0x40 else value), position

    return read


read_u32 = unsigned_reader(32)


def write_unsigned(value: int, out: bytearray) -> None:
    """Any number from zero up, without a range check: lengths and discriminants."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def unsigned_writer(bits: int) -> Writer:
    limit = 1 << bits

    def write(value: int, out: bytearray) -> None:
        if 0 <= value < 0x80:
            out.append(value)
        elif 0 <= value < limit:
            write_unsigned(value, out)
        else:
            raise ValueError(f"{value} does not fit u{bits}")

    return write


def signed_writer(bits: int) -> Writer:
    """Writes the last possible byte masked: Rust peers refuse the canonical one (§10.3)."""
    half = 1 << (bits - 1)
    last_shift = (bits - 1) // 7 * 7
    last_mask = (1 << (bits - last_shift)) - 1

    def write(value: int, out: bytearray) -> None:
        if -0x40 <= value < 0x40:
            out.append(value & 0x7F)
            return
        if not -half <= value < half:
            raise ValueError(f"{value} does not fit s{bits}")
        shift = 0
        while shift < last_shift:
            byte = value & 0x7F
            value >>= 7
            if (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40):
                out.append(byte)
                return
            out.append(byte | 0x80)
            shift += 7
        out.append(value & last_mask)

    return write
