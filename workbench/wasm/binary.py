"""Reading and writing the pieces of WebAssembly's binary format: numbers, names, sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["HEADER", "NotUnderstood", "Reader", "section", "signed", "unsigned", "vector"]

HEADER = b"\0asm\x0d\0\x01\0"
"""What a component begins with."""


class NotUnderstood(Exception):
    """The bytes hold something that is not read here; never leaves the callers of this module."""


class Reader:
    """A place in some bytes. Reading past their end raises `IndexError`."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def peek(self) -> int:
        return self._data[self._at]

    def u32(self) -> int:
        """An unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 28:
                raise NotUnderstood

    def raw(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise IndexError
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def text(self) -> bytes:
        """The bytes of a name."""
        return self.raw(self.u32())

    def name(self) -> bytes:
        """A name as it is written, with its length."""
        text = self.text()
        return unsigned(len(text)) + text

    def extern_name(self) -> bytes:
        """The name of an import or export, as it is written."""
        form = self.byte()
        if form > 1:
            raise NotUnderstood
        return bytes([form]) + self.name()

    def sections(self) -> Iterator[tuple[int, bytes]]:
        while not self.at_end:
            yield self.byte(), self.text()


def unsigned(number: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def signed(number: int) -> bytes:
    """Signed LEB128 of a number that is not negative."""
    out = bytearray()
    while number > 0x3F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + unsigned(len(body)) + body


def vector(one: Callable[[Reader], bytes], reader: Reader) -> bytes:
    """Write a counted sequence anew, item by item."""
    count = reader.u32()
    return unsigned(count) + b"".join([one(reader) for _ in range(count)])
