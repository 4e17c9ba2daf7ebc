"""Bytes into values, in whatever pieces they come (wrpc.md §10).

Whatever the bytes are, only `DecodeError` (with `LimitExceeded`) comes out of a `Decoder`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import LimitExceeded
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.types import Type
from workbench.wire.wrpc.leaves import NeedMore, Plain
from workbench.wire.wrpc.pending import AsyncValues, PendingValues
from workbench.wire.wrpc.plain import plain
from workbench.wire.wrpc.resume import Cursor, Steps, resumable

__all__ = ["Decoder", "plain_row"]


def plain_row(types: Sequence[Type], limits: Limits = DEFAULT_LIMITS) -> list[Plain]:
    """The plain decoders of types without streams and futures."""
    return [plain(type, limits) for type in types]


class Decoder:
    """Decodes a row of values from bytes that come in any pieces.

    ``plain_decoders`` (`plain_row`) is the short way for a first piece that holds everything.
    ``feed`` returns True once everything is there; ``values`` holds it then, ``trailing`` the
    number of bytes beyond.
    """

    __slots__ = ("_async", "_cursor", "_limits", "_missing", "_plain", "_steps", "_types",
                 "received", "trailing", "values")  # fmt: skip

    def __init__(
        self,
        types: Sequence[Type],
        *,
        limits: Limits = DEFAULT_LIMITS,
        async_values: AsyncValues | None = None,
        plain_decoders: Sequence[Plain] | None = None,
    ) -> None:
        self._types = types
        self._limits = limits
        self._async = async_values
        self._plain = plain_decoders
        self._cursor: Cursor | None = None
        self._steps: Steps | None = None
        self._missing = 0
        self.received = 0
        self.trailing = 0
        self.values: tuple[Any, ...] | None = None if types else ()

    def feed(self, data: bytes) -> bool:
        if self.values is not None:
            self.trailing += len(data)
            return True
        self.received += len(data)
        if self.received > self._limits.bytes:
            raise LimitExceeded(
                f"more than {self._limits.bytes} bytes for one value", limit="bytes"
            )
        if self._cursor is None:
            if self._plain is not None and self._decode_at_once(data):
                return True
            self._cursor = Cursor(data)
            self._steps = self._all(self._cursor)
        else:
            self._cursor.extend(data)
            self._missing -= len(data)
            if self._missing > 0:
                return False
        return self._resume(self._cursor)

    def _decode_at_once(self, data: bytes) -> bool:
        values = []
        position = 0
        try:
            for decode in self._plain or ():
                value, position = decode(data, position)
                values.append(value)
        except (IndexError, NeedMore):
            return False
        self.values = tuple(values)
        self.trailing = len(data) - position
        return True

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

    def _all(self, cursor: Cursor) -> Steps:
        async_values = self._async if self._async is not None else PendingValues()
        values = []
        for index, type in enumerate(self._types):
            value = yield from resumable(type, self._limits)(cursor, async_values, (index,))
            values.append(value)
        return tuple(values)
