"""Whether one WIT item can stand for another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from tests.strategies_wit import types
from workbench.wire.wit.bundled import bundled
from workbench.wire.wit.compat import compatible
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import (
    STRING,
    U8,
    Borrow,
    Enum,
    Flags,
    Function,
    Interface,
    List,
    Option,
    Own,
    Record,
    ResourceType,
    Result,
    Tuple,
    Type,
    Variant,
    World,
)
from workbench.wire.wit.values import Case
from workbench.wire.wrpc import function_codec

NINE_FLAGS = Flags("f", tuple(f"n{n}" for n in range(9)))


@settings(deadline=None, max_examples=40)
@given(types(handles=True))
def test_every_type_is_compatible_with_itself(type: Type) -> None:
    assert compatible(type, type) == []
    assert compatible(List(type), Option(type)) != []


@pytest.mark.parametrize(
    ("wanted", "offered", "differences"),
    [
        (Record("a", (("x", U8),)), Record("b", (("x", U8),)), []),
        (U8, STRING, ["is string, not u8"]),
        (Record("a", (("x", U8),)), Record("a", (("y", U8),)),
         ["the field x is missing", "the field y is not expected"]),
        (Record("a", (("x", U8), ("y", U8))), Record("a", (("y", U8), ("x", U8))),
         ["the fields come in another order: y, x"]),
        (Record("a", (("x", U8),)), Record("a", (("x", List(U8)),)), [".x: is list<u8>, not u8"]),
        (Variant("v", (("a", None),)), Variant("v", (("a", U8),)), [".a: is u8, not nothing"]),
        (Enum("e", ("a",)), Enum("e", ("a", "b")), ["the case b is not expected"]),
        (Enum("e", ("a", "b")), Enum("e", ("a",)), []),
        (Enum("e", ("a", "b")), Enum("e", ("b",)), ["the case a is missing"]),
        (Flags("f", ("a", "b")), Flags("f", ("a",)), []),
        (Flags("f", ("a", "b")), Flags("f", ("b",)), ["the flag a is missing"]),
        (NINE_FLAGS, Flags("f", NINE_FLAGS.names[:8]), ["the flag n8 is missing"]),
        (Result(U8), Result(U8, STRING), [".err: is string, not nothing"]),
        (Tuple((U8, U8)), Tuple((U8,)), ["is tuple<u8>, not tuple<u8, u8>"]),
        (List(Tuple((U8, U8))), List(Tuple((U8, STRING))), ["[][1]: is string, not u8"]),
        (Own(ResourceType("r", "a")), Own(ResourceType("r", "b")), []),
        (Own(ResourceType("r")), Borrow(ResourceType("r")), ["is borrow<r>, not r"]),
    ],
)  # fmt: skip
def test_differences_of_types(wanted: Type, offered: Type, differences: list[str]) -> None:
    assert compatible(wanted, offered) == differences


def test_differences_of_functions_and_interfaces() -> None:
    wanted = Interface("a:a/i", {}, {
        "f": Function("f", (("x", U8),), STRING),
        "g": Function("g", (("x", U8),)),
        "h": Function("h"),
    })  # fmt: skip
    offered = Interface("a:a/i@2.0.0", {}, {
        "f": Function("f", (("y", STRING),), None),
        "g": Function("g"),
        "extra": Function("extra"),
    })  # fmt: skip
    assert compatible(wanted, offered) == [
        "f(x): is string, not u8",
        "f result: is nothing, not string",
        "g: takes 0 parameters, not 1",
        "the function h is missing",
    ]


OLD = Variant("e", (("a", None), ("b", U8)))
NEW = Variant("e", (("a", None), ("b", U8), ("c", STRING)))


@pytest.mark.parametrize("wrap", [lambda t: t, List, lambda t: Option(Record("r", (("x", t),)))])
def test_the_receiving_side_may_know_more_cases(wrap: Callable[[Type], Type]) -> None:
    old, new = wrap(OLD), wrap(NEW)
    # Arguments go to the callee, so it may take more than the caller ever sends.
    takes_old, takes_new = Function("f", (("x", old),)), Function("f", (("x", new),))
    assert compatible(takes_old, takes_new) == []
    (difference,) = compatible(takes_new, takes_old)
    assert difference.endswith("the case c is missing") and difference.startswith("f(x)")
    # Results come back, so there it is the other way round.
    gives_old, gives_new = Function("f", (), old), Function("f", (), new)
    assert compatible(gives_new, gives_old) == []
    (difference,) = compatible(gives_old, gives_new)
    assert difference.endswith("the case c is not expected") and "f result" in difference


def test_a_type_may_fit_as_a_result_and_not_as_an_argument() -> None:
    both = Function("f", (("x", NEW),), NEW)
    assert compatible(both, Function("f", (("x", OLD),), OLD)) == ["f(x): the case c is missing"]


def test_more_cases_do_not_hide_a_payload_that_differs() -> None:
    other = Variant("e", (("a", None), ("b", STRING), ("c", STRING)))
    assert compatible(Function("f", (("x", OLD),)), Function("f", (("x", other),))) == [
        "f(x).b: is string, not u8"
    ]


def test_what_is_called_compatible_decodes_on_the_other_side() -> None:
    caller = function_codec(Function("f", (("x", List(OLD)),)))
    callee = function_codec(Function("f", (("x", List(NEW)),)))
    sent = [Case("b", 7), Case("a")]
    wire, _ = caller.encode_params([sent])
    decoder = callee.params_decoder()
    assert decoder.feed(wire) and list(decoder.values or ()) == [sent]


def test_a_world_may_import_less_and_export_more() -> None:
    log, run = Function("log"), Function("run")
    assert compatible(World("w", {"log": log}, {}), World("v", {}, {"run": run})) == []
    assert compatible(World("w", {}, {"run": run}), World("v", {"log": log}, {})) == [
        "the export run is missing",
        "the import log is not allowed for",
    ]


def test_versions_of_one_package_compare_as_they_are() -> None:
    old = bundled().interface("wasi:http/types@0.2.0")
    assert compatible(old, bundled().interface("wasi:http/types@0.2.6")) == []
    bus = bundled().interface("wasmcloud:bus/lattice@1.0.0")
    assert compatible(bus, bundled().interface("wasmcloud:bus/lattice@2.0.0")) == [
        "set-link-name result: is result<_, string>, not nothing"
    ]


def test_items_of_different_kinds_say_so() -> None:
    assert compatible(U8, Function("f")) == ["expected a prim, it is a function"]


def test_no_more_than_a_hundred_differences_are_listed() -> None:
    made = Resolver()
    body = "".join(f"fn{n}: func();" for n in range(500))
    made.add_text(f"package t:t; interface a {{ {body} }} interface b {{ }}")
    assert len(compatible(made.interface("a"), made.interface("b"))) == 100
