"""Bytes and texts of functions that carry bytes as text (`carrier.py` says why and how).

In such a function ``tuple<string>`` is bytes, each a character below 256; and a string is the
UTF-8 of a text, each byte such a character.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from workbench.errors import Trap
from workbench.wasm.bulk import NotCanonical
from workbench.wasm.capi import address_of_bytes, read
from workbench.wasm.layout import KINDS, PAYLOAD, SIZE
from workbench.wire.wit.types import STRING, U8, List, Option, Record, Result, Tuple, Type, Variant

if TYPE_CHECKING:
    from workbench.wasm.values import Arena, Lift, Lower

__all__ = ["BYTES", "compile_carried", "uncarried"]

BYTES = Tuple((STRING,))
"""What wasmtime sees in the place of ``list<u8>``."""

_two = Struct("<QQ").unpack_from
_vector = Struct(f"<B{PAYLOAD - 1}xQQ{SIZE - PAYLOAD - 16}x").pack
_STRING, _TUPLE = KINDS["string"], KINDS["tuple"]


def compile_carried(type: Type) -> tuple[Lower, Lift] | None:
    """Lowering and lifting of a type that is carried in another way; None for all others."""
    if type == BYTES:
        return _lower_bytes, _lift_bytes
    return (_lower_text, _lift_text) if type == STRING else None


def uncarried(type: Type) -> Type:
    """The type that the component was written with."""
    if type == BYTES:
        return List(U8)
    match type:
        case List(item):
            return List(uncarried(item))
        case Option(item):
            return Option(uncarried(item))
        case Tuple(items):
            return Tuple(tuple(map(uncarried, items)))
        case Result(ok, err):
            return Result(ok and uncarried(ok), err and uncarried(err))
        case Record(name, fields):
            return Record(name, tuple((n, uncarried(t)) for n, t in fields))
        case Variant(name, cases):
            return Variant(name, tuple((n, t and uncarried(t)) for n, t in cases))
        case _:
            return type


def _characters(data: bytes) -> bytes:
    """The UTF-8 of the text whose characters are these bytes."""
    return data if data.isascii() else data.decode("latin-1").encode()


def _from_characters(text: bytes) -> bytes:
    if text.isascii():
        return text
    try:
        return text.decode().encode("latin-1")
    except UnicodeError:
        raise _broken("it gave a list of bytes with a length beyond its memory") from None


def _broken(what: str) -> Trap:
    return Trap(f"the component is broken: {what}", reason=what, backtrace=[], stderr=[])


def _text_image(data: bytes, arena: Arena) -> bytes:
    arena.keep.append(data)
    return _vector(_STRING, len(data), address_of_bytes(data))


def _text_at(block: bytes, at: int) -> bytes:
    size, pointer = _two(block, at + PAYLOAD)
    return _from_characters(read(pointer, size)) if size else b""


def _lower_bytes(value: Any, arena: Arena) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise NotCanonical
    image = _text_image(_characters(bytes(value)), arena)
    return _vector(_TUPLE, 1, arena.put(image))


def _lift_bytes(block: bytes, at: int, state: Any) -> bytes:
    return _text_at(read(_two(block, at + PAYLOAD)[1], SIZE), 0)


def _lower_text(value: Any, arena: Arena) -> bytes:
    try:
        data = value.encode()
    except (AttributeError, UnicodeEncodeError):
        raise NotCanonical from None
    return _text_image(_characters(data), arena)


def _lift_text(block: bytes, at: int, state: Any) -> str:
    try:
        return _text_at(block, at).decode()
    except UnicodeDecodeError:
        raise _broken("it gave a string that is no UTF-8") from None
