"""The status card of a lattice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from workbench.notebook.display.html import element
from workbench.notebook.display.shown import Shown, badge, bdi, card, facts, text_facts
from workbench.notebook.display.text import duration, plural, visible

if TYPE_CHECKING:
    from workbench import Lattice
    from workbench.lattice.state import LatticeState

__all__ = ["closed_card", "starting_card", "status_card"]

_HOSTS_NAMED = 6


def status_card(lattice: Lattice, *, started: bool = False, note: str = "") -> Shown:
    """What the lattice is and what it holds now."""
    state = lattice.state
    pairs: list[tuple[str, Any]] = [
        ("NATS", f"{lattice.nats_url}{' · JetStream' if lattice.embedded else ''}"),
        ("hosts", _names([host.friendly_name or host.id for host in lattice.hosts])),
        ("manager", _manager(lattice)),
        ("runs", _runs(state)),
    ]
    if unwell := _unwell(state):
        pairs.append(("unwell", f"{_names(unwell)}; `%wasmcloud doctor` tells why"))
    if not lattice.writable:
        pairs.append(("access", "read-only; connect with --writable to change things"))
    took = f" in {duration(lattice.started_s)}" if started else ""
    state_name = ("up" if lattice.embedded else "joined") + took
    if not lattice.connected:
        state_name = "cut off: the NATS server is away"
    title = f"Lattice {visible(lattice.name, 60)}"
    hint = note or "In Python it is the variable lattice."
    told = note or ["In Python it is the variable ", element("span", "lattice", style="code"), "."]
    html = card(
        element("span", "Lattice ", bdi(lattice.name, 60)),
        facts(pairs),
        element("div", told, style="note small"),
        mark=badge(state_name, "good" if lattice.connected else "bad"),
        kind="status",
    )
    return Shown(html, f"{title} is {state_name}\n{text_facts(pairs)}\n{hint}")


def starting_card(doing: str, elapsed_s: float) -> Shown:
    """While `up` runs."""
    line = f"{visible(doing)} · {duration(elapsed_s)}"
    html = card("Starting a lattice", element("div", line, style="quiet"), kind="starting")
    return Shown(html, f"Starting a lattice: {line}")


def closed_card(name: str, what_went: str, elapsed_s: float) -> Shown:
    title = f"Lattice {visible(name, 60)}"
    html = card(
        element("span", "Lattice ", bdi(name, 60)),
        element("div", what_went, style="quiet"),
        mark=badge(f"down in {duration(elapsed_s)}", "quiet"),
        kind="closed",
    )
    return Shown(html, f"{title} is down ({duration(elapsed_s)}): {what_went}")


def _manager(lattice: Lattice) -> str:
    if lattice.wadm:
        return "ours, running"
    return "none (started without)" if lattice.embedded else "whichever this lattice has"


def _names(names: list[str]) -> str:
    shown = ", ".join(visible(name, 60) for name in names[:_HOSTS_NAMED])
    more = len(names) - _HOSTS_NAMED
    return (f"{shown} and {more} more" if more > 0 else shown) or "none"


def _unwell(state: LatticeState) -> list[str]:
    """The ids of what failed to start, or runs and has trouble."""
    things = (*state.components(), *state.providers())
    return sorted({thing.id for _, thing in things if thing.status in ("failed", "degraded")})


def _runs(state: Any) -> str:
    components = len({component.id for _, component in state.components()})
    providers = len({provider.id for _, provider in state.providers()})
    apps = Counter(str(app.status.status.type) for app in state.apps.values())
    parts = [
        plural(components, "component"),
        plural(providers, "provider"),
        plural(len(state.links), "link"),
    ]
    deployed = apps.get("deployed", 0)
    if apps:
        parts.append(f"{plural(deployed, 'application')} deployed")
    return ", ".join(parts)
