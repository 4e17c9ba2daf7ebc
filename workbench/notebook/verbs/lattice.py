"""Verbs for a lattice as a whole: up, down, connect, disconnect, status, get, inventory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workbench
from workbench.errors import NotRunning, UsageError
from workbench.notebook.display.listing import Listing, listing
from workbench.notebook.display.live import LiveDisplay, Ticker
from workbench.notebook.display.shown import Shown
from workbench.notebook.display.status import closed_card, starting_card, status_card
from workbench.notebook.display.text import plural
from workbench.notebook.parse import parse_pairs
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Call, Many, Option, Verb

if TYPE_CHECKING:
    from workbench.wire.control import Inventory

__all__ = ["VERBS"]

# Faster than this, a "starting" card would only flicker.
_QUIET_FOR_S = 0.4


def up(session: Session, call: Call) -> None:
    running = workbench.current()
    live = LiveDisplay()
    if running is not None:
        live.show(_grow(running, call))
        return
    doing = ["nats-server"]

    def draw(elapsed_s: float) -> None:
        if elapsed_s >= _QUIET_FOR_S:
            live.show(starting_card(doing[0], elapsed_s))

    with Ticker(draw):
        lattice = workbench.up(
            hosts=1 if call["hosts"] is None else call["hosts"],
            lattice=call["lattice"] or "default",
            labels=parse_pairs(call["label"], "--label"),
            wadm=not call["no_wadm"],
            store=call["store"],
            progress=lambda what: doing.__setitem__(0, what),
        )
    session.adopt(lattice)
    live.show(status_card(lattice, started=True))


def _grow(lattice: workbench.Lattice, call: Call) -> Shown:
    """`up` on a lattice that is up: more hosts, or just the status."""
    if call["lattice"] not in (None, lattice.name):
        raise UsageError(
            f"lattice {lattice.name} is up already", hint="`%wasmcloud down` stops it first"
        )
    if not lattice.embedded:
        raise UsageError(
            f"this notebook has joined lattice {lattice.name}",
            hint="`%wasmcloud disconnect` leaves it",
        )
    have = len(lattice.hosts_running)
    wanted = max(have, 1) if call["hosts"] is None else call["hosts"]
    if wanted < have:
        raise UsageError(
            f"{plural(have, 'host')} run here; `up` only adds hosts",
            hint="`%wasmcloud stop host NAME` stops one",
        )
    labels = parse_pairs(call["label"], "--label")
    for _ in range(wanted - have):
        lattice.add_host(labels)
    note = f"Added {plural(wanted - have, 'host')}." if wanted > have else "It was up already."
    return status_card(lattice, note=note)


def down(session: Session, call: Call) -> Shown:
    lattice = session.lattice
    began = time.perf_counter()
    hosts = plural(len(lattice.hosts_running), "host")
    name, embedded = lattice.name, lattice.embedded
    lattice.close()
    went = f"nats-server, {hosts} and the manager are gone" if embedded else "left it; it goes on"
    return closed_card(name, went, time.perf_counter() - began)


def connect(session: Session, call: Call) -> None:
    running = workbench.current()
    if running is not None:
        raise UsageError(
            f"lattice {running.name} is open in this notebook",
            hint="`%wasmcloud down` (embedded) or `%wasmcloud disconnect` (joined) first",
        )
    creds = call["creds"]
    if creds is not None and not Path(str(creds)).expanduser().is_file():
        raise UsageError(
            f"there is no credentials file {creds}", hint="give the path of a NATS .creds file"
        )
    if "@" in str(call["url"]):
        raise UsageError(
            "credentials don't belong on a magic line: they would be saved with the notebook",
            hint="give a file with --creds, or call workbench.connect(…) with os.environ[…]",
        )
    options: dict[str, Any] = {"creds": creds, "js_domain": call["js_domain"]}
    lattice = workbench.connect(
        call["url"],
        lattice=call["lattice"] or "default",
        writable=call["writable"],
        **{key: value for key, value in options.items() if value is not None},
    )
    session.adopt(lattice)
    LiveDisplay().show(status_card(lattice, started=True))


def disconnect(session: Session, call: Call) -> Shown:
    if session.lattice.embedded:
        raise UsageError("this lattice lives in this notebook", hint="`%wasmcloud down` stops it")
    return down(session, call)


def status(session: Session, call: Call) -> Shown:
    return status_card(session.lattice)


def get(session: Session, call: Call) -> Listing:
    lattice = session.lattice
    match call["what"]:
        case "hosts":
            return listing("hosts", lattice.hosts)
        case "components":
            return listing("components", lattice.components)
        case "providers":
            return listing("providers", lattice.providers)
        case "links":
            return listing("links", lattice.links)
        case "configs":
            return listing("configs", sorted(lattice.configs.items()))
        case "claims":
            return listing("claims", lattice.state.claims.values())
        case _:
            return listing("apps", lattice.apps)


def inventory(session: Session, call: Call) -> Listing:
    found = session.lattice.inventory(call["host"])
    if not found and call["host"] is None:
        raise NotRunning("no host answered", hint="`%wasmcloud doctor` tells what is wrong")
    rows = [row for one in found for row in _things(one)]
    return listing("inventory", rows)


def _things(found: Inventory) -> Iterator[dict[str, Any]]:
    host = found.friendly_name or found.host_id
    for entry in (*found.components, *found.providers):
        instances = getattr(entry, "max_instances", None)
        yield {
            "host": host,
            "kind": "provider" if instances is None else "component",
            "id": entry.id,
            "instances": "—" if instances is None else instances,
            "image": entry.image_ref or "—",
        }


_KINDS = ("hosts", "components", "providers", "links", "configs", "claims", "apps")
_LATTICE = Option("lattice", "the name of the lattice", "NAME")

VERBS = (
    Verb(
        "up",
        "start a whole lattice here, or add hosts to it",
        up,
        options=(
            Option("hosts", "how many hosts in all", "N", number=int),
            _LATTICE,
            Option("label", "a label for the new hosts", "KEY=VALUE", repeat=True),
            Option("no-wadm", "without the deployment manager"),
            Option("store", "keep the data in this directory", "DIR"),
        ),
        examples=("%wasmcloud up", "%wasmcloud up --hosts 2 --label zone=a"),
    ),
    Verb("down", "stop the lattice and everything it started", down),
    Verb(
        "connect",
        "join a lattice that runs elsewhere",
        connect,
        (Argument("url", "where NATS listens, such as nats://127.0.0.1:4222"),),
        (
            Option("creds", "a NATS credentials file", "FILE"),
            _LATTICE,
            Option("js-domain", "the JetStream domain", "NAME"),
            Option("writable", "allow changes, not only looking"),
        ),
        examples=("%wasmcloud connect nats://127.0.0.1:4222 --writable",),
    ),
    Verb("disconnect", "leave a lattice that was joined", disconnect),
    Verb("status", "what this lattice is and holds", status),
    Verb(
        "get",
        "list hosts, components, providers, links, configs, claims or apps",
        get,
        (Argument("what", choices=_KINDS),),
        examples=("%wasmcloud get components", "hosts = %wasmcloud get hosts"),
    ),
    Verb(
        "inventory",
        "ask hosts what they run",
        inventory,
        (Argument("host", "its id, the beginning of it, or its name", Many.MAYBE, (), "host"),),
    ),
)
