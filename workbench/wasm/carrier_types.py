"""The types of a component or of an interface, and what becomes of those that hold bytes.

Mostly ``list<u8>`` simply is ``tuple<string>`` from here on. In the interfaces of WASI only some
functions may carry bytes as text: there a type gets a twin, written right behind it, which moves
the indices of all that follow, and a function uses twins or not. Types with names (records,
variants) have no twins: a function knows them by their name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from workbench.wasm.binary import NotUnderstood, Reader, signed, unsigned

__all__ = ["Exports", "Scope"]

_LIST_OF_BYTES, _TUPLE_OF_STRING = b"\x70\x7d", b"\x6f\x01\x73"
_STRING, _FIRST_PRIMITIVE = 0x73, 0x64
_TWINNED = (0x70, 0x6F, 0x6B, 0x6A)  # list, tuple, option, result

MAX_TYPES = 50_000
"""Of a component with all that are in it; the largest known ones have some thousands."""

# A value type: how it is written for itself, and where it stands for bytes.
_Value = tuple[bytes, bytes]


@dataclass(slots=True)
class _Known:
    """One type: its new index, that of its twin, whether texts or carried bytes are in it."""

    new: int
    twin: int | None = None
    texts: bool = False
    bytes: bool = False
    string: bool = False
    """Whether it may be another name for ``string``."""
    unknown: bool = False
    function: int = 0
    exports: Exports | None = None


@dataclass(slots=True)
class Exports:
    """What an instance has: its functions (see `Scope.NOTHING`) and its types."""

    functions: dict[bytes, int]
    types: dict[bytes, _Known]


class Scope:
    """The index space of types of a component, of an instance type or of a component type."""

    NOTHING, SENDS, BOTH, UNKNOWN = range(4)
    """What a function carries: no bytes, only in its parameters, in both directions."""

    def __init__(self, outside: Scope | None) -> None:
        self._outside = outside
        self._left: list[int] = [MAX_TYPES] if outside is None else outside._left
        self._known: list[_Known] = []
        self._count = 0
        self.of_wasi: set[int] = set()
        """The (old) instance types by which interfaces of WASI are imported."""
        self._wasi = False
        self._forget()

    # -- looking up ------------------------------------------------------------------------------

    def new(self, index: int) -> int:
        return self._known[index].new

    def known(self, index: int) -> _Known:
        return self._known[index]

    def function(self, index: int) -> int:
        return self._known[index].function

    def instance(self, index: int) -> Exports | None:
        return self._known[index].exports

    # -- defining --------------------------------------------------------------------------------

    def _define(self, **what: object) -> _Known:
        known = _Known(self._count, **what)  # type: ignore[arg-type] - the fields of _Known
        return self._add(known)

    def _add(self, known: _Known) -> _Known:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise NotUnderstood
        self._count += 1
        self._known.append(known)
        return known

    def exported(self, instance: Exports | None, name: bytes) -> None:
        """A type that an instance exports; there may be anything in one of an unknown instance."""
        if instance is None:
            self._define(texts=True, string=True, unknown=True)
        else:
            self._same(instance.types[name])

    def again(self, index: int) -> None:
        """A type of this scope under another name."""
        known = self._known[index]
        self._same(known).twin = known.twin

    def _same(self, known: _Known) -> _Known:
        """A type known from another scope, whose twin is not known here."""
        return self._add(replace(known, new=self._count, twin=None))

    def definition(self, reader: Reader, core_function: Callable[[int], int]) -> list[bytes]:
        """Read one type; how it and its twin are written now."""
        form = reader.byte()
        if form == 0x40:
            return [self._function(reader)]
        if form in (0x41, 0x42):
            return [self._declared(form, reader)]
        if form == 0x3F:
            return [self._resource(reader, core_function)]
        return self._values(form, reader)

    def _resource(self, reader: Reader, core_function: Callable[[int], int]) -> bytes:
        written = b"\x3f" + bytes([reader.byte()])
        self._define()
        if reader.byte() == 0:
            return written + b"\0"
        return written + b"\x01" + unsigned(core_function(reader.u32()))

    def _values(self, form: int, reader: Reader) -> list[bytes]:
        self._forget()
        self._texts = form == _STRING
        plain, twin = self._structure(form, reader)
        if form == 0x6F and plain[1] == 1 and self._string:
            raise NotUnderstood  # somebody uses tuple<string> after all
        if plain == _LIST_OF_BYTES:
            self._texts, twin = True, _TUPLE_OF_STRING
            if not self._wasi:
                self._bytes, plain = True, twin
        known = self._define(
            texts=self._texts, bytes=self._bytes, unknown=self._unknown, string=form == _STRING
        )
        if form not in _TWINNED or twin == plain:
            return [plain]
        known.twin = self._count
        self._count += 1
        return [plain, twin]

    def _structure(self, form: int, reader: Reader) -> _Value:
        head = bytes([form])
        if form >= 0x73 or form == _FIRST_PRIMITIVE:
            return head, head
        match form:
            case 0x72:  # record
                pieces = self._counted(reader, lambda: (self._name(reader), self._value(reader)))
            case 0x71:  # variant
                pieces = self._counted(
                    reader,
                    lambda: (self._name(reader), self._maybe(reader), _fixed(reader.raw(1))),
                )
            case 0x70 | 0x6B:  # list, option
                pieces = [self._value(reader)]
            case 0x6F:  # tuple
                pieces = self._counted(reader, lambda: (self._value(reader),))
            case 0x6E | 0x6D:  # flags, enum
                pieces = self._counted(reader, lambda: (self._name(reader),))
            case 0x6A:  # result
                pieces = [self._maybe(reader), self._maybe(reader)]
            case 0x69 | 0x68:  # own, borrow
                pieces = [_fixed(unsigned(self.new(reader.u32())))]
            case _:
                raise NotUnderstood
        return head + b"".join(p for p, _ in pieces), head + b"".join(t for _, t in pieces)

    def _counted(self, reader: Reader, one: Callable[[], tuple[_Value, ...]]) -> list[_Value]:
        count = reader.u32()
        pieces = [_fixed(unsigned(count))]
        for _ in range(count):
            pieces += one()
        return pieces

    @staticmethod
    def _name(reader: Reader) -> _Value:
        return _fixed(reader.name())

    def _maybe(self, reader: Reader) -> _Value:
        if reader.byte() == 0:
            return b"\0", b"\0"
        plain, twin = self._value(reader)
        return b"\x01" + plain, b"\x01" + twin

    def _value(self, reader: Reader) -> _Value:
        if _FIRST_PRIMITIVE <= reader.peek() < 0x80:
            form = reader.byte()
            self._string = form == _STRING
            self._texts = self._texts or self._string
            return _fixed(bytes([form]))
        known = self._known[reader.u32()]
        self._string = known.string
        self._texts = self._texts or known.texts
        self._bytes = self._bytes or known.bytes
        self._unknown = self._unknown or known.unknown
        plain = signed(known.new)
        return plain, plain if known.twin is None else signed(known.twin)

    def _forget(self) -> None:
        """Begin to learn what is in the next type."""
        self._texts = self._string = self._bytes = self._unknown = False

    def _function(self, reader: Reader) -> bytes:
        self._forget()
        params = self._counted(reader, lambda: (self._name(reader), self._value(reader)))
        self._texts = False
        form = reader.byte()
        result = _fixed(reader.raw(1)) if form else self._value(reader)
        answers = self._texts
        pieces = [*params, _fixed(bytes([form])), result]
        plain, twin = (b"".join(column) for column in zip(*pieces, strict=True))
        twinned = plain != twin and not answers
        carried = self.NOTHING
        if self._unknown:
            carried = self.UNKNOWN
        elif self._bytes or twinned:
            carried = self.BOTH if answers else self.SENDS
        self._define(function=carried)
        return b"\x40" + (twin if twinned else plain)

    # -- instance and component types ------------------------------------------------------------

    def _declared(self, form: int, reader: Reader) -> bytes:
        inside = Scope(self)
        inside._wasi = self._wasi or len(self._known) in self.of_wasi
        exports = Exports({}, {})
        written: list[bytes] = []
        for _ in range(reader.u32()):
            written += inside._declaration(form, reader, exports)
        self._define(exports=exports if form == 0x42 else None)
        return bytes([form]) + unsigned(len(written)) + b"".join(written)

    def _declaration(self, form: int, reader: Reader, exports: Exports) -> list[bytes]:
        kind = reader.byte()
        if kind == 1:
            return [b"\x01" + one for one in self.definition(reader, _no_core)]
        if kind == 2:
            return [b"\x02" + self._alias(reader)]
        if kind == 4 or (kind == 3 and form == 0x41):
            name = reader.extern_name()
            sort, index, written = self.described(reader)
            if sort == 1:
                exports.functions[name[1:]] = self.function(index)
            elif sort == 3:
                exports.types[name[1:]] = self._known[-1]
            return [bytes([kind]) + name + written]
        raise NotUnderstood

    def _alias(self, reader: Reader) -> bytes:
        if reader.byte() != 3:
            raise NotUnderstood
        target = reader.byte()
        if target == 2:
            return b"\x03" + self.outer_alias(reader)
        if target != 0:
            raise NotUnderstood
        self.exported(None, b"")
        return b"\x03\0" + unsigned(reader.u32()) + reader.name()

    def outer_alias(self, reader: Reader) -> bytes:
        """The target of an alias of a type outside, from behind its sort."""
        steps, index = reader.u32(), reader.u32()
        scope: Scope | None = self
        for _ in range(steps):
            scope = scope._outside if scope is not None else None
        if scope is None:
            raise NotUnderstood
        known = scope._known[index]
        self._same(known)
        return b"\x02" + unsigned(steps) + unsigned(known.new)

    def described(self, reader: Reader, *, defines: bool = True) -> tuple[int, int, bytes]:
        """What an import or export is: its sort, the (old) type, how it is written now."""
        sort = reader.byte()
        if sort in (1, 4, 5):
            index = reader.u32()
            return sort, index, bytes([sort]) + unsigned(self.new(index))
        if sort != 3:
            raise NotUnderstood
        if reader.byte() == 1:
            if defines:
                self._define()
            return sort, -1, b"\x03\x01"
        index = reader.u32()
        written = b"\x03\0" + unsigned(self.new(index))
        if defines:
            self.again(index)
        return sort, index, written


def _fixed(piece: bytes) -> _Value:
    return piece, piece


def _no_core(index: int) -> int:
    raise NotUnderstood
