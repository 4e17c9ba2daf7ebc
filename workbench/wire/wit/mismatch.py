"""How a value that does not fit a WIT type is reported.

While a value is walked nobody builds paths: the place that finds the fault raises `Mismatch`,
and every container on the way out puts its step in front. Only the outermost call turns it
into `ValueMismatch`, the error that people see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from workbench.errors import ValueMismatch
from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.types import Enum, Flags, Record, ResourceType, Type, Variant
from workbench.wire.wit.values import RecordValue

__all__ = ["Mismatch", "describe_type", "describe_value", "one_deeper", "shorten", "within"]

_SHOWN = 60
_SHOWN_NAMES = 12


class Mismatch(Exception):
    """A fault on its way out of a nested value; never leaves the `wit` room."""

    def __init__(self, expected: str, value: Any, why: str = "", hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = describe_value(value)
        self.why = why
        self.hint = hint
        self.steps: list[str] = []

    def within(self, step: str) -> Mismatch:
        """The same fault, seen from one container further out."""
        self.steps.append(step)
        return self

    def report(self, root: str) -> NoReturn:
        """Raise the error for people; ``root`` is the name of the whole value, or empty."""
        path = "".join([root, *reversed(self.steps)]).removeprefix(".")
        where = f"{path}: " if path else ""
        why = f": {self.why}" if self.why else ""
        raise ValueMismatch(
            f"{where}expected {self.expected}, got {self.got}{why}",
            hint=self.hint,
            path=path,
            expected=self.expected,
            got=self.got,
        ) from None


def one_deeper(depth: int) -> int:
    """The depth below ``depth`` in a type that is compiled; a `Mismatch` where that is too much."""
    if depth > DEFAULT_LIMITS.depth:
        levels = f"a type of at most {DEFAULT_LIMITS.depth} levels"
        raise Mismatch(levels, None, "the type nests deeper")
    return depth + 1


def within(convert: Callable[[Any], Any], value: Any, step: str) -> Any:
    """``convert(value)``; a fault in it is seen from one container further out."""
    try:
        return convert(value)
    except Mismatch as fault:
        raise fault.within(step) from None


def describe_type(type: Type | ResourceType | None) -> str:
    """A type in words for an error: named types say their kind and their names."""
    match type:
        case None:
            return "nothing"
        case Record(name, fields):
            return f"record {name}".rstrip() + _names([n for n, _ in fields])
        case Variant(name, cases):
            return f"variant {name}".rstrip() + _names([n for n, _ in cases])
        case Enum(name, cases):
            return f"enum {name}".rstrip() + _names(list(cases))
        case Flags(name, names):
            return f"flags {name}".rstrip() + _names(list(names))
        case _:
            return shorten(str(type), 120)


def _names(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f" {{ {shown}, … {more} more }}" if more > 0 else f" {{ {shown} }}"


def describe_value(value: Any) -> str:
    """``value`` shortened, with its Python type: ``300 (int)``."""
    if value is None:
        return "None"
    kind = "record" if isinstance(value, RecordValue) else type(value).__name__
    return f"{_short_repr(value)} ({kind})"


def _short_repr(value: Any) -> str:
    # A repr of a huge value would cost more than the call; only the front is ever shown.
    if isinstance(value, (str, bytes, bytearray)):
        text = repr(value[:_SHOWN])
        return f"{text}…" if len(value) > _SHOWN else text
    if isinstance(value, (list, tuple)) and len(value) > 8:
        return shorten(f"{_safe_repr(value[:8])[:-1]}, …", _SHOWN)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    return shorten(_safe_repr(value), _SHOWN)


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        # A stranger's __repr__ may raise anything; the report must still name the place.
        return f"<{type(value).__name__} without repr>"


def shorten(text: str, length: int) -> str:
    """``text`` cut at ``length`` characters with an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
