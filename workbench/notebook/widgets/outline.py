"""The graph as an outline: what is shown where no widget runs (headless, saved, untrusted)."""

from __future__ import annotations

from typing import Any

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.shown import bdi, card
from workbench.notebook.display.text import visible

__all__ = ["outline"]

_MARK = {"running": "●", "starting": "◌", "degraded": "■", "failed": "◆", "stopped": "○"}
_TONE = {
    "running": "good",
    "starting": "busy",
    "degraded": "warn",
    "failed": "bad",
    "stopped": "quiet",
}
# An outline longer than this is no outline.
_ROWS = 200


def outline(graph: dict[str, Any]) -> tuple[str, Element]:
    """Plain text and HTML of a graph snapshot: hosts with what runs there, then the links."""
    rows = list(_rows(graph))
    hidden = len(rows) - _ROWS
    rows = rows[:_ROWS]
    title = f"Lattice {visible(graph['lattice'], 60)}"
    lines = [title, *(f"{'  ' * depth}{_MARK.get(tone, '·')} {text}" for depth, tone, text in rows)]
    if hidden > 0:
        lines.append(f"… and {hidden} more")
    items = [
        element(
            "li",
            element("span", _MARK.get(state, "·"), style=f"mark tone-{_TONE.get(state, 'quiet')}"),
            element("span", "\u2003" * depth, bdi(text), style="grow"),
            style="step",
        )
        for depth, state, text in rows
    ]
    return "\n".join(lines), card(title, element("ul", items, style="steps"), kind="outline")


def _rows(graph: dict[str, Any]) -> Any:
    names = {node["id"]: visible(node["label"], 80) for node in graph["nodes"]}
    inside: dict[str | None, list[dict[str, Any]]] = {}
    for node in graph["nodes"]:
        inside.setdefault(node["parent"], []).append(node)
    for node in inside.get(None, ()):
        yield 1, node["status"], f"{node['kind']} {names[node['id']]}"
        for child in inside.get(node["id"], ()):
            yield 2, child["status"], f"{child['kind']} {names[child['id']]}"
    for edge in graph["edges"]:
        ends = f"{names.get(edge['source'], '?')} → {names.get(edge['target'], '?')}"
        yield 1, "link", f"{ends}  {visible(edge['label'], 80)}"
