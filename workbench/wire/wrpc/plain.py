"""The plain form of decoders, for values that are complete in one buffer (wrpc.md §10).

Types with parts get a function written for them (`source`), which reads small parts in place.
What decoders do on short and on wrong bytes is said in `leaves`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from workbench.errors import DecodeError, UsageError
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit import types as wit
from workbench.wire.wit.values import Case, Err, Ok, RecordValue, Some, record_class
from workbench.wire.wrpc.integers import integer_list_reader
from workbench.wire.wrpc.leaves import (
    FLOATS,
    NeedMore,
    Plain,
    bytes_reader,
    case_index,
    enum_reader,
    flags_reader,
    float_list_reader,
    handle_reader,
    prim_reader,
    read_count,
    read_option_byte,
    read_result_byte,
)
from workbench.wire.wrpc.leb128 import Buffer
from workbench.wire.wrpc.source import COMPOSITES, Source

__all__ = ["Run", "plain", "plain_run"]

Run: TypeAlias = Callable[[Buffer, int, int, list[Any]], int]
"""``(buffer, position, most, values)`` appends up to ``most`` items that are complete.

Returns the position behind the last of them.
"""


@lru_cache(maxsize=8192)
def plain(type: wit.Type, limits: Limits = DEFAULT_LIMITS) -> Plain:
    """The plain decoder of a type without streams and futures; the same object for equal types."""
    match type:
        case wit.Prim(name):
            return prim_reader(name, limits)
        case wit.List(wit.Prim(name) as item) if _is_number(item):
            return _number_list(name, limits)
        case wit.Variant(name, cases):
            return _variant(name, [(case, _optional(item, limits)) for case, item in cases])
        case wit.Enum(name, cases):
            return enum_reader(name, cases)
        case wit.Flags(name, names):
            return flags_reader(name, names)
        case wit.Own() | wit.Borrow():
            return handle_reader(limits)
        case wit.Stream() | wit.Future() | wit.ErrorContext():
            raise UsageError(f"{type} has no plain encoding in wRPC")
        case _:
            return _Reading(limits).decoder(type)


@lru_cache(maxsize=8192)
def plain_run(item: wit.Type, limits: Limits = DEFAULT_LIMITS) -> Run:
    """What reads the items of a list that comes in pieces, as many as are there."""
    return _Reading(limits).run(item)


def _number_list(name: str, limits: Limits) -> Plain:
    if name == "u8":
        return bytes_reader("list<u8>", limits)
    if name[0] == "f":
        return float_list_reader(name, limits)
    return integer_list_reader(name, limits)


def _optional(type: wit.Type | None, limits: Limits) -> Plain | None:
    return None if type is None else plain(type, limits)


def _variant(name: str, cases: list[tuple[str, Plain | None]]) -> Plain:
    count = len(cases)
    # A case without payload is always the same value.
    bare = [Case(case) for case, _ in cases]

    def decode(buffer: Buffer, position: int) -> tuple[Case, int]:
        index, position = case_index(buffer, position, count, name)
        case, decode_payload = cases[index]
        if decode_payload is None:
            return bare[index], position
        payload, position = decode_payload(buffer, position)
        return Case(case, payload), position

    return decode


def _no_text(position: int) -> DecodeError:
    return DecodeError("a string is not UTF-8", offset=position)


class _Reading:
    """Writes the decoder of one type: lines that move ``position`` and set a variable."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.source = Source()

    def decoder(self, type: wit.Type) -> Plain:
        source = self.source
        with source.block("try"):
            self.parts(type, "value", 0)
            source.line("return value, position")
        self._refuse_text()
        return source.function("buffer, position", f"decoder of {type}")

    def run(self, item: wit.Type) -> Run:
        source = self.source
        source.lines("add = values.append", "done = position")
        with source.block("try"), source.block("for _ in range(most)"):
            self.value(item, "value", 1)
            source.lines("add(value)", "done = position")
        with source.block(f"except {source.bind((IndexError, NeedMore))}"):
            source.line("pass")
        self._refuse_text()
        source.line("return done")
        return source.function("buffer, position, most, values", f"items of list<{item}>")

    def _refuse_text(self) -> None:
        with self.source.block("except UnicodeDecodeError as error"):
            self.source.line(f"raise {self.source.bind(_no_text)}(position) from error")

    def value(self, type: wit.Type, to: str, depth: int) -> None:
        """Lines that read a ``type`` into the variable ``to``."""
        match type:
            case wit.Prim("u8"):
                self.source.lines(f"{to} = buffer[position]", "position += 1")
            case wit.Prim("bool"):
                self._short(to, 2, f"{to} == 1", type)
            case wit.Prim("string"):
                self._string(to)
            case wit.Prim("f32" | "f64" as name):
                self._float(name, to)
            case wit.Prim(name) if name[0] in "us" and name != "s8":
                self._integer(name, type, to)
            case wit.Enum(_, cases):
                self._short(to, min(len(cases), 0x80), f"{self.source.bind(cases)}[{to}]", type)
            case wit.List(item) if _is_number(item):
                self._call(type, to)
            case _ if isinstance(type, COMPOSITES) and self.source.has_room(type, depth):
                self.parts(type, to, depth)
            case _:
                self._call(type, to)

    def parts(self, type: wit.Type, to: str, depth: int) -> None:
        match type:
            case wit.List(item):
                self._list(item, to, depth + 1)
            case wit.Option(item):
                self._option(item, to, depth + 1)
            case wit.Result(ok, err):
                self._result(ok, err, to, depth + 1)
            case wit.Tuple(items):
                self.source.line(f"{to} = ({self._row(items, depth)},)")
            case wit.Record(_, fields):
                row = self._row([item for _, item in fields], depth)
                self._make(record_class(type), RecordValue._values, f"({row},)", to)
            case _:
                raise TypeError(f"{type} has no parts")

    def _call(self, type: wit.Type, to: str) -> None:
        decode = self.source.bind(plain(type, self.limits))
        self.source.line(f"{to}, position = {decode}(buffer, position)")

    def _short(self, to: str, limit: int, value: str, type: wit.Type) -> None:
        """One byte below ``limit`` gives ``value``; all else goes to the decoder of ``type``."""
        self.source.line(f"{to} = buffer[position]")
        with self.source.block(f"if {to} < {limit}"):
            self.source.line("position += 1")
            if value != to:
                self.source.line(f"{to} = {value}")
        with self.source.block("else"):
            self._call(type, to)

    def _integer(self, name: str, type: wit.Type, to: str) -> None:
        if name[0] == "u":
            self._short(to, 0x80, to, type)
        else:
            self._short(to, 0x80, f"{to} - 0x80 if {to} & 0x40 else {to}", type)

    def _float(self, name: str, to: str) -> None:
        source, end = self.source, self.source.fresh()
        unpack, size = FLOATS[name].unpack_from, FLOATS[name].size
        source.line(f"{end} = position + {size}")
        with source.block(f"if {end} > len(buffer)"):
            source.line(f"raise {source.bind(NeedMore)}({end} - len(buffer))")
        source.lines(f"{to} = {source.bind(unpack)}(buffer, position)[0]", f"position = {end}")

    def _string(self, to: str) -> None:
        source, size = self.source, self.source.fresh()
        limit = min(0x80, self.limits.bytes + 1)
        source.line(f"{size} = buffer[position]")
        with source.block(f"if {size} < {limit} and position + {size} < len(buffer)"):
            source.lines(
                "position += 1",
                f"{to} = buffer[position:position + {size}].decode()",
                f"position += {size}",
            )
        with source.block("else"):
            self._call(wit.Prim("string"), to)

    def _list(self, item: wit.Type, to: str, depth: int) -> None:
        source = self.source
        count, part, add = source.fresh(), source.fresh(), source.fresh()
        limit = self.limits.count
        source.line(f"{count} = buffer[position]")
        with source.block(f"if {count} < {min(0x80, limit + 1)}"):
            source.line("position += 1")
        with source.block("else"):
            read = source.bind(read_count)
            source.line(f"{count}, position = {read}(buffer, position, {limit})")
        source.lines(f"{to} = []", f"{add} = {to}.append")
        with source.block(f"for _ in range({count})"):
            self.value(item, part, depth)
            source.line(f"{add}({part})")

    def _option(self, item: wit.Type, to: str, depth: int) -> None:
        source = self.source
        source.line(f"{to} = buffer[position]")
        with source.block(f"if {to} == 0"):
            source.lines(f"{to} = None", "position += 1")
        with source.block(f"elif {to} == 1"):
            source.line("position += 1")
            self.value(item, to, depth)
            if isinstance(item, wit.Option):
                self._make(Some, Some.value, to, to)  # pyright: ignore[reportAttributeAccessIssue]  # the slot
        with source.block("else"):
            source.line(f"{source.bind(read_option_byte)}(buffer, position)  # which raises")

    def _result(self, ok: wit.Type | None, err: wit.Type | None, to: str, depth: int) -> None:
        source = self.source
        source.line(f"{to} = buffer[position]")
        for byte, (side, kind) in enumerate(((ok, Ok), (err, Err))):
            with source.block(f"{'el' * byte}if {to} == {byte}"):
                source.line("position += 1")
                if side is None:
                    source.line(f"{to} = {source.bind(kind())}")
                else:
                    self.value(side, to, depth)
                    self._make(kind, kind.value, to, to)
        with source.block("else"):
            source.line(f"{source.bind(read_result_byte)}(buffer, position)  # which raises")

    def _row(self, items: Sequence[wit.Type], depth: int) -> str:
        names = []
        for item in items:
            names.append(self.source.fresh())
            self.value(item, names[-1], depth + 1)
        return ", ".join(names)

    def _make(self, kind: type, slot: Any, value: str, to: str) -> None:
        """A frozen object with one slot, past its own ``__init__``: that takes twice the time."""
        source, made = self.source, self.source.fresh()
        source.lines(
            f"{made} = {source.bind(object.__new__)}({source.bind(kind)})",
            f"{source.bind(slot.__set__)}({made}, {value})",
            f"{to} = {made}",
        )


def _is_number(type: wit.Type) -> bool:
    return isinstance(type, wit.Prim) and type.name not in ("bool", "char", "string")
