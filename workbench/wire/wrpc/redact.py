"""Values without the content of their streams and futures, for traces and logs."""

from __future__ import annotations

from typing import Any

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
from workbench.wire.wit.values import Case, Err, Ok, RecordValue, Some, record_class
from workbench.wire.wrpc.pending import Pending
from workbench.wire.wrpc.shape import has_async

__all__ = ["redact"]


def redact(type: Type | None, value: Any) -> Any:
    """``value`` with a `Pending` for every stream and future; the rest is shared, not copied."""
    if type is None or not has_async(type):
        return value
    match type:
        case Stream() | Future():
            return Pending((), type)
        case Record(_, fields) if isinstance(value, RecordValue):
            parts = zip(fields, value, strict=False)
            return record_class(type)(*(redact(item, part) for (_, item), part in parts))
        case Tuple(items) if isinstance(value, tuple):
            return tuple(redact(item, part) for item, part in zip(items, value, strict=False))
        case List(item) if isinstance(value, list | tuple):
            return [redact(item, part) for part in value]
        case Option(item):
            inner = value.value if isinstance(value, Some) else value
            shown = None if inner is None else redact(item, inner)
            return Some(shown) if isinstance(value, Some) else shown
        case Result(ok, err):
            if isinstance(value, Ok | Err):
                side = ok if isinstance(value, Ok) else err
                return value.__class__(redact(side, value.value))
            return f"<{type}>"
        case Variant(_, cases) if isinstance(value, Case):
            return Case(value.name, redact(dict(cases).get(value.name), value.payload))
        case _:
            # A value that is not canonical: better no content than somebody's body.
            return f"<{type}>"
