"""A Python cell as the module that componentize-py wants.

The cell's text is used as it is. Below it goes an import of what is done once for all requests
(`guest/workbench_start.py`). Two more things may be written beside or below it, both plain
Python: the class for a cell that only defines ``handle(request)`` (`guest/workbench_http.py`),
and an alias for code that imports its bindings under the world's name, as older versions of
componentize-py had it.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from functools import cache
from importlib import resources

from workbench.authoring.bindings import WORLD_MODULE, Bindings
from workbench.authoring.failures import CELL_MODULE, missing_exports, wrong_import
from workbench.errors import BuildError

__all__ = ["guest_text", "module_files", "parse_cell", "world_alias"]

HTTP_CLASS = "IncomingHandler"
HTTP_MODULE = "workbench_http"
START_MODULE = "workbench_start"

_SHORT_FORM = f"""

# Added by the workbench: the cell defines handle(request) and no class {HTTP_CLASS}.
from {HTTP_MODULE} import incoming_handler as _incoming_handler
from {{module}} import {{name}} as _http_types

{HTTP_CLASS} = _incoming_handler(handle, _http_types)
"""

# Last, so that it finds everything that a request starts with.
_START = f"""

# Added by the workbench: done once, while this is built.
import {START_MODULE} as _workbench_start
"""

_ALIAS = f'''"""The bindings under the name of the world, where older componentize-py put them."""

import importlib
import pkgutil
import sys

import componentize_py_types
import {WORLD_MODULE}

for _module in pkgutil.walk_packages({WORLD_MODULE}.__path__, "{WORLD_MODULE}."):
    _name = _module.name.removeprefix("{WORLD_MODULE}")
    sys.modules[__name__ + _name] = importlib.import_module(_module.name)
sys.modules[__name__ + ".types"] = componentize_py_types
sys.modules[__name__] = {WORLD_MODULE}
'''


@cache
def guest_text(module: str) -> str:
    """The text of a module that runs inside components, beside the cell."""
    file = resources.files("workbench.authoring") / "guest" / f"{module}.py"
    return file.read_text(encoding="utf-8")


def parse_cell(source: str) -> ast.Module:
    """The cell's syntax tree; `BuildError` with the line for a syntax error.

    This kernel's Python reads it, so that a typing error costs nothing and not ten seconds.
    """
    try:
        return ast.parse(source)
    except SyntaxError as error:
        line, text = error.lineno or 0, (error.text or "").rstrip("\n")
        pointer = f"{text}\n{' ' * ((error.offset or 1) - 1)}^" if text else ""
        raise BuildError(
            f"cell line {line}: SyntaxError: {error.msg}",
            hint=pointer, line=line, output="",
        ) from None  # fmt: skip
    except ValueError as error:  # a null byte
        raise BuildError(f"the cell is not Python text: {error}", output="") from None


def module_files(source: str, tree: ast.Module, names: Bindings, *, world: str) -> dict[str, str]:
    """File names and texts of the module to build. ``world`` is the world's bare name."""
    _check_imports(tree, names)
    defined = set(_bound_names(tree.body))
    text = source
    files: dict[str, str] = {}
    missing = [name for name in names.exports if name not in defined]
    if HTTP_CLASS in missing and "handle" in defined:
        text += _short_form(tree, names)
        files[f"{HTTP_MODULE}.py"] = guest_text(HTTP_MODULE)
        missing.remove(HTTP_CLASS)
    # With a star import only the build itself can tell.
    if missing and "*" not in defined:
        raise missing_exports(missing, names, _near_misses(missing, tree))
    files[f"{CELL_MODULE}.py"] = text + _START
    files[f"{START_MODULE}.py"] = guest_text(START_MODULE)
    alias = world_alias(world)
    if alias != WORLD_MODULE and alias in set(_imported_modules(tree)):
        files[f"{alias}.py"] = _ALIAS
    return files


def _near_misses(missing: list[str], tree: ast.Module) -> dict[str, tuple[str, int]]:
    """For names that are wanted what the cell defines under a name much like it, and its line."""
    wanted = [*(["handle"] if HTTP_CLASS in missing else []), *missing]
    lines = {
        node.name: node.lineno
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    near: dict[str, tuple[str, int]] = {}
    for name in wanted:
        for found in difflib.get_close_matches(name, lines, n=1, cutoff=0.75):
            near[name] = (found, lines[found])
    return near


def _check_imports(tree: ast.Module, names: Bindings) -> None:
    """Find a misspelled import from the bindings now instead of at the end of the build."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in names.modules:
            for item in node.names:
                if item.name != "*" and not names.offers(node.module, item.name):
                    raise wrong_import(node.module, item.name, node.lineno, names)


def world_alias(world: str) -> str:
    """The module name that older componentize-py gave to the bindings of a world."""
    return world.replace("-", "_").lower()


def _short_form(tree: ast.Module, names: Bindings) -> str:
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "handle":
            raise BuildError(
                f"cell line {node.lineno}: handle is async",
                hint="write def handle(request): a component serves one request in each instance",
                line=node.lineno, output="",
            )  # fmt: skip
    module = names.module_with("IncomingRequest") or f"{WORLD_MODULE}.imports.types"
    package, _, name = module.rpartition(".")
    return _SHORT_FORM.format(module=package, name=name)


def _bound_names(body: list[ast.stmt]) -> Iterator[str]:
    """Names bound at the top level, branches and blocks included; ``*`` for a star import."""
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (item.asname or item.name.partition(".")[0] for item in node.names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (
                    item.id
                    for target in targets
                    for item in ast.walk(target)
                    if isinstance(item, ast.Name)
                )
            case ast.If() | ast.For() | ast.While():
                yield from _bound_names([*node.body, *node.orelse])
            case ast.With():
                yield from _bound_names(node.body)
            case ast.Try():
                yield from _bound_names([*node.body, *node.orelse, *node.finalbody])
                for handler in node.handlers:
                    yield from _bound_names(handler.body)
            case ast.Expr(value=ast.Call()):
                # globals().update(…), setattr(…): only the build can tell.
                yield from _dynamic_names(node)
            case _:
                pass


def _dynamic_names(node: ast.stmt) -> Iterator[str]:
    called = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    if called & {"globals", "setattr", "exec", "vars"}:
        yield "*"


def _imported_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (item.name.partition(".")[0] for item in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
