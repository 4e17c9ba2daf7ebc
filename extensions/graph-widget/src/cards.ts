// The cards: one DOM element per node, laid over the canvas that draws hosts and edges.
// They let the mouse through to cytoscape and take the keyboard focus themselves.

import { element, icon } from "./dom";
import type { Box, Point } from "./layout";
import { CARD } from "./layout";
import type { GraphNode } from "./protocol";

export class Cards {
  private readonly elements = new Map<string, HTMLElement>();
  private readonly drawn = new Map<string, GraphNode>();

  constructor(
    private readonly layer: HTMLElement,
    private readonly focused: (id: string | null) => void,
  ) {}

  // Brings the elements in line with the nodes; a removed card fades out by its class.
  show(nodes: readonly GraphNode[]): void {
    const here = new Set(nodes.map((node) => node.id));
    for (const [id, card] of this.elements) {
      if (here.has(id)) continue;
      card.remove();
      this.elements.delete(id);
      this.drawn.delete(id);
    }
    for (const node of nodes) {
      if (this.drawn.get(node.id) === node) continue;
      const card = this.elements.get(node.id) ?? this.make(node.id);
      this.fill(card, node);
      this.drawn.set(node.id, node);
    }
    this.keepOneTabStop();
  }

  move(id: string, at: Point): void {
    const card = this.elements.get(id);
    if (!card) return;
    const [x, y] = [at.x - CARD.width / 2, at.y - CARD.height / 2];
    card.style.transform = `translate(${x}px, ${y}px)`;
  }

  moveHost(id: string, box: Box): void {
    const card = this.elements.get(id);
    if (!card) return;
    card.style.transform = `translate(${box.x}px, ${box.y}px)`;
    card.style.width = `${box.width}px`;
  }

  // A call has arrived here.
  hit(id: string, ok: boolean): void {
    const card = this.elements.get(id);
    if (!card) return;
    const name = ok ? "wb-hit" : "wb-hit-failed";
    card.classList.remove("wb-hit", "wb-hit-failed");
    void card.offsetWidth; // restarts the animation
    card.classList.add(name);
  }

  mark(id: string | null): void {
    for (const [other, card] of this.elements) card.classList.toggle("wb-selected", other === id);
  }

  // The card that has the keyboard.
  get active(): string | null {
    for (const [id, card] of this.elements) if (card === document.activeElement) return id;
    return null;
  }

  focus(id: string): void {
    const card = this.elements.get(id);
    if (!card) return;
    for (const other of this.elements.values()) other.tabIndex = -1;
    card.tabIndex = 0;
    card.focus({ preventScroll: true });
  }

  private make(id: string): HTMLElement {
    const card = element("div", "wb-card");
    card.setAttribute("role", "treeitem");
    card.tabIndex = -1;
    card.addEventListener("focus", () => this.focused(id));
    card.addEventListener("blur", () => this.focused(null));
    this.layer.append(card);
    this.elements.set(id, card);
    return card;
  }

  private fill(card: HTMLElement, node: GraphNode): void {
    card.className = `wb-card wb-${node.kind} wb-is-${node.status}`;
    card.dataset.kind = node.kind;
    card.dataset.status = node.status;
    const name = element("span", "wb-name", node.label);
    name.dir = "auto";
    const text = element("span", "wb-text");
    text.append(name);
    const line = subtitle(node);
    if (line) text.append(element("span", "wb-sub", line));
    card.replaceChildren(element("span", "wb-dot-status"), icon(node.kind), text);
    card.setAttribute("aria-label", `${node.kind} ${node.label}, ${node.status}${line ? `, ${line}` : ""}`);
  }

  private keepOneTabStop(): void {
    const cards = [...this.elements.values()];
    if (cards.length && !cards.some((card) => card.tabIndex === 0)) {
      const first = cards[0];
      if (first) first.tabIndex = 0;
    }
  }
}

function subtitle(node: GraphNode): string {
  if (node.id.startsWith("missing:")) return "linked, but not here";
  if (node.status !== "running" && node.status !== "starting") return node.status;
  if (node.status === "starting") return "starting…";
  const count = node.detail.instances ?? node.detail.count;
  if (node.kind === "component" && typeof count === "number") {
    return count === 1 ? "1 instance" : `${count} instances`;
  }
  return node.kind === "host" ? "" : node.kind;
}
