"""Verbs that start, scale, update and stop by hand, and label hosts."""

from __future__ import annotations

from typing import Any

from workbench.errors import UsageError
from workbench.notebook.display.live import LiveDisplay
from workbench.notebook.display.shown import Shown, said
from workbench.notebook.display.text import plural, visible
from workbench.notebook.display.unlinked import unlinked_note
from workbench.notebook.parse import parse_number, parse_pairs
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Call, Many, Option, Verb
from workbench.wire.wadm import APPSPEC

__all__ = ["VERBS"]


def start(session: Session, call: Call) -> Shown:
    lattice, ref, name = session.lattice, call["ref"], call["id"]
    if call["kind"] == "component":
        lattice.start_component(
            ref, name, host=call["host"], count=call["count"], config=tuple(call["config"])
        )
        if (note := unlinked_note(lattice.unlinked(name))) is not None:
            LiveDisplay().show(note)
    else:
        if call["count"] != 1:
            raise UsageError("a provider has no instances to count", hint="leave --count out")
        lattice.start_provider(ref, name, host=call["host"], config=tuple(call["config"]))
    return said(f"{call['kind'].capitalize()} {visible(name, 80)} runs.")


def scale(session: Session, call: Call) -> Shown:
    lattice, name = session.lattice, call["id"]
    count = parse_number(call["count"], int, "COUNT")
    shares = lattice.scale(name, count, host=call["host"])
    names = {host.id: host.friendly_name or host.id for host in lattice.hosts}
    placed = ", ".join(f"{n} on {visible(names.get(h, h), 40)}" for h, n in shares.items() if n)
    text = f"{visible(name, 80)} may run {plural(count, 'instance')} at once"
    text += f": {placed}." if placed else "."
    manager = _managed_by(lattice, name)
    if manager:
        text += (
            f" It belongs to application {visible(manager, 60)}, whose manager will put back what"
            " the manifest says."
        )
    return said(text)


def _managed_by(lattice: Any, name: str) -> str:
    for _, component in lattice.state.components():
        if component.id == name and component.annotations.get(APPSPEC):
            return component.annotations[APPSPEC]
    return ""


def update(session: Session, call: Call) -> Shown:
    session.lattice.update(call["id"], call["ref"], host=call["host"])
    return said(f"{visible(call['id'], 80)} now runs {visible(call['ref'], 120)}.")


def stop(session: Session, call: Call) -> Shown:
    session.lattice.stop(call["kind"], call["id"], host=call["host"])
    return said(f"{call['kind'].capitalize()} {visible(call['id'], 80)} is stopped.")


def label(session: Session, call: Call) -> Shown:
    lattice, host = session.lattice, call["host"]
    if call["delete"]:
        for key in call["labels"]:
            lattice.delete_label(host, key)
        done = f"without {', '.join(visible(key, 40) for key in call['labels'])}"
    else:
        pairs = parse_pairs(call["labels"], "`label`")
        for key, value in pairs.items():
            lattice.set_label(host, key, value)
        done = ", ".join(f"{visible(k, 40)}={visible(v, 60)}" for k, v in pairs.items())
    return said(f"Host {visible(host, 60)}: {done}.")


_HOST = Option("host", "on this host: id, beginning of it, or name", "HOST", complete="host")
_REF = "cell://NAME, file://PATH or an image reference"

VERBS = (
    Verb(
        "start",
        "start a component or provider by hand",
        start,
        (
            Argument("kind", choices=("component", "provider")),
            Argument("ref", _REF, complete="reference"),
            Argument("id", "the id it gets"),
        ),
        (
            _HOST,
            Option("count", "instances at once", "N", default=1, number=int),
            Option("config", "a named configuration", "NAME", repeat=True, complete="config"),
        ),
        examples=("%wasmcloud start component cell://hello hello",),
    ),
    Verb(
        "scale",
        "set how many instances may run at once, shared out over all hosts",
        scale,
        (Argument("id", complete="component"), Argument("count", "instances")),
        (_HOST,),
        examples=("%wasmcloud scale greeter 4", "%wasmcloud scale greeter 4 --host HOST"),
    ),
    Verb(
        "update",
        "exchange the code of a running component",
        update,
        (Argument("id", complete="component"), Argument("ref", _REF, complete="reference")),
        (_HOST,),
    ),
    Verb(
        "stop",
        "stop a component, a provider or a host",
        stop,
        (
            Argument("kind", choices=("component", "provider", "host")),
            Argument("id", complete="unit"),
        ),
        (_HOST,),
        examples=("%wasmcloud stop component greeter",),
    ),
    Verb(
        "label",
        "set labels of a host, or delete them",
        label,
        (
            Argument("host", complete="host"),
            Argument("labels", "KEY=VALUE, with --delete KEY", Many.SOME),
        ),
        (Option("delete", "take the labels off"),),
        examples=("%wasmcloud label brave-otter zone=a",),
    ),
)
