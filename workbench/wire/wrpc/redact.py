"""Values without the content of their streams and futures, for traces and logs.

What replaces it is compiled once for each type; a type without streams costs one look-up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from workbench.wire.wit.types import (
    Future,
    List,
    Option,
    Record,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, Some, record_class
from workbench.wire.wrpc.pending import Pending
from workbench.wire.wrpc.shape import has_async

__all__ = ["redact"]

_Redactor: TypeAlias = Callable[[Any], Any]


def redact(type: Type | None, value: Any) -> Any:
    """``value`` with a `Pending` for every stream and future; the rest is shared, not copied."""
    return value if type is None else _redactor(type)(value)


def _same(value: Any) -> Any:
    return value


@lru_cache(maxsize=8192)
def _redactor(type: Type | None) -> _Redactor:
    if type is None or not has_async(type):
        return _same
    match type:
        case Stream() | Future():
            pending = Pending((), type)
            return lambda value: pending
        case Record(_, fields):
            return _row(type, record_class(type), [_redactor(item) for _, item in fields])
        case Tuple(items):
            return _row(type, tuple, [_redactor(item) for item in items])
        case List(item):
            return _list(type, _redactor(item))
        case Option(item):
            return _option(_redactor(item))
        case Result(ok, err):
            return _result(type, {Ok: _redactor(ok), Err: _redactor(err)})
        case Variant(_, cases):
            return _variant(type, {name: _redactor(item) for name, item in cases})
        case _:
            raise TypeError(f"{type} holds no stream")


def _unknown(type: Type) -> str:
    # A value that is not canonical: better no content than somebody's body.
    return f"<{type}>"


def _row(type: Type, kind: Any, redactors: list[_Redactor]) -> _Redactor:
    def redacted(value: Any) -> Any:
        if not isinstance(value, kind):
            return _unknown(type)
        parts = tuple(each(part) for each, part in zip(redactors, value, strict=False))
        return parts if kind is tuple else kind(*parts)

    return redacted


def _list(type: Type, item: _Redactor) -> _Redactor:
    def redacted(value: Any) -> Any:
        return [item(part) for part in value] if isinstance(value, list | tuple) else _unknown(type)

    return redacted


def _option(item: _Redactor) -> _Redactor:
    def redacted(value: Any) -> Any:
        inner = value.value if isinstance(value, Some) else value
        shown = None if inner is None else item(inner)
        return Some(shown) if isinstance(value, Some) else shown

    return redacted


def _result(type: Type, sides: dict[type[Any], _Redactor]) -> _Redactor:
    def redacted(value: Any) -> Any:
        side = sides.get(value.__class__)
        return _unknown(type) if side is None else value.__class__(side(value.value))

    return redacted


def _variant(type: Type, cases: dict[str, _Redactor]) -> _Redactor:
    def redacted(value: Any) -> Any:
        if not isinstance(value, Case) or value.name not in cases:
            return _unknown(type)
        return Case(value.name, cases[value.name](value.payload))

    return redacted
