// Unit tests of what needs no browser: protocol, store, layout. Run by `npm test`.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
let folder = "";
let messageOf, snapshotOf, shown, GraphStore, Layout, CARD;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "graph-widget-"));
  const names = ["protocol", "store", "layout"];
  await build({
    absWorkingDir: here,
    entryPoints: names.map((name) => `src/${name}.ts`),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
  });
  const load = (name) => import(pathToFileURL(path.join(folder, `${name}.mjs`)).href);
  ({ messageOf, snapshotOf, shown } = await load("protocol"));
  ({ GraphStore } = await load("store"));
  ({ Layout, CARD } = await load("layout"));
});

after(() => rm(folder, { recursive: true, force: true }));

const node = (id, kind, parent = null, more = {}) => ({
  id,
  kind,
  label: id,
  parent,
  status: "running",
  detail: {},
  ...more,
});
const edge = (source, target) => ({
  id: `${source}>${target}`,
  source,
  target,
  kind: "link",
  label: "wasi:http",
  detail: {},
});
const HOST = node("host:N1", "host");
const HTTP = node("provider:N1/http", "provider", HOST.id);
const HELLO = node("component:N1/hello", "component", HOST.id);
const snapshot = (seq, nodes, edges = []) => ({
  type: "snapshot",
  snapshot: snapshotOf({ seq, lattice: "default", nodes, edges }),
});
const delta = (from, seq, nodes = {}, edges = {}) =>
  messageOf({ type: "delta", delta: { from, seq, nodes, edges } });
const pulses = (...list) => messageOf({ type: "pulses", pulses: list });

test("a malformed message is dropped whole, a malformed node alone", () => {
  for (const bad of [null, 7, "x", [], {}, { type: "delta" }, { type: "snapshot", snapshot: [] }]) {
    assert.equal(messageOf(bad), null);
  }
  const read = snapshotOf({ seq: 1, nodes: [{ id: 3 }, null, HOST], edges: [{ id: "x" }] });
  assert.deepEqual(read.nodes.map((one) => one.id), ["host:N1"]);
  assert.deepEqual(read.edges, []);
});

test("unknown words become harmless ones", () => {
  const [read] = snapshotOf({ seq: 1, nodes: [node("a", "spaceship", null, { status: "odd" })] }).nodes;
  assert.deepEqual([read.kind, read.status], ["component", "running"]);
});

test("text is cut and what can't be seen is written out", () => {
  assert.equal(shown("a\u202eb\nc"), "a\\u202eb\\u000ac");
  assert.ok(shown("x".repeat(10_000)).length < 600);
});

test("a delta that follows on is applied, one that does not asks for a snapshot", () => {
  let asked = 0;
  const store = new GraphStore(() => (asked += 1));
  store.receive(snapshot(4, [HOST]));
  store.receive(delta(4, 6, { add: [HTTP, HELLO] }, { add: [edge(HTTP.id, HELLO.id)] }));
  assert.deepEqual([store.seq, store.nodes.size, store.edges.size, asked], [6, 3, 1, 0]);
  store.receive(delta(8, 9, { remove: [HELLO.id] }));
  assert.deepEqual([store.seq, store.nodes.size, asked], [6, 3, 1]);
  store.receive(delta(4, 5, { remove: [HELLO.id] }));
  assert.equal(asked, 1, "an old delta is no gap");
  store.receive(snapshot(9, [HOST]));
  assert.deepEqual([store.seq, store.nodes.size, store.edges.size], [9, 1, 0]);
});

test("a node takes its edges with it", () => {
  const store = new GraphStore(() => {});
  store.receive(snapshot(1, [HOST, HTTP, HELLO], [edge(HTTP.id, HELLO.id)]));
  store.receive(delta(1, 2, { remove: [HELLO.id] }));
  assert.equal(store.edges.size, 0);
});

test("calls find their edge by id or by bare name, and are counted", () => {
  const store = new GraphStore(() => {});
  store.receive(snapshot(1, [HOST, HTTP, HELLO], [edge(HTTP.id, HELLO.id)]));
  const flown = [];
  store.listen({ changed() {}, pulsed: (flights) => flown.push(...flights) });
  store.receive(pulses({ source: "http", target: "hello", ok: true, ms: 2, count: 3 }));
  store.receive(pulses({ source: HTTP.id, target: HELLO.id, ok: false, ms: 5 }));
  assert.deepEqual(flown.map((one) => one.edges), [[`${HTTP.id}>${HELLO.id}`], [`${HTTP.id}>${HELLO.id}`]]);
  assert.deepEqual(store.calls.get(`${HTTP.id}>${HELLO.id}`), { count: 4, failed: 1, lastMs: 5 });
});

test("a caller from outside appears once, a few at most, and is not saved", () => {
  const store = new GraphStore(() => {});
  store.receive(snapshot(1, [HOST, HELLO]));
  for (let i = 0; i < 50; i++) {
    store.receive(pulses({ source: "workbench", target: "hello", ok: true, ms: 1 }));
    store.receive(pulses({ source: `stranger-${i}`, target: "hello", ok: true, ms: 1 }));
  }
  const clients = [...store.nodes.values()].filter((one) => one.kind === "client");
  assert.equal(clients[0].label, "this notebook");
  assert.ok(clients.length <= 6);
  assert.equal(store.snapshot().nodes.length, 2);
  store.receive(snapshot(2, [HOST, HELLO]));
  assert.ok([...store.nodes.values()].some((one) => one.kind === "client"));
});

test("what has a place keeps it when something is added", () => {
  const layout = new Layout();
  const first = layout.place([HOST, HTTP, HELLO], [edge(HTTP.id, HELLO.id)]);
  const more = Array.from({ length: 12 }, (_, i) => node(`component:N1/c${i}`, "component", HOST.id));
  const second = layout.place([HOST, HTTP, HELLO, ...more], [edge(HTTP.id, HELLO.id)]);
  for (const one of [HTTP, HELLO]) {
    assert.deepEqual(second.cards.get(one.id), first.cards.get(one.id));
  }
});

test("the same input gives the same picture", () => {
  const nodes = [HOST, HTTP, HELLO, node("component:N1/b", "component", HOST.id)];
  const [a, b] = [new Layout(), new Layout()].map((layout) => layout.place(nodes, []));
  assert.deepEqual([...a.cards], [...b.cards]);
});

test("no two cards overlap and every card is inside its host", () => {
  const hosts = Array.from({ length: 9 }, (_, i) => node(`host:${i}`, "host"));
  const cards = hosts.flatMap((host, i) =>
    Array.from({ length: i * 6 }, (_, k) =>
      node(`component:${i}/${k}`, k % 3 ? "component" : "provider", host.id),
    ),
  );
  const loose = ["a", "b"].map((id) => node(`missing:${id}`, "component"));
  const places = new Layout().place([...hosts, ...cards, ...loose], []);
  const at = [...places.cards];
  for (const [i, [id, one]] of at.entries()) {
    for (const [, other] of at.slice(i + 1)) {
      const apart = Math.abs(one.x - other.x) >= CARD.width || Math.abs(one.y - other.y) >= CARD.height;
      assert.ok(apart, `${id} overlaps`);
    }
  }
  for (const card of cards) {
    const [box, place] = [places.hosts.get(card.parent), places.cards.get(card.id)];
    assert.ok(place.x - CARD.width / 2 > box.x && place.x + CARD.width / 2 < box.x + box.width);
    assert.ok(place.y - CARD.height / 2 > box.y && place.y + CARD.height / 2 < box.y + box.height);
  }
  const boxes = [...places.hosts.values()];
  for (const [i, one] of boxes.entries()) {
    for (const other of boxes.slice(i + 1)) {
      const apart =
        one.x + one.width <= other.x ||
        other.x + other.width <= one.x ||
        one.y + one.height <= other.y ||
        other.y + other.height <= one.y;
      assert.ok(apart, "hosts overlap");
    }
  }
});

test("a caller stands left of what it calls", () => {
  const store = node("provider:N1/store", "provider", HOST.id);
  const edges = [edge(HTTP.id, HELLO.id), edge(HELLO.id, store.id)];
  const { cards } = new Layout().place([HOST, store, HELLO, HTTP], edges);
  const x = [HTTP, HELLO, store].map((one) => cards.get(one.id).x);
  assert.deepEqual(x, [...x].sort((a, b) => a - b));
  assert.equal(new Set(x).size, 3);
});
