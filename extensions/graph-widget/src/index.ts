// The anywidget: one store per model, one view per place where the widget is displayed.

import "./style.css";
import { messageOf, snapshotOf } from "./protocol";
import { GraphStore } from "./store";
import { GraphView } from "./view";

// The part of anywidget's model that is used here.
interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(event: string, callback: (content: unknown) => void): void;
  off(event: string, callback?: (content: unknown) => void): void;
  send(content: unknown): void;
}

// Every call from anywidget brings another proxy of the same model, so the key is a trait.
const stores = new Map<string, GraphStore>();

// Asking for a snapshot more often than this would only queue behind a busy kernel.
const RESYNC_MS = 1000;

function storeOf(model: Model): GraphStore {
  const key = String(model.get("graph"));
  const known = stores.get(key);
  if (known) return known;
  let asked = -Infinity;
  const store = new GraphStore(() => {
    if (performance.now() - asked < RESYNC_MS) return;
    asked = performance.now();
    model.send({ type: "snapshot" });
  });
  stores.set(key, store);
  const saved = snapshotOf(model.get("snapshot"));
  if (saved) store.receive({ type: "snapshot", snapshot: saved });
  return store;
}

function initialize({ model }: { model: Model }): () => void {
  const store = storeOf(model);
  const receive = (content: unknown): void => {
    const message = messageOf(content);
    if (!message) return;
    store.receive(message);
    // Not sent back: it is what a saved notebook shows when it is opened without a kernel.
    if (message.type !== "pulses") model.set("snapshot", store.snapshot());
  };
  const replaced = (): void => {
    const snapshot = snapshotOf(model.get("snapshot"));
    if (snapshot && snapshot.seq > store.seq) store.receive({ type: "snapshot", snapshot });
  };
  model.on("msg:custom", receive);
  model.on("change:snapshot", replaced);
  return () => {
    model.off("msg:custom", receive);
    model.off("change:snapshot", replaced);
    stores.delete(String(model.get("graph")));
  };
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const root = document.createElement("div");
  const height = model.get("height");
  el.append(root);
  const view = new GraphView(root, storeOf(model), typeof height === "number" ? height : 320);
  const phase = (): void => view.setLive(model.get("live") === true);
  model.on("change:live", phase);
  phase();
  return () => {
    model.off("change:live", phase);
    view.destroy();
  };
}

export default { initialize, render };
