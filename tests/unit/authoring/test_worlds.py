"""Finding the world of a cell and the packages it needs."""

from __future__ import annotations

import pytest

from workbench.authoring.worlds import (
    WitRegistry,
    bundled_worlds,
    complete_package,
    find_target,
)
from workbench.errors import UsageError, WitResolveError, WorkbenchError

GREET = """package demo:greet@0.1.0;
interface greeter { add: func(a: s32, b: s32) -> s32; }
world greet { export greeter; }
"""


@pytest.mark.parametrize("name", sorted(bundled_worlds()))
def test_every_bundled_world_resolves_and_serves_http(name: str):
    world = find_target(name, name="cell").world()
    assert "wasi:http/incoming-handler@0.2.0" in world.exports


def test_a_world_of_the_cell_comes_first():
    target = find_target("hello", name="cell", wit="world hello { export f: func(); }")
    assert list(target.world().exports) == ["f"]


def test_the_only_world_need_not_be_named():
    assert find_target(None, name="cell", wit=GREET).world_id == "demo:greet/greet@0.1.0"


@pytest.mark.parametrize("name", ["greet", "demo:greet/greet", "demo:greet/greet@0.1.0"])
def test_a_world_is_named_short_or_in_full(name: str):
    assert find_target(name, name="cell", wit=GREET).world().exports.keys() == {
        "demo:greet/greeter@0.1.0"
    }


def test_a_world_may_be_given_by_its_imports_and_exports_alone():
    target = find_target("mine", name="My Cell!", wit="export wasi:http/incoming-handler@0.2.2;")
    assert target.world_id == "cell:my-cell/mine"
    assert "wasi:http/incoming-handler@0.2.2" in target.world().exports


def test_completing_a_package_keeps_line_numbers():
    text = "\n\nworld w {\n}\n"
    completed = complete_package(text, name="9 lives", world="w")
    assert completed.count("\n") == text.count("\n")
    assert completed.startswith("package cell:cell-n9-lives;") or completed.startswith(
        "package cell:cell-9-lives;"
    )


def test_packages_of_earlier_cells_are_found_and_replaced():
    registry = WitRegistry()
    assert registry.add(GREET) == ["greet"]
    registry.add(GREET.replace("add:", "sum:"))
    assert registry.world_names() == ["greet"]
    wit = "package my:app; world app { import demo:greet/greeter@0.1.0; }"
    target = find_target("app", name="cell", wit=wit, registry=registry)
    imported = target.world().imports["demo:greet/greeter@0.1.0"]
    assert list(getattr(imported, "functions", ())) == ["sum"]
    assert find_target("greet", name="cell", registry=registry).name == "greet"


def test_only_the_packages_that_are_needed_come_along():
    assert find_target("greet", name="cell", wit=GREET).bundled == ()
    packages = find_target("hello", name="cell").bundled
    assert all(text.startswith("package wasi:") for text in packages)
    assert not any("wasi:keyvalue" in text or "wasi:blobstore" in text for text in packages)


def test_drafts_use_the_wasi_release_of_the_world():
    wit = """world w {
      import wasi:blobstore/blobstore@0.2.0-draft;
      export wasi:http/incoming-handler@0.2.2;
    }"""
    target = find_target("w", name="cell", wit=wit)
    assert target.wasi == "0.2.2"
    assert not any("@0.2.0." in text or "@0.2.8" in text for text in target.bundled)
    target.world()


def test_an_unknown_world_lists_those_that_exist():
    with pytest.raises(UsageError, match="no world called 'helo'") as caught:
        find_target("helo", name="cell")
    assert "did you mean hello?" in caught.value.hint


def test_no_world_at_all_asks_for_one():
    with pytest.raises(UsageError, match="which world"):
        find_target(None, name="cell")
    with pytest.raises(UsageError, match="2 worlds"):
        find_target(None, name="cell", wit="world a {}\nworld b {}")


def test_an_unknown_package_is_an_error_of_the_wit():
    target = find_target("w", name="cell", wit="world w {\n export wasi:htpp/handler@0.2.0;\n}")
    with pytest.raises(WitResolveError) as caught:
        target.world()
    assert caught.value.fields["line"] == 2


@pytest.mark.parametrize(
    "wit",
    ["", "package", "package a:b", "world", "world {", "}", "package a:b; world w { include x; }",
     "world w { export f: func(a: nope); }", "// world w {}", "\x00", "package 1:2;", "import x;"],
)  # fmt: skip
def test_whatever_the_wit_is_only_errors_for_people_come_out(wit: str):
    with pytest.raises(WorkbenchError):
        find_target(None, name="cell", wit=wit).world()
