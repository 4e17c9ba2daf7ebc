"""Facts about a WIT type that codecs need: parts, nesting, and where its async channels live.

Source: wrpc.md §6.2 (paths).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from workbench.errors import LimitExceeded, UsageError
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.types import (
    Enum,
    ErrorContext,
    Flags,
    Future,
    List,
    Option,
    Prim,
    Record,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)  # fmt: skip
from workbench.wire.wrpc.pending import AsyncType, Path

__all__ = ["channels", "check", "has_async", "has_dynamic_channels", "parts"]


def parts(type: Type) -> Iterator[Type]:
    """The types directly inside ``type``."""
    match type:
        case List(item) | Option(item):
            yield item
        case Stream(item) | Future(item):
            if item is not None:
                yield item
        case Result(ok, err):
            yield from (side for side in (ok, err) if side is not None)
        case Tuple(items):
            yield from items
        case Record(_, fields):
            yield from (item for _, item in fields)
        case Variant(_, cases):
            yield from (item for _, item in cases if item is not None)
        case _:
            return


def check(types: Iterable[Type], limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse types that are too deep, too large or that wRPC has no encoding for."""
    stack = [(type, 1) for type in types]
    nodes = 0
    while stack:
        type, depth = stack.pop()
        nodes += 1
        if depth > limits.depth or nodes > limits.nodes:
            raise LimitExceeded(
                "a WIT type is nested too deeply or has too many parts",
                limit="depth" if depth > limits.depth else "nodes",
            )
        if isinstance(type, ErrorContext):
            raise UsageError(
                "error-context can't travel over wRPC",
                hint="no wRPC peer supports it; use a variant or a string in the signature",
            )
        if _is_empty(type):
            # A list of these would cost its sender a count and us memory for each item.
            raise UsageError(
                f"{type} has no member, which WIT does not know",
                hint="give it a member, or leave it out of the signature",
            )
        stack.extend((part, depth + 1) for part in parts(type))


def _is_empty(type: Type) -> bool:
    match type:
        case Tuple(members) | Record(_, members) | Variant(_, members):
            return not members
        case Enum(_, names) | Flags(_, names):
            return not names
        case _:
            return False


@lru_cache(maxsize=8192)
def has_async(type: Type) -> bool:
    """Whether a stream or future is somewhere in ``type``."""
    return isinstance(type, Stream | Future) or any(has_async(part) for part in parts(type))


def channels(type: Type, path: Path) -> Iterator[tuple[Path, AsyncType]]:
    """The channels whose paths follow from the type alone, outermost first."""
    match type:
        case Stream():
            yield path, type
        case Future(item):
            yield path, type
            if item is not None:
                yield from channels(item, path)
        case Record(_, fields):
            for index, (_, item) in enumerate(fields):
                yield from channels(item, (*path, index))
        case Tuple(items):
            for index, item in enumerate(items):
                yield from channels(item, (*path, index))
        case Option(item):
            yield from channels(item, path)
        case Result() | Variant():
            for item in parts(type):
                yield from channels(item, path)
        case _:
            return


def has_dynamic_channels(type: Type) -> bool:
    """Whether a stream or future sits in a list or stream, so that its path is known only later.

    Rust peers can't exchange such values over NATS (wrpc.md §6.2); peers of ours can.
    """
    if isinstance(type, Prim | Enum | Flags):
        return False
    if isinstance(type, List | Stream):
        return type.item is not None and has_async(type.item)
    return any(map(has_dynamic_channels, parts(type)))
