"""Verbs that make components: component, wit, inspect."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workbench
from workbench.authoring import bundled_worlds
from workbench.errors import NotFound, UsageError
from workbench.notebook.compiling import compile_ahead
from workbench.notebook.display.build import building_card, built_card
from workbench.notebook.display.component import component_card
from workbench.notebook.display.html import element
from workbench.notebook.display.listing import listing
from workbench.notebook.display.live import LiveDisplay, Ticker
from workbench.notebook.display.shown import Shown, card, said
from workbench.notebook.display.text import visible
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Body, Call, Many, Option, Verb
from workbench.wire.wit.bundled import bundled
from workbench.wire.wit.printer import print_interface, print_world

if TYPE_CHECKING:
    from workbench import Component

__all__ = ["VERBS"]


def component(session: Session, call: Call) -> Any:
    if call["name"] is None:
        return listing("built", session.built.values())
    source = (call.body or "").strip("\n")
    if not source.strip():
        raise UsageError(
            "`component` wants the source in the cell below the magic line",
            hint="%%wasmcloud component hello --world hello",
        )
    live = LiveDisplay()
    stage: list[Any] = ["checking", None]

    def heard(what: str, fraction: float | None) -> None:
        stage[:] = [what, fraction]

    def draw(elapsed_s: float) -> None:
        live.show(building_card(call["name"], stage[0], stage[1], elapsed_s))

    with Ticker(draw) as ticker:
        built = workbench.build_component(
            source,
            name=call["name"],
            world=call["world"],
            wit=_wit_file(call["wit"]),
            lang=call["lang"],
            registry=session.wit,
            progress=heard,
        )
        compile_ahead(built, heard)
        reloaded = session.keep(built)
        if call["output"]:
            session.set_variable(call["output"], workbench.Component.open(built))
    live.show(built_card(built, reloaded, ticker.elapsed_s))
    return None


def _wit_file(given: Any) -> str | None:
    if given is None:
        return None
    path = Path(str(given)).expanduser()
    try:
        return path.read_text()
    except OSError as error:
        raise UsageError(f"the WIT file {path} can't be read: {error.strerror}") from error


def wit(session: Session, call: Call) -> Shown | None:
    """With a body: remember WIT for later cells. With a name: show WIT."""
    if call.body is not None and call.body.strip():
        worlds = session.wit.add(call.body)
        named = ", ".join(visible(name, 60) for name in worlds)
        text = f"Worlds for --world: {named}." if worlds else "The interfaces are known now."
        return said(text)
    if call["ref"] is None:
        names = ", ".join([*session.wit.world_names(), *bundled_worlds()])
        text = f"Worlds that components can target: {names}"
        return said(text)
    name, live = str(call["ref"]), LiveDisplay()
    if name not in session.built and (file := _file(session, name, live)) is not None:
        return live.settle(_source(f"WIT of {file.name}", file.wit))
    return _source(name, _wit_of(session, name))


def _wit_of(session: Session, name: str) -> str:
    if name in session.built and session.built[name].wit:
        return session.built[name].wit
    if name in bundled_worlds():
        return bundled_worlds()[name]
    running = workbench.current()
    if running is not None and any(one.id == name for one in running.components):
        exports = running.exports(name)
        return "\n\n".join(print_interface(e) for e in exports.values() if hasattr(e, "functions"))
    if found := _bundled_wit(name.partition("@")[0]):
        return found
    known = [*session.built, *bundled_worlds()]
    near = difflib.get_close_matches(name, known, n=3)
    raise NotFound(
        f"no component, world or interface {name!r} is known here",
        hint=f"known: {', '.join(near or known)}",
        matches=near,
    )


def _bundled_wit(name: str) -> str:
    for package in bundled().packages.values():
        for world in package.worlds.values():
            if world.id.partition("@")[0] == name:
                return print_world(world)
        for interface in package.interfaces.values():
            if interface.id.partition("@")[0] == name:
                return print_interface(interface)
    return ""


def inspect(session: Session, call: Call) -> Shown | None:
    name = str(call["ref"])
    live = LiveDisplay()
    if (file := _file(session, name, live)) is None:
        return _source(f"Exports of {name}", _wit_of(session, name))
    return live.settle(component_card(file))


def _file(session: Session, name: str, live: LiveDisplay) -> Component | None:
    """The component that a path or ``cell://NAME`` means, opened; ``live`` shows that it takes
    a while where it does. `None` for any other word."""
    bare = name.removeprefix("cell://")
    source: Any = session.built.get(bare)
    if source is None:
        looks_like_a_path = name.startswith(_PATHS) or name.endswith(_ENDINGS)
        if name.startswith("cell://") or not looks_like_a_path:
            return None
        source = name
    stage = ["reading"]

    def draw(elapsed_s: float) -> None:
        live.show(building_card(bare, stage[0], None, elapsed_s, doing="Opening"))

    with Ticker(draw, interval_s=0.5):
        return workbench.Component.open(source, progress=lambda text: stage.__setitem__(0, text))


def _source(title: str, text: str) -> Shown:
    lines = "\n".join(visible(line, 400) for line in text.strip().split("\n")[:1000])
    html = card(visible(title, 120), element("pre", lines, style="block"), kind="wit")
    return Shown(html, lines)


_PATHS = ("file://", "/", "./", "../", "~/")
_ENDINGS = (".wasm", ".wat")

VERBS = (
    Verb(
        "component",
        "build a component from the cell below; without a name, list those built",
        component,
        (Argument("name", "what manifests call cell://NAME", Many.MAYBE),),
        (
            Option("world", "the WIT world it targets", "WORLD", complete="world"),
            Option(
                "lang",
                "python, wat, or js where componentize-js is installed",
                "LANG",
                default="python",
                complete="lang",
            ),
            Option("wit", "a file with the WIT", "FILE"),
            Option(
                "output", "keep it in this variable, to run without a lattice", "NAME", short="o"
            ),
        ),
        Body.MAY,
        (
            "%%wasmcloud component hello --world hello\n"
            'def handle(request):\n    return f"Hello from {request.path}"',
        ),
    ),
    Verb(
        "wit",
        "remember the WIT of a cell, or show the WIT of something",
        wit,
        (Argument("ref", "a component, file, world or interface", Many.MAYBE, (), "wit"),),
        body=Body.MAY,
        examples=(
            "%wasmcloud wit greeter",
            "%wasmcloud wit ./x.wasm",
            "%%wasmcloud wit\npackage demo:greet@0.1.0;\n…",
        ),
    ),
    Verb(
        "inspect",
        "what a component exports and needs, and who signed it",
        inspect,
        (Argument("ref", "a file, cell://NAME or a running component", complete="wit"),),
        examples=("%wasmcloud inspect ./greeter.wasm", "%wasmcloud inspect cell://hello"),
    ),
)
