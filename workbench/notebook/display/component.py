"""A component file: what it offers, what it needs, who signed it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.notebook.display.html import Child, Element, element
from workbench.notebook.display.shown import Shown, badge, card, text_facts
from workbench.notebook.display.text import plural, size, visible
from workbench.wire.wit.lookup import function_paths
from workbench.wire.wit.printer import print_function
from workbench.wire.wit.types import Function, Interface

if TYPE_CHECKING:
    from workbench.wasm import Component

__all__ = ["component_card"]

_FUNCTIONS = 30
_INTERFACES = 40
_WIT_LINES = 1000
_LONGEST = 300

# componentize-py's own plumbing: an instance of this name holds `init`, which is nobody's to call.
_PLUMBING = frozenset({"exports"})

Items = dict[str, Interface | Function]


def component_card(component: Component) -> Shown:
    """Exports with their signatures, imports by what provides them, claims, the WIT folded away."""
    missing = _needed(component)
    wasi = [name for name in component.imports if name not in missing]
    signed = _claims(component)
    hint = _hint(component)
    html = card(
        element("span", "Component ", element("bdi", visible(_name(component), 80))),
        _section("exports", _interfaces(_offered(component))),
        _section("needs", _interfaces(missing)),
        _folded(f"{plural(len(wasi), 'interface')} of WASI", _names(wasi)) if wasi else None,
        _section("signed", [signed]) if signed else None,
        _folded("WIT", _wit(component)),
        element("div", "Call it: ", element("span", hint, style="code"), style="note small")
        if hint
        else None,
        mark=badge(size(component.size), "quiet"),
        kind="component",
    )
    return Shown(html, _text(component, missing, wasi, signed))


def _name(component: Component) -> str:
    return component.name or component.digest[:12]


def _offered(component: Component) -> Items:
    return {name: item for name, item in component.exports.items() if name not in _PLUMBING}


def _needed(component: Component) -> Items:
    """The imports that somebody has to provide: those beside WASI."""
    names = {name.partition("#")[0] for name in component.missing()}
    return {name: item for name, item in component.imports.items() if name in names}


def _section(title: str, body: Iterable[Child]) -> Element | None:
    rows = list(body)
    if not rows:
        return None
    return element("div", element("div", title, style="quiet small"), rows, style="section")


def _interfaces(items: Items) -> list[Element]:
    """One block for each interface: its name, then the signatures."""
    blocks: list[Element] = []
    for name, item in list(items.items())[:_INTERFACES]:
        functions = _signatures(item)
        head = element("div", element("bdi", visible(name, 120))) if _is_interface(item) else None
        lines = "\n".join(functions)
        code = element("pre", lines, style="signatures") if lines else None
        blocks.append(element("div", head, code))
    if len(items) > _INTERFACES:
        blocks.append(element("div", f"and {len(items) - _INTERFACES} more", style="quiet"))
    return blocks


def _is_interface(item: Interface | Function) -> bool:
    return isinstance(item, Interface)


def _signatures(item: Interface | Function) -> list[str]:
    functions = list(item.functions.values()) if isinstance(item, Interface) else [item]
    shown = [visible(print_function(one), _LONGEST) for one in functions[:_FUNCTIONS]]
    more = len(functions) - _FUNCTIONS
    return [*shown, f"… {more} more"] if more > 0 else shown


def _folded(title: str, text: str) -> Element:
    return element(
        "details",
        element("summary", title, style="summary"),
        element("pre", text, style="block"),
        style="section",
    )


def _names(names: list[str]) -> str:
    return "\n".join(visible(name, 120) for name in names[:200])


def _wit(component: Component) -> str:
    lines = component.wit.rstrip("\n").split("\n")
    return "\n".join(visible(line, 400) for line in lines[:_WIT_LINES])


def _claims(component: Component) -> str:
    """Who signed it and whether a host takes that; empty for an unsigned component."""
    try:
        claims = component.claims
    except WorkbenchError as error:
        return f"not valid: {visible(error.message, 120)}"
    if claims is None:
        return ""
    problem = claims.problem(time.time())
    name = f"{visible(claims.metadata.name, 60)}, " if claims.metadata.name else ""
    text = f"{name}{visible(claims.subject, 60)} by {visible(claims.issuer, 60)}"
    return f"{text} ({problem})" if problem else text


def _hint(component: Component) -> str:
    """A call to begin with."""
    offered = _offered(component)
    if any(name.startswith("wasi:http/incoming-handler@") for name in offered):
        return '.http("GET", "/")'
    functions = function_paths(offered)
    return f".run({functions[0]!r}, …)" if functions else ""


def _text(component: Component, missing: Items, wasi: list[str], signed: str) -> str:
    lines = [f"Component {visible(_name(component), 80)}, {size(component.size)}"]
    for title, items in (("exports", _offered(component)), ("needs", missing)):
        lines += [f"  {title}"] if items else []
        for name, item in list(items.items())[:_INTERFACES]:
            lines += [f"    {visible(name, 120)}"] if _is_interface(item) else []
            lines += [f"      {one}" for one in _signatures(item)]
    pairs: list[tuple[str, Any]] = []
    if wasi:
        pairs.append(("WASI", plural(len(wasi), "interface")))
    if signed:
        pairs.append(("signed", signed))
    return "\n".join([*lines, text_facts(pairs)] if pairs else lines)
