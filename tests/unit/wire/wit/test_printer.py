"""Printing WIT: what is printed reads back as the same model."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.strategies_wit import packages
from workbench.wire.wit.bundled import bundled, new_resolver
from workbench.wire.wit.printer import (
    print_function,
    print_interface,
    print_package,
    print_type,
    print_world,
)
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import (
    STRING,
    U8,
    U32,
    Borrow,
    Function,
    FunctionKind,
    Interface,
    List,
    Option,
    Own,
    Package,
    Record,
    ResourceType,
    World,
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(packages())
def test_every_package_reads_back_from_its_print(package: Package) -> None:
    text = print_package(package)
    resolver = Resolver()
    resolver.add_text(text)
    assert resolver.packages[package.id] == package


def test_every_bundled_package_reads_back_from_its_print() -> None:
    for id, package in bundled().packages.items():
        resolver = new_resolver()
        resolver.add_text(print_package(package))
        assert resolver.packages[id] == package


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(packages())
def test_where_types_come_from_reads_back_too(package: Package) -> None:
    resolver = Resolver()
    resolver.add_text(print_package(package))
    again = resolver.packages[package.id]
    # `uses` takes no part in comparing interfaces and worlds.
    assert [i.uses for i in again.interfaces.values()] == [
        i.uses for i in package.interfaces.values()
    ]
    assert [w.uses for w in again.worlds.values()] == [w.uses for w in package.worlds.values()]


def test_a_used_type_prints_as_use_with_its_alias() -> None:
    text = print_interface(bundled().interface("wasi:http/types@0.2.2"))
    assert "use wasi:io/error@0.2.2.{error as io-error};" in text
    assert "type headers = fields;" in text
    assert "constructor(headers: fields);" in text


def test_a_used_alias_is_printed_where_it_saves_naming_what_is_in_it() -> None:
    made = Resolver()
    made.add_text("""package t:t;
    interface a { resource r; record s { x: u8 } type rs = list<r>; type ss = option<s>; type n = u8; }
    interface b { use a.{rs, ss, n}; type more = tuple<rs, u8>; f: func(a: rs, b: n) -> ss; }
    """)
    assert (
        print_interface(made.interface("b"), package="t:t")
        == """interface b {
  use a.{rs, ss, n};
  type more = tuple<rs, u8>;
  f: func(a: rs, b: u8) -> ss;
}
"""
    )


def test_names_of_the_own_package_print_short() -> None:
    interface = bundled().interface("wasi:keyvalue/batch")
    text = print_interface(interface, package="wasi:keyvalue@0.2.0-draft")
    assert text.splitlines()[1] == "  use store.{bucket, error};"


def test_a_type_that_is_listed_nowhere_is_declared_on_the_side() -> None:
    person = Record("person", (("name", STRING), ("friend", Option(U8))))
    door = ResourceType("door", "lab:house/doors@0.1.0")
    function = Function("open", (("who", person), ("door", Borrow(door))), List(person))
    interface = Interface("lab:cell/api@0.1.0", {}, {"open": function})
    resolver = Resolver()
    resolver.add_text("package lab:house@0.1.0; interface doors { resource door; }")
    resolver.add_text(print_package(Package("lab:cell@0.1.0", {"api": interface})))
    assert resolver.interface("api").functions == interface.functions


def test_a_world_with_functions_resources_and_inline_interfaces_reads_back() -> None:
    text = """
    package lab:cell@0.1.0;
    interface api { f: func() -> u32; }
    world w {
      resource lock { constructor(); hold: func() -> bool; }
      record job { id: u32, lock: option<lock> }
      import log: func(text: string);
      import other: interface { use api2.{mark}; g: func(m: mark); }
      export api;
      export run: func(job: job) -> result<_, string>;
    }
    interface api2 { enum mark { a, b } }
    """
    first, second = Resolver(), Resolver()
    first.add_text(text)
    package = first.packages["lab:cell@0.1.0"]
    second.add_text(print_package(package))
    assert second.packages["lab:cell@0.1.0"] == package


def test_single_parts_print_alone() -> None:
    person = Record("person", (("name", STRING), ("type", U8)))
    assert print_type(person) == "record person {\n  name: string,\n  %type: u8,\n}"
    assert print_type(List(Option(U8))) == "list<option<u8>>"
    assert print_type(ResourceType("door", "a:b/c")) == "resource door;"
    assert print_function(Function("f", (("p", person),), U32)) == "f: func(p: person) -> u32;"
    method = Function("[static]x.y", (), Own(ResourceType("x")), FunctionKind.STATIC)
    world = World("a:b/w", {"[static]x.y": method})
    assert print_world(world) == "world w {\n  resource x {\n    y: static func() -> x;\n  }\n}\n"
