"""The printing half of WAVE: canonical values as text on one line."""

from __future__ import annotations

import math
import struct
from typing import Any

from workbench.wire.wit.scalars import INTEGER_RANGES
from workbench.wire.wit.types import (
    Enum,
    Flags,
    List,
    Option,
    Prim,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Ok

__all__ = ["print_wave", "quote"]

# As plain words these are values, not names (WAVE: "keywords").
_KEYWORDS = frozenset(["true", "false", "inf", "nan", "some", "none", "ok", "err"])
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_F32 = struct.Struct("<f")


class _Full(Exception):
    """The text has reached its limit."""


def print_wave(type: Type, value: Any, *, limit: int | None = None) -> str:
    """``value`` as WAVE text; longer than ``limit`` characters it ends in an ellipsis.

    With a limit, no more of the value is looked at than is shown. What has no text form is
    shown as its type in angle brackets.
    """
    printer = _Printer(limit)
    try:
        printer.value(type, value)
    except _Full:
        return "".join(printer.parts)[: limit or 0] + "…"
    return "".join(printer.parts)


class _Printer:
    def __init__(self, limit: int | None) -> None:
        self.parts: list[str] = []
        self._left = math.inf if limit is None else limit

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self._left -= len(text)
        if self._left < 0:
            raise _Full

    def value(self, type: Type, value: Any) -> None:
        match type:
            case Prim(name):
                self._put(_prim(name, value))
            case List(item):
                self._list(item, value)
            case Option():
                self._option(type, value)
            case Result(ok, err):
                good = isinstance(value, Ok)
                self._case("ok" if good else "err", ok if good else err, value.value)
            case Tuple(items):
                self._items("(", items, value, ")")
            case Record():
                self._record(type, value)
            case Variant(_, cases):
                self._case(_name(value.name), dict(cases)[value.name], value.payload)
            case Enum():
                self._put(_name(value))
            case Flags(_, names):
                self._put(f"{{{', '.join(_name(n) for n in names if n in value)}}}")
            case _:
                self._put(f"<{type}>")

    def _list(self, item: Type, value: Any) -> None:
        plain = isinstance(item, Prim) and item.name in INTEGER_RANGES
        if plain and isinstance(value, (bytes, bytearray, list, tuple)):
            # Each number takes three characters or more, so the limit bounds the slice.
            shown = value if self._left == math.inf else value[: int(self._left) + 1]
            self._put("[")
            self._put(", ".join(map(str, shown)))
            self._put("]")
            return
        self._items("[", None, value, "]", item)

    def _items(
        self,
        opening: str,
        types: tuple[Type, ...] | None,
        values: Any,
        closing: str,
        item: Type | None = None,
    ) -> None:
        self._put(opening)
        for index, value in enumerate(values):
            if index:
                self._put(", ")
            self.value(types[index] if types is not None else item, value)  # type: ignore[arg-type]
        self._put(closing)

    def _option(self, type: Option, value: Any) -> None:
        if value is None:
            self._put("none")
            return
        inner = value.value if isinstance(type.item, Option) else value
        self._case("some", type.item, inner)

    def _case(self, name: str, payload: Type | None, value: Any) -> None:
        self._put(name)
        if payload is not None:
            self._put("(")
            self.value(payload, value)
            self._put(")")

    def _record(self, type: Record, value: Any) -> None:
        if not type.fields:
            self._put("{:}")
            return
        self._put("{")
        for index, ((name, field), part) in enumerate(zip(type.fields, value, strict=True)):
            self._put(f"{', ' if index else ''}{_name(name)}: ")
            self.value(field, part)
        self._put("}")


def _name(name: str) -> str:
    return f"%{name}" if name in _KEYWORDS else name


def _prim(name: str, value: Any) -> str:
    if name == "string":
        return quote(value)
    if name == "char":
        return f"'{_escape_char(value)}'"
    if name == "bool":
        return "true" if value else "false"
    if name in ("f32", "f64"):
        return _float(name, value)
    return str(value)


def _float(name: str, value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if name == "f32":
        for digits in range(6, 9):
            text = f"{value:.{digits}g}"
            try:
                if _F32.unpack(_F32.pack(float(text)))[0] == value:
                    return text
            except OverflowError:
                continue
    return repr(value)


def quote(text: str) -> str:
    """``text`` in double quotes; what can't be seen becomes an escape."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_escape, text))}"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\u{{{ord(char):x}}}"


def _escape_char(char: str) -> str:
    return "\\'" if char == "'" else '"' if char == '"' else _escape(char)
