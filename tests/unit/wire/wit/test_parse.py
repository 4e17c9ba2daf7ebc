"""The WIT parser: what it reads, and where it points when it can't."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies_wit import packages
from workbench.errors import WitSyntaxError
from workbench.wire.wit.ast import FunctionDecl, InterfaceDecl, Path
from workbench.wire.wit.parse import parse_package
from workbench.wire.wit.printer import print_package
from workbench.wire.wit.source import Source, kebab_fault, lex
from workbench.wire.wit.types import FunctionKind, Package

EVERYTHING = """
/// What the package
/// is for.
package lab:demo@1.2.3-rc.1+build.5;   // trailing

use wasi:io/streams@0.2.2 as io;

/** A block
 *  comment. */
@since(version = 1.0.0)
interface store {
  use types.{a, b as c};
  use wasi:http/types@0.2.0.{fields,};
  /* nested /* comment */ here */
  type %list = list<u8>;
  record r { %type: u8, b-2: option<string>, }
  variant v { none, some(tuple<u8, HTTP-code>), }
  enum HTTP-code { OK, not-found }
  flags f { read, write }
  resource blob;
  resource bucket {
    constructor(name: string);
    open: static func(name: string) -> result<bucket, v>;
    /// Reads.
    get: async func(key: string) -> option<list<u8>>;
    @unstable(feature = copy) @deprecated(version = 1.1.0)
    copy: func(other: borrow<bucket>, mine: own<blob>);
  }
  tail: func() -> stream<u8>;
  %func: func(a: future, b: future<u8>, c: stream, d: error-context, e: result<_, string>) -> result;
}

world app {
  include wasi:cli/imports@0.2.0;
  include base with { run as start, old as new }
  use store.{r};
  type t = r;
  import store;
  import log: func(text: string);
  export handler: interface { handle: func(r: u8); }
  export wasi:http/incoming-handler@0.2.0;
  export second: wasi:http/incoming-handler@0.2.0;
  export third: store;
}

package lab:inner@0.1.0 {
  interface i { }
}
"""


def test_every_construct_is_read() -> None:
    document = parse_package(EVERYTHING)
    assert str(document.main.name) == "lab:demo@1.2.3-rc.1+build.5"
    assert document.main.doc == "What the package\nis for."
    assert [(str(u.path), u.alias) for u in document.main.uses] == [("wasi:io/streams@0.2.2", "io")]
    (store,) = document.main.interfaces
    assert (store.name, store.doc) == ("store", "A block\ncomment.")
    assert store.gate is not None and store.gate.since == "1.0.0"
    assert [(str(u.path), [n[:2] for n in u.names]) for u in store.uses] == [
        ("types", [("a", "a"), ("b", "c")]),
        ("wasi:http/types@0.2.0", [("fields", "fields")]),
    ]
    assert [(t.kind, t.name, len(t.members)) for t in store.types] == [
        ("type", "list", 0),
        ("record", "r", 2),
        ("variant", "v", 2),
        ("enum", "HTTP-code", 2),
        ("flags", "f", 2),
        ("resource", "blob", 0),
        ("resource", "bucket", 0),
    ]
    methods = store.types[-1].functions
    assert [(m.name, m.kind, m.is_async) for m in methods] == [
        ("bucket", FunctionKind.CONSTRUCTOR, False),
        ("open", FunctionKind.STATIC, False),
        ("get", FunctionKind.METHOD, True),
        ("copy", FunctionKind.METHOD, False),
    ]
    assert methods[2].doc == "Reads."
    gate = methods[3].gate
    assert gate is not None and (gate.unstable, gate.deprecated) == ("copy", "1.1.0")
    assert [f.name for f in store.functions] == ["tail", "func"]


def test_worlds_and_nested_packages_are_read() -> None:
    document = parse_package(EVERYTHING)
    (world,) = document.main.worlds
    assert [(str(i.path), [r[:2] for r in i.renames]) for i in world.includes] == [
        ("wasi:cli/imports@0.2.0", []),
        ("base", [("run", "start"), ("old", "new")]),
    ]
    shown = [
        (e.direction, e.label, str(e.target) if isinstance(e.target, Path) else e.target.name)
        for e in world.externs
    ]
    assert shown == [
        ("import", "", "store"),
        ("import", "", "log"),
        ("export", "", "handler"),
        ("export", "", "wasi:http/incoming-handler@0.2.0"),
        ("export", "second", "wasi:http/incoming-handler@0.2.0"),
        ("export", "third", "store"),
    ]
    assert isinstance(world.externs[1].target, FunctionDecl)
    assert isinstance(world.externs[2].target, InterfaceDecl)
    assert [str(p.name) for p in document.nested] == ["lab:inner@0.1.0"]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("package a:b;\ninterface x {\n  record r { a: u8 b: u8 }\n}", 3, 20, "found 'b'"),
        ("package a:b", 1, 12, "expected ';', found the end of the text"),
        ("package a:b; interface x {", 1, 26, "has no closing '}'"),
        ("package a:b;\ninterface x {\n f: func();", 2, 13, "has no closing '}'"),
        ("package a:b; interface func {}", 1, 24, "the keyword 'func'; %func makes it a name"),
        ("package a:b; interface x { f: func(a: u8, a: u8); }", 1, 43, "comes twice"),
        ("package a:b; interface x { type a = list<u8, u8>; }", 1, 37, "list takes 1 type arg"),
        ("package a:b; interface x { type a = list; }", 1, 37, "list takes 1 type arg"),
        (
            "package a:b; interface x { type a = list<u8, 0>; }",
            1,
            46,
            "a length is a number from 1",
        ),
        ("package a:b; interface x { type a = list<u8, 4, 4>; }", 1, 49, "expected a type"),
        ("package a:b; interface x { type a = option<4>; }", 1, 44, "expected a type"),
        ("package a:b; interface x { type a = map<u8>; }", 1, 37, "map takes 2 type arguments"),
        ("package a:b; interface x { enum e {} }", 1, 33, "needs at least one member"),
        ("package a:b; interface fooBar {}", 1, 24, "'fooBar' is not all lower case"),
        ("package a:b; # comment", 1, 14, "unexpected character '#'"),
        ("package a:b@0.2.\u0661;", 1, 17, "unexpected character"),
        ("package a:b;\u2028", 1, 13, "unexpected character '\\u2028'"),
        ("package a:b; /* no end", 1, 14, "this comment has no end"),
        ("package a:b@1; interface x {}", 1, 13, "expected a version such as 0.2.0"),
        ("interface x {} package a:b;", 1, 16, "a file names its package once"),
        ("package a:b; interface x { use y; }", 1, 33, "expected '.', found ';'"),
        ("package a:b; interface x { use y.{}; }", 1, 32, "this 'use' names no type"),
        ("package a:b; world w { f: func(); }", 1, 24, "expected 'import', 'export'"),
        ("package a:b:c;", 1, 12, "nested namespaces"),
        ("package a:b; @sinze(version = 1.0.0) interface x {}", 1, 15, "'since', 'unstable'"),
        ("package a:b; /// \u202e\ninterface x {}", 1, 18, "U+202E hides text"),
        ("package a:b; interface x { type a = result<>; }", 1, 44, "expected a type"),
        ("package a:b; interface x { type a = result<_>; }", 1, 45, "expected ','"),
        ("package a:b; interface x { type a = result<_, _>; }", 1, 47, "expected a type"),
        ("package a:b; interface x { type a = future<_>; }", 1, 44, "expected a type"),
        ("package a:b; interfce x { }", 1, 14, "did you mean 'interface'?"),
        ("package a:b; interface x { f: fnc(); }", 1, 31, "did you mean 'func'?"),
        ("package a:b; // \x1b[0m", 1, 17, "U+001B hides text"),
        ("package a:b;\x0c", 1, 13, "U+000C hides text"),
        ("package a:b; /* \u17b4 */", 1, 17, "U+17B4 hides text"),
        ("\tpackage a:b;\r\n\tfoo", 2, 2, "expected 'interface', 'world'"),
    ],
)
def test_errors_point_at_the_place(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(WitSyntaxError) as caught:
        parse_package(text, path="cell.wit")
    fault = caught.value
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.message
    assert fault.message.startswith("cell.wit:")
    assert fault.hint.splitlines()[1].endswith("^")


def test_the_excerpt_of_one_long_line_shows_the_place_only() -> None:
    source = Source("x" * 500 + "!" + "y" * 500)
    shown, caret = source.excerpt(500).splitlines()
    assert len(shown) < 100
    assert shown[len(caret) - 1] == "!"


def test_types_nest_up_to_the_limit() -> None:
    def text(depth: int) -> str:
        return f"package a:b; interface x {{ type t = {'list<' * depth}u8{'>' * depth}; }}"

    parse_package(text(60))
    with pytest.raises(WitSyntaxError, match="deeper than 64 levels"):
        parse_package(text(100_000))


def test_block_comments_nest_without_recursion() -> None:
    parse_package("/*" * 50_000 + "*/" * 50_000 + "package a:b;")


def test_names_are_kebab_case() -> None:
    assert kebab_fault("a1-2b-C3") is None
    assert kebab_fault("TLS-alert") is None
    assert kebab_fault("Foo") is not None
    assert kebab_fault("a-bC") is not None


def test_line_ends_a_byte_order_mark_and_minified_text_make_no_difference() -> None:
    plain = "package a:b;\n/// One,\n/// two.\ninterface x {\n  f: func();\n}\n"
    crlf, marked = plain.replace("\n", "\r\n"), f"\ufeff{plain}"
    for text in (plain, crlf, marked):
        (found,) = parse_package(text).main.interfaces
        assert (found.name, found.doc) == ("x", "One,\ntwo.")
    (found,) = parse_package("package a:b;interface x{f:func();g:func()->u8;}").main.interfaces
    assert [f.name for f in found.functions] == ["f", "g"]


def test_comments_may_stand_anywhere_and_nest() -> None:
    text = "package/*a*/a/**/:b// c\n;interface x{f/* /* */ /** */ */:func(/**/)->/*\n*/u8;}"
    (found,) = parse_package(text).main.interfaces
    assert [f.name for f in found.functions] == ["f"] and found.functions[0].doc == ""


def test_versions_end_before_the_brace_of_a_use() -> None:
    texts = [token[1] for token in lex("use a:b/c@0.2.0-draft.{d};").tokens]
    assert texts[7:10] == ["0.2.0-draft", ".", "{"]


@settings(deadline=None, max_examples=30)
@given(packages(), st.data())
def test_damaged_text_parses_or_is_a_syntax_error(package: Package, data: st.DataObject) -> None:
    text = print_package(package)
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 12))
    noise = data.draw(st.text(max_size=6) | st.sampled_from(["{", "}", "<", "%", "@", "/*", ": "]))
    try:
        parse_package(text[:start] + noise + text[start + length :])
    except WitSyntaxError as fault:
        assert fault.line >= 1 and fault.column >= 1


def test_a_large_text_parses_in_linear_time() -> None:
    body = "".join(f"  fn{n}: func(a: list<u8>) -> option<string>;\n" for n in range(2000))
    start = time.perf_counter()
    parse_package(f"package a:b; interface x {{\n{body}}}")
    assert time.perf_counter() - start < 3
