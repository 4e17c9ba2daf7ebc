"""Lists of fixed-width items, moved through a strided view instead of item by item.

A list in wasmtime's C values is an array of whole value structs, one every `SIZE` bytes. The
payloads of a list are thus a strided array: one slice assignment writes them, one slice reads
them. The structs' kinds are stamped beforehand, and buffers of moderate size keep their stamp
and are used again: page faults of fresh memory cost more than the copy.
"""

from __future__ import annotations

import array
import ctypes
import threading
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any

from workbench.wasm import layout
from workbench.wasm.capi import view
from workbench.wasm.layout import FORMATS, KINDS, PAYLOAD, SIZE
from workbench.wire.wit.types import Prim, Type

if TYPE_CHECKING:
    from workbench.wasm.values import Arena, Lift, Lower

__all__ = ["NotCanonical", "compile_list", "give_back"]

_KEPT_ITEMS = 1 << 20
"""Buffers of up to so many items (32 MiB) are kept for the next call, one per thread and kind."""


class NotCanonical(Exception):
    """A value that does not fit its type; `values.lower_all` turns it into `ValueMismatch`."""


class _Spare(threading.local):
    def __init__(self) -> None:
        self.buffers: dict[int, bytearray] = {}


_spare = _Spare()
_two = Struct("<QQ").unpack_from
_vector = Struct(f"<B{PAYLOAD - 1}xQQ{SIZE - PAYLOAD - 16}x").pack


def compile_list(item: Type) -> tuple[Lower, Lift] | None:
    """Lowering and lifting of ``list<item>`` in bulk, or None where items are not fixed-width."""
    if not isinstance(item, Prim) or item.name not in FORMATS or not layout.verified():
        return None
    return _bytes() if item.name == "u8" else _numbers(item.name, FORMATS[item.name])


def _stamped(kind: int, count: int, arena: Arena) -> bytearray:
    """A buffer for ``count`` values of ``kind``, whose kinds are already written."""
    size = count * SIZE
    buffer = _spare.buffers.pop(kind, None) if count <= _KEPT_ITEMS else None
    if buffer is None or len(buffer) < size:
        buffer = bytearray(bytes([kind]) + bytes(SIZE - 1)) * max(count, 64)
    if count <= _KEPT_ITEMS:
        arena.buffers.append((kind, buffer))
    arena.keep.append(buffer)
    return buffer


def give_back(buffers: list[tuple[int, bytearray]]) -> None:
    """Keep the largest buffer of each kind for this thread's next call."""
    spare = _spare.buffers
    for kind, buffer in buffers:
        known = spare.get(kind)
        if known is None or len(known) < len(buffer):
            spare[kind] = buffer
    buffers.clear()


def _address(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def _bytes() -> tuple[Lower, Lift]:
    kind, list_kind = KINDS["u8"], KINDS["list"]

    def lower(value: Any, arena: Arena) -> bytes:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise NotCanonical
        value = bytes(value)
        count = len(value)
        buffer = _stamped(kind, count, arena)
        memoryview(buffer)[PAYLOAD : count * SIZE : SIZE] = value
        return _vector(list_kind, count, _address(buffer))

    def lift(block: bytes, at: int, state: Any) -> bytes:
        count, pointer = _two(block, at + PAYLOAD)
        return bytes(view(pointer, count * SIZE)[PAYLOAD::SIZE]) if count else b""

    return lower, lift


def _numbers(name: str, code: Any) -> tuple[Lower, Lift]:
    kind, list_kind = KINDS[name], KINDS["list"]
    width = Struct("<" + code).size
    step, first = SIZE // width, PAYLOAD // width
    is_number = _number_test(code)

    def lower(value: Any, arena: Arena) -> bytes:
        if not isinstance(value, (list, tuple)) or not is_number(value):
            raise NotCanonical
        try:
            packed = array.array(code, value)
        except (TypeError, OverflowError):
            raise NotCanonical from None
        count = len(packed)
        buffer = _stamped(kind, count, arena)
        memoryview(buffer).cast(code)[first : count * step : step] = memoryview(packed)
        return _vector(list_kind, count, _address(buffer))

    def lift(block: bytes, at: int, state: Any) -> list[Any]:
        count, pointer = _two(block, at + PAYLOAD)
        if not count:
            return []
        return view(pointer, count * SIZE).cast(code)[first::step].tolist()

    return lower, lift


def _number_test(code: str) -> Callable[[Any], bool]:
    """`array` takes bools, and integers for floats; the canonical form does not."""
    wanted = {float} if code in "fd" else {int}
    return lambda items: set(map(type, items)) <= wanted
