// The panel's content, built from a PanelState. All text goes in as text.

import type { Group, Item, PanelState, Phase } from "./protocol";

interface Message {
  readonly title: string;
  readonly text: string;
  readonly code?: string;
}

const MESSAGES: Readonly<Record<Exclude<Phase, "up">, Message>> = {
  "no-notebook": { title: "No notebook", text: "Open a notebook to see the lattice of its kernel." },
  "no-kernel": { title: "No kernel", text: "This notebook has no kernel. Start one to go on." },
  "not-loaded": {
    title: "Not loaded",
    text: "The workbench is not loaded in this kernel.",
    code: "%load_ext workbench",
  },
  gone: { title: "Disconnected", text: "The kernel is gone. Restart it to go on." },
  none: { title: "No lattice yet", text: "Start one here, or join one.", code: "%wasmcloud up" },
  closed: { title: "Lattice is down", text: "Everything it had is gone.", code: "%wasmcloud up" },
};

const TITLES: Readonly<Record<string, string>> = {
  host: "Hosts",
  component: "Components",
  provider: "Providers",
  link: "Links",
  app: "Applications",
};

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

interface Row {
  readonly line: HTMLLIElement;
  item: Item;
}

interface Section {
  readonly root: HTMLDetailsElement;
  readonly count: HTMLElement;
  readonly list: HTMLUListElement;
  readonly rows: Map<string, Row>;
}

export class LatticeView {
  private readonly head = element("div", "wbx-head");
  private readonly body = element("div", "wbx-body");
  private readonly sections = new Map<string, Section>();
  private phase: Phase | null = null;

  constructor(
    root: HTMLElement,
    private readonly insert: (code: string) => void,
  ) {
    this.head.setAttribute("role", "status");
    root.append(this.head, this.body);
  }

  show(state: PanelState): void {
    this.showHead(state);
    if (state.phase !== "up") {
      if (this.phase !== state.phase) this.showMessage(MESSAGES[state.phase]);
    } else {
      if (this.phase !== "up") this.body.replaceChildren();
      for (const group of state.groups) this.showGroup(group);
    }
    this.phase = state.phase;
  }

  private showHead(state: PanelState): void {
    this.head.dataset.phase = state.phase;
    const title = state.phase === "up" ? `Lattice ${state.lattice}` : "Lattice";
    const name = element("span", "wbx-lattice", title);
    name.title = title;
    const tag = state.phase === "up" ? (state.writable ? "live" : "read-only") : "";
    this.head.replaceChildren(name, element("span", "wbx-tag", tag));
  }

  private showMessage(message: Message): void {
    this.sections.clear();
    const box = element("div", "wbx-message");
    box.append(element("div", "wbx-message-title", message.title), element("div", "", message.text));
    const { code } = message;
    if (code) {
      const button = element("button", "wbx-code", code);
      button.type = "button";
      button.title = "Put this line into the notebook";
      button.addEventListener("click", () => this.insert(code));
      box.append(button);
    }
    this.body.replaceChildren(box);
  }

  private showGroup(group: Group): void {
    const section = this.sections.get(group.kind) ?? this.addSection(group.kind);
    section.count.textContent = String(group.count);
    section.root.classList.toggle("wbx-none", group.count === 0);
    const here = new Set(group.items.map((item) => item.id));
    for (const [id, row] of section.rows) {
      if (here.has(id)) continue;
      row.line.remove();
      section.rows.delete(id);
    }
    group.items.forEach((item, index) => {
      const row = section.rows.get(item.id) ?? this.addRow(section, item);
      if (row.item !== item) fill(row, item);
      const stands = section.list.children[index];
      if (stands !== row.line) section.list.insertBefore(row.line, stands ?? null);
    });
  }

  private addSection(kind: string): Section {
    const root = element("details", "wbx-group");
    root.open = true;
    root.dataset.kind = kind;
    const summary = element("summary", "wbx-summary");
    const count = element("span", "wbx-count");
    summary.append(element("span", "", TITLES[kind] ?? kind), count);
    const list = element("ul", "wbx-list");
    root.append(summary, list);
    this.body.append(root);
    const section: Section = { root, count, list, rows: new Map() };
    this.sections.set(kind, section);
    return section;
  }

  private addRow(section: Section, item: Item): Row {
    const line = element("li", "wbx-line");
    const row: Row = { line, item };
    const button = element("button", "wbx-item");
    button.type = "button";
    button.append(element("span", "wbx-dot"), element("span", "wbx-title"), element("span", "wbx-detail"));
    button.addEventListener("click", () => this.insert(row.item.code));
    line.append(button);
    section.rows.set(item.id, row);
    fill(row, item);
    return row;
  }
}

function fill(row: Row, item: Item): void {
  row.item = item;
  row.line.dataset.status = item.status;
  const button = row.line.firstElementChild;
  if (!(button instanceof HTMLButtonElement)) return;
  const [, title, detail] = button.children;
  if (title) title.textContent = item.title;
  if (detail) detail.textContent = item.detail;
  button.title = `${item.title}\n${item.detail}\n\nPuts into the notebook:\n${item.code}`;
  button.setAttribute("aria-label", `${item.title}, ${item.status}, ${item.detail}`);
}
