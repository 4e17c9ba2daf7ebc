"""Feature gates: what they take away is gone, and whoever asks for it is told why."""

from __future__ import annotations

import pytest

from workbench.errors import WitResolveError, WitSyntaxError
from workbench.wire.wit.gates import version_key
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import U8

GATED = """package t:t@0.2.1; interface x {
  @since(version = 0.2.0) old: func();
  @since(version = 0.2.1) now: func();
  @since(version = 0.2.2) later: func();
  @unstable(feature = fancy) odd: func();
  @since(version = 0.2.0) @deprecated(version = 0.2.1) gone: func();
}"""


@pytest.mark.parametrize(
    ("features", "names"),
    [
        ((), ["old", "now", "gone"]),
        (("fancy",), ["old", "now", "odd", "gone"]),
        (("*",), ["old", "now", "odd", "gone"]),
    ],
)
def test_gates_follow_version_and_features(features: tuple[str, ...], names: list[str]) -> None:
    made = Resolver(features=features)
    made.add_text(GATED)
    assert list(made.interface("x").functions) == names


def test_versions_order_as_semver_does() -> None:
    ordered = ["0.2.0-alpha", "0.2.0-alpha.2", "0.2.0-alpha.10", "0.2.0-draft", "0.2.0", "0.2.10"]
    assert sorted(set(ordered), key=version_key) == ordered
    assert version_key("1.0.0+a") == version_key("1.0.0+b")


def resolved(body: str, features: tuple[str, ...] = ()) -> Resolver:
    made = Resolver(features=features)
    made.add_text(f"package t:t@1.0.0; {body}")
    assert made.packages
    return made


LATER = "it comes with version 1.1.0, and this is t:t@1.0.0"
ASKED = "it belongs to the feature 'z', which is not asked for"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("interface x { @since(version = 1.1.0) type a = u8; f: func(p: a); }",
         f"there is no type 'a' here: {LATER}"),
        ("interface x { @unstable(feature = z) record a { b: u8 } type c = list<a>; }",
         f"there is no type 'a' here: {ASKED}"),
        ("interface x { @unstable(feature = z) use y.{a}; f: func(p: a); } interface y { type a = u8; }",
         f"there is no type 'a' here: {ASKED}"),
        ("interface x { use y.{a}; } interface y { @since(version = 1.1.0) resource a; }",
         f"the interface t:t/y@1.0.0 has no type 'a': {LATER}"),
        ("@unstable(feature = z) interface y { } world w { import y; }",
         f"the interface t:t/y@1.0.0 does not exist: {ASKED}"),
        ("@since(version = 1.1.0) world v { } world w { include v; }",
         f"the world t:t/v@1.0.0 does not exist: {LATER}"),
    ],
)  # fmt: skip
def test_using_what_a_gate_took_away_tells_the_gate(body: str, words: str) -> None:
    with pytest.raises(WitResolveError) as caught:
        resolved(body)
    assert words in caught.value.message


def test_asking_for_what_a_gate_took_away_tells_the_gate() -> None:
    made = resolved("@unstable(feature = z) interface y { } @since(version = 1.1.0) world w { }")
    for ask, reason in (
        (lambda: made.interface("t:t/y@1.0.0"), ASKED), (lambda: made.interface("y"), ASKED),
        (lambda: made.world("t:t/w@1.0.0"), LATER), (lambda: made.world("w"), LATER),
    ):  # fmt: skip
        with pytest.raises(WitResolveError) as caught:
            ask()
        assert reason in caught.value.message


def test_everything_may_carry_a_gate_and_is_gone_without_its_feature() -> None:
    gate = "@unstable(feature = z)"
    body = f"""
      interface other {{ type a = u8; }}
      {gate} interface odd {{ }}
      interface x {{
        {gate} use other.{{a}};
        {gate} type b = u8; {gate} record c {{ d: u8 }} {gate} enum e {{ f }}
        resource r {{ {gate} constructor(); {gate} m: func(); {gate} s: static func(); }}
        {gate} resource q {{ m: func(); }}
        {gate} f: func();
      }}
      world v {{ import g: func(); }}
      world w {{
        {gate} use other.{{a}}; {gate} type b = u8; {gate} include v;
        {gate} import odd; {gate} export run: func(); {gate} import i: interface {{ }}
      }}
    """
    bare, full = resolved(body), resolved(body, ("z",))
    assert list(bare.packages["t:t@1.0.0"].interfaces) == ["other", "x"]
    assert list(bare.interface("x").types) == ["r"] and bare.interface("x").functions == {}
    world = bare.world("w")
    assert (world.imports, world.exports, world.types) == ({}, {}, {})
    assert list(full.interface("x").types) == ["a", "b", "c", "e", "r", "q"]
    assert len(full.interface("x").functions) == 5
    assert list(full.world("w").imports) == ["t:t/other@1.0.0", "g", "t:t/odd@1.0.0", "i"]
    assert list(full.world("w").exports) == ["run"] and full.world("w").types == {"a": U8, "b": U8}


def test_two_declarations_of_which_one_is_gated_out_do_not_collide() -> None:
    body = (
        "interface x { @unstable(feature = z) type a = u16; @since(version = 1.0.0) type a = u8; }"
    )
    assert resolved(body).interface("x").types == {"a": U8}


def test_doc_comments_may_stand_on_either_side_of_a_gate() -> None:
    gate = "@since(version = 1.0.0)"
    made = resolved(f"""/// A.
    {gate}
    /// B.
    interface x {{
      {gate}
      /// C.
      f: func();
      resource r {{
        /// D.
        {gate} m: func();
      }}
    }}""").interface("x")
    assert made.doc == "A.\nB."
    assert {name: function.doc for name, function in made.functions.items()} == {
        "[method]r.m": "D.",
        "f": "C.",
    }


def test_the_feature_that_was_once_written_behind_the_version_is_read_over() -> None:
    made = resolved("interface x { @since(version = 1.0.0, feature = z) f: func(); }")
    assert list(made.interface("x").functions) == ["f"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("@since(version = 1.0.0) @unstable(feature = z) interface x { }", "not both"),
        ("@since(version = 1.0.0) @since(version = 1.0.1) interface x { }", "@since comes twice"),
        ("@since(version = 1) interface x { }", "expected a version such as 0.2.0, found '1'"),
        ("@since(feature = z) interface x { }", "expected 'version', found 'feature'"),
        ("@unstable(version = 1.0.0) interface x { }", "expected 'feature', found 'version'"),
        ("@soon(version = 1.0.0) interface x { }", "expected 'since', 'unstable' or 'deprecated'"),
        ("interface x { record r { @since(version = 1.0.0) a: u8 } }", "expected a field name"),
        ("interface x { f: func(@since(version = 1.0.0) a: u8); }", "expected a parameter name"),
        ("@since(version = 1.0.0) use a:b/c;", "for a whole file and has no gate"),
        ("@since(version = 1.0.0) package a:b { }", "expected 'interface', 'world'"),
        ("interface x { @since(version = 1.0.0) }", "expected a function, a type or 'use'"),
    ],
)  # fmt: skip
def test_wrong_gates_are_refused(body: str, words: str) -> None:
    with pytest.raises(WitSyntaxError) as caught:
        resolved(body)
    assert words in caught.value.message


def test_a_version_gate_needs_a_version_to_compare_with() -> None:
    with pytest.raises(WitResolveError, match="a version gate needs a package with a version"):
        Resolver().add_text("package t:t; @since(version = 1.0.0) interface x { }")
