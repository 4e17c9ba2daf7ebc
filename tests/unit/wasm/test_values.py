"""The value bridge against real components."""

from __future__ import annotations

import ctypes
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.strategies_wit import typed_values, values
from tests.unit.wasm.generated import echo_component, plain, relay_component
from workbench.errors import LimitHit, ValueMismatch
from workbench.wasm import Engine, ImportsBase, layout, wat_to_bytes
from workbench.wasm.capi import ffi
from workbench.wire.wit.types import (
    BOOL,
    F64,
    S8,
    S64,
    STRING,
    U8,
    U16,
    U32,
    Flags,
    Function,
    List,
    Option,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, record_class

quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Echo(ImportsBase):
    """Provides everything and gives back its first argument."""

    def provides(self, instance: str, name: str) -> bool:
        return True

    def is_sync(self, instance: str) -> bool:
        return True

    def call_sync(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        return args[0]


def _possible(type: Type) -> bool:
    """Flags of more than 32 names are no valid component type."""
    parts: list[Any] = [type]
    while parts:
        part = parts.pop()
        if isinstance(part, Flags) and len(part.names) > 32:
            return False
        if isinstance(part, (list, tuple)):
            parts += part
        elif hasattr(part, "__dataclass_fields__"):
            parts += [getattr(part, name) for name in part.__dataclass_fields__]
    return True


def _pairs() -> st.SearchStrategy[tuple[Type, list[Any]]]:
    return typed_values(max_leaves=5).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.lists(values(pair[0]), max_size=3))
    )


def _listed(type: Type, items: list[Any]) -> Any:
    return bytes(items) if type == U8 else items


@quick
@given(_pairs())
def test_any_value_comes_back_from_a_component_as_it_went_in(
    engine: Engine, pair: tuple[Type, list[Any]]
) -> None:
    type, items = pair
    assume(_possible(type))
    component = engine.load_blocking(wat_to_bytes(echo_component(type)))
    instantiator = component.instantiator()
    sent = _listed(type, items)
    assert plain(instantiator.call_inline("", "echo", (sent,))) == plain(sent)
    instantiator.close_blocking()


@quick
@given(_pairs())
def test_any_value_passes_through_an_import(engine: Engine, pair: tuple[Type, list[Any]]) -> None:
    type, items = pair
    assume(_possible(type))
    component = engine.load_blocking(wat_to_bytes(relay_component(type)))
    instantiator = component.instantiator(Echo())
    sent = _listed(type, items)
    assert plain(instantiator.call_inline("", "relay", (sent,))) == plain(sent)
    instantiator.close_blocking()


@pytest.mark.parametrize(
    ("type", "items"),
    [
        (U8, bytes(range(256)) * 300),
        (U16, list(range(65536))),
        (S64, [-(2**63), 2**63 - 1, 0] * 1000),
        (F64, [0.5, float("inf"), -1e300] * 1000),
        (BOOL, [True, False] * 500),
        (STRING, ["", "ß", "x" * 5000] * 50),
    ],
)
def test_long_lists_come_back_whole(engine: Engine, type: Type, items: Any) -> None:
    instantiator = engine.load_blocking(wat_to_bytes(echo_component(type))).instantiator()
    assert instantiator.call_inline("", "echo", (items,)) == items
    assert instantiator.call_inline("", "echo", (items[:3],)) == items[:3]


PERSON = Record("person", (("name", STRING), ("age", U8), ("tags", List(STRING))))


@pytest.mark.parametrize(
    ("type", "value", "path"),
    [
        (U8, b"x", "v[0]"),
        (S8, 128, "v[0]"),
        (U32, True, "v[0]"),
        (STRING, 5, "v[0]"),
        (STRING, "\ud800", "v[0]"),
        (PERSON, record_class(PERSON)("a", 300, []), "v[0].age"),
        (PERSON, {"name": "a"}, "v[0]"),
        (Variant("v", (("a", U8), ("b", None))), Case("c"), "v[0]"),
        (Variant("v", (("a", U8), ("b", None))), Case("b", 1), "v[0]"),
        (Option(U8), "x", "v[0]"),
        (Result(U8, None), Err(1), "v[0]"),
        (Flags("f", ("a",)), frozenset({"b"}), "v[0]"),
        (Tuple((U8, U8)), (1,), "v[0]"),
        (List(U16), [1, 70000], "v[0]"),
        (List(F64), [1.0, "x"], "v[0]"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(
    engine: Engine, type: Type, value: Any, path: str
) -> None:
    instantiator = engine.load_blocking(wat_to_bytes(echo_component(type))).instantiator()
    with pytest.raises(ValueMismatch) as caught:
        instantiator.call_inline("", "echo", ([value],))
    assert str(caught.value.path).startswith(path.partition("[")[0])


def test_a_wrong_result_of_an_import_is_a_mismatch_and_not_a_crash(engine: Engine) -> None:
    class Wrong(Echo):
        def call_sync(self, ctx: Any, instance: str, function: Any, args: Any) -> Any:
            return [Ok("not a number")]

    type = Result(U32, STRING)
    component = engine.load_blocking(wat_to_bytes(relay_component(type)))
    with pytest.raises(ValueMismatch, match="the result of host"):
        component.instantiator(Wrong()).call_inline("", "relay", ([Ok(1)],))


def test_exceptions_stay_with_the_thread_whose_import_raised_them(engine: Engine) -> None:
    """wasmtime-py keeps the last exception in a global: there, these threads swap theirs."""
    barrier = threading.Barrier(4)

    class Failing(Echo):
        def call_sync(self, ctx: Any, instance: str, function: Any, args: Any) -> Any:
            barrier.wait(5)
            raise LookupError(ctx)

    component = engine.load_blocking(wat_to_bytes(relay_component(U32)))
    instantiator = component.instantiator(Failing())
    seen: dict[int, str] = {}

    def call(number: int) -> None:
        for _ in range(5):
            with pytest.raises(LookupError) as caught:
                instantiator.call_inline("", "relay", ([1],), ctx=number)
            seen[number] = str(caught.value)
            assert seen[number] == str(number)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {n: str(n) for n in range(4)}


def test_the_layout_is_what_bulk_transfer_relies_on() -> None:
    assert layout.verified()
    assert (layout.SIZE, layout.PAYLOAD) == (32, 8)


def test_the_structs_that_are_packed_here_are_those_that_wasmtime_py_declares() -> None:
    """The check at import covers what moves in bulk; a new wasmtime-py must pass this as well."""
    union: dict[str, Any] = {f[0]: f[1] for f in ffi.wasmtime_component_valunion_t._fields_}

    def places(struct: Any) -> list[tuple[str, int]]:
        return [(name, getattr(struct, name).offset) for name, _ in struct._fields_]

    for name in ("list", "record", "tuple", "flags", "string", "enumeration"):
        assert places(union[name]) == [("size", 0), ("data", 8)]
    assert places(union["variant"]) == [("discriminant", 0), ("val", 16)]
    assert places(union["result"]) == [("is_ok", 0), ("val", 8)]
    assert places(ffi.wasmtime_component_valrecord_entry_t) == [("name", 0), ("val", 16)]
    assert ctypes.sizeof(union["option"]) == ctypes.sizeof(union["resource"]) == 8


def test_an_unknown_layout_falls_back_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.wasm import bulk

    layout.verified.cache_clear()
    monkeypatch.setattr(layout, "_matches", lambda: False)
    try:
        with pytest.warns(RuntimeWarning, match="item by item"):
            assert bulk.compile_list(U16) is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert bulk.compile_list(U16) is None
            assert bulk.compile_list(U8) is None
    finally:
        layout.verified.cache_clear()


def test_item_by_item_transfer_gives_the_same_values(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.wasm import bulk, values

    values._compile.cache_clear()
    monkeypatch.setattr(bulk, "compile_list", lambda item: None)
    try:
        for type, items in ((U8, b"abc"), (U16, [1, 2, 65535])):
            component = engine.load_blocking(wat_to_bytes(echo_component(type)))
            instantiator = component.instantiator()
            assert instantiator.call_inline("", "echo", (items,)) == items
    finally:
        values._compile.cache_clear()


def test_a_list_beyond_what_wasmtime_copies_says_so(engine: Engine) -> None:
    instantiator = engine.load_blocking(wat_to_bytes(echo_component(U16))).instantiator()
    with pytest.raises(LimitHit, match="too much data") as caught:
        instantiator.call_inline("", "echo", ([7] * 6_000_000,))
    assert caught.value.limit == "host_call_data"
