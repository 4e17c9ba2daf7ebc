"""What the build tool says, in terms of the cell."""

from __future__ import annotations

from workbench.authoring.bindings import Bindings
from workbench.authoring.failures import build_failure, missing_exports, wit_failure

PREFIX = 'Traceback (most recent call last):\n  File "componentize-py", line 6\nAssertionError: '

NAMES = Bindings(
    exports={"IncomingHandler": {"handle": "handle(self, request, response_out)"}},
    modules={
        "wit_world.exports": ("IncomingHandler",),
        "wit_world.imports.types": ("Fields", "Method", "Method_Get", "OutgoingResponse"),
    },
)


def test_a_traceback_is_reduced_to_the_lines_of_the_cell():
    output = PREFIX + (
        "Traceback (most recent call last):\n"
        '  File "/0/app.py", line 3, in <module>\n    x = f()\n'
        '  File "/0/app.py", line 2, in f\n    return int("x")\n'
        '  File "/python/foo.py", line 346, in loads\n    deep()\n'
        "ValueError: invalid literal\n\n\nCaused by:\n    ValueError: invalid literal\n"
    )
    error = build_failure(output, 'def f():\n    return int("x")\nx = f()\n', NAMES)
    assert error.message == "cell line 2: ValueError: invalid literal"
    assert error.fields["line"] == 2
    assert "line 3: x = f()" in error.hint
    assert "/python/" not in error.hint


def test_a_wrong_name_of_the_bindings_gets_the_right_one():
    output = PREFIX + (
        'Traceback (most recent call last):\n  File "/0/app.py", line 1, in <module>\n'
        "ImportError: cannot import name 'Feilds' from 'wit_world.imports.types' "
        "(/world/wit_world/imports/types.py)\n\n\nCaused by:\n    ImportError: x\n"
    )
    error = build_failure(output, "from wit_world.imports.types import Feilds", NAMES)
    assert "did you mean Fields" in error.hint
    assert "/world/" not in error.message


def test_a_missing_class_comes_with_its_beginning():
    output = PREFIX + (
        "AttributeError: module 'app' has no attribute 'IncomingHandler'\n\n\nCaused by:\n    x\n"
    )
    error = build_failure(output, "", NAMES)
    assert "def handle(self, request, response_out)" in error.hint
    assert "def handle" in missing_exports(["IncomingHandler"], NAMES, {}).hint


def test_an_uninstallable_module_says_what_can_be_imported():
    output = PREFIX + "ModuleNotFoundError: No module named 'numpyx'\n\n\nCaused by:\n    x\n"
    assert "pure Python packages" in build_failure(output, "", NAMES).hint


def test_a_wit_error_keeps_line_and_reason():
    output = PREFIX + (
        "failed to resolve directory while parsing WIT for path [wit]\n\nCaused by:\n"
        "    0: failed to parse package: wit\n    1: expected ';', found '}'\n"
        "            --> wit/world.wit:3:74\n             |\n"
    )
    error = wit_failure(output)
    assert error.message == "WIT line 3, column 74: expected ';', found '}'"


def test_an_unknown_package_lists_the_known_ones():
    output = PREFIX + (
        "failed to resolve directory while parsing WIT for path [wit]\n\nCaused by:\n"
        "    package 'wasi:httpx@0.2.0' not found. known packages:\n"
        "        wasi:io@0.2.0\n        lab:hello\n    \n"
        "         --> wit/world.wit:1:41\n          |\n"
    )
    error = wit_failure(output)
    assert "package 'wasi:httpx@0.2.0' not found" in error.message
    assert error.hint == "known packages: wasi:io@0.2.0, lab:hello"


def test_output_of_any_shape_becomes_a_build_error():
    for output in ("", "killed", "\x00\n\n", "AssertionError: ", PREFIX, "--> a:1:2"):
        assert build_failure(output, "", NAMES).message
        assert wit_failure(output).message
