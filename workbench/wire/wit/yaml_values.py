"""WIT values as YAML or JSON text: the mapping of `json_values.py`, read from and written to text.

Plain scalars follow YAML 1.2: ``no``, ``12:30`` and ``2024-01-01`` are text, ``42`` is a number
and has to be quoted where a string is wanted. A key that comes twice is refused.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from workbench.errors import DecodeError, WitSyntaxError
from workbench.wire.document import Node, load_json, load_yaml, plain
from workbench.wire.wit.coerce import from_json, to_json
from workbench.wire.wit.types import Type

__all__ = ["from_yaml", "read_document", "to_yaml"]

# What both YAML 1.1 and 1.2 read as text without quotes; all that looks like a number, a word
# of truth or a date does not begin with two letters or is listed below.
_UNQUOTED = re.compile(r"[A-Za-z]{2}[A-Za-z0-9_/@-]*(?: [A-Za-z0-9_/@-]+)*", re.ASCII)
_WORDS = frozenset(["yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])


def from_yaml(type: Type, text: str, path: str = "") -> Any:
    """The canonical value that a YAML or JSON text stands for.

    Raises `WitSyntaxError` where the text is neither, `ValueMismatch` where it does not fit.
    """
    return from_json(type, read_document(text), path)


def to_yaml(type: Type, value: Any, path: str = "") -> str:
    """Text that `from_yaml` reads back as ``value``; raises as `to_json` does."""
    document = to_json(type, value, path)
    text = yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        # Folded lines are read back, and are hard to read and to compare.
        width=2**31 - 1,
    )
    return text.removesuffix("...\n")


def read_document(text: str) -> Any:
    """The lists, dicts and scalars of a JSON or YAML text; `WitSyntaxError` if it is neither."""
    try:
        node = _read(text)
    except DecodeError as fault:
        # Size and encoding have no place in the text.
        line, column = fault.fields.get("line", 0), fault.fields.get("column", 0)
        raise _fault(fault.message, line, column) from None
    _refuse_doubled(node)
    return plain(node)


def _read(text: str) -> Node:
    # JSON first: its \ud83d\ude00 is one character, which YAML does not know.
    try:
        return load_json(text, places=False)
    except DecodeError:
        return load_yaml(text)


def _refuse_doubled(root: Node) -> None:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.doubled:
            key, line, column = node.doubled[0]
            raise _fault(f"the key {key!r} comes twice", line, column)
        value = node.value
        waiting.extend(value.values() if isinstance(value, dict) else ())
        waiting.extend(value if isinstance(value, list) else ())


def _fault(message: str, line: int, column: int) -> WitSyntaxError:
    place = f"line {line}: " if line else ""
    return WitSyntaxError(
        f"{place}{message}",
        hint="write the value as JSON or YAML",
        line=line or 1,
        column=column or 1,
        path="",
        reason=message,
    )


# libyaml is not in every build of PyYAML.
_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):
    """Quotes whatever a reader of either YAML could take for something else than text."""


def _write_text(dumper: _Dumper, text: str) -> Any:
    bare = _UNQUOTED.fullmatch(text) is not None and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


_Dumper.add_representer(str, _write_text)
