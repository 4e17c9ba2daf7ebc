"""The resumable form of decoders: generators that yield how many bytes are missing (wrpc.md §10).

For values that arrive in several messages, and for those with streams or futures inside. They
use the plain form for whatever is complete, so that no part of a value is decoded more often
than it is nested deep, however small the messages are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias

from workbench.errors import DecodeError, LimitExceeded
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.scalars import INTEGER_RANGES
from workbench.wire.wit.types import (
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
)
from workbench.wire.wit.values import Case, Err, Ok, Some, record_class
from workbench.wire.wrpc.integers import integer_absorber
from workbench.wire.wrpc.leaves import (
    NeedMore,
    Plain,
    case_index,
    read_count,
    read_option_byte,
    read_result_byte,
)
from workbench.wire.wrpc.leb128 import Buffer, read_u32
from workbench.wire.wrpc.pending import AsyncValues, Path
from workbench.wire.wrpc.plain import plain, plain_run
from workbench.wire.wrpc.shape import has_async

__all__ = ["Cursor", "Resumable", "Steps", "resumable", "resume_u32"]

Steps: TypeAlias = Generator[int, None, Any]
"""Yields the number of missing bytes, at least 1; returns the value."""
Resumable: TypeAlias = Callable[["Cursor", AsyncValues, Path], Steps]


class Cursor:
    """The bytes received so far and the place reached in them; the channels announced so far."""

    __slots__ = ("buffer", "channels", "position")

    def __init__(self, buffer: Buffer = b"") -> None:
        self.buffer = bytearray(buffer)
        self.position = 0
        self.channels = 0

    def announce(self, limits: Limits) -> None:
        """One more stream or future is to come on a channel of its own."""
        self.channels += 1
        if self.channels > limits.channels:
            raise LimitExceeded(
                f"more than {limits.channels} streams and futures in one value",
                limit="channels",
                offset=self.position,
            )

    def extend(self, data: bytes) -> None:
        """Append; what was consumed is dropped once it is the larger part."""
        if self.position > 65_536 and self.position * 2 > len(self.buffer):
            del self.buffer[: self.position]
            self.position = 0
        self.buffer += data

    @property
    def remaining(self) -> int:
        return len(self.buffer) - self.position


@lru_cache(maxsize=8192)
def resumable(type: Type, limits: Limits = DEFAULT_LIMITS) -> Resumable:
    """The resumable decoder of any type; streams and futures become what `AsyncValues` makes."""
    match type:
        case List(Prim(name)) if name in INTEGER_RANGES and name != "u8":
            return _resume_integers(name, limits)
        case List(item) if not _in_one_piece(item):
            return _resume_list(type, limits)
        case Option(item):
            return _resume_option(item, limits)
        case Result(ok, err):
            return _resume_choice(
                [("ok", ok), ("err", err)], _make_result, read_result_byte, limits
            )
        case Variant(name, cases):
            read = partial(case_index, count=len(cases), name=name)
            return _resume_choice(cases, Case, read, limits)
        case Tuple(items):
            return _resume_row(items, _tuple_of, limits)
        case Record(_, fields):
            return _resume_row([item for _, item in fields], record_class(type), limits)
        case Stream(item):
            return _resume_stream(type, item, limits)
        case Future(item):
            return _resume_future(type, item, limits)
        case _:
            return _resume_plain(plain(type, limits))


def _in_one_piece(item: Type) -> bool:
    """Lists whose need of bytes is known from the count alone."""
    return isinstance(item, Prim) and item.name in ("u8", "f32", "f64")


def _make_result(side: str, value: Any) -> Ok | Err:
    return Ok(value) if side == "ok" else Err(value)


def _tuple_of(*values: Any) -> tuple[Any, ...]:
    return values


def _resume_plain(decode: Plain) -> Resumable:
    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        while True:
            try:
                value, cursor.position = decode(cursor.buffer, cursor.position)
            except IndexError:
                yield 1
            except NeedMore as need:
                yield need.missing
            else:
                return value

    return steps


def _resume_number(read: Callable[[Buffer, int], tuple[int, int]]) -> Callable[[Cursor], Steps]:
    def steps(cursor: Cursor) -> Steps:
        while True:
            try:
                value, cursor.position = read(cursor.buffer, cursor.position)
            except IndexError:
                yield 1
            else:
                return value

    return steps


resume_u32 = _resume_number(read_u32)


def _resume_integers(name: str, limits: Limits) -> Resumable:
    absorb = integer_absorber(name)
    count_steps = _resume_count(limits)

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        count = yield from count_steps(cursor)
        values: list[int] = []
        value = shift = 0
        while missing := count - len(values):
            while not cursor.remaining:
                yield 1
            run = cursor.buffer[cursor.position : cursor.position + missing]
            cursor.position += len(run)
            value, shift = absorb(run, values, value, shift)
        return values

    return steps


def _resume_count(limits: Limits) -> Callable[[Cursor], Steps]:
    limit = limits.count
    return _resume_number(lambda buffer, position: read_count(buffer, position, limit))


def _resume_list(type: List, limits: Limits) -> Resumable:
    item = type.item
    item_steps = resumable(item, limits)
    run = None if has_async(item) else plain_run(item, limits)
    count_steps = _resume_count(limits)

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        count = yield from count_steps(cursor)
        values: list[Any] = []
        while missing := count - len(values):
            if run is not None:
                # Most items are complete, and a generator for each would be slow.
                cursor.position = run(cursor.buffer, cursor.position, missing, values)
            if len(values) < count:
                value = yield from item_steps(cursor, async_values, (*path, len(values)))
                values.append(value)
        return values

    return steps


def _resume_row(items: Sequence[Type], make: Callable[..., Any], limits: Limits) -> Resumable:
    rows = [resumable(item, limits) for item in items]

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        values = []
        for index, item_steps in enumerate(rows):
            value = yield from item_steps(cursor, async_values, (*path, index))
            values.append(value)
        return make(*values)

    return steps


def _resume_option(item: Type, limits: Limits) -> Resumable:
    item_steps = resumable(item, limits)
    nested = isinstance(item, Option)

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        while not cursor.remaining:
            yield 1
        present = read_option_byte(cursor.buffer, cursor.position)
        cursor.position += 1
        if not present:
            return None
        value = yield from item_steps(cursor, async_values, path)
        return Some(value) if nested else value

    return steps


def _resume_choice(
    cases: Sequence[tuple[str, Type | None]],
    make: Callable[[str, Any], Any],
    read_index: Callable[[Buffer, int], tuple[int, int]],
    limits: Limits,
) -> Resumable:
    branches = [(c, None if item is None else resumable(item, limits)) for c, item in cases]
    index_steps = _resume_number(read_index)

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        index = yield from index_steps(cursor)
        case, payload_steps = branches[index]
        if payload_steps is None:
            return make(case, None)
        payload = yield from payload_steps(cursor, async_values, path)
        return make(case, payload)

    return steps


def _resume_stream(type: Stream, item: Type | None, limits: Limits) -> Resumable:
    # Length 0 is "pending"; anything else is the whole stream inline, as Rust reads it (§6.3).
    inline = None if item is None else resumable(List(item), limits)

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        while not cursor.remaining:
            yield 1
        if cursor.buffer[cursor.position] == 0:
            cursor.position += 1
            cursor.announce(limits)
            return async_values.pending(path, type)
        if inline is None:
            raise DecodeError("a stream without items can't be inline", offset=cursor.position)
        value = yield from inline(cursor, async_values, path)
        return async_values.ready(path, type, value)

    return steps


def _resume_future(type: Future, item: Type | None, limits: Limits) -> Resumable:
    item_steps = None if item is None else resumable(item, limits)

    def steps(cursor: Cursor, async_values: AsyncValues, path: Path) -> Steps:
        while not cursor.remaining:
            yield 1
        ready = read_option_byte(cursor.buffer, cursor.position)
        cursor.position += 1
        if not ready:
            cursor.announce(limits)
            return async_values.pending(path, type)
        value = None
        if item_steps is not None:
            value = yield from item_steps(cursor, async_values, path)
        return async_values.ready(path, type, value)

    return steps
