"""The Python names that a world gives to a component: modules, classes, methods.

componentize-py writes them in a fifth of a second, without building anything. They tell a user
the right name after a wrong one, and a missing class before a build of ten seconds.
"""

from __future__ import annotations

import ast
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from workbench.authoring.failures import wit_failure
from workbench.authoring.tool import run_tool
from workbench.authoring.worlds import Target, WitRegistry, find_target

__all__ = ["WORLD_MODULE", "Bindings", "bindings", "generate"]

WORLD_MODULE = "wit_world"
"""The top-level module of the bindings, whatever the world is called."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the bindings of a world offer.

    ``exports`` maps each class that the cell must define to its methods, each with its signature
    (``"handle(self, request, response_out)"``); the class ``WitWorld`` holds bare functions.
    ``modules`` maps each module that the cell may import to the names it defines; ``reexports``
    holds the names that a module got by importing them, which work just as well.
    """

    exports: dict[str, dict[str, str]] = field(default_factory=dict)
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reexports: dict[str, frozenset[str]] = field(default_factory=dict)

    def offers(self, module: str, name: str) -> bool:
        """Whether ``from module import name`` works, for a module of these bindings."""
        return name in self.modules[module] or name in self.reexports.get(module, ())

    def module_with(self, name: str) -> str | None:
        """The first module that offers ``name``."""
        return next((m for m, names in self.modules.items() if name in names), None)

    def sample(self, name: str) -> str:
        """The beginning of a class that the cell must define."""
        base = "WitWorld" if name == "WitWorld" else f"exports.{name}"
        module = f"from {WORLD_MODULE} import {'WitWorld' if name == 'WitWorld' else 'exports'}"
        methods = "\n".join(
            f"    def {signature}: ..." for signature in self.exports[name].values()
        )
        return f"{module}\nclass {name}({base}):\n{methods or '    pass'}"


async def bindings(
    world: str | None,
    wit: str | None = None,
    *,
    name: str = "cell",
    registry: WitRegistry | None = None,
) -> Bindings:
    """The names that a cell for this world may use."""
    target = find_target(world, name=name, wit=wit, registry=registry)
    with tempfile.TemporaryDirectory(prefix="workbench-wit-") as folder:
        return await generate(target, Path(folder))


async def generate(target: Target, folder: Path) -> Bindings:
    """Have the bindings of ``target`` written below ``folder`` and read the names from them."""
    if not (folder / "wit").exists():
        target.write(folder / "wit")
    outcome = await run_tool(
        ["-d", "wit", "-w", target.world_id, "bindings", "bindings"], cwd=folder, timeout_s=60
    )
    if outcome.code != 0:
        raise wit_failure(outcome.output)
    return read_bindings(folder / "bindings")


def read_bindings(root: Path) -> Bindings:
    """The names in generated binding modules."""
    world = root / WORLD_MODULE
    exports = _protocols(world / "exports" / "__init__.py")
    bare = _protocols(world / "__init__.py").get("WitWorld", {})
    if bare:
        exports["WitWorld"] = bare
    modules = {f"{WORLD_MODULE}.exports": tuple(exports)}
    reexports = {f"{WORLD_MODULE}.exports": _imported(world / "exports" / "__init__.py")}
    for kind in ("imports", "exports"):
        package = f"{WORLD_MODULE}.{kind}"
        paths = [p for p in sorted((world / kind).glob("*.py")) if p.stem != "__init__"]
        for path in paths:
            modules[f"{package}.{path.stem}"] = _names(path)
            reexports[f"{package}.{path.stem}"] = _imported(path)
        submodules = {path.stem for path in paths}
        reexports[package] = reexports.get(package, frozenset()) | submodules
        modules.setdefault(package, tuple(sorted(submodules)))
    modules["componentize_py_types"] = ("Err", "Ok", "Result", "Some")
    return Bindings(exports, modules, reexports)


def _parse(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []


def _protocols(path: Path) -> dict[str, dict[str, str]]:
    classes: dict[str, dict[str, str]] = {}
    for node in _parse(path):
        if isinstance(node, ast.ClassDef):
            classes[node.name] = {
                item.name: _signature(item)
                for item in node.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return classes


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return f"{function.name}({', '.join(argument.arg for argument in function.args.args)})"


def _names(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    for node in _parse(path):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
    return tuple(name for name in names if not name.startswith("_"))


def _imported(path: Path) -> frozenset[str]:
    return frozenset(
        item.asname or item.name.partition(".")[0]
        for node in _parse(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for item in node.names
    )
