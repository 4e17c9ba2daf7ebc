// Edge labels: shown where there is room, so that no text ever lies over another.

import type { Core, EdgeSingular } from "cytoscape";
import { element } from "./dom";
import { CARD } from "./layout";
import { shown, type GraphEdge } from "./protocol";

const HEIGHT = 16;
const CHARACTER = 5.7;
const WIDEST = 108;
// A label would hide a shorter edge altogether.
const SHORTEST = 46;

interface Area {
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
}

export class EdgeLabels {
  private readonly elements = new Map<string, HTMLElement>();

  constructor(
    private readonly cy: Core,
    private readonly layer: HTMLElement,
  ) {}

  arrange(edges: ReadonlyMap<string, GraphEdge>, hovered: string | null): void {
    const taken: Area[] = this.cardAreas();
    const wanted = new Set<string>();
    const ids = [...edges.keys()].sort((a, b) => Number(b === hovered) - Number(a === hovered));
    for (const id of ids) {
      const edge = this.cy.getElementById(id);
      const text = brief(edges.get(id)?.label ?? "");
      if (!text || edge.empty() || !edge.isEdge()) continue;
      if (id !== hovered && lengthOf(edge) < SHORTEST) continue;
      const area = areaOf(edge, text);
      if (id !== hovered && taken.some((other) => overlaps(area, other))) continue;
      taken.push(area);
      wanted.add(id);
      this.put(id, text, area, id === hovered);
    }
    for (const [id, label] of this.elements) {
      if (wanted.has(id)) continue;
      label.remove();
      this.elements.delete(id);
    }
  }

  private put(id: string, text: string, area: Area, hovered: boolean): void {
    let label = this.elements.get(id);
    if (!label) {
      label = element("span", "wb-edge-label");
      this.layer.append(label);
      this.elements.set(id, label);
    }
    if (label.textContent !== text) label.textContent = text;
    label.classList.toggle("wb-on-top", hovered);
    label.style.width = `${area.x2 - area.x1}px`;
    label.style.transform = `translate(${area.x1}px, ${area.y1}px)`;
  }

  private cardAreas(): Area[] {
    return this.cy.nodes(".card").map((node) => {
      const at = node.position();
      const [w, h] = [CARD.width / 2, CARD.height / 2];
      return { x1: at.x - w, x2: at.x + w, y1: at.y - h, y2: at.y + h };
    });
  }
}

// "wasi:http/incoming-handler@0.2.0" → "incoming-handler": what tells links apart.
function brief(label: string): string {
  const text = shown(label).split("@")[0] ?? "";
  return text.slice(text.lastIndexOf("/") + 1);
}

function lengthOf(edge: EdgeSingular): number {
  const [from, to] = [edge.sourceEndpoint(), edge.targetEndpoint()];
  return Math.hypot(to.x - from.x, to.y - from.y);
}

function areaOf(edge: EdgeSingular, text: string): Area {
  const middle = edge.midpoint();
  const width = Math.min(WIDEST, text.length * CHARACTER + 12);
  const [w, h] = [width / 2, HEIGHT / 2];
  return { x1: middle.x - w, x2: middle.x + w, y1: middle.y - h, y2: middle.y + h };
}

function overlaps(a: Area, b: Area): boolean {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}
