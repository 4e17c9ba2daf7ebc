"""YAML and JSON text as a tree that remembers where everything stood.

Nothing is constructed from tags, no recursion runs over foreign nesting, and depth, node count and
size are bounded: any bytes give a `Node` or raise `DecodeError` with line and column. Plain
scalars follow YAML 1.2 (``yes`` and ``2024-01-01`` are text), as the real server reads them
(wadm-api.md §8); each keeps its source text, because some fields take numbers as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from workbench.errors import DecodeError, LimitExceeded

__all__ = ["MAX_BYTES", "Node", "load_json", "load_yaml", "plain"]

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|[-+]?0x[0-9a-fA-F]+|[-+]?0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan"),
}  # fmt: skip


class Node:
    """One value of a document: a scalar, a list of nodes, or a map from text to nodes.

    ``line`` and ``column`` count from 1 and are 0 where they are unknown; ``raw`` is the source
    text of an unquoted scalar. ``doubled`` holds (key, line, column) of repeated keys.
    """

    __slots__ = ("column", "doubled", "line", "raw", "size", "value")

    def __init__(self, value: Any, line: int = 0, column: int = 0, raw: str | None = None) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.raw = raw
        self.size = 1
        self.doubled: tuple[tuple[str, int, int], ...] = ()

    @property
    def kind(self) -> str:
        """What the value is, in the words of an error message."""
        names = {dict: "a map", list: "a list", str: "a string", bool: "a boolean", int: "an integer",
                 float: "a number"}  # fmt: skip
        return "nothing" if self.value is None else names[type(self.value)]

    def find(self, path: tuple[str | int, ...]) -> Node:
        """The node at ``path``, or the deepest one on the way that exists."""
        node = self
        for step in path:
            value: Any = node.value
            members: Any = dict(enumerate(value)) if isinstance(value, list) else value
            if not isinstance(members, dict) or step not in members:
                break
            node = members[step]
        return node


def plain(node: Node) -> Any:
    """The bare Python value. Safe to recurse: the tree is at most `MAX_DEPTH` deep."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _text(data: str | bytes) -> str:
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"the document is larger than {MAX_BYTES} bytes", limit="bytes")
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        text.encode("utf-8")
    except UnicodeError as error:
        raise DecodeError(f"the document is not UTF-8: {error}") from error
    return text


def load_yaml(data: str | bytes) -> Node:
    """The single document in ``data``."""
    try:
        return _Builder().build(yaml.parse(_text(data), Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "not YAML"
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise DecodeError(f"not YAML: {problem}", line=line, column=column) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first_line = (str(error).splitlines() or ["unreadable"])[0]
        raise DecodeError(f"not YAML: {first_line}", line=0, column=0) from error


def load_json(data: str | bytes, *, places: bool = True) -> Node:
    """The JSON value in ``data``; with ``places`` they are known if it also reads as YAML."""
    text = _text(data)
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise DecodeError(
            f"not JSON: {error.msg}", line=error.lineno, column=error.colno
        ) from error
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"not JSON: {error}", line=0, column=0) from error
    node = _from_json(value, 0)
    if not places:
        return node
    try:
        return _with_places(node, load_yaml(text))
    except DecodeError:
        return node


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, doubled keys included."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _from_json(value: Any, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise LimitExceeded(f"the document nests deeper than {MAX_DEPTH}", limit="depth")
    if isinstance(value, _Pairs):
        members: dict[str, Node] = {}
        doubled = [(key, 0, 0) for i, (key, _) in enumerate(value) if key in dict(value[:i])]
        for key, item in value:
            members.setdefault(key, _from_json(item, depth + 1))
        node = Node(members)
        node.doubled = tuple(doubled)
        return node
    if isinstance(value, list):
        return Node([_from_json(item, depth + 1) for item in value])
    return Node(value)


def _with_places(node: Node, marked: Node) -> Node:
    """The JSON tree with the places of the same text read as YAML."""
    node.line, node.column = marked.line, marked.column
    if isinstance(node.value, dict) and isinstance(marked.value, dict):
        for key, item in node.value.items():
            if key in marked.value:
                _with_places(item, marked.value[key])
        node.doubled = marked.doubled or node.doubled
    elif isinstance(node.value, list) and isinstance(marked.value, list):
        for item, other in zip(node.value, marked.value, strict=False):
            _with_places(item, other)
    return node


class _Builder:
    """Folds YAML events into nodes with a stack of its own, so nesting costs no C stack."""

    def __init__(self) -> None:
        self._stack: list[tuple[Node, str | None, Node | None]] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self._root: Node | None = None
        self._open: list[str | None] = []

    def build(self, events: Iterator[Any]) -> Node:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _problem("more than one document", event)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise _problem(f"unknown alias *{event.anchor}", event)
                self._place(self._anchors[event.anchor], event)
            elif isinstance(event, yaml.ScalarEvent):
                node = _scalar(event)
                self._remember(event.anchor, node)
                self._place(node, event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._start(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end(event)
        if self._root is None:
            return Node(None, 1, 1)
        return self._root

    def _start(self, event: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise LimitExceeded(f"the document nests deeper than {MAX_DEPTH}", limit="depth")
        mark = event.start_mark
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append((Node(empty, mark.line + 1, mark.column + 1), event.anchor, None))

    def _end(self, event: Any) -> None:
        node, anchor, _ = self._stack.pop()
        self._remember(anchor, node)
        self._place(node, event)

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self._anchors[anchor] = node

    def _place(self, node: Node, event: Any) -> None:
        self._count += node.size if isinstance(event, yaml.AliasEvent) else 1
        if self._count > MAX_NODES:
            raise LimitExceeded(f"the document has more than {MAX_NODES} values", limit="count")
        if not self._stack:
            self._root = node
            return
        parent, anchor, key = self._stack[-1]
        parent.size += node.size
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif key is None:
            self._stack[-1] = (parent, anchor, _checked_key(node, event))
        else:
            name = key.raw if key.raw is not None else key.value
            if name in parent.value:
                parent.doubled = (*parent.doubled, (name, key.line, key.column))
            else:
                parent.value[name] = node
            self._stack[-1] = (parent, anchor, None)


def _checked_key(node: Node, event: Any) -> Node:
    if isinstance(node.value, dict | list):
        raise _problem("a key must be a plain word", event)
    return node


def _scalar(event: Any) -> Node:
    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    # The C parser says "" for a plain scalar, the Python one None.
    if not event.style and event.implicit[0]:
        return Node(_resolve(event.value), line, column, event.value)
    if event.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        return Node(_resolve(event.value), line, column, event.value)
    return Node(event.value, line, column)


def _resolve(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if len(text) < 400 and _INT.fullmatch(text):
        return int(text, 0) if text.lstrip("+-")[:2] in ("0x", "0o") else int(text)
    if len(text) < 400 and _FLOAT.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return float(text)
    return text


def _problem(text: str, event: Any) -> DecodeError:
    mark = event.start_mark
    return DecodeError(f"not YAML: {text}", line=mark.line + 1, column=mark.column + 1)
