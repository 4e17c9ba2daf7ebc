// What the kernel sends over the comm, checked before anything is shown.

export type Status = "running" | "starting" | "degraded" | "failed" | "stopped";

export interface Item {
  readonly id: string;
  readonly title: string;
  readonly detail: string;
  readonly status: Status;
  readonly code: string;
}

export interface Group {
  readonly kind: string;
  readonly count: number;
  readonly items: readonly Item[];
}

// What a panel can be in; the kernel knows the last three.
export type Phase = "no-notebook" | "no-kernel" | "not-loaded" | "gone" | "none" | "closed" | "up";

export interface PanelState {
  readonly phase: Phase;
  readonly lattice: string;
  readonly writable: boolean;
  readonly groups: readonly Group[];
}

export function waiting(phase: Phase): PanelState {
  return { phase, lattice: "", writable: true, groups: [] };
}

const STATUSES: readonly string[] = ["running", "starting", "degraded", "failed", "stopped"];
const PHASES: readonly string[] = ["none", "closed", "up"];
const KINDS: readonly string[] = ["host", "component", "provider", "link", "app"];

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function itemOf(value: unknown): Item | null {
  const raw = fieldsOf(value);
  if (!raw || typeof raw.id !== "string") return null;
  const status = STATUSES.includes(text(raw.status)) ? (raw.status as Status) : "running";
  // One line of code only, whoever sent it.
  const code = text(raw.code).split("\n")[0] ?? "";
  return { id: raw.id, title: text(raw.title), detail: text(raw.detail), status, code };
}

function groupOf(value: unknown): Group | null {
  const raw = fieldsOf(value);
  if (!raw || !KINDS.includes(text(raw.kind)) || !Array.isArray(raw.items)) return null;
  const items = raw.items.map(itemOf).filter((item): item is Item => item !== null);
  const count = typeof raw.count === "number" ? raw.count : items.length;
  return { kind: text(raw.kind), count, items };
}

export function stateOf(value: unknown): PanelState | null {
  const raw = fieldsOf(value);
  if (!raw || raw.type !== "state" || !PHASES.includes(text(raw.phase))) return null;
  const groups = Array.isArray(raw.groups) ? raw.groups.map(groupOf) : [];
  return {
    phase: raw.phase as Phase,
    lattice: text(raw.lattice),
    writable: raw.writable !== false,
    groups: groups.filter((group): group is Group => group !== null),
  };
}
