"""WIT values as JSON, both ways.

    bool, numbers, char, string   themselves; ``"nan"``, ``"inf"``, ``"-inf"`` for those floats
    list<u8>                      "text" stands for its UTF-8 bytes, never for base64;
                                  {"$bytes": "base64"} for the rest; a list of integers is read too
    list, tuple                   array
    record                        object under the WIT names; snake names are read too
    variant                       "case", or {"case": payload}
    enum                          "case"
    flags                         array of names
    option                        null or the value; an option in an option: null or {"some": value}
    result                        {"ok": value} or {"err": value}; null where that side is empty
    own, borrow                   {"$handle": "base64"} of a wRPC handle

Bytes are written as text when they are UTF-8 without control characters (tab and line ends
are no offence), so a person reads them; both forms read back to the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any, ClassVar

from workbench.wire.wit.by_type import ByType
from workbench.wire.wit.mismatch import Mismatch, describe_type, one_deeper, within
from workbench.wire.wit.python_values import PythonRules
from workbench.wire.wit.scalars import Reader
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
from workbench.wire.wit.values import Handle, Ok, Some

__all__ = ["JSON_RULES", "json_form"]

_FLOAT_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_HARMLESS = {ord("\t"): None, ord("\n"): None, ord("\r"): None}


class JsonRules(PythonRules):
    """The rules for values that come from a parsed JSON document."""

    none: ClassVar[str] = "null"

    def _float(self, name: str) -> Reader:
        plain = super()._float(name)

        def read(value: Any) -> float:
            if isinstance(value, str) and value in _FLOAT_WORDS:
                return _FLOAT_WORDS[value]
            return plain(value)

        return read

    def _bytes(self) -> Reader:
        plain = super()._bytes()

        def read(value: Any) -> bytes:
            if isinstance(value, str):
                try:
                    return value.encode()
                except UnicodeEncodeError:
                    raise Mismatch("list<u8>", value, "it holds a lone surrogate") from None
            if isinstance(value, dict):
                return _from_base64("list<u8>", "$bytes", value)
            return plain(value)

        return read

    def _option(self, type: Option, item: Reader) -> Reader:
        if not isinstance(type.item, Option):
            return super()._option(type, item)

        def read(value: Any) -> Some | None:
            if value is None:
                return None
            if isinstance(value, dict) and value.keys() == {"some"}:
                value = value["some"]
            return Some(item(value))

        return read

    def _handle(self, type: Type) -> Reader:
        plain = super()._handle(type)

        def read(value: Any) -> Any:
            if isinstance(value, dict):
                return Handle(_from_base64(f"a handle of {type}", "$handle", value))
            return plain(value)

        return read

    def _stream(self, type: Stream, item: Reader | None) -> Reader:
        plain = super()._stream(type, item)
        if type.item != U8:
            return plain
        whole = self._bytes()
        return lambda value: whole(value) if isinstance(value, (str, dict)) else plain(value)


def _from_base64(expected: str, key: str, value: dict[str, Any]) -> bytes:
    text = value.get(key) if len(value) == 1 else None
    if not isinstance(text, str):
        raise Mismatch(expected, value, f'bytes in JSON are text or {{"{key}": "base64"}}')
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch(expected, value, f"{key} is not base64") from None


JSON_RULES = JsonRules()

Writer = Callable[[Any], Any]


def _compile(type: Type, depth: int = 0) -> Writer:
    below = one_deeper(depth)
    match type:
        case Prim("f32") | Prim("f64"):
            return _write_float
        case Prim():
            return lambda value: value
        case List(item):
            return _write_bytes if item == U8 else _write_list(_compile(item, below), type)
        case Option(item):
            return _write_option(_compile(item, below), isinstance(item, Option))
        case Result(ok, err):
            return _write_result(_maybe(ok, below), _maybe(err, below), type)
        case Tuple(items):
            return _write_tuple([_compile(item, below) for item in items], type)
        case Record(_, fields):
            return _write_record([(n, _compile(t, below)) for n, t in fields], type)
        case Variant(_, cases):
            return _write_variant({n: _maybe(t, below) for n, t in cases}, type)
        case Enum():
            return lambda value: value
        case Flags(_, names):
            return lambda value: [name for name in names if name in value]
        case Own() | Borrow():
            return _write_handle(type)
        case Stream(item):
            whole = _write_bytes if item == U8 else _write_list(_maybe(item, below), type)
            return _write_settled(whole, type)
        case Future() | ErrorContext():
            return _write_settled(None, type)


json_form: Callable[[Type], Writer] = ByType(_compile)


def _maybe(type: Type | None, depth: int) -> Writer:
    return (lambda _value: None) if type is None else _compile(type, depth)


def _write_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _write_bytes(value: bytes) -> str | dict[str, str]:
    try:
        text = bytes(value).decode()
    except UnicodeDecodeError:
        text = None
    if text is not None:
        seen = text.translate(_HARMLESS)
        if seen.isprintable() or not seen:
            return text
    return {"$bytes": base64.b64encode(value).decode()}


def _write_list(item: Writer, type: Type) -> Writer:
    expected = describe_type(type)

    def write(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise Mismatch(expected, value)
        parts: list[Any] = []
        try:
            parts.extend(map(item, value))
        except Mismatch as fault:
            raise fault.within(f"[{len(parts)}]") from None
        return parts

    return write


def _write_tuple(items: list[Writer], type: Type) -> Writer:
    expected = describe_type(type)

    def write(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)) or len(value) != len(items):
            raise Mismatch(expected, value)
        return [
            within(item, part, f"[{index}]")
            for index, (item, part) in enumerate(zip(items, value, strict=True))
        ]

    return write


def _write_option(item: Writer, nested: bool) -> Writer:
    if nested:
        return lambda value: None if value is None else {"some": item(value.value)}
    return lambda value: None if value is None else item(value)


def _write_result(ok: Writer, err: Writer, type: Type) -> Writer:
    expected = describe_type(type)

    def write(value: Any) -> dict[str, Any]:
        if not hasattr(value, "value"):
            raise Mismatch(expected, value)
        if isinstance(value, Ok):
            return {"ok": within(ok, value.value, ".ok")}
        return {"err": within(err, value.value, ".err")}

    return write


def _write_record(fields: list[tuple[str, Writer]], type: Type) -> Writer:
    expected = describe_type(type)

    def write(value: Any) -> dict[str, Any]:
        parts = tuple(value) if not isinstance(value, (str, dict)) else ()
        if len(parts) != len(fields):
            raise Mismatch(expected, value)
        result = {}
        for (name, field), part in zip(fields, parts, strict=True):
            try:
                result[name] = field(part)
            except Mismatch as fault:
                raise fault.within(f".{name}") from None
        return result

    return write


def _write_variant(cases: dict[str, Writer], type: Variant) -> Writer:
    expected = describe_type(type)
    empty = {name for name, payload in type.cases if payload is None}

    def write(value: Any) -> Any:
        name = getattr(value, "name", None)
        if name not in cases:
            raise Mismatch(expected, value)
        return name if name in empty else {name: within(cases[name], value.payload, f".{name}")}

    return write


def _write_handle(type: Type) -> Writer:
    def write(value: Any) -> dict[str, str]:
        if not isinstance(value, Handle):
            raise Mismatch(f"a wRPC handle of {type}", value, "a live resource has no JSON form")
        return {"$handle": base64.b64encode(value.data).decode()}

    return write


def _write_settled(whole: Writer | None, type: Type) -> Writer:
    def write(value: Any) -> Any:
        if whole is not None and isinstance(value, (bytes, bytearray, list, tuple)):
            return whole(value)
        raise Mismatch(
            f"{type} that has been read to its end", value, "what is still to come has no JSON form"
        )

    return write
