"""Python values and JSON into canonical WIT values, with errors that name the place.

What `coerce` takes beside the canonical form of `values.py`:

    integers       whatever has ``__index__``, except bool
    floats         integers too; ``f32`` is rounded to single precision
    list<u8>       bytes, bytearray, memoryview, a list of integers; never a str
    other lists    any list, tuple or other finite iterable except str, bytes and mappings
    record         mapping, dataclass, named tuple; kebab or snake names; a missing option is None
    variant        Case, "name" for a case without payload, {"name": payload}
    flags          any set, list or tuple of names
    result         Ok, Err, {"ok": value}, {"err": value}
    stream         bytes or a list, checked here; an iterator or async iterator, passed on
    future         an awaitable, passed on; a plain value, checked here

The JSON forms are in `json_values.py`, the text forms in `wave.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ValueMismatch, WitSyntaxError
from workbench.wire.wit.json_values import JSON_RULES, json_form
from workbench.wire.wit.mismatch import Mismatch, describe_type, shorten
from workbench.wire.wit.naming import closest
from workbench.wire.wit.python_values import PYTHON_RULES
from workbench.wire.wit.types import CHAR, STRING, Enum, Function, Option, Type, Variant
from workbench.wire.wit.wave import parse_wave

__all__ = ["coerce", "coerce_args", "from_json", "parse_argument", "to_json"]


def coerce(type: Type, value: Any, path: str = "") -> Any:
    """The canonical value of ``type``; `ValueMismatch` names the place below ``path``."""
    try:
        return PYTHON_RULES.reader(type)(value)
    except Mismatch as fault:
        fault.report(path)


def from_json(type: Type, obj: Any, path: str = "") -> Any:
    """The canonical value that a parsed JSON document stands for."""
    try:
        return JSON_RULES.reader(type)(obj)
    except Mismatch as fault:
        fault.report(path)


def to_json(type: Type, value: Any, path: str = "") -> Any:
    """What `from_json` reads back as ``value``; only lists, dicts, str, numbers, bool, None.

    Handles, live streams and pending futures have no JSON form: `ValueMismatch`.
    """
    try:
        return json_form(type)(value)
    except Mismatch as fault:
        fault.report(path)


def coerce_args(
    function: Function, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    """The arguments of one call in order, given by position, by name, or both.

    Trailing parameters of an option type may be left out. The ``self`` of a method is an
    ordinary first parameter here.
    """
    params = function.params
    if not kwargs and len(args) == len(params):
        return tuple(coerce(t, value, name) for (name, t), value in zip(params, args, strict=True))
    given = _bind(function, args, kwargs or {})
    return tuple(coerce(t, given[name], name) for name, t in params)


def _bind(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name, _ in function.params]
    if len(args) > len(names):
        raise _signature_fault(function, f"takes {_count(len(names), 'argument')}, got {len(args)}")
    given: dict[str, Any] = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        name = key.rstrip("_").replace("_", "-")
        if key in names:
            name = key
        if name not in names:
            near = closest(name, names)
            raise _signature_fault(function, f"has no parameter {key!r}{near}", path=key)
        if name in given:
            raise _signature_fault(function, f"got {name!r} twice", path=name)
        given[name] = value
    missing = [n for n, t in function.params if n not in given and not isinstance(t, Option)]
    if missing:
        raise _signature_fault(function, f"misses {', '.join(missing)}", path=missing[0])
    for name in names:
        given.setdefault(name, None)
    return given


def _signature_fault(function: Function, what: str, path: str = "") -> ValueMismatch:
    return ValueMismatch(
        f"{function.name} {what}",
        hint=shorten(f"its signature is {function}", 600),
        path=path,
        expected=str(function),
        got=what,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def parse_argument(type: Type, text: str, path: str = "") -> Any:
    """One argument as a person types it: JSON, WAVE, or the bare word of a string or case.

    JSON comes first where the text is JSON and fits. A string that is no JSON string stands
    for itself, so ``hello world`` needs no quotes; ``42`` for a string is the text ``42``.
    """
    json_fault: ValueMismatch | None = None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        try:
            return from_json(type, document, path)
        except ValueMismatch as fault:
            json_fault = fault
    word = text.strip()
    if type == STRING and not word.startswith('"'):
        return coerce(type, word, path)
    if isinstance(type, Option) and not isinstance(type.item, Option):
        if word == "none":
            return None
        if not word.startswith("some("):
            return parse_argument(type.item, text, path)
    if type == CHAR and len(word) == 1:
        return coerce(type, word, path)
    if isinstance(type, (Enum, Variant)) and word.replace("-", "").replace("_", "").isalnum():
        return coerce(type, word, path)
    return _wave_argument(type, text, path, json_fault)


def _wave_argument(type: Type, text: str, path: str, json_fault: ValueMismatch | None) -> Any:
    try:
        return parse_wave(type, text, path)
    except ValueMismatch as fault:
        raise json_fault or fault from None
    except WitSyntaxError as fault:
        if json_fault is not None:
            raise json_fault from None
        where = f"{path}: " if path else ""
        raise ValueMismatch(
            f"{where}expected {describe_type(type)}, got {shorten(text, 60)!r}: {fault.reason}",
            hint="write the value as JSON or as WAVE text",
            path=path,
            expected=describe_type(type),
            got=shorten(text, 60),
        ) from None
