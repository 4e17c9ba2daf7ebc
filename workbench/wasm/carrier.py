"""Rewrites a component so that its ``list<u8>`` travel as strings, which wasmtime moves in bulk.

wasmtime's C interface moves a list item by item, 32 bytes for each: 7 MB a second, at most four
million items in a call. A string it copies as a whole. In the guest's memory both are a pointer
and a length, and a string in the encoding ``latin1+utf16`` whose characters are all below 256 is
one byte for each of them: exactly the bytes. So in the types of a function ``list<u8>`` becomes
``tuple<string>`` (laid out like the string alone, and used by nobody), and the function's
lifting or lowering gets that encoding. The guest's own code is not touched and sees no
difference; on this side `carried.py` turns characters to bytes. The true strings of such a
function are bytes of UTF-8 for the guest: they travel in the same way.

When all characters are found to fit, wasmtime shrinks the string with the guest's ``realloc``.
Hand-made guests have one that only ever gives new memory, so it goes through a small module that
lets a block that shrinks stay where it is. WASI's own functions are rewritten only where the
guest sends bytes and gets none: adapters of older toolchains count on the size of what they get.

What is not understood is left alone: `rewritten` then returns None, and lists move item by item.
The sections are those of the component model's binary format.
"""

from __future__ import annotations

from functools import lru_cache

from workbench.wasm.binary import HEADER, NotUnderstood, Reader, section, unsigned, vector
from workbench.wasm.carrier_types import Exports, Scope
from workbench.wasm.text import wat_to_bytes

__all__ = ["rewritten"]

_UTF8, _LATIN1, _MEMORY, _REALLOC, _POST_RETURN = 0, 2, 3, 4, 5
_LIFT, _LOWER, _LAST_RESOURCE_BUILTIN = 0, 1, 4
_CORE, _FUNC, _TYPE, _INSTANCE = 0, 1, 3, 5
_CORE_FUNC, _CORE_MODULE, _CORE_INSTANCE = 0x00, 0x11, 0x12
_WASI = (
    b"wasi:io/", b"wasi:cli/", b"wasi:clocks/", b"wasi:filesystem/", b"wasi:http/",
    b"wasi:random/", b"wasi:sockets/",
)  # fmt: skip

_DEEPEST = 16
"""Components in components: each level is copied once more."""

_SHRINKS_IN_PLACE = """(module
  (import "g" "r" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (func (export "r") (param i32 i32 i32 i32) (result i32)
    (if (result i32) (i32.and
        (i32.ne (local.get 0) (i32.const 0)) (i32.le_u (local.get 3) (local.get 1)))
      (then (local.get 0))
      (else (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3))))))"""


def rewritten(data: bytes) -> bytes | None:
    """The component with its bytes as strings; None where there are none or it is not known how."""
    if b"\x70\x7d" not in data:  # list u8
        return None
    try:
        component = _Component(data, None)
        return component.result() if component.carries else None
    except (NotUnderstood, IndexError, KeyError, RecursionError):
        return None


@lru_cache(maxsize=1)
def _shim() -> bytes:
    return wat_to_bytes(_SHRINKS_IN_PLACE)


class _Component:
    """One component, also one inside another, with the index spaces that rewriting moves."""

    def __init__(self, data: bytes, outside: Scope | None, depth: int = 0) -> None:
        if data[:8] != HEADER or depth > _DEEPEST:
            raise NotUnderstood
        self._depth = depth
        self.types = Scope(outside)
        self.carries = False
        self._out: list[bytes] = [HEADER]
        self._functions: list[int] = []
        """What each function carries: `Scope.NOTHING` and so on."""
        self._instances: list[Exports | None] = []
        self._modules = _Space()
        self._core_instances = _Space()
        self._core_functions = _Space()
        self._shimmed: dict[int, int] = {}
        self._shim_module: int | None = None
        self.types.of_wasi = _types_of_wasi(data)
        for kind, body in Reader(data, 8).sections():
            self._section(kind, body)

    def result(self) -> bytes:
        return b"".join(self._out)

    def _section(self, kind: int, body: bytes) -> None:
        reader = Reader(body)
        match kind:
            case 0:
                self._out.append(section(kind, body))
            case 1:
                self._modules.define()
                self._out.append(section(kind, body))
            case 2:
                self._out.append(section(2, vector(self._core_instance, reader)))
            case 4:
                inner = _Component(body, self.types, self._depth + 1)
                self.carries = self.carries or inner.carries
                self._out.append(section(4, inner.result()))
            case 5:
                self._out.append(section(5, vector(self._instance, reader)))
            case 6:
                self._out.append(section(6, vector(self._alias, reader)))
            case 7:
                self._out.append(section(7, self._type_section(reader)))
            case 8:
                self._canons(reader)
            case 10:
                self._out.append(section(10, vector(self._import, reader)))
            case 11:
                self._out.append(section(11, vector(self._export, reader)))
            case _:
                raise NotUnderstood
        if kind > 1 and kind not in (4, 8) and not reader.at_end:
            raise NotUnderstood

    def _type_section(self, reader: Reader) -> bytes:
        defined: list[bytes] = []
        for _ in range(reader.u32()):
            defined += self.types.definition(reader, self._core_functions.new)
        return unsigned(len(defined)) + b"".join(defined)

    # -- core things -----------------------------------------------------------------------------

    def _core_instance(self, reader: Reader) -> bytes:
        self._core_instances.define()
        form = reader.byte()
        if form == 0:
            module = unsigned(self._modules.new(reader.u32()))
            return b"\0" + module + vector(self._core_argument, reader)
        if form == 1:
            return b"\x01" + vector(self._core_export, reader)
        raise NotUnderstood

    def _core_argument(self, reader: Reader) -> bytes:
        name = reader.name()
        if reader.byte() != _CORE_INSTANCE:
            raise NotUnderstood
        return name + bytes([_CORE_INSTANCE]) + unsigned(self._core_instances.new(reader.u32()))

    def _core_export(self, reader: Reader) -> bytes:
        name, sort = reader.name(), reader.byte()
        index = reader.u32()
        if sort == _CORE_FUNC:
            index = self._core_functions.new(index)
        elif sort not in (1, 2, 3):  # tables, memories and globals stay where they are
            raise NotUnderstood
        return name + bytes([sort]) + unsigned(index)

    # -- what the component has -------------------------------------------------------------------

    def _sorted(self, reader: Reader) -> tuple[int, int, bytes]:
        """A sort and an index: both, and how they are written now."""
        sort = reader.byte()
        if sort == _CORE:
            if reader.byte() != _CORE_MODULE:
                raise NotUnderstood
            index = reader.u32()
            return sort, index, bytes([_CORE, _CORE_MODULE]) + unsigned(self._modules.new(index))
        if sort not in (_FUNC, _TYPE, 4, _INSTANCE):
            raise NotUnderstood
        index = reader.u32()
        new = self.types.new(index) if sort == _TYPE else index
        return sort, index, bytes([sort]) + unsigned(new)

    def _instance(self, reader: Reader) -> bytes:
        form = reader.byte()
        if form == 0:
            component = unsigned(reader.u32())
            self._instances.append(None)
            return b"\0" + component + vector(lambda r: r.name() + self._sorted(r)[2], reader)
        if form != 1:
            raise NotUnderstood
        exported = Exports({}, {})

        def one(reader: Reader) -> bytes:
            name = reader.extern_name()
            sort, index, written = self._sorted(reader)
            if sort == _FUNC:
                exported.functions[name[1:]] = self._functions[index]
            elif sort == _TYPE:
                exported.types[name[1:]] = self.types.known(index)
            return name + written

        written = b"\x01" + vector(one, reader)
        self._instances.append(exported)
        return written

    def _alias(self, reader: Reader) -> bytes:
        sort = reader.byte()
        core = reader.byte() if sort == _CORE else None
        written = bytes([sort]) if core is None else bytes([sort, core])
        target = reader.byte()
        if target == 1 and core is not None:
            instance, name = self._core_instances.new(reader.u32()), reader.name()
            if core == _CORE_FUNC:
                self._core_functions.define()
            elif core not in (1, 2, 3):
                raise NotUnderstood
            return written + b"\x01" + unsigned(instance) + name
        if target == 0:
            instance, name = reader.u32(), reader.name()
            self._aliased(sort, core, instance, name)
            return written + b"\0" + unsigned(instance) + name
        if target == 2 and sort == _TYPE:
            return written + self.types.outer_alias(reader)
        raise NotUnderstood

    def _aliased(self, sort: int, core: int | None, instance: int, name: bytes) -> None:
        known = self._instances[instance]
        if sort == _FUNC:
            self._functions.append(Scope.UNKNOWN if known is None else known.functions[name])
        elif sort == _TYPE:
            self.types.exported(known, name)
        elif sort == _INSTANCE:
            self._instances.append(None)
        elif sort == _CORE and core == _CORE_MODULE:
            self._modules.define()
        elif sort != 4:
            raise NotUnderstood

    def _import(self, reader: Reader) -> bytes:
        return reader.extern_name() + self._described(reader)

    def _described(self, reader: Reader) -> bytes:
        sort, index, written = self.types.described(reader)
        if sort == _FUNC:
            self._functions.append(self.types.function(index))
        elif sort == _INSTANCE:
            self._instances.append(self.types.instance(index))
        return written

    def _export(self, reader: Reader) -> bytes:
        name = reader.extern_name()
        sort, index, written = self._sorted(reader)
        if sort == _FUNC:
            self._functions.append(self._functions[index])
        elif sort == _TYPE:
            self.types.again(index)
        elif sort == _INSTANCE:
            self._instances.append(self._instances[index])
        elif sort == _CORE:
            self._modules.define()
        if reader.byte() == 0:
            return name + written + b"\0"
        return name + written + b"\x01" + self.types.described(reader, defines=False)[2]

    # -- lifting and lowering ---------------------------------------------------------------------

    def _canons(self, reader: Reader) -> None:
        """Sections of their own: what each shim needs must stand before it."""
        for _ in range(reader.u32()):
            form = reader.byte()
            if form == _LIFT:
                canon = self._lift(reader)
            elif form == _LOWER:
                canon = self._lower(reader)
            elif form <= _LAST_RESOURCE_BUILTIN:
                canon = bytes([form]) + unsigned(self.types.new(reader.u32()))
                self._core_functions.define()
            else:
                raise NotUnderstood
            self._out.append(section(8, b"\x01" + canon))
        if not reader.at_end:
            raise NotUnderstood

    def _lift(self, reader: Reader) -> bytes:
        if reader.byte() != 0:
            raise NotUnderstood
        function = reader.u32()
        options = _options(reader)
        type = reader.u32()
        carried = self.types.function(type)
        written = self._with_options(options, carried, receives=True)
        self._functions.append(carried)
        return (
            b"\0\0" + unsigned(self._core_functions.new(function)) + written
            + unsigned(self.types.new(type))
        )  # fmt: skip

    def _lower(self, reader: Reader) -> bytes:
        if reader.byte() != 0:
            raise NotUnderstood
        function = reader.u32()
        carried = self._functions[function]
        written = self._with_options(_options(reader), carried, receives=carried == Scope.BOTH)
        self._core_functions.define()
        return b"\x01\0" + unsigned(function) + written

    def _with_options(
        self, options: dict[int, int | None], carried: int, *, receives: bool
    ) -> bytes:
        if carried == Scope.UNKNOWN:
            raise NotUnderstood
        if carried != Scope.NOTHING:
            if any(kind in options for kind in (1, _LATIN1)):
                raise NotUnderstood
            options.pop(_UTF8, None)
            options[_LATIN1] = None
            self.carries = True
            if receives and (realloc := options.get(_REALLOC)) is not None:
                options[_REALLOC] = self._shim(realloc)
        written = [
            bytes([kind]) if index is None else bytes([kind]) + unsigned(self._core_index(kind, index))
            for kind, index in options.items()
        ]  # fmt: skip
        return unsigned(len(written)) + b"".join(written)

    def _core_index(self, kind: int, index: int) -> int:
        if index < 0:
            return -index  # already one of the new ones
        return index if kind == _MEMORY else self._core_functions.new(index)

    def _shim(self, realloc: int) -> int:
        """The new index, negated, of a ``realloc`` that shrinks in place."""
        if realloc not in self._shimmed:
            if self._shim_module is None:
                self._shim_module = self._modules.insert()
                self._out.append(section(1, _shim()))
            inner = unsigned(self._core_functions.new(realloc))
            given, made = self._core_instances.insert(), self._core_instances.insert()
            self._out.append(
                section(
                    2,
                    b"\x02"
                    + b"\x01\x01\x01r" + bytes([_CORE_FUNC]) + inner
                    + b"\0" + unsigned(self._shim_module)
                    + b"\x01\x01g" + bytes([_CORE_INSTANCE]) + unsigned(given),
                )
            )  # fmt: skip
            self._out.append(section(6, b"\x01\0\0\x01" + unsigned(made) + b"\x01r"))
            self._shimmed[realloc] = self._core_functions.insert()
        return -self._shimmed[realloc]


class _Space:
    """An index space into which things are inserted."""

    def __init__(self) -> None:
        self._new: list[int] = []
        self._count = 0

    def define(self) -> None:
        """The next thing of the original component."""
        self._new.append(self.insert())

    def insert(self) -> int:
        """A thing of ours."""
        self._count += 1
        return self._count - 1

    def new(self, index: int) -> int:
        return self._new[index]


def _options(reader: Reader) -> dict[int, int | None]:
    """The options of a lifting or lowering: the number of each, and its index if it has one."""
    options: dict[int, int | None] = {}
    for _ in range(reader.u32()):
        kind = reader.byte()
        if kind > _POST_RETURN:
            raise NotUnderstood
        options[kind] = reader.u32() if kind >= _MEMORY else None
    return options


def _types_of_wasi(data: bytes) -> set[int]:
    """The types by which interfaces of WASI are imported."""
    found: set[int] = set()
    for kind, body in Reader(data, 8).sections():
        if kind != 10:
            continue
        reader = Reader(body)
        for _ in range(reader.u32()):
            name = Reader(reader.extern_name()[1:]).text()
            sort = reader.byte()
            if sort == _CORE:
                raise NotUnderstood
            if sort == _TYPE:
                bound = reader.byte()
                if bound == 0:
                    reader.u32()
                continue
            index = reader.u32()
            if sort == _INSTANCE and name.startswith(_WASI):
                found.add(index)
    return found
