"""The rules by which Python values become canonical WIT values.

Each type is compiled once into a reader, a plain function of the value. Readers raise
`Mismatch` with the place they know; containers add theirs on the way out.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterable, Iterator, Mapping, Set
from typing import Any, ClassVar

from workbench.wire.wit.by_type import ByType
from workbench.wire.wit.mismatch import Mismatch, describe_type, one_deeper, within
from workbench.wire.wit.naming import closest, name_table
from workbench.wire.wit.scalars import (
    INTEGER_RANGES,
    Reader,
    finite,
    float_reader,
    integer_reader,
    number_list_reader,
    read_bool,
    read_bytes,
    read_char,
    read_string,
)
from workbench.wire.wit.types import (
    U8,
    Borrow,
    Enum,
    ErrorContext,
    Flags,
    Future,
    List,
    Option,
    Own,
    Prim,
    Record,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import (
    Case,
    Err,
    Handle,
    Ok,
    RecordValue,
    Some,
    attribute_name,
    record_class,
)

__all__ = ["PYTHON_RULES", "PythonRules"]


class PythonRules:
    """Compiles WIT types into readers of Python values; `JsonRules` changes some of the rules."""

    # How an absent value is written, for errors.
    none: ClassVar[str] = "None"

    def __init__(self) -> None:
        self._reader = ByType(lambda type: self._compile(type, 0))

    def reader(self, type: Type) -> Reader:
        """The reader of ``type``."""
        return self._reader(type)

    def _compile(self, type: Type, depth: int) -> Reader:
        below = one_deeper(depth)
        match type:
            case Prim(name):
                return self._prim(name)
            case List(item):
                if item == U8:
                    return self._bytes()
                general = self._list(type, self._compile(item, below))
                return number_list_reader(item, general)
            case Option(item):
                return self._option(type, self._compile(item, below))
            case Result(ok, err):
                return self._result(type, self._maybe(ok, below), self._maybe(err, below))
            case Tuple(items):
                return self._tuple(type, [self._compile(item, below) for item in items])
            case Record(_, fields):
                return self._record(type, [(n, t, self._compile(t, below)) for n, t in fields])
            case Variant(_, cases):
                return self._variant(type, {n: self._maybe(t, below) for n, t in cases})
            case Enum():
                return self._enum(type)
            case Flags():
                return self._flags(type)
            case Stream(item):
                return self._stream(type, self._maybe(item, below))
            case Future(item):
                return self._future(type, self._maybe(item, below))
            case Own() | Borrow() | ErrorContext():
                return self._handle(type)

    def _maybe(self, type: Type | None, depth: int) -> Reader | None:
        return None if type is None else self._compile(type, depth)

    # -- primitives ---------------------------------------------------------------------------

    def _prim(self, name: str) -> Reader:
        if name in INTEGER_RANGES:
            return integer_reader(name)
        readers = {"bool": read_bool, "char": read_char, "string": read_string}
        return readers.get(name) or self._float(name)

    def _float(self, name: str) -> Reader:
        return float_reader(name)

    # -- lists and products -------------------------------------------------------------------

    def _bytes(self) -> Reader:
        return read_bytes

    def _list(self, type: Type, item: Reader) -> Reader:
        expected = describe_type(type)

        def read(value: Any) -> list[Any]:
            items = value if isinstance(value, (list, tuple)) else finite(expected, value)
            parts: list[Any] = []
            try:
                parts.extend(map(item, items))
            except Mismatch as fault:
                # How many went well is where this one sits; reading again to find it would
                # double the work at every level of nesting.
                raise fault.within(f"[{len(parts)}]") from None
            return parts

        return read

    def _tuple(self, type: Type, items: list[Reader]) -> Reader:
        expected = describe_type(type)
        count = len(items)

        def read(value: Any) -> tuple[Any, ...]:
            parts = value if isinstance(value, (list, tuple)) else finite(expected, value)
            if len(parts) != count:
                raise Mismatch(expected, value, f"it has {count} items, not {len(parts)}")
            return tuple(
                within(item, part, f"[{index}]")
                for index, (item, part) in enumerate(zip(items, parts, strict=True))
            )

        return read

    def _record(self, type: Record, fields: list[tuple[str, Type, Reader]]) -> Reader:
        expected = describe_type(type)
        make = record_class(type)
        table = name_table([name for name, _, _ in fields])
        optional = {name for name, t, _ in fields if isinstance(t, Option)}

        def read(value: Any) -> RecordValue:
            if isinstance(value, Mapping):
                given = _named_fields(expected, table, value)
            else:
                given = _attributes(expected, value, [name for name, _, _ in fields])
            parts = []
            for name, _, reader in fields:
                if name not in given:
                    if name not in optional:
                        raise Mismatch(expected, value, f"the field {name!r} is missing")
                    parts.append(None)
                    continue
                # Written out: a call of `within` for each field shows in the time of every call.
                try:
                    parts.append(reader(given[name]))
                except Mismatch as fault:
                    raise fault.within(f".{name}") from None
            return make(*parts)

        return read

    # -- sums ---------------------------------------------------------------------------------

    def _option(self, type: Option, item: Reader) -> Reader:
        if not isinstance(type.item, Option):
            return lambda value: None if value is None else item(value)
        expected = describe_type(type)

        def read(value: Any) -> Some | None:
            if value is None:
                return None
            if not isinstance(value, Some):
                raise Mismatch(expected, value, "the outer option is None or Some(…)")
            return Some(item(value.value))

        return read

    def _result(self, type: Result, ok: Reader | None, err: Reader | None) -> Reader:
        expected = describe_type(type)

        def read(value: Any) -> Ok | Err:
            if isinstance(value, Ok):
                return Ok(_payload(ok, value.value, ".ok", expected))
            if isinstance(value, Err):
                return Err(_payload(err, value.value, ".err", expected))
            side, payload = _single(expected, value, "a result is Ok(…) or Err(…)")
            if side == "ok":
                return Ok(_payload(ok, payload, ".ok", expected))
            if side == "err":
                return Err(_payload(err, payload, ".err", expected))
            raise Mismatch(expected, value, "a result is Ok(…) or Err(…)")

        return read

    def _variant(self, type: Variant, cases: dict[str, Reader | None]) -> Reader:
        expected = describe_type(type)
        table = name_table(cases)

        def read(value: Any) -> Case:
            if isinstance(value, Case):
                given, payload = value.name, value.payload
            else:
                given, payload = _single(expected, value, "a variant is Case(name, payload)")
            name = _lookup(expected, table, given, value, "case")
            reader = cases[name]
            if reader is not None and payload is None and isinstance(value, str):
                raise Mismatch(expected, value, f"the case {name!r} needs a payload")
            return Case(name, _payload(reader, payload, f".{name}", expected))

        return read

    def _enum(self, type: Enum) -> Reader:
        expected = describe_type(type)
        table = name_table(type.cases)

        def read(value: Any) -> str:
            if not isinstance(value, str):
                raise Mismatch(expected, value)
            return _lookup(expected, table, value, value, "case")

        return read

    def _flags(self, type: Flags) -> Reader:
        expected = describe_type(type)
        table = name_table(type.names)

        def read(value: Any) -> frozenset[str]:
            if not isinstance(value, (Set, list, tuple)):
                raise Mismatch(expected, value, "flags are a set or list of names")
            return frozenset(_lookup(expected, table, name, name, "flag") for name in value)

        return read

    # -- handles and what arrives later ---------------------------------------------------------

    def _handle(self, type: Type) -> Reader:
        expected = f"a handle of {type}"

        def read(value: Any) -> Any:
            if isinstance(value, (bytes, bytearray)):
                return Handle(bytes(value))
            # Any other object may be a host's own resource; plain data never is.
            if value is None or isinstance(value, (bool, int, float, str, list, tuple, dict)):
                raise Mismatch(expected, value)
            return value

        return read

    def _stream(self, type: Stream, item: Reader | None) -> Reader:
        expected = describe_type(type)
        whole = None if item is None else read_bytes if type.item == U8 else self._list(type, item)

        def read(value: Any) -> Any:
            if isinstance(value, (bytes, bytearray, memoryview, list, tuple)) and whole is not None:
                return whole(value)
            if isinstance(value, (AsyncIterable, Iterator)) or inspect.isgenerator(value):
                return value
            raise Mismatch(expected, value, "a stream is bytes, a list or an (async) iterator")

        return read

    def _future(self, type: Future, item: Reader | None) -> Reader:
        expected = describe_type(type)

        def read(value: Any) -> Any:
            if inspect.isawaitable(value):
                return value
            return _payload(item, value, ".value", expected)

        return read


def _payload(reader: Reader | None, value: Any, step: str, expected: str) -> Any:
    if reader is not None:
        return within(reader, value, step)
    if value is not None:
        raise Mismatch("nothing", value, f"{step[1:]!r} of {expected} has no payload")
    return None


def _single(expected: str, value: Any, why: str) -> tuple[Any, Any]:
    """The (name, payload) of ``"name"`` or ``{"name": payload}``."""
    if isinstance(value, str):
        return value, None
    if isinstance(value, Mapping) and len(value) == 1:
        return next(iter(value.items()))
    raise Mismatch(expected, value, why)


def _lookup(expected: str, table: Mapping[str, str], given: Any, value: Any, noun: str) -> str:
    name = table.get(given) if isinstance(given, str) else None
    if name is None:
        near = closest(given, table.values()) if isinstance(given, str) else ""
        raise Mismatch(expected, value, f"there is no {noun} {given!r}{near}")
    return name


def _named_fields(
    expected: str, table: Mapping[str, str], value: Mapping[Any, Any]
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, part in value.items():
        name = table.get(key) if isinstance(key, str) else None
        if name is None:
            known = ", ".join(dict.fromkeys(table.values()))
            near = closest(key, table.values()) if isinstance(key, str) else ""
            raise Mismatch(
                expected, value, f"there is no field {key!r}{near}", hint=f"its fields: {known}"
            )
        if name in given:
            raise Mismatch(expected, value, f"the field {name!r} is given twice")
        given[name] = part
    return given


def _attributes(expected: str, value: Any, names: list[str]) -> dict[str, Any]:
    if isinstance(value, RecordValue):
        return value.as_dict()
    if isinstance(value, type) or not (
        hasattr(value, "_fields") or dataclasses.is_dataclass(value)
    ):
        raise Mismatch(expected, value, "a record is a mapping or an object with its fields")
    given: dict[str, Any] = {}
    for name in names:
        try:
            given[name] = getattr(value, attribute_name(name))
        except AttributeError:
            continue
    return given


PYTHON_RULES = PythonRules()
