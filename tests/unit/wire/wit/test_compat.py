"""Whether one WIT item can stand for another."""

from __future__ import annotations

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
        (Flags("f", ("a", "b")), Flags("f", ("a",)), ["the flag b is missing"]),
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
