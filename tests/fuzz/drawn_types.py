"""WIT types as bytes: any bytes begin with a type, so that a fuzzer draws types as well.

type, rest = read_type(data)
read_type(type_bytes(type) + rest)  →  the same type, names aside, and rest
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, auto

from workbench.wire.wit.types import (
    PRIMITIVES,
    Borrow,
    Enum,
    Flags,
    Future,
    List,
    Option,
    Own,
    Prim,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)

__all__ = ["read_type", "type_bytes"]

_PRIMS = list(PRIMITIVES.values())
_THING = ResourceType("thing", "fuzz:pkg/things")


class _Tag(IntEnum):
    """The first byte of a type that is no primitive; those have the numbers below."""

    LIST = len(_PRIMS)
    OPTION = auto()
    RESULT = auto()
    TUPLE = auto()
    RECORD = auto()
    VARIANT = auto()
    ENUM = auto()
    FLAGS = auto()
    OWN = auto()
    BORROW = auto()
    STREAM = auto()
    FUTURE = auto()


_DEPTH = 12
_NODES = 60
# An absent payload: of a result, a variant's case, a stream or a future.
_ABSENT = 255


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.nodes = 0

    def byte(self) -> int:
        if self.position >= len(self.data):
            return 0
        self.position += 1
        return self.data[self.position - 1]

    def type(self, depth: int = 0) -> Type:
        tag = self.byte() % (max(_Tag) + 1)
        self.nodes += 1
        if tag < len(_PRIMS) or depth > _DEPTH or self.nodes > _NODES:
            return _PRIMS[tag % len(_PRIMS)]
        return self._composite(tag, depth + 1)

    def _composite(self, tag: int, depth: int) -> Type:
        match tag:
            case _Tag.LIST:
                return List(self.type(depth))
            case _Tag.OPTION:
                return Option(self.type(depth))
            case _Tag.RESULT:
                return Result(self.maybe(depth), self.maybe(depth))
            case _Tag.TUPLE:
                return Tuple(tuple(self.type(depth) for _ in range(self.byte() % 5 + 1)))
            case _Tag.RECORD:
                return Record(
                    "r", tuple((n, self.type(depth)) for n in _names(self.byte() % 5 + 1))
                )
            case _Tag.VARIANT:
                return Variant(
                    "v", tuple((n, self.maybe(depth)) for n in _names(self.byte() % 140 + 1))
                )
            case _Tag.ENUM:
                return Enum("e", tuple(_names(self.byte() + self.byte() % 2 * 256 + 1)))
            case _Tag.FLAGS:
                return Flags("f", tuple(_names(self.byte() % 70 + 1)))
            case _Tag.OWN:
                return Own(_THING)
            case _Tag.BORROW:
                return Borrow(_THING)
            case _Tag.STREAM:
                return Stream(self.maybe(depth))
            case _:
                return Future(self.maybe(depth))

    def maybe(self, depth: int) -> Type | None:
        if self.position < len(self.data) and self.data[self.position] == _ABSENT:
            self.position += 1
            return None
        return self.type(depth)


def _names(count: int) -> list[str]:
    return [f"n{index}" for index in range(count)]


def read_type(data: bytes) -> tuple[Type, bytes]:
    """The type at the front, and the bytes behind it. Every input has one."""
    reader = _Reader(data)
    type = reader.type()
    return type, data[reader.position :]


def type_bytes(type: Type) -> bytes:
    """What `read_type` reads as ``type``, names aside."""
    return bytes(_written(type))


def _written(type: Type | None) -> Iterator[int]:
    match type:
        case None:
            yield _ABSENT
        case Prim():
            yield _PRIMS.index(type)
        case List(item) | Option(item):
            yield _Tag.LIST if isinstance(type, List) else _Tag.OPTION
            yield from _written(item)
        case Stream(item) | Future(item):
            yield _Tag.STREAM if isinstance(type, Stream) else _Tag.FUTURE
            yield from _written(item)
        case Result(ok, err):
            yield _Tag.RESULT
            yield from _written(ok)
            yield from _written(err)
        case Tuple(items):
            yield from (_Tag.TUPLE, len(items) - 1)
            for item in items:
                yield from _written(item)
        case Record(_, fields):
            yield from (_Tag.RECORD, len(fields) - 1)
            for _, item in fields:
                yield from _written(item)
        case Variant(_, cases):
            yield from (_Tag.VARIANT, len(cases) - 1)
            for _, item in cases:
                yield from _written(item)
        case Enum(_, cases):
            yield from (_Tag.ENUM, (len(cases) - 1) % 256, (len(cases) - 1) // 256)
        case Flags(_, names):
            yield from (_Tag.FLAGS, len(names) - 1)
        case Own() | Borrow():
            yield _Tag.OWN if isinstance(type, Own) else _Tag.BORROW
        case _:
            raise ValueError(f"{type} is not drawn")
