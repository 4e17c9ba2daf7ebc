// What the kernel sends, checked field by field: a malformed message is dropped, never half applied.

export type Status = "starting" | "running" | "degraded" | "failed" | "stopped";
export type NodeKind = "host" | "component" | "provider" | "app" | "client";
export type Detail = Readonly<Record<string, string | number>>;

export interface GraphNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  readonly parent: string | null;
  readonly status: Status;
  readonly detail: Detail;
}

export interface GraphEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly label: string;
  readonly detail: Detail;
}

export interface Snapshot {
  readonly seq: number;
  readonly lattice: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface Changes<T> {
  readonly add: readonly T[];
  readonly update: readonly T[];
  readonly remove: readonly string[];
}

export interface Delta {
  readonly from: number;
  readonly seq: number;
  readonly nodes: Changes<GraphNode>;
  readonly edges: Changes<GraphEdge>;
}

export interface Pulse {
  readonly source: string;
  readonly target: string;
  readonly function: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly count: number;
}

export type Message =
  | { readonly type: "snapshot"; readonly snapshot: Snapshot }
  | { readonly type: "delta"; readonly delta: Delta }
  | { readonly type: "pulses"; readonly pulses: readonly Pulse[] };

// Longer text helps nobody and costs layout time; the kernel still has the whole of it.
const TEXT_LIMIT = 512;
const STATUSES: readonly string[] = ["starting", "running", "degraded", "failed", "stopped"];
const KINDS: readonly string[] = ["host", "component", "provider", "app", "client"];

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

// What can't be seen or would reorder what stands around it, written as an escape.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;

// Ids are compared, so they stay whole; what is shown is cut and holds only what can be seen.
export function shown(text: string): string {
  const cut = text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
  return cut.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function detailOf(value: unknown): Detail {
  const detail: Record<string, string | number> = Object.create(null) as Record<string, string | number>;
  for (const [key, entry] of Object.entries(fieldsOf(value) ?? {}).slice(0, 40)) {
    if (typeof entry === "string" || typeof entry === "number") detail[shown(key)] = entry;
  }
  return detail;
}

function nodeOf(value: unknown): GraphNode | null {
  const raw = fieldsOf(value);
  if (!raw || typeof raw.id !== "string") return null;
  const kind = KINDS.includes(String(raw.kind)) ? (raw.kind as NodeKind) : "component";
  const status = STATUSES.includes(String(raw.status)) ? (raw.status as Status) : "running";
  return {
    id: raw.id,
    kind,
    status,
    label: shown(typeof raw.label === "string" ? raw.label : raw.id),
    parent: typeof raw.parent === "string" ? raw.parent : null,
    detail: detailOf(raw.detail),
  };
}

function edgeOf(value: unknown): GraphEdge | null {
  const raw = fieldsOf(value);
  if (!raw || typeof raw.id !== "string") return null;
  if (typeof raw.source !== "string" || typeof raw.target !== "string") return null;
  const label = typeof raw.label === "string" ? shown(raw.label) : "";
  return { id: raw.id, source: raw.source, target: raw.target, label, detail: detailOf(raw.detail) };
}

function present<T>(values: readonly (T | null)[]): readonly T[] {
  return values.filter((value): value is T => value !== null);
}

function changesOf<T>(value: unknown, one: (raw: unknown) => T | null): Changes<T> {
  const raw = fieldsOf(value) ?? {};
  return {
    add: present(list(raw.add).map(one)),
    update: present(list(raw.update).map(one)),
    remove: list(raw.remove).filter((id): id is string => typeof id === "string"),
  };
}

export function snapshotOf(value: unknown): Snapshot | null {
  const raw = fieldsOf(value);
  if (!raw || typeof raw.seq !== "number") return null;
  return {
    seq: raw.seq,
    lattice: typeof raw.lattice === "string" ? shown(raw.lattice) : "",
    nodes: present(list(raw.nodes).map(nodeOf)),
    edges: present(list(raw.edges).map(edgeOf)),
  };
}

function deltaOf(value: unknown): Delta | null {
  const raw = fieldsOf(value);
  if (!raw || typeof raw.from !== "number" || typeof raw.seq !== "number") return null;
  return {
    from: raw.from,
    seq: raw.seq,
    nodes: changesOf(raw.nodes, nodeOf),
    edges: changesOf(raw.edges, edgeOf),
  };
}

function pulseOf(value: unknown): Pulse | null {
  const raw = fieldsOf(value);
  if (!raw || typeof raw.source !== "string" || typeof raw.target !== "string") return null;
  return {
    source: raw.source,
    target: raw.target,
    function: typeof raw.function === "string" ? shown(raw.function) : "",
    ok: raw.ok !== false,
    ms: typeof raw.ms === "number" ? raw.ms : 0,
    count: typeof raw.count === "number" && raw.count > 0 ? raw.count : 1,
  };
}

export function messageOf(value: unknown): Message | null {
  const raw = fieldsOf(value);
  if (!raw) return null;
  if (raw.type === "snapshot") {
    const snapshot = snapshotOf(raw.snapshot);
    return snapshot && { type: "snapshot", snapshot };
  }
  if (raw.type === "delta") {
    const delta = deltaOf(raw.delta);
    return delta && { type: "delta", delta };
  }
  if (raw.type === "pulses") {
    return { type: "pulses", pulses: present(list(raw.pulses).map(pulseOf)) };
  }
  return null;
}
