// How cytoscape draws hosts and edges. Cards are DOM elements above; here they are only shapes.

import type { EdgeSingular, NodeSingular, StylesheetJson } from "cytoscape";
import { CARD } from "./layout";
import type { Theme } from "./theme";

export function stylesheet(theme: Theme): StylesheetJson {
  return [
    {
      selector: "node",
      style: { shape: "round-rectangle", "overlay-opacity": 0, "background-opacity": 0, "border-width": 0 },
    },
    { selector: "node.card", style: { width: CARD.width, height: CARD.height } },
    { selector: "node.corner", style: { width: 1, height: 1, events: "no" } },
    {
      selector: "node.host",
      style: {
        "background-color": theme.hostFill,
        "background-opacity": 1,
        "border-color": theme.hostBorder,
        "border-width": 1,
        "corner-radius": "10px",
        padding: "0px",
      },
    },
    { selector: "node.host.wb-down", style: { "border-style": "dashed", "background-opacity": 0.45 } },
    {
      selector: "edge",
      style: {
        "curve-style": "unbundled-bezier",
        "control-point-distances": (edge: EdgeSingular) => [edge.data("bend") as number],
        "control-point-weights": [0.5],
        width: 1.5,
        "line-color": theme.edge,
        "target-arrow-color": theme.edge,
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.9,
        "overlay-opacity": 0,
        "transition-property": "line-color target-arrow-color width",
        "transition-duration": 150,
      },
    },
    { selector: "edge.client", style: { "line-style": "dashed", "line-dash-pattern": [5, 4] } },
    { selector: "edge.broken", style: { "line-style": "dotted", "line-color": theme.failed, "target-arrow-color": theme.failed } },
    { selector: "edge.hover", style: { width: 2.5, "line-color": theme.focus, "target-arrow-color": theme.focus } },
    { selector: "edge.active", style: { width: 3, "line-color": theme.active, "target-arrow-color": theme.active } },
    { selector: "edge.failed", style: { width: 3, "line-color": theme.failed, "target-arrow-color": theme.failed } },
  ] as StylesheetJson;
}

const BEND = 44;

// How far each edge arcs aside: edges between the same two cards fan out, and an edge whose
// straight way would cross a third card goes around it.
export function bends(edges: readonly EdgeSingular[], cards: readonly NodeSingular[]): Map<string, number> {
  const pairs = new Map<string, EdgeSingular[]>();
  for (const edge of edges) {
    const key = [edge.source().id(), edge.target().id()].sort().join("\u0000");
    pairs.set(key, [...(pairs.get(key) ?? []), edge]);
  }
  const found = new Map<string, number>();
  for (const group of pairs.values()) {
    group.forEach((edge, index) => {
      const turned = edge.source().id() > edge.target().id() ? -1 : 1;
      const fan = group.length === 1 ? 0 : (index - (group.length - 1) / 2) * BEND * turned;
      const around = Math.abs(fan) < BEND / 2 && isBlocked(edge, cards) ? BEND * 1.5 : fan;
      found.set(edge.id(), around);
    });
  }
  return found;
}

function isBlocked(edge: EdgeSingular, cards: readonly NodeSingular[]): boolean {
  const [from, to] = [edge.source().position(), edge.target().position()];
  return cards.some((card) => {
    if (card.same(edge.source()) || card.same(edge.target())) return false;
    const at = card.position();
    const samples = [0.15, 0.3, 0.5, 0.7, 0.85];
    return samples.some((t) => {
      const [x, y] = [from.x + (to.x - from.x) * t, from.y + (to.y - from.y) * t];
      return Math.abs(x - at.x) < CARD.width / 2 && Math.abs(y - at.y) < CARD.height / 2;
    });
  });
}
