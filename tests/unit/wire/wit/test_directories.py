"""Package directories with their dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import WitResolveError, WitSyntaxError
from workbench.wire.wit.resolve import Resolver


def tree(root: Path, **files: str) -> Path:
    """Files by path, with ``__`` for a folder: ``deps__io__a``."""
    for name, text in files.items():
        path = root.joinpath(*name.split("__")).with_suffix(".wit")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def fault_of(root: Path) -> WitResolveError:
    with pytest.raises(WitResolveError) as caught:
        made = Resolver()
        made.add_dir(root)
        assert made.packages
    return caught.value


def test_a_directory_is_one_package_with_its_deps(tmp_path: Path) -> None:
    deps = tmp_path / "deps"
    (deps / "o").mkdir(parents=True)
    (tmp_path / "a.wit").write_text("package t:t; interface a { use b.{x}; }")
    (tmp_path / "b.wit").write_text("interface b { type x = u8; }")
    (tmp_path / "w.wit").write_text("world w { import a; import o:o/i@1.0.0; import p:p/i; }")
    (deps / "o" / "1.wit").write_text("package o:o@1.0.0;")
    (deps / "o" / "2.wit").write_text("interface i {}")
    (deps / "p.wit").write_text("\ufeffpackage p:p; interface i {}")
    made = Resolver()
    assert made.add_dir(tmp_path) == "t:t"
    assert list(made.world().imports) == ["t:t/a", "o:o/i@1.0.0", "p:p/i", "t:t/b"]
    assert Resolver().add_dir(deps / "p.wit") == "p:p"


def test_a_wrong_directory_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(WitResolveError, match="there is no directory"):
        Resolver().add_dir(tmp_path / "none")
    with pytest.raises(WitResolveError, match=r"holds no \.wit file"):
        Resolver().add_dir(tmp_path)
    (tmp_path / "a.wit").write_text("package a:a;")
    (tmp_path / "b.wit").write_text("package b:b;")
    with pytest.raises(WitResolveError, match="this file is of the package b:b"):
        Resolver().add_dir(tmp_path)
    (tmp_path / "b.wit").write_bytes(b"\xff")
    with pytest.raises(WitSyntaxError, match="is not UTF-8"):
        Resolver().add_dir(tmp_path)


def test_dependencies_may_need_each_other_in_any_order(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        app="package t:app; world w { export a:first/i; }",
        deps__a="package a:first; interface i { use z:last/j.{x}; f: func(v: x); }",
        deps__z__one="package z:last; interface j { use k.{x}; }",
        deps__z__two="interface k { type x = u8; }",
    )
    made = Resolver()
    made.add_dir(root)
    assert set(made.packages) == {"t:app", "a:first", "z:last"}
    assert list(made.world().imports) == ["z:last/j", "z:last/k"]


def test_a_missing_package_is_named_where_it_is_needed(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        app="package t:app;\n\ninterface a { use o:other/i@1.0.0.{x}; }",
        deps__o="package o:other@0.9.0; interface i { type x = u8; }",
    )
    fault = fault_of(root)
    assert fault.message == f"{root / 'app.wit'}:3:19: the package o:other@1.0.0 is not known"
    assert "known: o:other@0.9.0" in fault.hint


def test_a_package_that_says_two_things_is_named_with_both_places(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        app="package t:app; interface a { }",
        deps__one__p="// first\npackage o:other; interface i { type x = u8; }",
        deps__two="package o:other; interface i { type x = u16; }",
    )
    fault = fault_of(root)
    assert fault.message.startswith(f"{root / 'deps' / 'two.wit'}:1:1: the package o:other is here")
    assert f"the other one is in {root / 'deps' / 'one' / 'p.wit'}:2" in fault.hint


def test_a_package_that_comes_twice_and_says_the_same_is_taken_once(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        app="package t:app; interface a { use o:other/i.{x}; }\n"
        "package o:other { interface i { type x = u8; } interface k { } }",
        deps__one__p="package o:other; interface k { }",
        deps__one__q="/// Documented here.\ninterface i {\n  type x = u8; // a comment\n}",
    )
    made = Resolver()
    made.add_dir(root)
    assert set(made.packages["o:other"].interfaces) == {"i", "k"}


def test_a_gate_makes_two_packages_differ(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        app="package t:app;",
        deps__a="package o:o@1.0.0; @since(version = 1.0.0) interface i { }",
        deps__b="package o:o@1.0.0; @since(version = 1.0.1) interface i { }",
    )
    assert "says something else" in fault_of(root).message


def test_the_packages_own_world_comes_before_those_of_its_dependencies(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        app="package t:app; world app { include o:other/w; }",
        deps__o="package o:other; interface i { } world w { import i; } world v { }",
    )
    made = Resolver()
    made.add_dir(root)
    assert made.world().id == "t:app/app"
    assert made.world("v").id == "o:other/v"


def test_what_was_faulty_can_be_put_right_and_added_again(tmp_path: Path) -> None:
    made = Resolver()
    with pytest.raises(WitResolveError, match="declared twice"):
        made.add_text("package t:t; interface i { } interface i { }")
    assert made.add_text("package t:t; interface i { f: func(); }") == "t:t"
    assert set(made.interface("i").functions) == {"f"}


def test_a_name_that_is_declared_twice_tells_the_first_place(tmp_path: Path) -> None:
    fault = fault_of(tree(tmp_path, a="package t:t;\nworld x { }", b="interface x { }"))
    assert fault.message.startswith(f"{tmp_path / 'b.wit'}:1:11: 'x' is declared twice")
    assert fault.hint.endswith(f"the first time in {tmp_path / 'a.wit'}:2")
