// Where things stand. Pure, and steady: what has a place keeps it, what is new goes near.
//
// Hosts stand one below the other, in several files when there are many. Inside a host the nodes sit on a grid whose columns follow the links:
// providers that call in on the left, components in the middle, what components call on the right.
// Whatever lives in no host stands beside them: callers from outside on the left, absent ends of
// links on the right.

import type { GraphEdge, GraphNode } from "./protocol";

export const CARD = { width: 168, height: 48 } as const;
const GAP = { x: 120, y: 32 } as const;
const PAD = { side: 22, top: 46, bottom: 22 } as const;
const HOST_GAP = 36;
const ASIDE = 76;
const STEP = { x: CARD.width + GAP.x, y: CARD.height + GAP.y } as const;
const LEAST_COLUMNS = 2;
// Rows to columns so that a full host is about twice as wide as high.
const ROWS_PER_SHAPE = 1 / 0.56;
// No id of a host: those begin with their kind.
const SIDES = { left: "left", right: "right" } as const;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface Places {
  readonly cards: ReadonlyMap<string, Point>; // centres
  readonly hosts: ReadonlyMap<string, Box>; // top left corner and size
}

interface Slot {
  readonly home: string; // host id, or a side
  readonly column: number;
  readonly row: number;
}

export class Layout {
  private readonly slots = new Map<string, Slot>();
  private hostOrder: string[] = [];

  forget(): void {
    this.slots.clear();
    this.hostOrder = [];
  }

  place(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Places {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const hosts = nodes.filter((node) => node.kind === "host").map((node) => node.id);
    this.hostOrder = this.hostOrder.filter((id) => byId.has(id));
    for (const id of hosts) if (!this.hostOrder.includes(id)) this.hostOrder.push(id);
    const cards = nodes.filter((node) => node.kind !== "host");
    this.assign(cards, byId, edges);
    return this.measure(cards);
  }

  private assign(
    cards: readonly GraphNode[],
    byId: ReadonlyMap<string, GraphNode>,
    edges: readonly GraphEdge[],
  ): void {
    const homes = new Map<string, GraphNode[]>();
    for (const card of cards) {
      const home = homeOf(card, byId);
      homes.set(home, [...(homes.get(home) ?? []), card]);
    }
    for (const [home, inside] of homes) {
      const taken = new Set<string>();
      for (const card of inside) {
        const slot = this.slots.get(card.id);
        if (slot?.home === home) taken.add(`${slot.column},${slot.row}`);
      }
      const rows = Math.max(4, Math.ceil(Math.sqrt(inside.length * ROWS_PER_SHAPE)));
      for (const card of inside) {
        if (this.slots.get(card.id)?.home === home) continue;
        const beside = home === SIDES.left || home === SIDES.right;
        const column = beside ? 0 : columnOf(card, byId, edges);
        const slot = firstFree(home, column, beside ? Infinity : rows, taken);
        taken.add(`${slot.column},${slot.row}`);
        this.slots.set(card.id, slot);
      }
    }
  }

  private measure(cards: readonly GraphNode[]): Places {
    const size = new Map<string, { columns: number; rows: number }>();
    for (const id of this.hostOrder) size.set(id, { columns: LEAST_COLUMNS, rows: 1 });
    for (const card of cards) {
      const slot = this.slots.get(card.id);
      const host = slot && size.get(slot.home);
      if (!slot || !host) continue;
      host.columns = Math.max(host.columns, slot.column + 1);
      host.rows = Math.max(host.rows, slot.row + 1);
    }
    // All as wide as the widest, so that columns line up from host to host.
    const columns = Math.max(LEAST_COLUMNS, ...[...size.values()].map((one) => one.columns));
    const width = 2 * PAD.side + columns * STEP.x - GAP.x;
    const files = Math.max(1, Math.round(Math.sqrt(size.size / 1.6)));
    const hosts = new Map<string, Box>();
    let [left, top, tallest] = [0, 0, 0];
    for (const [id, { rows }] of size) {
      if (hosts.size > 0 && hosts.size % files === 0) {
        [left, top, tallest] = [0, top + tallest + HOST_GAP, 0];
      }
      const height = PAD.top + PAD.bottom + rows * STEP.y - GAP.y;
      hosts.set(id, { x: left, y: top, width, height });
      left += width + 2 * HOST_GAP;
      tallest = Math.max(tallest, height);
    }
    return { hosts, cards: this.centres(cards, hosts) };
  }

  private centres(
    cards: readonly GraphNode[],
    hosts: ReadonlyMap<string, Box>,
  ): ReadonlyMap<string, Point> {
    const centres = new Map<string, Point>();
    const right = Math.max(0, ...[...hosts.values()].map((box) => box.x + box.width)) + ASIDE;
    for (const card of cards) {
      const slot = this.slots.get(card.id);
      if (!slot) continue;
      const host = hosts.get(slot.home);
      const beside = slot.home === SIDES.right ? right : -CARD.width - ASIDE;
      const x0 = host ? host.x + PAD.side : beside;
      centres.set(card.id, {
        x: x0 + slot.column * STEP.x + CARD.width / 2,
        y: (host?.y ?? 0) + PAD.top + slot.row * STEP.y + CARD.height / 2,
      });
    }
    return centres;
  }
}

function homeOf(card: GraphNode, byId: ReadonlyMap<string, GraphNode>): string {
  if (card.parent !== null && byId.get(card.parent)?.kind === "host") return card.parent;
  return card.id.startsWith("missing:") ? SIDES.right : SIDES.left;
}

function columnOf(
  card: GraphNode,
  byId: ReadonlyMap<string, GraphNode>,
  edges: readonly GraphEdge[],
): number {
  const callers = edges.filter((edge) => edge.target === card.id && edge.source !== card.id);
  if (card.kind === "provider") return callers.length > 0 ? 2 : 0;
  return callers.some((edge) => byId.get(edge.source)?.kind === "component") ? 2 : 1;
}

function firstFree(home: string, wanted: number, rows: number, taken: ReadonlySet<string>): Slot {
  for (let column = wanted; ; column++) {
    for (let row = 0; row < rows; row++) {
      if (!taken.has(`${column},${row}`)) return { home, column, row };
    }
  }
}
