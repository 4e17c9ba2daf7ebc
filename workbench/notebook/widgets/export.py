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

from workbench.notebook.display.text import visible

__all__ = ["export_html", "static_page"]

_FILL = {
    "running": "#2e7d32",
    "starting": "#0277bd",
    "degraded": "#c75100",
    "failed": "#c62828",
    "stopped": "#6e7781",
}
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
        height="92vh",
        width="100%",
        directed=True,
        cdn_resources="in_line",
        bgcolor="#ffffff",
        font_color="#1f2328",  # pyright: ignore[reportArgumentType]  # annotated as bool upstream
    )
    numbers = {node["id"]: i for i, node in enumerate(graph["nodes"])}
    for node in graph["nodes"]:
        _add_node(network, numbers, node)
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


def _add_node(network: Network, numbers: dict[str, int], node: dict[str, Any]) -> None:
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
    title = f"<title>Lattice {html.escape(visible(lattice, 80))}</title>"
    return page.replace("<head>", f"<head>{_POLICY}{title}", 1)


_OPTIONS: dict[str, Any] = {
    "physics": {"solver": "forceAtlas2Based", "stabilization": {"iterations": 200}},
    "layout": {"randomSeed": 7},
    "nodes": {"font": {"size": 15}},
    "edges": {"smooth": {"enabled": True, "type": "dynamic", "roundness": 0.4}},
    "interaction": {"hover": True, "keyboard": True, "tooltipDelay": 100},
}
