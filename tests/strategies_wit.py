"""Hypothesis strategies for WIT: random types, values that fit them, whole packages.

    @given(types().flatmap(lambda type: st.tuples(st.just(type), values(type))))

`typed_values()` is that pair, ready made.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from workbench.wire.wit.parse_items import CONTEXTUAL, KEYWORDS
from workbench.wire.wit.scalars import INTEGER_RANGES
from workbench.wire.wit.types import (
    PRIMITIVES,
    U8,
    Borrow,
    Enum,
    Flags,
    Function,
    FunctionKind,
    Future,
    Interface,
    List,
    Option,
    Own,
    Package,
    Prim,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
    World,
)
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class

__all__ = ["chars", "names", "packages", "texts", "typed_values", "types", "values"]

# Drawn from a list: a regular expression would cost most of the time of every test.
_WORDS = st.sampled_from(["a", "b7", "cat", "dog", "egg", "f", "fish", "gnu", "hen", "k9", "owl"])
_KEYWORDS = st.sampled_from(sorted(KEYWORDS | CONTEXTUAL))
_SPECIAL = st.sampled_from(["HTTP-status", "none", "some", "ok", "err", "inf", "x-1", "is-URI"])


def names() -> st.SearchStrategy[str]:
    """Kebab-case names; keywords too, since those are legal when escaped."""
    pairs = st.builds("{}-{}".format, _WORDS, _WORDS)
    return st.one_of(_WORDS, pairs, pairs, _KEYWORDS, _SPECIAL)


def _unique_names(most: int) -> st.SearchStrategy[list[str]]:
    # Snake and kebab spelling of one name would mean the same Python attribute.
    return st.lists(
        names(), min_size=1, max_size=most, unique_by=lambda name: name.replace("-", "_")
    )


def chars() -> st.SearchStrategy[str]:
    return st.characters(exclude_categories=["Cs"])


def texts() -> st.SearchStrategy[str]:
    return st.text(chars(), max_size=20)


def _primitives() -> st.SearchStrategy[Type]:
    return st.sampled_from(list(PRIMITIVES.values()))


def _leaves() -> st.SearchStrategy[Type]:
    return st.one_of(
        _primitives(),
        st.just(List(U8)),
        st.builds(lambda n, c: Enum(n, tuple(c)), names(), _unique_names(6)),
        st.builds(lambda n, c: Flags(n, tuple(c)), names(), _unique_names(40)),
    )


def _composites(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    maybe = st.none() | inner
    fields = _unique_names(4)
    return st.one_of(
        inner.map(List),
        inner.map(Option),
        st.builds(Result, maybe, maybe),
        st.lists(inner, min_size=1, max_size=4).map(lambda items: Tuple(tuple(items))),
        fields.flatmap(
            lambda ns: st.tuples(names(), st.tuples(*(inner for _ in ns))).map(
                lambda drawn: Record(drawn[0], tuple(zip(ns, drawn[1], strict=True)))
            )
        ),
        fields.flatmap(
            lambda ns: st.tuples(names(), st.tuples(*(maybe for _ in ns))).map(
                lambda drawn: Variant(drawn[0], tuple(zip(ns, drawn[1], strict=True)))
            )
        ),
    )


def types(*, max_leaves: int = 8, handles: bool = False) -> st.SearchStrategy[Type]:
    """Types of every kind that holds a plain value; ``handles`` adds own and borrow."""
    leaves = _leaves()
    if handles:
        resource = ResourceType("thing", "test:pkg/things")
        leaves = st.one_of(leaves, st.sampled_from([Own(resource), Borrow(resource)]))
    return st.recursive(leaves, _composites, max_leaves=max_leaves)


def values(type: Type, *, nan: bool = False) -> st.SearchStrategy[Any]:
    """Canonical values of ``type``. Streams get lists or bytes, futures plain values."""
    match type:
        case Prim(name):
            return _prim_values(name, nan)
        case List(item) if item == U8:
            return st.binary(max_size=20)
        case List(item):
            return st.lists(values(item, nan=nan), max_size=4)
        case Option(item):
            inner = values(item, nan=nan)
            return st.none() | (inner.map(Some) if isinstance(item, Option) else inner)
        case Result(ok, err):
            return st.one_of(_payloads(ok, nan).map(Ok), _payloads(err, nan).map(Err))
        case Tuple(items):
            return st.tuples(*(values(item, nan=nan) for item in items))
        case Record(_, fields):
            make = record_class(type)
            return st.tuples(*(values(t, nan=nan) for _, t in fields)).map(lambda v: make(*v))
        case Variant(_, cases):
            return st.one_of([_payloads(t, nan).map(_case_of(name)) for name, t in cases])
        case Enum(_, cases):
            return st.sampled_from(cases)
        case Flags(_, all_names):
            return st.frozensets(st.sampled_from(all_names))
        case Own() | Borrow():
            return st.binary(min_size=1, max_size=16).map(Handle)
        case Stream(item):
            return st.just(b"") if item is None else values(List(item), nan=nan)
        case Future(item):
            return _payloads(item, nan)
        case _:
            raise NotImplementedError(f"no values of {type}")


def _case_of(name: str) -> Any:
    return lambda payload: Case(name, payload)


def _payloads(type: Type | None, nan: bool) -> st.SearchStrategy[Any]:
    return st.none() if type is None else values(type, nan=nan)


def _prim_values(name: str, nan: bool) -> st.SearchStrategy[Any]:
    if name in INTEGER_RANGES:
        low, high = INTEGER_RANGES[name]
        return st.integers(low, high)
    return {
        "bool": st.booleans(),
        "char": chars(),
        "string": texts(),
        "f32": st.floats(width=32, allow_nan=nan),
        "f64": st.floats(allow_nan=nan),
    }[name]


def typed_values(
    *, max_leaves: int = 8, handles: bool = False, nan: bool = False
) -> st.SearchStrategy[tuple[Type, Any]]:
    """A type and a value of it."""
    return types(max_leaves=max_leaves, handles=handles).flatmap(
        lambda type: st.tuples(st.just(type), values(type, nan=nan))
    )


@st.composite
def packages(draw: st.DrawFn) -> Package:
    """A package of interfaces and worlds that need nothing from outside of it."""
    id = draw(st.sampled_from(["test:pkg", "test:pkg@1.2.3", "test:use@0.1.0-draft.1"]))
    bare, _, version = id.partition("@")
    drawn = draw(st.lists(names(), max_size=5, unique=True))
    split = draw(st.integers(0, len(drawn)))
    interfaces: dict[str, Interface] = {}
    for name in drawn[:split]:
        full = f"{bare}/{name}@{version}" if version else f"{bare}/{name}"
        interfaces[name] = draw(_interfaces(full, list(interfaces.values())))
    worlds = {
        name: draw(_worlds(f"{bare}/{name}@{version}" if version else f"{bare}/{name}", interfaces))
        for name in drawn[split:]
    }
    return Package(id, interfaces, worlds, draw(_DOCS))


@st.composite
def _interfaces(draw: st.DrawFn, id: str, earlier: list[Interface]) -> Interface:
    declared = draw(_NAME_SETS)
    split = draw(st.integers(0, len(declared)))
    body = _Body(id)
    body.draw(draw, declared[:split], earlier)
    functions = dict(body.methods)
    for name in declared[split:]:
        functions[name] = _function(draw, name, body.known)
    return Interface(id, body.types, functions, draw(_DOCS), body.docs, body.uses)


@st.composite
def _worlds(draw: st.DrawFn, id: str, interfaces: dict[str, Interface]) -> World:
    by_id = {interface.id: interface for interface in interfaces.values()}
    drawn = draw(_NAME_SETS)
    split = draw(st.integers(0, len(drawn)))
    body = _Body("")
    body.draw(draw, drawn[:split], list(by_id.values()))
    imports: dict[str, Interface | Function] = dict(body.methods)
    imports.update((used, by_id[used]) for used, _ in body.uses.values())
    exports: dict[str, Interface | Function] = {}
    for name in drawn[split:]:
        side = exports if draw(st.booleans()) else imports
        if draw(st.booleans()):
            side[name] = _function(draw, name, body.known)
        else:
            side[name] = draw(_interfaces(name, list(by_id.values())))
    for interface in by_id.values():
        choice = draw(_CHOICES)
        if choice < 5:
            side = exports if choice < 2 else imports
            direction = "export" if choice < 2 else "import"
            side[interface.id] = interface
            if doc := draw(_DOCS):
                body.docs[f"{direction} {interface.id}"] = doc
    _complete(imports, exports, by_id)
    return World(id, imports, exports, draw(_DOCS), body.types, body.docs, body.uses)


def _complete(
    imports: dict[str, Interface | Function],
    exports: dict[str, Interface | Function],
    by_id: dict[str, Interface],
) -> None:
    """Add what the interfaces of a world take their types from, as a component would import it."""
    waiting = [i for side in (imports, exports) for i in side.values() if isinstance(i, Interface)]
    while waiting:
        for used, _ in waiting.pop().uses.values():
            if used not in imports and used not in exports:
                imports[used] = by_id[used]
                waiting.append(by_id[used])


class _Body:
    """The types of an interface or world, while they are being drawn."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.types: dict[str, Type | ResourceType] = {}
        self.methods: dict[str, Function] = {}
        self.docs: dict[str, str] = {}
        self.uses: dict[str, tuple[str, str]] = {}
        self.known: list[Type] = []

    def draw(self, draw: st.DrawFn, names: list[str], earlier: list[Interface]) -> None:
        for name in names:
            source = earlier[draw(st.integers(0, len(earlier) - 1))] if earlier else None
            if source is not None and source.types and draw(_CHOICES) < 3:
                original = draw(st.sampled_from(sorted(source.types)))
                self.uses[name] = (source.id, original)
                self._add(name, source.types[original])
            elif self.types and draw(_CHOICES) < 1:
                # An alias of what is already there.
                self._add(name, self.types[draw(st.sampled_from(sorted(self.types)))])
            else:
                self._declare(draw, name)

    def _declare(self, draw: st.DrawFn, name: str) -> None:
        type = _declaration(draw, name, self.id, self.known)
        self._add(name, type)
        if doc := draw(_DOCS):
            self.docs[name] = doc
        match type:
            case ResourceType():
                self.methods.update((f.name, f) for f in _methods(draw, type, self.known))
                return
            case Record(_, members) | Variant(_, members):
                inner = [member for member, _ in members]
            case Enum(_, inner) | Flags(_, inner):
                pass
            case _:
                return
        if doc := draw(_DOCS):
            self.docs[f"{name}.{inner[-1]}"] = doc

    def _add(self, name: str, type: Type | ResourceType) -> None:
        self.types[name] = type
        if isinstance(type, ResourceType):
            self.known += [Own(type), Borrow(type)]
        else:
            self.known.append(type)


# The strategies of packages are fixed and the choices made by hand: building a strategy for
# every drawn set of known types is what costs the time.
_NAME_SETS = st.lists(names(), max_size=6, unique=True)
_MEMBERS = st.lists(names(), min_size=1, max_size=4, unique=True)
_PARAMS = st.lists(names(), max_size=3, unique=True)
_PRIMITIVES = _primitives()
_CHOICES = st.integers(0, 9)
_DOCS = st.sampled_from(
    ["", "", "One line.", "Two\nlines.", "A\n\ngap */ \u2028 /// %x", "/ slash"]
)


def _expression(draw: st.DrawFn, known: list[Type], depth: int = 0) -> Type:
    choice = draw(_CHOICES) if depth < 3 else 0
    below = depth + 1
    match choice:
        case 3:
            return List(_expression(draw, known, below))
        case 4:
            return Option(_expression(draw, known, below))
        case 5:
            return Result(_maybe(draw, known, below), _maybe(draw, known, below))
        case 6:
            return Stream(_maybe(draw, _kept(known), below))
        case 7:
            return Future(_maybe(draw, _kept(known), below))
        case 8:
            return Tuple((_expression(draw, known, below), _expression(draw, known, below)))
        case 9 if known:
            return known[draw(st.integers(0, len(known) - 1))]
        case _:
            return draw(_PRIMITIVES)


def _lends(type: Type | None) -> bool:
    """Whether a type holds a ``borrow``, which a result, stream or future can't."""
    match type:
        case Borrow():
            return True
        case List(item) | Option(item):
            return _lends(item)
        case Result(ok, err):
            return _lends(ok) or _lends(err)
        case Tuple(items):
            return any(map(_lends, items))
        case Record(_, members) | Variant(_, members):
            return any(_lends(member) for _, member in members)
        case _:
            return False


def _kept(known: list[Type]) -> list[Type]:
    return [type for type in known if not _lends(type)]


def _maybe(draw: st.DrawFn, known: list[Type], depth: int) -> Type | None:
    return _expression(draw, known, depth) if draw(st.booleans()) else None


def _declaration(draw: st.DrawFn, name: str, id: str, known: list[Type]) -> Type | ResourceType:
    choice = draw(st.integers(0, 5))
    if choice == 0:
        return ResourceType(name, id)
    if choice == 1:
        return List(_expression(draw, known))
    members = draw(_MEMBERS)
    if choice == 2:
        return Record(name, tuple((n, _expression(draw, known)) for n in members))
    if choice == 3:
        return Variant(name, tuple((n, _maybe(draw, known, 0)) for n in members))
    return Enum(name, tuple(members)) if choice == 4 else Flags(name, tuple(members))


def _function(draw: st.DrawFn, name: str, known: list[Type]) -> Function:
    params = tuple((n, _expression(draw, known)) for n in draw(_PARAMS))
    result = _maybe(draw, _kept(known), 0)
    kind = FunctionKind.FREE
    return Function(name, params, result, kind, draw(_DOCS), draw(st.booleans()))


def _methods(draw: st.DrawFn, resource: ResourceType, known: list[Type]) -> list[Function]:
    found: list[Function] = []
    if draw(st.booleans()):
        params = _function(draw, "x", known).params
        name = f"[constructor]{resource.name}"
        made: Type = Own(resource)
        if draw(st.booleans()):
            made = Result(made, _maybe(draw, _kept(known), 2))
        found.append(Function(name, params, made, FunctionKind.CONSTRUCTOR, draw(_DOCS)))
    for name in draw(_PARAMS):
        plain = _function(draw, name, known)
        kind = draw(st.sampled_from([FunctionKind.METHOD, FunctionKind.STATIC]))
        params = plain.params
        if kind is FunctionKind.METHOD:
            params = (("self", Borrow(resource)), *params)
        full = f"[{kind.value}]{resource.name}.{name}"
        found.append(Function(full, params, plain.result, kind, plain.doc, plain.is_async))
    return found
