"""Names looked up: packages, interfaces, worlds, and what they become in the model."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WitResolveError, WitSyntaxError
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import (
    STRING,
    U8,
    Borrow,
    Enum,
    ErrorContext,
    Function,
    FunctionKind,
    Future,
    Interface,
    List,
    Option,
    Own,
    Record,
    ResourceType,
    Result,
    Stream,
)


def resolver(*texts: str) -> Resolver:
    made = Resolver()
    for index, text in enumerate(texts):
        made.add_text(text, f"{index}.wit")
    return made


def interface(body: str) -> Interface:
    return resolver(f"package t:t; interface x {{ {body} }}").interface("x")


def fault_of(*texts: str) -> WitResolveError:
    with pytest.raises(WitResolveError) as caught:
        assert resolver(*texts).packages
    return caught.value


def test_resource_functions_carry_their_component_model_names() -> None:
    found = interface("""
      resource bucket {
        constructor(name: string);
        make: static func() -> result<bucket, string>;
        get: func(key: string) -> option<list<u8>>;
      }
      open: func(near: borrow<bucket>) -> bucket;
    """)
    bucket = ResourceType("bucket", "t:t/x")
    kinds = FunctionKind
    assert found.functions == {
        "[constructor]bucket": Function(
            "[constructor]bucket", (("name", STRING),), Own(bucket), kinds.CONSTRUCTOR
        ),
        "[static]bucket.make": Function(
            "[static]bucket.make", (), Result(Own(bucket), STRING), kinds.STATIC
        ),
        "[method]bucket.get": Function(
            "[method]bucket.get",
            (("self", Borrow(bucket)), ("key", STRING)),
            Option(List(U8)),
            kinds.METHOD,
        ),
        "open": Function("open", (("near", Borrow(bucket)),), Own(bucket)),
    }
    assert found.types == {"bucket": bucket}


def test_types_may_come_after_their_use_and_aliases_vanish() -> None:
    found = interface("""
      f: func(a: second) -> stream<third>;
      record first { c: second, d: future }
      type second = list<third>;
      type third = u8;
      g: async func(e: error-context);
    """)
    assert found.types["first"] == Record("first", (("c", List(U8)), ("d", Future())))
    assert found.functions["f"] == Function("f", (("a", List(U8)),), Stream(U8))
    assert found.functions["g"].params == (("e", ErrorContext()),)
    assert found.functions["g"].is_async


def test_a_resource_keeps_its_home_through_uses_and_aliases() -> None:
    found = resolver("""
      package t:t@0.1.0;
      interface home { resource door; type gate = door; }
      interface near { use home.{gate as way}; }
      interface far { use near.{way}; type path = way; f: func(p: path, q: borrow<way>); }
    """).interface("far")
    door = ResourceType("door", "t:t/home@0.1.0")
    assert found.types == {"way": door, "path": door}
    assert found.functions["f"].params == (("p", Own(door)), ("q", Borrow(door)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("f: func(a: strin);", "there is no type 'strin' here"),
        ("record person { a: u8 } f: func(a: persn);", "did you mean 'person'?"),
        ("record a { b: b } record b { a: list<a> }", "contains itself: a → b → a"),
        ("type a = a;", "contains itself"),
        ("record a { x: u8, x: u8 }", "'x' is declared twice"),
        ("record a { x: u8 } enum a { y }", "'a' is declared twice"),
        ("f: func(); f: func();", "'f' is declared twice"),
        ("record a { x: u8 } f: func(a: borrow<a>);", "takes the name of a resource"),
        ("use nowhere.{a};", "the interface t:t/nowhere does not exist"),
        ("use other:pkg/i@1.0.0.{a};", "the package other:pkg@1.0.0 is not known"),
        ("use x.{a};", "uses itself: t:t/x → t:t/x"),
    ],
)
def test_a_wrong_name_is_told_with_its_place(body: str, words: str) -> None:
    fault = fault_of(f"package t:t;\ninterface x {{\n{body}\n}}")
    assert words in fault.message
    assert fault.line in (2, 3)


def test_a_missing_type_of_an_interface_names_near_ones() -> None:
    fault = fault_of("package t:t; interface a { type one = u8; } interface b { use a.{on}; }")
    assert "the interface t:t/a has no type 'on'; did you mean 'one'?" in fault.message


def test_an_unknown_package_hints_at_the_known_versions() -> None:
    fault = fault_of(
        "package o:o@0.1.0; interface i { type a = u8; }",
        "package t:t; interface b { use o:o/i.{a}; }",
    )
    assert fault.hint.endswith("known: o:o@0.1.0")


def test_interfaces_that_use_each_other_in_a_circle_are_refused() -> None:
    fault = fault_of("""package t:t; interface a { use b.{x}; type y = u8; }
    interface b { use a.{y}; type x = u8; }""")
    assert "uses itself: t:t/a → t:t/b → t:t/a" in fault.message


@pytest.mark.parametrize(
    "back",
    [
        "package b:b; interface i { use c:c/i.{x}; } package c:c { interface i { type x = u8; } "
        "interface j { use a:a/i.{y}; } }",
        "package b:b; interface i { type x = u8; } world w { import a:a/i; }",
    ],
)
def test_packages_that_need_each_other_are_refused(back: str) -> None:
    fault = fault_of("package a:a; interface i { use b:b/i.{x}; type y = u8; }", back)
    assert "need each other" in fault.message


def test_packages_may_share_what_they_need() -> None:
    made = resolver(
        "package a:a; interface i { use b:b/i.{x}; use c:c/i.{y}; }",
        "package b:b; interface i { use d:d/i.{x}; }",
        "package c:c; interface i { use d:d/i.{y}; use b:b/i.{x as z}; }",
        "package d:d; interface i { type x = u8; type y = u16; }",
    )
    assert len(made.packages) == 4


def test_long_chains_are_refused_without_recursion_errors() -> None:
    many = 3000
    uses = "".join(f"interface i{n} {{ use i{n + 1}.{{t}}; }}" for n in range(many))
    assert "use each other in a row" in fault_of(f"package t:t; {uses}").message
    records = "".join(f"record r{n} {{ x: r{n + 1} }}" for n in range(many))
    fault = fault_of(f"package t:t; interface x {{ {records} record r{many} {{ x: u8 }} }}")
    assert "deeper than 64 levels" in fault.message
    worlds = "".join(f"world w{n} {{ include w{n + 1}; }}" for n in range(many))
    assert "worlds include each other in a row" in fault_of(f"package t:t; {worlds}").message


def test_a_type_that_doubles_at_every_step_is_refused() -> None:
    steps = "".join(f"record r{n + 1} {{ a: r{n}, b: r{n} }}" for n in range(40))
    fault = fault_of(f"package t:t; interface x {{ record r0 {{ a: u8 }} {steps} }}")
    assert "more than 65536 parts when written out" in fault.message


# -- gates ------------------------------------------------------------------------------------

# -- worlds -----------------------------------------------------------------------------------

WORLDS = """
package t:t@1.0.0;
interface io { resource %stream; }
interface types { use io.{%stream}; record r { s: %stream } }
interface handler { use types.{r}; handle: func(r: r); }
interface log { log: func(); }
world base { import log; import now: func() -> u64; export run: func(); }
world app { include base with { now as clock, run as start } export handler; }
world both { import handler; export handler; }
"""


def test_a_world_imports_what_its_exports_need() -> None:
    world = resolver(WORLDS).world("app")
    assert set(world.imports) == {
        "t:t/log@1.0.0",
        "clock",
        "t:t/types@1.0.0",
        "t:t/io@1.0.0",
    }
    assert list(world.exports) == ["start", "t:t/handler@1.0.0"]
    start = world.exports["start"]
    assert isinstance(start, Function)


def test_a_world_may_import_and_export_one_interface() -> None:
    world = resolver(WORLDS).world("t:t/both@1.0.0")
    assert "t:t/handler@1.0.0" in world.imports
    assert "t:t/handler@1.0.0" in world.exports


def test_functions_of_a_world_use_its_types() -> None:
    world = resolver("""package t:t; interface i { enum color { red } }
    world w { use i.{color}; record job { c: color } import f: func(j: job); }""").world("w")
    assert list(world.imports) == ["t:t/i", "f"]
    function = world.imports["f"]
    assert isinstance(function, Function)
    job = Record("job", (("c", Enum("color", ("red",))),))
    assert function.params == (("j", job),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("world w { include v; }", "the world t:t/v does not exist"),
        ("world w { include w; }", "includes itself"),
        ("world w { import a: func(); import a: func(); }", "imports 'a' twice"),
        ("world v { import a: func(); } world w { include v with { b as c } }", "no 'b' to rename"),
        ("interface w {} world w {}", "'w' is declared twice"),
        ("world v {} interface i { use v.{a}; }", "is a world, not an interface"),
    ],
)
def test_wrong_worlds_are_told_in_words(text: str, words: str) -> None:
    assert words in fault_of(f"package t:t; {text}").message


def test_a_top_level_use_names_an_interface_for_its_file() -> None:
    made = resolver(
        "package o:o@0.1.0; interface i { type a = u8; }",
        "package t:t; use o:o/i@0.1.0 as far; interface x { use far.{a}; } world w { import far; }",
    )
    assert made.interface("t:t/x").types == {"a": U8}
    assert list(made.world("w").imports) == ["o:o/i@0.1.0"]


def test_nested_packages_stand_beside_their_file() -> None:
    made = Resolver()
    id = made.add_text("""package t:t; world w { import in:ner/i@0.1.0; }
    package in:ner@0.1.0 { interface i { f: func(); } }""")
    assert id == "t:t"
    assert set(made.packages) == {"t:t", "in:ner@0.1.0"}


# -- lookups ----------------------------------------------------------------------------------


def test_names_are_found_bare_with_and_without_version() -> None:
    made = resolver(
        "package t:t@0.9.0; interface i {} world w {}",
        "package t:t@0.10.0; interface i {} interface j {}",
    )
    assert made.interface("t:t/i@0.9.0").id == "t:t/i@0.9.0"
    assert made.interface("t:t/i").id == "t:t/i@0.10.0"
    assert made.interface("j").id == "t:t/j@0.10.0"
    assert made.world().id == made.world("w").id == "t:t/w@0.9.0"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("i", "more than one interface 'i' is here"),
        ("t:t/k@0.9.0", "has no interface 'k'"),
        ("t:u/i", "the package t:u is not known"),
        ("k", "there is no interface 'k' here"),
        ("::", "is no name of a interface"),
    ],
)
def test_a_name_that_fits_nothing_says_so(name: str, words: str) -> None:
    made = resolver("package t:t@0.9.0; interface i {}", "package t:t@0.10.0; interface i {}")
    with pytest.raises(WitResolveError, match=words.replace("'", ".")):
        made.interface(name)


def test_a_text_without_a_package_says_how_to_start() -> None:
    assert "start with: package my:name;" in fault_of("interface x {}").hint
    with pytest.raises(WitResolveError, match="declares no package"):
        Resolver().add_text("// nothing")


def test_adding_the_same_text_again_changes_nothing() -> None:
    made = Resolver()
    assert made.add_text("package t:t; interface i {}") == "t:t"
    assert made.add_text("package t:t; interface i {}") == "t:t"
    with pytest.raises(
        WitResolveError, match="the package t:t is here already, and it says something else"
    ):
        made.add_text("package t:t; interface i { f: func(); }")


# -- names of files and worlds ----------------------------------------------------------------


def test_a_top_level_use_may_name_an_interface_of_its_own_package() -> None:
    made = resolver("package t:t; use a; use a as b; interface a { type x = u8; }"
                    "interface c { use a.{x}; use b.{x as y}; }")  # fmt: skip
    assert made.interface("c").types == {"x": U8, "y": U8}


def test_a_top_level_use_may_name_another_one() -> None:
    made = resolver("package o:o; interface i { type x = u8; }",
                    "package t:t; use b as c; use o:o/i as b; interface c-user { use c.{x}; }")  # fmt: skip
    assert made.interface("c-user").uses == {"x": ("o:o/i", "x")}


def test_top_level_uses_that_go_in_a_circle_end() -> None:
    fault = fault_of("package t:t; use a as b; use b as a; interface c { use a.{x}; }")
    assert "does not exist" in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "use a as x; use b as x; interface a { } interface b { }",
        "use o:o/a as x; interface x { }",
        "use o:o/a as x; world x { }",
    ],
)
def test_a_name_that_stands_for_two_things_in_a_file_is_refused(text: str) -> None:
    assert "'x' stands for two things" in fault_of(f"package t:t; {text}").message


def test_a_renamed_part_of_an_included_world_is_called_by_its_new_name() -> None:
    made = resolver(
        "package t:t; world v { import f: func(); export i: interface { g: func(); } }"
        "world w { include v with { f as h, i as j } }"
    )
    world = made.world("w")
    assert list(world.imports) == ["h"] and world.imports["h"].name == "h"  # type: ignore[union-attr]  # a function
    assert list(world.exports) == ["j"] and world.exports["j"].id == "j"  # type: ignore[union-attr]  # an interface


def test_doc_comments_of_an_included_world_follow_its_names() -> None:
    made = resolver(
        "package t:t; interface a { } world v { /// Of it.\n import i: a; /// Of t.\n type t = u8; }"
        "world w { include v with { i as j } }"
    )
    assert made.world("w").docs == {"import j": "Of it.", "t": "Of t."}


def test_an_included_world_brings_its_types() -> None:
    base = "package t:t; interface a { type x = u8; } world v { use a.{x}; enum e { p } export f: func(e: e); }"
    world = resolver(f"{base} world w {{ include v; import g: func(a: u8); }}").world("w")
    assert list(world.types) == ["x", "e"] and world.uses == {"x": ("t:t/a", "x")}
    clash = fault_of(f"{base} world w {{ include v; type x = u16; }}")
    assert "'x' is one type here and another in the world t:t/v" in clash.message


# -- what can't be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "words", "instead"),
    [
        ("list<u8, 4>", "a list of a fixed length is not supported", "tuple<…>"),
        ("map<string, u8>", "map<…> is not supported", "list<tuple<key, value>>"),
    ],
)
def test_types_that_nothing_here_carries_are_refused_where_they_are_asked_for(
    type: str, words: str, instead: str
) -> None:
    made = resolver(f"package t:t; interface x {{ f: func(a: {type}); }} interface y {{ }}")
    assert made.interface("y").functions == {}
    with pytest.raises(WitResolveError) as caught:
        made.interface("x")
    assert words in caught.value.message and instead in caught.value.hint
    assert (caught.value.line, caught.value.column) == (1, 39)


def test_map_stays_a_name_where_it_is_no_type() -> None:
    made = interface("map: func(map: u8); record r { map: u8 }")
    assert list(made.functions) == ["map"]
    assert interface("type map = u8; f: func(a: map);").types == {"map": U8}


def test_a_constructor_may_fail_and_must_make_its_resource() -> None:
    made = interface("resource r { constructor() -> result<r, string>; }")
    door = ResourceType("r", "t:t/x")
    assert made.functions["[constructor]r"].result == Result(Own(door), STRING)
    for result in ("u8", "r", "result<u8>", "result<_, r>", "option<r>"):
        with pytest.raises(WitResolveError, match="a constructor of r that may fail returns"):
            interface(f"resource r {{ constructor() -> {result}; }}")
    with pytest.raises(WitResolveError, match="declared twice"):
        interface("resource r { constructor(); constructor(a: u8); }")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("resource r; f: func() -> borrow<r>;", "the result of f can't hold a borrow<…>"),
        ("resource r; record s { a: list<borrow<r>> } f: func() -> option<s>;", "the result of f"),
        ("resource r { constructor() -> result<r, borrow<r>>; }", "the result of r can't hold"),
        ("resource r; f: func(a: stream<borrow<r>>);", "a stream can't hold a borrow<…>"),
        ("resource r; type t = future<option<borrow<r>>>;", "a future can't hold a borrow<…>"),
        ("resource r { f: func(); f: static func(); }", "'f' is declared twice"),
    ],
)
def test_what_components_can_not_have_is_refused(body: str, words: str) -> None:
    with pytest.raises(WitResolveError) as caught:
        interface(body)
    assert words in caught.value.message


def test_a_borrow_is_lent_through_uses_too() -> None:
    fault = fault_of(
        "package t:t; interface a { resource r; type lent = tuple<borrow<r>>; take: func(a: lent); }"
        "interface b { use a.{lent}; give: func() -> list<lent>; }"
    )
    assert "the result of give can't hold a borrow" in fault.message


def test_doc_comments_are_kept_wherever_they_stand() -> None:
    made = resolver("""/// Of the package.
package t:t;
/// Of x.
interface x {
  /// Of r.
  record r {
    /// Of a,
    ///   in two lines.
    a: u8,
    b: u8,
  }
  /** Of v. */
  variant v { /// Of c.
    c(u8) }
  /// Of f.
  f: func();
  /// Of q.
  resource q {
    /// Of m.
    m: func();
  }
}
/// Of w.
world w {
  /// Of t.
  type t = u8;
  /// Of the import.
  import x;
  /// Of g.
  export g: func();
}
""").packages["t:t"]
    x, w = made.interfaces["x"], made.worlds["w"]
    assert (made.doc, x.doc, w.doc) == ("Of the package.", "Of x.", "Of w.")
    assert x.docs == {
        "r": "Of r.", "r.a": "Of a,\nin two lines.", "v": "Of v.", "v.c": "Of c.", "q": "Of q."
    }  # fmt: skip
    assert [f.doc for f in x.functions.values()] == ["Of m.", "Of f."]
    assert w.docs == {"t": "Of t.", "import t:t/x": "Of the import."}
    assert w.exports["g"].doc == "Of g."


# -- bad input --------------------------------------------------------------------------------

_WORDS = (
    "package a:b ; @ 0.1.0 interface world x y use . { } with as include import export : func "
    "( ) -> record variant enum flags resource type = list < > u8 , static constructor borrow "
    "own /// /* */ // %x result _ stream future @since(version = 0.1.0)"
)
_PIECES = st.sampled_from(_WORDS.split(" "))


@settings(deadline=None, max_examples=150)
@given(st.lists(_PIECES, max_size=40))
def test_any_words_resolve_or_are_a_local_error(pieces: list[str]) -> None:
    try:
        assert resolver(f"package a:b; {' '.join(pieces)}").packages
    except (WitSyntaxError, WitResolveError):
        return


def test_threads_may_resolve_at_the_same_time() -> None:
    uses = "".join(f"interface i{n} {{ use i{n + 1}.{{t}}; }}" for n in range(20))
    made = resolver(f"package t:t; {uses} interface i20 {{ type t = u8; }}")
    faults: list[BaseException] = []

    def work() -> None:
        try:
            assert made.interface("t:t/i0").types == {"t": U8}
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


@pytest.mark.parametrize(
    "text",
    [
        # 20,000 worlds of 1,000 imports each, from 400 kB of text.
        "world z {" + "".join(f"import z{n}: func();" for n in range(1000)) + "}"
        + "".join(f"world y{n} {{include z;}}" for n in range(20_000)),
        "interface x { record z {" + ",".join(f"z{n}: u8" for n in range(70_000)) + "} }",
        "interface x {" + "".join(f"type near{n} = u8;" for n in range(8_000)) + "f: func(a: nearx); }",
    ],
    ids=["worlds", "record", "names"],
)  # fmt: skip
def test_a_text_that_is_small_for_what_it_means_fails_fast(text: str) -> None:
    began = time.process_time()
    assert fault_of(f"package t:t; {text}")
    assert time.process_time() - began < 8


def test_a_text_of_ten_megabytes_is_not_even_read() -> None:
    began = time.process_time()
    with pytest.raises(WitSyntaxError, match="has more than 2097152 characters"):
        resolver("package t:t; interface x { " + "z: func(); " * 1_000_000)
    assert time.process_time() - began < 0.5
