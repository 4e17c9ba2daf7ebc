// The line of details below the drawing, as names and values.

import { shown, type GraphEdge, type GraphNode } from "./protocol";
import type { GraphStore } from "./store";

export type Rows = readonly (readonly [string, string])[];

const VALUE_LIMIT = 120;

export function describeNode(node: GraphNode): Rows {
  const detail = Object.entries(node.detail).map(([name, value]) => [name, cut(String(value))] as const);
  return [[node.kind, cut(node.label)], ["status", node.status], ...detail];
}

export function describeEdge(edge: GraphEdge, store: GraphStore): Rows {
  const name = (id: string): string => cut(store.nodes.get(id)?.label ?? id);
  const rows: [string, string][] = [
    [edge.id.startsWith("client:") ? "calls" : "link", `${name(edge.source)} → ${name(edge.target)}`],
  ];
  if (edge.label) rows.push(["interface", cut(edge.label)]);
  for (const [key, value] of Object.entries(edge.detail)) rows.push([key, cut(String(value))]);
  const calls = store.calls.get(edge.id);
  if (calls) {
    const failed = calls.failed ? `, ${calls.failed} failed` : "";
    rows.push(["calls seen", `${calls.count}${failed}, last ${calls.lastMs.toFixed(1)} ms`]);
  }
  return rows;
}

function cut(text: string): string {
  const clean = shown(text);
  return clean.length > VALUE_LIMIT ? `${clean.slice(0, VALUE_LIMIT)}…` : clean;
}
