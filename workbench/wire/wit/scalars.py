"""Readers of numbers, text and bytes: the leaves under the rules of `python_values.py`."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.mismatch import Mismatch
from workbench.wire.wit.types import Prim, Type
from workbench.wire.wit.values import RecordValue

__all__ = [
    "INTEGER_RANGES",
    "Reader",
    "finite",
    "float_reader",
    "integer_reader",
    "number_list_reader",
    "read_bool",
    "read_bytes",
    "read_char",
    "read_string",
]

Reader = Callable[[Any], Any]

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    **{f"u{n}": (0, (1 << n) - 1) for n in (8, 16, 32, 64)},
    **{f"s{n}": (-(1 << (n - 1)), (1 << (n - 1)) - 1) for n in (8, 16, 32, 64)},
}
_F32 = struct.Struct("<f")


def integer_reader(name: str) -> Reader:
    low, high = INTEGER_RANGES[name]

    def read(value: Any) -> int:
        if type(value) is not int:
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise Mismatch(name, value)
            try:
                value = int(operator.index(value))
            except (TypeError, ValueError, OverflowError):
                raise Mismatch(name, value) from None
        if not low <= value <= high:
            raise Mismatch(name, value, f"{name} holds {low} to {high}")
        return value

    return read


def read_bool(value: Any) -> bool:
    if value is True or value is False:
        return value
    # numpy's bool is no bool, and means one.
    if type(value).__name__ in ("bool_", "bool") and type(value).__module__ == "numpy":
        return bool(value)
    raise Mismatch("bool", value)


def read_char(value: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch("char", value)
    if len(value) != 1:
        raise Mismatch("char", value, f"a char is one code point, not {len(value)}")
    if "\ud800" <= value <= "\udfff":
        raise Mismatch("char", value, "a surrogate is no char")
    return value if type(value) is str else str.__str__(value)


def read_string(value: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch("string", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Mismatch(
                "string", value, "it holds a lone surrogate, which UTF-8 can't"
            ) from None
    return value if type(value) is str else str.__str__(value)


def float_reader(name: str) -> Reader:
    """The reader of ``f32`` or ``f64``; ``f32`` is rounded to single precision."""
    single = name == "f32"

    def read(value: Any) -> float:
        if type(value) is not float:
            if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
                raise Mismatch(name, value)
            try:
                value = float(value)
            except (OverflowError, ValueError, TypeError):
                raise Mismatch(name, value, f"no {name} is that large") from None
        if single:
            try:
                return _F32.unpack(_F32.pack(value))[0]
            except OverflowError:
                raise Mismatch(name, value, "no f32 is that large") from None
        return value

    return read


def number_list_reader(item: Type, general: Reader) -> Reader:
    """A reader that checks a whole list of plain numbers at once, and else is ``general``."""
    if not isinstance(item, Prim) or (item.name not in INTEGER_RANGES and item.name != "f64"):
        return general
    wanted = {float} if item.name == "f64" else {int}
    low, high = INTEGER_RANGES.get(item.name, (0, 0))

    def read(value: Any) -> list[Any]:
        plain = isinstance(value, (list, tuple)) and set(map(type, value)) == wanted
        if plain and (item.name == "f64" or (low <= min(value) and max(value) <= high)):
            return list(value)
        return general(value)

    return read


_read_u8 = integer_reader("u8")


def read_bytes(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        raise Mismatch("list<u8>", value, "text is not bytes", hint="encode it: text.encode()")
    items = value if isinstance(value, (list, tuple)) else finite("list<u8>", value)
    read = bytearray()
    try:
        read.extend(map(_read_u8, items))
    except Mismatch as fault:
        raise fault.within(f"[{_first_fault(items)}]") from None
    return bytes(read)


def _first_fault(items: Sequence[Any]) -> int:
    for index, item in enumerate(items):
        try:
            _read_u8(item)
        except Mismatch:
            return index
    return len(items)


def finite(expected: str, value: Any) -> Sequence[Any]:
    """The items of any iterable that stands for a list; text, mappings and records do not."""
    if isinstance(value, (str, bytes, bytearray, Mapping, RecordValue)) or not isinstance(
        value, Iterable
    ):
        raise Mismatch(expected, value)
    items: list[Any] = []
    for item in value:
        if len(items) >= DEFAULT_LIMITS.count:
            raise Mismatch(expected, value, f"it has more than {DEFAULT_LIMITS.count} items")
        items.append(item)
    return items
