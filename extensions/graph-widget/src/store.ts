// The graph as data: one store per widget model, shared by all its views.

import type { GraphEdge, GraphNode, Message, Pulse, Snapshot } from "./protocol";

export interface EdgeCalls {
  readonly count: number;
  readonly failed: number;
  readonly lastMs: number;
}

// One call (or several alike) on its way, with the graph's own ids.
export interface Flight {
  readonly source: string | null;
  readonly target: string;
  readonly edges: readonly string[];
  readonly pulse: Pulse;
}

export interface Listener {
  changed(): void;
  pulsed(flights: readonly Flight[]): void;
}

// Callers that are no node of the lattice (this notebook, a `wash` elsewhere): shown, but few.
const CLIENT_LIMIT = 6;

export class GraphStore {
  lattice = "";
  seq = -1;
  readonly nodes = new Map<string, GraphNode>();
  readonly edges = new Map<string, GraphEdge>();
  readonly calls = new Map<string, EdgeCalls>();
  private readonly listeners = new Set<Listener>();
  private readonly byName = new Map<string, Set<string>>();

  // `resync` asks the kernel for a snapshot: a delta did not follow on what is here.
  constructor(private readonly resync: () => void) {}

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  receive(message: Message): void {
    if (message.type === "pulses") {
      this.pulse(message.pulses);
      return;
    }
    if (message.type === "snapshot") {
      this.replace(message.snapshot);
    } else if (message.delta.from !== this.seq) {
      if (message.delta.seq > this.seq) this.resync();
      return;
    } else {
      const { nodes, edges, seq } = message.delta;
      for (const id of edges.remove) this.edges.delete(id);
      for (const id of nodes.remove) this.drop(id);
      for (const node of [...nodes.add, ...nodes.update]) this.put(node);
      for (const edge of [...edges.add, ...edges.update]) this.edges.set(edge.id, edge);
      this.seq = seq;
    }
    for (const listener of this.listeners) listener.changed();
  }

  // The state as the kernel would send it; saved with the notebook, without passing clients.
  snapshot(): Snapshot {
    return {
      seq: this.seq,
      lattice: this.lattice,
      nodes: [...this.nodes.values()].filter((node) => node.kind !== "client"),
      edges: [...this.edges.values()].filter((edge) => !edge.id.startsWith("client:")),
    };
  }

  private replace(snapshot: Snapshot): void {
    const clients = [...this.nodes.values()].filter((node) => node.kind === "client");
    const kept = [...this.edges.values()].filter((edge) => edge.id.startsWith("client:"));
    this.nodes.clear();
    this.edges.clear();
    this.byName.clear();
    this.lattice = snapshot.lattice;
    this.seq = snapshot.seq;
    for (const node of [...snapshot.nodes, ...clients]) this.put(node);
    for (const edge of snapshot.edges) this.edges.set(edge.id, edge);
    for (const edge of kept) if (this.nodes.has(edge.target)) this.edges.set(edge.id, edge);
  }

  private put(node: GraphNode): void {
    this.nodes.set(node.id, node);
    const name = bareName(node.id);
    const ids = this.byName.get(name) ?? new Set<string>();
    this.byName.set(name, ids.add(node.id));
  }

  private drop(id: string): void {
    this.nodes.delete(id);
    this.byName.get(bareName(id))?.delete(id);
    for (const [edgeId, edge] of this.edges) {
      if (edge.source === id || edge.target === id) this.edges.delete(edgeId);
    }
  }

  private resolve(id: string): readonly string[] {
    return this.nodes.has(id) ? [id] : [...(this.byName.get(id) ?? [])];
  }

  private pulse(pulses: readonly Pulse[]): void {
    let grown = false;
    const flights: Flight[] = [];
    for (const pulse of pulses) {
      const targets = this.resolve(pulse.target);
      if (targets.length === 0) continue;
      let sources = this.resolve(pulse.source);
      if (sources.length === 0) {
        grown = this.addClient(pulse.source, targets) || grown;
        sources = this.resolve(clientId(pulse.source));
      }
      flights.push(this.flight(sources, targets, pulse));
    }
    if (grown) for (const listener of this.listeners) listener.changed();
    if (flights.length) for (const listener of this.listeners) listener.pulsed(flights);
  }

  private flight(sources: readonly string[], targets: readonly string[], pulse: Pulse): Flight {
    const edges = [...this.edges.values()]
      .filter((edge) => sources.includes(edge.source) && targets.includes(edge.target))
      .map((edge) => edge.id);
    for (const id of edges) {
      const before = this.calls.get(id) ?? { count: 0, failed: 0, lastMs: 0 };
      this.calls.set(id, {
        count: before.count + pulse.count,
        failed: before.failed + (pulse.ok ? 0 : pulse.count),
        lastMs: pulse.ms,
      });
    }
    return { source: sources[0] ?? null, target: targets[0] ?? "", edges, pulse };
  }

  private addClient(source: string, targets: readonly string[]): boolean {
    const id = clientId(source);
    let grown = false;
    if (!this.nodes.has(id)) {
      const clients = [...this.nodes.values()].filter((node) => node.kind === "client");
      if (clients.length >= CLIENT_LIMIT) return false;
      const label = source === "" || source === "workbench" ? "this notebook" : source;
      this.put({ id, kind: "client", label, parent: null, status: "running", detail: {} });
      grown = true;
    }
    for (const target of targets) {
      const edgeId = `client:${source}→${target}`;
      if (this.edges.has(edgeId)) continue;
      this.edges.set(edgeId, { id: edgeId, source: id, target, label: "", detail: {} });
      grown = true;
    }
    return grown;
  }
}

function clientId(source: string): string {
  return `client:${source}`;
}

// "component:<host>/<id>" → "<id>": calls name components, nodes name a component on a host.
function bareName(id: string): string {
  const kind = id.indexOf(":");
  const slash = id.indexOf("/", kind);
  if (id.startsWith("component:") || id.startsWith("provider:")) {
    return slash < 0 ? id.slice(kind + 1) : id.slice(slash + 1);
  }
  return id.startsWith("missing:") ? id.slice(kind + 1) : id;
}
