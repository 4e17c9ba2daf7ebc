"""A cell as the module that the build tool gets."""

from __future__ import annotations

import ast

import pytest

from workbench.authoring.bindings import Bindings
from workbench.authoring.python_source import module_files, parse_cell
from workbench.errors import BuildError

NAMES = Bindings(
    exports={"IncomingHandler": {"handle": "handle(self, request, response_out)"}},
    modules={
        "wit_world.exports": ("IncomingHandler",),
        "wit_world.imports.wasi_http_types": ("Fields", "IncomingRequest"),
        "wit_world.imports": ("wasi_http_types",),
    },
    reexports={"wit_world.exports": frozenset({"wasi_http_types"})},
)


def files(source: str, world: str = "hello") -> dict[str, str]:
    """What is written around a cell, but for the start module, which every component gets."""
    made = module_files(source, parse_cell(source), NAMES, world=world)
    ast.parse(made.pop("workbench_start.py"))
    start = "\n\n# Added by the workbench: done once, while this is built.\n"
    start += "import workbench_start as _workbench_start\n"
    assert made["app.py"].endswith(start)
    return made | {"app.py": made["app.py"].removesuffix(start)}


def test_a_cell_with_its_class_is_used_as_it_is():
    source = "from wit_world import exports\nclass IncomingHandler(exports.IncomingHandler): ...\n"
    assert files(source) == {"app.py": source}


def test_every_cell_ends_with_what_is_done_once_while_it_is_built():
    cell = "class IncomingHandler: ..."
    made = module_files(cell, parse_cell(cell), NAMES, world="hello")
    lines = made["app.py"].splitlines()
    assert lines[0] == cell
    assert lines[-1] == "import workbench_start as _workbench_start"


def test_a_cell_with_only_handle_gets_the_class_around_it():
    made = files("def handle(request):\n    return 'hi'\n")
    assert made["app.py"].startswith("def handle(request):\n    return 'hi'\n")
    assert "from wit_world.imports import wasi_http_types as _http_types" in made["app.py"]
    ast.parse(made["app.py"])
    ast.parse(made["workbench_http.py"])


def test_a_class_of_its_own_wins_over_handle():
    source = "def handle(r): ...\nclass IncomingHandler: ...\n"
    assert files(source) == {"app.py": source}


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    from fast import IncomingHandler\nexcept ImportError:\n    class IncomingHandler: ...\n",
        "IncomingHandler = type('x', (), {})",
        "if True:\n    class IncomingHandler: ...",
        "from my_handlers import *",
        "globals().update(IncomingHandler=int)",
        "import my_handlers as IncomingHandler",
    ],
)
def test_a_class_that_comes_about_in_another_way_is_accepted(source: str):
    assert files(source)["app.py"] == source


def test_no_class_and_no_handle_is_refused_with_a_beginning():
    with pytest.raises(BuildError, match="a class IncomingHandler") as caught:
        files("def handel(request): ...")
    assert "def handle(self, request, response_out)" in caught.value.hint


def test_a_name_much_like_the_one_that_is_wanted_is_named_with_its_line():
    with pytest.raises(BuildError) as caught:
        files("import json\ndef handl(request): ...")
    assert caught.value.hint.startswith("did you mean handle by handl in line 2?\nor begin like")
    assert caught.value.line == 2
    with pytest.raises(BuildError) as caught:
        files("class IncomingHandlr: ...")
    assert "did you mean IncomingHandler by IncomingHandlr in line 1?" in caught.value.hint


def test_an_async_handle_is_refused_in_its_line():
    with pytest.raises(BuildError, match="cell line 2"):
        files("\nasync def handle(request): ...")


def test_older_code_that_imports_from_the_world_gets_an_alias():
    source = "from my_world import exports\nclass IncomingHandler(exports.IncomingHandler): ...\n"
    made = files(source, world="my-world")
    ast.parse(made["my_world.py"])
    assert "my_world.py" not in files("class IncomingHandler: ...", world="my-world")


def test_a_misspelled_import_is_found_before_the_build():
    with pytest.raises(BuildError, match="cell line 1: there is no IncomingRequst") as caught:
        files("from wit_world.imports.wasi_http_types import IncomingRequst\n")
    assert "did you mean IncomingRequest" in caught.value.hint


def test_an_import_of_a_reexported_name_is_fine():
    files("from wit_world.exports import wasi_http_types\nclass IncomingHandler: ...")


def test_a_syntax_error_shows_line_and_place():
    with pytest.raises(BuildError, match="cell line 2: SyntaxError: expected ':'") as caught:
        parse_cell("x = 1\ndef f()\n    return 1")
    assert caught.value.hint == "def f()\n       ^"
    assert caught.value.fields["line"] == 2


def test_a_null_byte_is_no_python():
    with pytest.raises(BuildError):
        parse_cell("x = 1\0")
