// What surrounds the drawing: title, buttons, legend, the line of details, the empty state.

import { element, icon } from "./dom";
import type { GraphNode } from "./protocol";
import type { GraphStore } from "./store";

const APPS_SHOWN = 5;
const GROWTH_LIMIT = 1.7;
const BREATH = 44;

export interface Actions {
  fit(): void;
  zoom(factor: number): void;
  tidy(): void;
}

const LEGEND: readonly (readonly [string, string])[] = [
  ["running", "running"],
  ["starting", "starting"],
  ["degraded", "degraded"],
  ["failed", "failed"],
  ["stopped", "stopped or absent"],
];

export class Frame {
  readonly stage = element("div", "wb-stage");
  readonly canvas = element("div", "wb-canvas");
  readonly world = element("div", "wb-world");
  private readonly title = element("span", "wb-title");
  private readonly facts = element("span", "wb-facts");
  private readonly phase = element("span", "wb-phase");
  private readonly apps = element("div", "wb-apps");
  private readonly details = element("div", "wb-details");
  private readonly empty = element("div", "wb-empty");

  private height = 0;

  constructor(
    root: HTMLElement,
    actions: Actions,
    private readonly leastHeight: number,
  ) {
    this.height = leastHeight;
    this.stage.style.height = `${leastHeight}px`;
    const head = element("div", "wb-head");
    this.phase.setAttribute("role", "status");
    head.append(this.title, this.facts, this.phase, buttons(actions));
    this.world.setAttribute("role", "tree");
    // Arrow keys are ours here: JupyterLab would move from cell to cell with them.
    root.dataset.lmSuppressShortcuts = "true";
    this.stage.append(this.canvas, this.world, this.apps, this.empty);
    this.details.setAttribute("aria-live", "polite");
    const foot = element("div", "wb-foot");
    foot.append(this.details, legend());
    root.append(head, this.stage, foot);
    this.describe([]);
  }

  update(store: GraphStore, live: boolean): void {
    const count = (kind: string): number =>
      [...store.nodes.values()].filter((n) => n.kind === kind && !n.id.startsWith("missing:")).length;
    const links = [...store.edges.keys()].filter((id) => !id.startsWith("client:")).length;
    this.title.textContent = store.lattice ? `Lattice ${store.lattice}` : "Lattice";
    this.title.title = store.lattice;
    this.facts.textContent = [
      plural(count("host"), "host"),
      plural(count("component"), "component"),
      plural(count("provider"), "provider"),
      plural(links, "link"),
    ].join(" · ");
    this.phase.textContent = live ? "live" : "not live";
    this.phase.classList.toggle("wb-live", live);
    this.world.setAttribute("aria-label", `${this.title.textContent}: ${this.facts.textContent}`);
    this.showApps([...store.nodes.values()].filter((node) => node.kind === "app"));
    this.explainEmptiness(store, live);
  }

  // Makes room for a drawing of this height, up to a limit; never takes it back, because the
  // notebook below would jump.
  grow(height: number): void {
    const limit = GROWTH_LIMIT * this.leastHeight;
    const wanted = Math.min(limit, height + 2 * BREATH);
    if (wanted <= this.height || this.leastHeight === 0) return;
    this.height = wanted;
    this.stage.style.height = `${Math.round(wanted)}px`;
  }

  // `rows` as name and value; none shows the standing hint.
  describe(rows: readonly (readonly [string, string])[]): void {
    if (rows.length === 0) {
      this.details.removeAttribute("title");
      this.details.replaceChildren(element("span", "wb-hint", "Point at something for its details. Drag to arrange."));
      return;
    }
    const cells = rows.map(([name, value]) => {
      const cell = element("span", "wb-row");
      const text = element("span", "wb-value", value);
      text.dir = "auto";
      cell.append(element("span", "wb-key", name), text);
      return cell;
    });
    this.details.replaceChildren(...cells);
    this.details.title = rows.map(([name, value]) => `${name}: ${value}`).join("\n");
  }

  // Applications run nowhere in particular: they are named above the drawing, with their state.
  private showApps(apps: readonly GraphNode[]): void {
    const chips = apps.slice(0, APPS_SHOWN).map((app) => {
      const chip = element("span", `wb-app wb-is-${app.status}`);
      const name = element("span", "wb-app-name", app.label);
      name.dir = "auto";
      const state = app.detail.status;
      chip.append(element("span", "wb-dot-status"), name);
      chip.append(element("span", "wb-sub", typeof state === "string" ? state : app.status));
      chip.title = `application ${app.label}`;
      return chip;
    });
    const more = apps.length - chips.length;
    if (more > 0) chips.push(element("span", "wb-app", `and ${more} more`));
    this.apps.replaceChildren(...chips);
  }

  private explainEmptiness(store: GraphStore, live: boolean): void {
    this.empty.hidden = store.nodes.size > 0;
    if (store.nodes.size > 0) return;
    const next = live
      ? "Hosts appear here as soon as they join."
      : "This lattice is down. %wasmcloud up starts one, %wasmcloud graph shows it.";
    this.empty.replaceChildren(
      element("div", "wb-empty-title", live ? "No host in this lattice yet" : "Nothing to show"),
      element("div", "", next),
    );
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function buttons(actions: Actions): HTMLElement {
  const bar = element("div", "wb-buttons");
  bar.setAttribute("role", "toolbar");
  const add = (name: string, label: string, act: () => void): void => {
    const button = element("button", "wb-button");
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.append(icon(name));
    button.addEventListener("click", act);
    bar.append(button);
  };
  add("minus", "Zoom out", () => actions.zoom(1 / 1.25));
  add("plus", "Zoom in", () => actions.zoom(1.25));
  add("fit", "Fit to view", () => actions.fit());
  add("tidy", "Tidy up: forget dragged positions", () => actions.tidy());
  return bar;
}

function legend(): HTMLElement {
  const bar = element("div", "wb-legend");
  bar.setAttribute("aria-label", "Legend");
  for (const [status, text] of LEGEND) {
    const item = element("span", `wb-legend-item wb-is-${status}`);
    item.append(element("span", "wb-dot-status"), element("span", "", text));
    bar.append(item);
  }
  return bar;
}
