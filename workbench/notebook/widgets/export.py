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
# A host is a frame with its things in rows of this many; distances are in pixels.
_PER_ROW = 2
_STEP_X, _STEP_Y = 250, 110
_PAD, _HEAD = 105, 75
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
    frames, places = _arranged(graph["nodes"])
    numbers = {node_id: number for number, node_id in enumerate(places)}
    for node in graph["nodes"]:
        if node["id"] in places:
            _add_node(network, numbers[node["id"]], node, places[node["id"]])
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
    page = network.generate_html(notebook=False)
    return _sealed(page, graph["lattice"], frames)


def _arranged(
    nodes: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], dict[str, tuple[int, int]]]:
    """Frames of the hosts side by side, and the place of everything else: inside, or behind."""
    homes: dict[str | None, list[str]] = {n["id"]: [] for n in nodes if n["kind"] == "host"}
    hosts = [node for node in nodes if node["id"] in homes]
    for node in nodes:
        if node["id"] not in homes:
            home = node["parent"] if node["parent"] in homes else None
            homes.setdefault(home, []).append(node["id"])
    places: dict[str, tuple[int, int]] = {}
    frames: list[dict[str, Any]] = []
    left = 0
    for host in hosts:
        held = homes[host["id"]]
        columns, rows = min(len(held), _PER_ROW) or 1, -(-len(held) // _PER_ROW) or 1
        places |= _rows(held, left, _PER_ROW)
        width, height = (columns - 1) * _STEP_X + 2 * _PAD, (rows - 1) * _STEP_Y + 55 + _HEAD
        frames.append(
            {
                "x": left - _PAD,
                "y": -_HEAD,
                "width": width,
                "height": height,
                "label": _plain(host["label"], 40),
                "color": _FILL.get(host["status"], "#6e7781"),
            }
        )
        left += width + 60
    places |= _rows(homes.get(None, []), left, 1)
    return frames, places


def _rows(held: list[str], left: int, per_row: int) -> dict[str, tuple[int, int]]:
    return {
        # Every other thing a little lower, so that links in a row are told apart.
        node_id: (left + (n % per_row) * _STEP_X, (n // per_row) * _STEP_Y + 14 * (n % per_row))
        for n, node_id in enumerate(held)
    }


def _add_node(network: Network, number: int, node: dict[str, Any], place: tuple[int, int]) -> None:
    title = [
        f"{node['kind']} · {node['status']}",
        *(f"{k}: {v}" for k, v in node["detail"].items()),
    ]
    network.add_node(
        number,
        label=f"{_plain(node['label'], 40)}\n{node['kind']}",
        title="\n".join(_plain(line, 200) for line in title[:20]),
        shape="box",
        color={  # pyright: ignore[reportArgumentType]  # annotated as str, vis.js takes both
            "background": "#ffffff",
            "border": _FILL.get(node["status"], "#6e7781"),
        },
        x=place[0],
        y=place[1],
    )


def _plain(text: str, limit: int) -> str:
    # vis.js shows labels and titles as text; pyvis escapes them for the script they stand in.
    # But one title with "href" in it makes pyvis show *all* titles as HTML, so that word is
    # broken by an invisible joiner.
    return visible(text, limit).replace("href", "hr\u2060ef")


def _sealed(page: str, lattice: str, frames: list[dict[str, Any]]) -> str:
    """Take out every remote reference, draw the hosts, close the page against the network."""
    page = _REMOTE.sub("", page)
    name = html.escape(visible(lattice, 80))
    page = page.replace("<head>", f"<head>{_POLICY}<title>Lattice {name}</title>", 1)
    legend = [element("span", f"● {status}", style=f"tone-{tone} gap") for status, tone in _TONE]
    head = element(
        "div", element("strong", "Lattice ", bdi(lattice, 80)), legend, style="card wide"
    )
    # In JSON inside a script, only "<" could end the script.
    data = json.dumps(frames).replace("<", "\\u003c")
    script = f"<script>{_DRAW_FRAMES.replace('FRAMES', data)}</script>"
    page = page.replace("<body>", f"<body>{head}", 1)
    return page.replace("</body>", f"{script}</body>", 1)


# vis.js has no nodes within nodes: the hosts are painted below the rest, as text and lines.
_DRAW_FRAMES = """
(function () {
  var frames = FRAMES;
  network.on("beforeDrawing", function (ctx) {
    frames.forEach(function (f) {
      ctx.fillStyle = "#f6f8fa"; ctx.strokeStyle = "#d0d7de"; ctx.lineWidth = 1.5;
      ctx.beginPath(); ctx.roundRect(f.x, f.y, f.width, f.height, 10); ctx.fill(); ctx.stroke();
      ctx.fillStyle = f.color;
      ctx.beginPath(); ctx.arc(f.x + 20, f.y + 24, 6, 0, 2 * Math.PI); ctx.fill();
      ctx.fillStyle = "#1f2328"; ctx.font = "600 16px sans-serif"; ctx.textAlign = "left";
      ctx.textBaseline = "middle"; ctx.fillText(f.label, f.x + 36, f.y + 25, f.width - 46);
    });
  });
  network.fit({ animation: false });
  network.moveTo({ scale: Math.min(1.4, network.getScale() * 0.8) });
})();
"""


_OPTIONS: dict[str, Any] = {
    "physics": {"enabled": False},
    "nodes": {
        "borderWidth": 2,
        "font": {"size": 15, "color": "#1f2328"},
        "margin": {"top": 9, "right": 12, "bottom": 9, "left": 12},
        "shapeProperties": {"borderRadius": 6},
        "widthConstraint": {"minimum": 120, "maximum": 190},
    },
    "edges": {"smooth": {"enabled": True, "type": "curvedCW", "roundness": 0.15}},
    "interaction": {"dragNodes": False, "hover": True, "keyboard": True, "tooltipDelay": 100},
}
