// One view of the store: cytoscape for hosts, edges, hit testing and the viewport; cards on top.

import cytoscape from "cytoscape";
import type { Core, EdgeSingular, NodeSingular } from "cytoscape";
import { Cards } from "./cards";
import { describeEdge, describeNode } from "./describe";
import { bends, stylesheet } from "./drawing";
import { type Actions, Frame } from "./frame";
import { EdgeLabels } from "./labels";
import { type Box, CARD, Layout, type Places, type Point } from "./layout";
import type { GraphNode } from "./protocol";
import { Pulses } from "./pulses";
import type { Flight, GraphStore, Listener } from "./store";
import { onThemeChange, readTheme, stillMotion } from "./theme";

const MOVE_MS = 280;
const MARGIN = 20;
const CLOSEST = 1.15;
const ZOOM = { min: 0.1, max: 3 } as const;
const ORIGIN: Point = { x: 0, y: 0 };

export class GraphView implements Listener {
  private readonly frame: Frame;
  private readonly cy: Core;
  private readonly cards: Cards;
  private readonly labels: EdgeLabels;
  private readonly pulses: Pulses;
  private readonly layout = new Layout();
  private places: Places = { cards: new Map(), hosts: new Map() };
  private readonly dragged = new Map<string, Point>();
  private readonly undo: (() => void)[] = [];
  private hovered: string | null = null;
  private followsContent = true;
  private arranging = 0;
  private live = true;
  private arrived = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly store: GraphStore,
    height: number,
  ) {
    root.classList.add("wb-graph");
    const actions: Actions = {
      fit: () => this.refit(),
      zoom: (factor) => this.zoom(factor),
      tidy: () => this.tidy(),
    };
    this.frame = new Frame(root, actions, height);
    this.cy = cytoscape({
      container: this.frame.canvas,
      minZoom: ZOOM.min,
      maxZoom: ZOOM.max,
      userZoomingEnabled: false,
      boxSelectionEnabled: false,
      autounselectify: true,
      layout: { name: "preset" },
      style: stylesheet(readTheme(root)),
    });
    this.cards = new Cards(this.frame.world, (id) => this.point(id));
    this.labels = new EdgeLabels(this.cy, this.frame.world);
    this.pulses = new Pulses(this.cy, this.frame.world);
    this.listenToPointer();
    this.listenToKeyboard();
    this.listenToSurroundings();
    this.changed();
  }

  changed(): void {
    const nodes = [...this.store.nodes.values()].filter((node) => node.kind !== "app");
    this.places = this.layout.place(nodes, [...this.store.edges.values()]);
    this.cards.show(nodes);
    this.cy.batch(() => {
      this.removeGone();
      this.syncNodes();
      this.syncEdges();
    });
    this.frame.update(this.store, this.live);
    if (this.followsContent) this.fit(true);
    this.arrangeSoon();
    if (this.hovered) this.point(this.hovered);
  }

  pulsed(flights: readonly Flight[]): void {
    for (const flight of flights) {
      const landed = (): void => this.cards.hit(flight.target, flight.pulse.ok);
      if (flight.edges.length === 0) landed();
      for (const edge of flight.edges) this.pulses.send(edge, flight.pulse.ok, landed);
      this.arrived += flight.pulse.count;
    }
    this.root.dataset.calls = String(this.arrived);
    if (this.hovered) this.point(this.hovered);
  }

  setLive(live: boolean): void {
    this.live = live;
    this.root.classList.toggle("wb-stale", !live);
    this.frame.update(this.store, live);
  }

  destroy(): void {
    for (const undo of this.undo) undo();
    cancelAnimationFrame(this.arranging);
    this.pulses.stop();
    this.cy.destroy();
    this.root.replaceChildren();
  }

  private removeGone(): void {
    this.cy.edges().forEach((edge) => {
      if (!this.store.edges.has(edge.id())) edge.remove();
    });
    this.cy.nodes(".card, .host").forEach((node) => {
      const now = this.store.nodes.get(node.id());
      const home = now && this.homeOf(now);
      if (!now || (node.hasClass("card") && (node.data("home") as string) !== (home ?? ""))) {
        if (node.hasClass("host")) node.children().remove();
        node.remove();
      }
    });
  }

  private syncNodes(): void {
    for (const [id, box] of this.places.hosts) {
      const node = this.store.nodes.get(id);
      if (!node) continue;
      if (this.cy.getElementById(id).empty()) {
        this.cy.add({ data: { id }, classes: "host" });
        for (const corner of ["a", "b"]) {
          this.cy.add({ data: { id: cornerId(id, corner), parent: id }, classes: "corner", position: { ...box } });
        }
      }
      this.cy.getElementById(id).toggleClass("wb-down", node.status === "stopped" || node.status === "failed");
      const drag = this.dragged.get(id) ?? ORIGIN;
      const [x, y] = [box.x + drag.x, box.y + drag.y];
      this.send(this.cy.getElementById(cornerId(id, "a")) as NodeSingular, { x: x + 0.5, y: y + 0.5 });
      this.send(this.cy.getElementById(cornerId(id, "b")) as NodeSingular, {
        x: x + box.width - 0.5,
        y: y + box.height - 0.5,
      });
    }
    for (const [id] of this.places.cards) {
      const node = this.store.nodes.get(id);
      if (!node) continue;
      const home = this.homeOf(node);
      const at = this.placeOf(id);
      if (this.cy.getElementById(id).empty()) {
        const data = home ? { id, parent: home, home } : { id, home: "" };
        this.cy.add({ data, classes: "card", position: { ...at } });
        this.cards.move(id, at);
      } else {
        this.send(this.cy.getElementById(id) as NodeSingular, at);
      }
    }
  }

  private syncEdges(): void {
    for (const edge of this.store.edges.values()) {
      const ends = [edge.source, edge.target].map((id) => this.cy.getElementById(id));
      if (ends.some((end) => end.empty()) || !this.cy.getElementById(edge.id).empty()) continue;
      const broken = edge.source.startsWith("missing:") || edge.target.startsWith("missing:");
      const kind = edge.id.startsWith("client:") ? "client" : broken ? "broken" : "link";
      this.cy.add({
        data: { id: edge.id, source: edge.source, target: edge.target, bend: 0 },
        classes: kind,
      });
    }
  }

  // Moves smoothly what has to move; most changes move nothing.
  private send(node: NodeSingular, to: Point): void {
    const from = node.position();
    if (Math.abs(from.x - to.x) < 0.5 && Math.abs(from.y - to.y) < 0.5) return;
    node.stop();
    if (stillMotion() || document.hidden) node.position({ ...to });
    else node.animate({ position: { ...to } }, { duration: MOVE_MS, easing: "ease-out" });
  }

  private homeOf(node: GraphNode): string | null {
    return node.parent !== null && this.places.hosts.has(node.parent) ? node.parent : null;
  }

  private placeOf(id: string): Point {
    const place = this.places.cards.get(id) ?? ORIGIN;
    const node = this.store.nodes.get(id);
    const home = node ? this.homeOf(node) : null;
    const withHost = home ? (this.dragged.get(home) ?? ORIGIN) : ORIGIN;
    const alone = this.dragged.get(id) ?? ORIGIN;
    return { x: place.x + withHost.x + alone.x, y: place.y + withHost.y + alone.y };
  }

  private arrangeSoon(): void {
    if (!this.arranging) this.arranging = requestAnimationFrame(() => this.arrange());
  }

  // Brings everything that hangs on positions in line with them.
  private arrange(): void {
    this.arranging = 0;
    this.cy.nodes(".host").forEach((host) => {
      const box = host.boundingBox({ includeLabels: false, includeOverlays: false });
      this.cards.moveHost(host.id(), { x: box.x1, y: box.y1, width: box.w, height: box.h });
    });
    const edges = this.cy.edges().toArray() as EdgeSingular[];
    const cards = this.cy.nodes(".card").toArray() as NodeSingular[];
    for (const [id, bend] of bends(edges, cards)) {
      const edge = this.cy.getElementById(id);
      if (edge.data("bend") !== bend) edge.data("bend", bend);
    }
    this.labels.arrange(this.store.edges, this.hovered);
  }

  private listenToPointer(): void {
    this.cy.on("position", "node.card", (event) => {
      const node = event.target as NodeSingular;
      this.cards.move(node.id(), node.position());
      this.arrangeSoon();
    });
    this.cy.on("position", "node.corner", () => this.arrangeSoon());
    this.cy.on("viewport", () => this.followViewport());
    this.cy.on("mouseover", "node, edge", (event) => this.point((event.target as NodeSingular).id()));
    this.cy.on("mouseout", "node, edge", () => this.point(null));
    this.cy.on("tap", "node.card", (event) => this.cards.focus((event.target as NodeSingular).id()));
    this.cy.on("dragpan", () => (this.followsContent = false));
    this.cy.on("dragfree", "node", (event) => this.keepDragged(event.target as NodeSingular));
    const wheel = (event: WheelEvent): void => {
      // A plain wheel scrolls the notebook; with Ctrl (or a pinch) it zooms.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), { x: event.offsetX, y: event.offsetY });
    };
    this.frame.stage.addEventListener("wheel", wheel, { passive: false });
  }

  private listenToKeyboard(): void {
    this.frame.world.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      const from = this.cards.active;
      if (step && from !== null) {
        const next = this.neighbour(from, step);
        if (next) this.cards.focus(next);
      } else if (event.key === "+" || event.key === "=") this.zoom(1.25);
      else if (event.key === "-") this.zoom(0.8);
      else if (event.key === "0" || event.key === "f") this.refit();
      else return;
      // JupyterLab's command mode must not see these keys.
      event.preventDefault();
      event.stopPropagation();
    });
  }

  private listenToSurroundings(): void {
    const resized = new ResizeObserver(() => {
      this.cy.resize();
      if (this.followsContent) this.fit(false);
    });
    resized.observe(this.frame.stage);
    const restyle = (): void => {
      this.cy.style(stylesheet(readTheme(this.root)));
    };
    // Variables of a new theme are there one frame after the attribute.
    const later = (): void => void setTimeout(restyle, 60);
    this.undo.push(() => resized.disconnect(), onThemeChange(later), this.store.listen(this));
    requestAnimationFrame(restyle);
  }

  private keepDragged(node: NodeSingular): void {
    const host = node.hasClass("host");
    const at = host ? this.cy.getElementById(cornerId(node.id(), "a")).position() : node.position();
    this.dragged.delete(node.id());
    const box = this.places.hosts.get(node.id());
    const home = host && box ? { x: box.x + 0.5, y: box.y + 0.5 } : this.placeOf(node.id());
    this.dragged.set(node.id(), { x: at.x - home.x, y: at.y - home.y });
  }

  private neighbour(from: string, step: Point): string | null {
    const here = this.centreOf(from);
    let best: string | null = null;
    let nearest = Infinity;
    for (const id of this.store.nodes.keys()) {
      const there = this.centreOf(id);
      const [dx, dy] = [there.x - here.x, there.y - here.y];
      const ahead = dx * step.x + dy * step.y;
      const aside = Math.abs(dx * step.y) + Math.abs(dy * step.x);
      if (id === from || ahead < 4) continue;
      // A host stands above its cards: sideways goes from card to card.
      if (step.x !== 0 && this.places.hosts.has(id) !== this.places.hosts.has(from)) continue;
      if (ahead + 2 * aside < nearest) [nearest, best] = [ahead + 2 * aside, id];
    }
    return best;
  }

  private centreOf(id: string): Point {
    const box = this.places.hosts.get(id);
    return box ? { x: box.x + box.width / 2, y: box.y + 12 } : this.placeOf(id);
  }

  private point(id: string | null): void {
    if (this.hovered !== id) this.cy.edges().removeClass("hover");
    this.hovered = id;
    this.cards.mark(id);
    const node = id === null ? undefined : this.store.nodes.get(id);
    const edge = id === null ? undefined : this.store.edges.get(id);
    if (node) this.frame.describe(describeNode(node));
    else if (edge) {
      this.cy.getElementById(edge.id).addClass("hover");
      this.frame.describe(describeEdge(edge, this.store));
    } else this.frame.describe([]);
    this.arrangeSoon();
  }

  private followViewport(): void {
    const pan = this.cy.pan();
    this.frame.world.style.transform = `translate(${pan.x}px, ${pan.y}px) scale(${this.cy.zoom()})`;
  }

  private zoom(factor: number, at?: Point): void {
    this.followsContent = false;
    const centre = { x: this.cy.width() / 2, y: this.cy.height() / 2 };
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: { ...(at ?? centre) } });
  }

  private refit(): void {
    this.followsContent = true;
    this.fit(true);
  }

  private tidy(): void {
    this.layout.forget();
    this.dragged.clear();
    this.followsContent = true;
    this.changed();
  }

  // Fits to where things are going, not to where they are on their way.
  private fit(smooth: boolean): void {
    const area = this.extent();
    if (area) this.frame.grow(area.height * Math.min(CLOSEST, this.cy.width() / area.width));
    const [width, height] = [this.cy.width(), this.cy.height()];
    if (!area || width < 10 || height < 10) return;
    const room = Math.min((width - 2 * MARGIN) / area.width, (height - 2 * MARGIN) / area.height);
    const zoom = Math.max(ZOOM.min, Math.min(CLOSEST, room));
    const pan = {
      x: width / 2 - zoom * (area.x + area.width / 2),
      y: height / 2 - zoom * (area.y + area.height / 2),
    };
    this.cy.stop();
    if (smooth && this.cy.zoom() !== 1 && !stillMotion() && !document.hidden) {
      this.cy.animate({ zoom, pan }, { duration: MOVE_MS, easing: "ease-out" });
    } else this.cy.viewport({ zoom, pan });
    this.followViewport();
  }

  private extent(): Box | null {
    const boxes: Box[] = [...this.places.hosts].map(([id, box]) => {
      const drag = this.dragged.get(id) ?? ORIGIN;
      return { ...box, x: box.x + drag.x, y: box.y + drag.y };
    });
    for (const id of this.places.cards.keys()) {
      const at = this.placeOf(id);
      boxes.push({ x: at.x - CARD.width / 2, y: at.y - CARD.height / 2, ...CARD });
    }
    if (boxes.length === 0) return null;
    const x = Math.min(...boxes.map((box) => box.x));
    const y = Math.min(...boxes.map((box) => box.y));
    return {
      x,
      y,
      width: Math.max(...boxes.map((box) => box.x + box.width)) - x,
      height: Math.max(...boxes.map((box) => box.y + box.height)) - y,
    };
  }
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

// Two unseen points span each host's box: a compound node is as big as its children need.
function cornerId(host: string, corner: string): string {
  return `corner-${corner}\u0000${host}`;
}
