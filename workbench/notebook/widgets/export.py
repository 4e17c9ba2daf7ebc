"""A graph as one static HTML file: pyvis, with everything inside and nothing unescaped.

pyvis fills a template that also loads style sheets from elsewhere, and under circumstances shows
titles as HTML. So its remote references are taken out, labels and titles go in as plain cut text,
ids are replaced by numbers, and the page gets a content security policy that forbids every
request (ARCHITECTURE §10, §11).
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from pyvis.network import Network

from workbench.notebook.display.html import element
from workbench.notebook.display.shown import bdi
from workbench.notebook.display.text import visible

__all__ = ["export_html", "static_page"]

_FILL = {
    "running": "#2e7d32",
    "starting": "#0277bd",
    "degraded": "#c75100",
    "failed": "#c62828",
    "stopped": "#6e7781",
}
_TONE = tuple(zip(_FILL, ("good", "busy", "warn", "bad", "quiet"), strict=True))
# A host's things stand below it, in rows of this many; distances are in pixels.
_PER_ROW = 3
_STEP_X, _STEP_Y = 230, 130
_SHAPE = {"host": "box", "component": "hexagon", "provider": "diamond", "app": "square"}
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:\">"
)
"""Vis.js runs from inside the page; whatever would leave it is refused by the browser."""

_REMOTE = re.compile(r"<(?:link|script)\b[^>]*(?:href|src)\s*=[^>]*>(?:\s*</script>)?", re.I)


def export_html(graph: dict[str, Any], path: str | Path) -> Path:
    """Write a graph snapshot as a page that needs no network; returns the path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(static_page(graph), encoding="utf-8")
    return target


def static_page(graph: dict[str, Any]) -> str:
    """The page as text."""
    network = Network(
        height="88vh",
        width="100%",
        directed=True,
        cdn_resources="in_line",
        bgcolor="#ffffff",
        font_color="#1f2328",  # pyright: ignore[reportArgumentType]  # annotated as bool upstream
    )
    numbers = {node["id"]: i for i, node in enumerate(graph["nodes"])}
    places = _places(graph["nodes"])
    for node in graph["nodes"]:
        _add_node(network, numbers, node, places[node["id"]])
    for edge in graph["edges"]:
        if edge["source"] in numbers and edge["target"] in numbers:
            network.add_edge(
                numbers[edge["source"]],
                numbers[edge["target"]],
                title=_plain(edge["label"], 200),
                color="#8b949e",
                arrows="to",
            )
    network.set_options(json.dumps(_OPTIONS))
    return _sealed(network.generate_html(notebook=False), graph["lattice"])


def _places(nodes: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Fixed positions: hosts side by side with their things below, the rest on the right."""
    places: dict[str, tuple[int, int]] = {}
    held: dict[str | None, int] = {}
    hosts = [node["id"] for node in nodes if node["kind"] == "host"]
    lefts = {host: i * (_PER_ROW + 1) * _STEP_X for i, host in enumerate(hosts)}
    for node in nodes:
        if node["id"] in lefts:
            places[node["id"]] = (lefts[node["id"]] + (_PER_ROW - 1) * _STEP_X // 2, 0)
            continue
        home = node["parent"] if node["parent"] in lefts else None
        number = held.get(home, 0)
        held[home] = number + 1
        left = lefts[home] if home is not None else len(hosts) * (_PER_ROW + 1) * _STEP_X
        row, column = divmod(number, _PER_ROW if home is not None else 1)
        # Every other thing a little lower, so that links in a row are told apart.
        lower = 30 * (column % 2)
        places[node["id"]] = (left + column * _STEP_X, _STEP_Y * (row + 1) + lower)
    return places


def _add_node(
    network: Network, numbers: dict[str, int], node: dict[str, Any], place: tuple[int, int]
) -> None:
    number = numbers[node["id"]]
    title = [
        f"{node['kind']} · {node['status']}",
        *(f"{k}: {v}" for k, v in node["detail"].items()),
    ]
    network.add_node(
        number,
        label=_plain(node["label"], 40),
        title="\n".join(_plain(line, 200) for line in title[:20]),
        shape=_SHAPE.get(node["kind"], "dot"),
        color="#e8ecf1" if node["kind"] == "host" else _FILL.get(node["status"], "#6e7781"),
        size=18,
        x=place[0],
        y=place[1],
    )
    if node["parent"] in numbers:
        network.add_edge(
            numbers[node["parent"]], number, dashes=True, color="#d0d7de", arrows="", title="runs"
        )


def _plain(text: str, limit: int) -> str:
    # vis.js shows labels and titles as text; pyvis escapes them for the script they stand in.
    # But one title with "href" in it makes pyvis show *all* titles as HTML, so that word is
    # broken by an invisible joiner.
    return visible(text, limit).replace("href", "hr\u2060ef")


def _sealed(page: str, lattice: str) -> str:
    """Take out every remote reference and close the page against the network."""
    page = _REMOTE.sub("", page)
    name = html.escape(visible(lattice, 80))
    page = page.replace("<head>", f"<head>{_POLICY}<title>Lattice {name}</title>", 1)
    legend = [element("span", f"● {status}", style=f"tone-{tone} gap") for status, tone in _TONE]
    head = element(
        "div", element("strong", "Lattice ", bdi(lattice, 80)), legend, style="card wide"
    )
    return page.replace("<body>", f"<body>{head}", 1)


_OPTIONS: dict[str, Any] = {
    "physics": {"enabled": False},
    "nodes": {"font": {"size": 15}, "widthConstraint": {"maximum": 200}},
    "edges": {"smooth": {"enabled": True, "type": "curvedCW", "roundness": 0.15}},
    "interaction": {"hover": True, "keyboard": True, "tooltipDelay": 100},
}
