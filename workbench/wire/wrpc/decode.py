"""Bytes into values, in whatever pieces they come (wrpc.md §10).

Whatever the bytes are, only `DecodeError` (with `LimitExceeded`) comes out of a `Decoder`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from workbench.errors import LimitExceeded
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.types import Tuple, Type
from workbench.wire.wrpc.leaves import NeedMore, Plain
from workbench.wire.wrpc.pending import AsyncValues, PendingValues
from workbench.wire.wrpc.plain import plain
from workbench.wire.wrpc.resume import Cursor, Resumable, Steps, resumable
from workbench.wire.wrpc.shape import has_async

__all__ = ["Decoder", "Row"]


class Row:
    """Types whose values follow each other, compiled at first use for all decoders of them."""

    def __init__(self, types: Sequence[Type], limits: Limits = DEFAULT_LIMITS) -> None:
        self.type = Tuple(tuple(types))
        self.limits = limits

    @cached_property
    def plain(self) -> Plain | None:
        """The short way, for values that are complete in the first piece."""
        return None if has_async(self.type) else plain(self.type, self.limits)

    @cached_property
    def resumable(self) -> Resumable:
        return resumable(self.type, self.limits)


class Decoder:
    """Decodes a row of values from bytes that come in any pieces.

    ``feed`` returns True once everything is there; ``values`` holds it then, ``trailing`` the
    number of bytes beyond. A row without types has its values from the beginning. What raised
    an error is not to be fed again.
    """

    __slots__ = ("_async", "_cursor", "_missing", "_row", "_steps", "received", "trailing",
                 "values")  # fmt: skip

    def __init__(self, row: Row, async_values: AsyncValues | None = None) -> None:
        self._row = row
        self._async = async_values
        self._cursor: Cursor | None = None
        self._steps: Steps | None = None
        self._missing = 0
        self.received = 0
        self.trailing = 0
        self.values: tuple[Any, ...] | None = None if row.type.items else ()

    def feed(self, data: bytes) -> bool:
        if self.values is not None:
            self.trailing += len(data)
            return True
        self.received += len(data)
        if self.received > self._row.limits.bytes:
            raise LimitExceeded(
                f"more than {self._row.limits.bytes} bytes for one value", limit="bytes"
            )
        if self._cursor is None:
            return self._first(data)
        self._cursor.extend(data)
        self._missing -= len(data)
        return self._missing <= 0 and self._resume(self._cursor)

    def _first(self, data: bytes) -> bool:
        decode = self._row.plain
        if decode is not None:
            try:
                self.values, position = decode(data, 0)
            except (IndexError, NeedMore):
                pass
            else:
                self.trailing = len(data) - position
                return True
        self._cursor = Cursor(data)
        async_values = self._async if self._async is not None else PendingValues()
        self._steps = self._row.resumable(self._cursor, async_values, ())
        return self._resume(self._cursor)

    def _resume(self, cursor: Cursor) -> bool:
        assert self._steps is not None
        try:
            self._missing = next(self._steps)
        except StopIteration as stop:
            self.values = stop.value
            self.trailing = cursor.remaining
            self._cursor = self._steps = None
            return True
        return False
