"""Imports, exports and WIT of a component, in a form that reads well when it is shown."""

from __future__ import annotations

from typing import Any

from workbench.wire.wit.printer import print_function, print_interface, print_world
from workbench.wire.wit.types import Function, Interface, World

__all__ = ["Interfaces", "WitText", "wit_of"]


class Interfaces(dict[str, "Interface | Function"]):
    """The imports or exports of a component by name; shown as WIT signatures."""

    def __repr__(self) -> str:
        lines: list[str] = []
        for name, item in self.items():
            if isinstance(item, Function):
                lines.append(print_function(item))
                continue
            lines.append(name)
            lines += [f"  {print_function(function)}" for function in item.functions.values()]
        return "\n".join(lines) or "nothing"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))


class WitText(str):
    """WIT; as the value of a cell it is shown as it is, not as a quoted string."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(self.rstrip("\n"))


def wit_of(world: World) -> WitText:
    """The world and every interface in it, as text that a WIT parser reads."""
    parts = ["package root:component;\n", print_world(world)]
    interfaces: dict[str, Interface] = {}
    for item in (*world.imports.values(), *world.exports.values()):
        if isinstance(item, Interface) and ":" in item.id:
            interfaces.setdefault(item.id, item)
    packages: dict[str, list[Interface]] = {}
    for interface in interfaces.values():
        packages.setdefault(_package_of(interface.id), []).append(interface)
    for package, members in packages.items():
        body = "\n".join(print_interface(member, package=package) for member in members)
        lines = [f"  {line}" if line else "" for line in body.splitlines()]
        parts.append("\n".join([f"package {package} {{", *lines, "}"]) + "\n")
    return WitText("\n".join(parts))


def _package_of(interface: str) -> str:
    path, _, version = interface.partition("@")
    return path.rpartition("/")[0] + (f"@{version}" if version else "")
