"""Verbs for seeing and understanding: graph, traffic, events, explain, doctor."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from workbench.errors import NotFound, UsageError
from workbench.lattice.graph import snapshot
from workbench.notebook.display.listing import about, listing
from workbench.notebook.display.records import findings_html, findings_text
from workbench.notebook.display.shown import Shown, said
from workbench.notebook.display.text import plural, visible
from workbench.notebook.display.traffic import CallList, clock
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Call, Many, Option, Verb

__all__ = ["VERBS"]


def graph(session: Session, call: Call) -> Any:
    from workbench.notebook import widgets

    lattice = session.lattice
    if call["export"] is None:
        return widgets.graph_widget(lattice)
    path = widgets.export_html(snapshot(lattice.state), Path(str(call["export"])).expanduser())
    return said(f"The graph is in {visible(path, 300)}; it needs no network.")


def traffic(session: Session, call: Call) -> CallList:
    calls = session.lattice.traffic.calls()
    wanted = call["id"]
    if wanted is not None:
        about = [one for one in calls if wanted in (one.source, one.target)]
        if calls and not about:
            ends = sorted({end for one in calls for end in (one.source, one.target) if end})
            raise NotFound(
                f"none of the last {plural(len(calls), 'call')} came from {wanted!r} or went there",
                hint=f"there were calls of {', '.join(ends[:12])}",
                matches=difflib.get_close_matches(wanted, ends, n=3),
            )
        calls = about
    limit = call["last"]
    return CallList(calls[-limit:] if limit else calls)


def events(session: Session, call: Call) -> Any:
    if call["last"] < 1:
        raise UsageError("--last wants 1 or more", hint="such as --last 20")
    lattice = session.lattice
    names = {host.id: host.friendly_name for host in lattice.hosts}
    rows = [
        {
            "time": clock(event.at_s) if event.at_s else event.time,
            "event": event.name,
            "host": names.get(event.source) or event.source,
            "about": about(event.data),
        }
        for event in reversed(lattice.events(call["last"]))
    ]
    return listing("events", rows)


def explain(session: Session, call: Call) -> Shown:
    source, target, interface = call["source"], call["target"], call["interface"]
    found = session.lattice.explain(source, target, interface)
    rows = [(False, finding.text, finding.command) for finding in found]
    if not rows:
        rows = [(True, f"{source} can call {target} over {interface}", "")]
    title = f"{visible(source, 60)} → {visible(target, 60)}"
    return Shown(findings_html(title, rows), findings_text(title, rows))


def doctor(session: Session, call: Call) -> Shown:
    rows = [
        (check.ok, f"{check.name}: {check.text}", check.hint) for check in session.lattice.doctor()
    ]
    title = f"Lattice {visible(session.lattice.name, 60)}"
    return Shown(findings_html(title, rows), findings_text(title, rows))


VERBS = (
    Verb(
        "graph",
        "the lattice as a live graph",
        graph,
        options=(Option("export", "write it as one static page instead", "FILE"),),
        examples=("%wasmcloud graph", "%wasmcloud graph --export build/graph.html"),
    ),
    Verb(
        "traffic",
        "the last calls, decoded and timed",
        traffic,
        (Argument("id", "only those from or to this one", Many.MAYBE, (), "unit"),),
        (Option("last", "how many", "N", default=20, number=int),),
    ),
    Verb(
        "events",
        "what hosts announced",
        events,
        options=(Option("last", "how many", "N", default=20, number=int),),
    ),
    Verb(
        "explain",
        "why one thing can't call another, and what mends it",
        explain,
        (
            Argument("source", "who calls", complete="unit"),
            Argument("target", "who is called", complete="unit"),
            Argument("interface", "NS:PKG/IFACE"),
        ),
        examples=("%wasmcloud explain http hello wasi:http/incoming-handler",),
    ),
    Verb("doctor", "check the lattice and what it stands on", doctor),
)
