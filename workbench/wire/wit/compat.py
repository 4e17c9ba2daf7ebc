"""Whether one WIT item can stand where another is expected.

Names of types don't matter, since they never travel; names and order of fields, cases and
flags do. Versions of interface ids don't matter either: the lattice compares them as text
before any value is encoded (wrpc.md §2.1).

Values have a direction: arguments go from the caller to the callee, results come back. Who
receives may know more cases behind those that the sender has, because a case travels as its
index (wrpc.md §10.1); more flags too, while they fit into the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.mismatch import shorten
from workbench.wire.wit.types import (
    Borrow,
    Enum,
    Flags,
    Function,
    Future,
    Interface,
    List,
    Option,
    Own,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
    World,
)

__all__ = ["compatible"]

_MOST = 100

Member = tuple[str, Type | None]
Item = Type | ResourceType | Function | Interface | World


def compatible(wanted: Item, offered: Item) -> list[str]:
    """What keeps ``offered`` from standing for ``wanted``; empty when nothing does.

    ``wanted`` is what the caller knows, ``offered`` what the callee has; of two types, a value of
    ``offered`` comes where ``wanted`` is expected. More functions in an offered interface, more
    exports and fewer imports in an offered world are no difference. At most 100 differences are
    listed.
    """
    comparison = _Comparison()
    comparison.item("", wanted, offered)
    return comparison.found


class _Comparison:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._seen: set[tuple[int, int, bool]] = set()
        # Whether values go from the wanted side to the offered one, as arguments do.
        self._inward = False

    def _differ(self, path: str, message: str) -> None:
        if len(self.found) < _MOST:
            self.found.append(f"{path}: {message}" if path else message)

    def item(self, path: str, wanted: Item, offered: Item) -> None:
        if isinstance(wanted, World) and isinstance(offered, World):
            self._world(path, wanted, offered)
        elif isinstance(wanted, Interface) and isinstance(offered, Interface):
            self._interface(path, wanted, offered)
        elif isinstance(wanted, Function) and isinstance(offered, Function):
            self._function(path or wanted.name, wanted, offered)
        elif isinstance(wanted, (World, Interface, Function)) or isinstance(
            offered, (World, Interface, Function)
        ):
            self._differ(path, f"expected a {_kind(wanted)}, it is a {_kind(offered)}")
        else:
            self._type(path, wanted, offered, 0)

    def _world(self, path: str, wanted: World, offered: World) -> None:
        for id, item in wanted.exports.items():
            if id not in offered.exports:
                self._differ(path, f"the export {id} is missing")
            else:
                self.item(_join(path, id), item, offered.exports[id])
        for id, item in offered.imports.items():
            if id not in wanted.imports:
                self._differ(path, f"the import {id} is not allowed for")
            else:
                # The importer's view is what its host must satisfy.
                self.item(_join(path, id), item, wanted.imports[id])

    def _interface(self, path: str, wanted: Interface, offered: Interface) -> None:
        for name, function in wanted.functions.items():
            if name not in offered.functions:
                self._differ(path, f"the function {name} is missing")
            else:
                self._function(_join(path, name), function, offered.functions[name])

    def _function(self, path: str, wanted: Function, offered: Function) -> None:
        names = [name for name, _ in wanted.params]
        given = [name for name, _ in offered.params]
        if len(names) != len(given):
            self._differ(path, f"takes {len(given)} parameters, not {len(names)}")
            return
        pairs = zip(wanted.params, offered.params, strict=True)
        self._inward = True
        for (name, type), (_, other) in pairs:
            self._type(f"{path}({name})", type, other, 0)
        self._inward = False
        self._optional(f"{path} result", wanted.result, offered.result, 0)

    def _optional(self, path: str, wanted: Type | None, offered: Type | None, depth: int) -> None:
        if wanted is None or offered is None:
            if wanted is not offered:
                self._differ(path, f"is {_show(offered)}, not {_show(wanted)}")
        else:
            self._type(path, wanted, offered, depth)

    def _type(
        self, path: str, wanted: Type | ResourceType, offered: Type | ResourceType, depth: int
    ) -> None:
        pair = (id(wanted), id(offered), self._inward)
        # Types share parts; each pair needs one look only in each direction.
        if wanted is offered or pair in self._seen:
            return
        if depth > DEFAULT_LIMITS.depth:
            self._differ(path, f"nests deeper than {DEFAULT_LIMITS.depth} levels")
            return
        self._seen.add(pair)
        below = depth + 1
        match wanted, offered:
            case (List(a), List(b)) | (Option(a), Option(b)):
                self._type(f"{path}[]" if isinstance(wanted, List) else path, a, b, below)
            case (Stream(a), Stream(b)) | (Future(a), Future(b)):
                self._optional(path, a, b, below)
            case Result(ok, err), Result(other_ok, other_err):
                self._optional(f"{path}.ok", ok, other_ok, below)
                self._optional(f"{path}.err", err, other_err, below)
            case Tuple(items), Tuple(others) if len(items) == len(others):
                for index, (a, b) in enumerate(zip(items, others, strict=True)):
                    self._type(f"{path}[{index}]", a, b, below)
            case Record(_, fields), Record(_, others):
                if self._names(path, "field", _first(fields), _first(others)):
                    self._members(path, fields, others, below)
            case Variant(_, cases), Variant(_, others):
                self._cases(path, cases, others, below)
            case Enum(_, names), Enum(_, others):
                if not self._received(names, others):
                    self._names(path, "case", names, others)
            case Flags(_, names), Flags(_, others):
                fits = (len(names) + 7) // 8 == (len(others) + 7) // 8
                if not (fits and self._received(names, others)):
                    self._names(path, "flag", names, others)
            case (Own(a), Own(b)) | (Borrow(a), Borrow(b)):
                self._type(path, a, b, below)
            case ResourceType(a), ResourceType(b) if a == b:
                return
            case _ if wanted == offered:
                return
            case _:
                self._differ(path, f"is {_show(offered)}, not {_show(wanted)}")

    def _cases(
        self, path: str, wanted: Sequence[Member], offered: Sequence[Member], depth: int
    ) -> None:
        names, others = _first(wanted), _first(offered)
        if self._received(names, others) or self._names(path, "case", names, others):
            self._members(path, wanted, offered, depth)

    def _members(
        self, path: str, wanted: Sequence[Member], offered: Sequence[Member], depth: int
    ) -> None:
        # What only the receiving side knows never comes.
        for (name, a), (_, b) in zip(wanted, offered, strict=False):
            self._optional(f"{path}.{name}", a, b, depth)

    def _received(self, wanted: Sequence[str], offered: Sequence[str]) -> bool:
        """Whether the receiving side knows all names of the sending one, at the same places."""
        sent, known = (wanted, offered) if self._inward else (offered, wanted)
        return list(known[: len(sent)]) == list(sent)

    def _names(self, path: str, noun: str, wanted: Sequence[str], offered: Sequence[str]) -> bool:
        if list(wanted) == list(offered):
            return True
        missing = [name for name in wanted if name not in offered]
        extra = [name for name in offered if name not in wanted]
        for name in missing:
            self._differ(path, f"the {noun} {name} is missing")
        for name in extra:
            self._differ(path, f"the {noun} {name} is not expected")
        if not missing and not extra:
            self._differ(path, f"the {noun}s come in another order: {', '.join(offered)}")
        return False


def _first(members: Sequence[Member]) -> list[str]:
    return [name for name, _ in members]


def _join(path: str, name: str) -> str:
    return f"{path} {name}" if path else name


def _kind(item: Item) -> str:
    return type(item).__name__.lower()


def _show(type: Type | ResourceType | None) -> str:
    return "nothing" if type is None else shorten(str(type), 120)
