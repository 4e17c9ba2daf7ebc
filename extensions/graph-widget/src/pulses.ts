// Calls on the move: a dot travels along each edge that carried one.

import type { Core, EdgeSingular } from "cytoscape";
import { element } from "./dom";
import { stillMotion } from "./theme";

const TRAVEL_MS = 750;
const GLOW_MS = 950;
// More dots at once say nothing more and cost frames.
const DOTS_LIMIT = 48;

interface Dot {
  readonly mark: HTMLElement;
  readonly edge: EdgeSingular;
  readonly born: number;
  readonly landed: () => void;
}

export class Pulses {
  private dots: Dot[] = [];
  private frame = 0;
  private readonly glows = new Map<string, number>();

  constructor(
    private readonly cy: Core,
    private readonly layer: HTMLElement,
  ) {}

  send(edgeId: string, ok: boolean, landed: () => void): void {
    const edge = this.cy.getElementById(edgeId);
    if (edge.empty() || !edge.isEdge()) return;
    this.glow(edge, ok);
    if (stillMotion() || this.dots.length >= DOTS_LIMIT || document.hidden) {
      landed();
      return;
    }
    const mark = element("span", ok ? "wb-pulse" : "wb-pulse wb-pulse-failed");
    this.layer.append(mark);
    this.dots.push({ mark, edge, born: performance.now(), landed });
    if (!this.frame) this.frame = requestAnimationFrame(this.step);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    for (const dot of this.dots) dot.mark.remove();
    for (const timer of this.glows.values()) clearTimeout(timer);
    this.dots = [];
  }

  private glow(edge: EdgeSingular, ok: boolean): void {
    const id = edge.id();
    clearTimeout(this.glows.get(id));
    edge.removeClass("active failed").addClass(ok ? "active" : "failed");
    const end = (): void => {
      this.glows.delete(id);
      edge.removeClass("active failed");
    };
    this.glows.set(id, window.setTimeout(end, GLOW_MS));
  }

  private readonly step = (now: number): void => {
    const flying: Dot[] = [];
    for (const dot of this.dots) {
      const part = (now - dot.born) / TRAVEL_MS;
      if (part >= 1 || dot.edge.removed()) {
        dot.mark.remove();
        dot.landed();
        continue;
      }
      const at = along(dot.edge, ease(Math.max(0, part)));
      dot.mark.style.transform = `translate(${at.x - 6}px, ${at.y - 6}px)`;
      flying.push(dot);
    }
    this.dots = flying;
    this.frame = flying.length ? requestAnimationFrame(this.step) : 0;
  };
}

function ease(t: number): number {
  return t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
}

// The point at `t` of the quadratic curve through source, midpoint and target.
function along(edge: EdgeSingular, t: number): { x: number; y: number } {
  const [a, m, b] = [edge.sourceEndpoint(), edge.midpoint(), edge.targetEndpoint()];
  const curve = (from: number, middle: number, to: number): number => {
    const control = 2 * middle - (from + to) / 2;
    return (1 - t) ** 2 * from + 2 * (1 - t) * t * control + t ** 2 * to;
  };
  return { x: curve(a.x, m.x, b.x), y: curve(a.y, m.y, b.y) };
}
