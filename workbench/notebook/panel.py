"""What the Lattice panel lists: a pure function of the observed state.

Each item brings the line of code that a click puts into the notebook. An id is a stranger's text:
where it would not stand on a magic line as it is, the line is Python with an ASCII literal, so
that nothing hidden, reordered or on a second line can get into a cell.
"""

from __future__ import annotations

import re
from typing import Any

from workbench.lattice.rows import component_rows, provider_rows
from workbench.lattice.state import LatticeState
from workbench.notebook.display.text import plural, visible

__all__ = ["panel_groups"]

_ITEMS = 300
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*\Z")

_APP_STATUS = {
    "deployed": "running",
    "reconciling": "starting",
    "waiting": "starting",
    "unhealthy": "degraded",
    "failed": "failed",
}

Item = dict[str, str]


def panel_groups(state: LatticeState) -> list[dict[str, Any]]:
    """Hosts, components, providers, links and applications, in this order."""
    groups = [
        ("host", [_host(host) for _, host in sorted(state.hosts.items())]),
        ("component", [_component(row) for row in component_rows(state)]),
        ("provider", [_provider(row) for row in provider_rows(state)]),
        ("link", [_link(link) for link in state.links]),
        ("app", [_app(app) for _, app in sorted(state.apps.items())]),
    ]
    return [{"kind": kind, "count": len(items), "items": items[:_ITEMS]} for kind, items in groups]


def _item(item_id: str, title: str, detail: str, status: str, code: str) -> Item:
    return {
        "id": visible(item_id, 500),
        "title": visible(title, 120),
        "detail": visible(detail, 200),
        "status": status,
        "code": code,
    }


def _host(host: Any) -> Item:
    things = (
        f"{plural(len(host.components), 'component')}, {plural(len(host.providers), 'provider')}"
    )
    return _item(
        host.id,
        host.friendly_name or host.id,
        things,
        host.status,
        _line("inventory", host.id, otherwise="lattice.inventory({0})"),
    )


def _component(row: Any) -> Item:
    where = f" on {plural(len(row.hosts), 'host')}" if len(row.hosts) > 1 else ""
    return _item(
        row.id,
        row.id,
        row.error or f"{plural(row.max_instances, 'instance')}{where}",
        row.status,
        f"lattice.component({_literal(row.id)})",
    )


def _provider(row: Any) -> Item:
    return _item(
        row.id,
        row.id,
        row.error or row.image_ref,
        row.status,
        _line("traffic", row.id, otherwise="lattice.traffic()"),
    )


def _link(link: Any) -> Item:
    interfaces = f"{link.wit_namespace}:{link.wit_package}/{','.join(link.interfaces)}"
    first = f"{link.wit_namespace}:{link.wit_package}/{(link.interfaces or ('',))[0]}"
    return _item(
        link.id,
        f"{visible(link.source_id, 50)} → {visible(link.target, 50)}",
        interfaces if link.name == "default" else f"{interfaces} ({link.name})",
        "running",
        _line(
            "explain",
            link.source_id,
            link.target,
            first,
            otherwise="lattice.explain({0}, {1}, {2})",
        ),
    )


def _app(app: Any) -> Item:
    kind = str(app.status.status.type)
    return _item(
        app.name,
        app.name,
        app.status.status.message or kind,
        _APP_STATUS.get(kind, "stopped"),
        _line("app status", app.name, otherwise="lattice.app({0}).status"),
    )


def _line(verb: str, *words: str, otherwise: str) -> str:
    if all(_PLAIN.match(word) for word in words):
        return " ".join(["%wasmcloud", verb, *words])
    return otherwise.format(*map(_literal, words))


def _literal(text: str) -> str:
    """A Python string in plain ASCII; with double quotes, as people write it, where it can be."""
    return f'"{text}"' if _PLAIN.match(text) else ascii(text)
