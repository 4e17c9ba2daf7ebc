"""How fast the deployment manager decides and deploys.

    PYTHONPATH=. python benchmarks/wadm.py [--deploys N]

Prints the processor time of a first deploy, of a full pass and of one event over growing lattices
(it must grow linearly; the last has 1,000 hosts, 10,000 components and 10,000 links), and deploy →
Deployed with a real host, a component in text format and the http-server provider; 1 → 100 instances
on four hosts; and how long the work of a host that dies without a word is away.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from pathlib import Path

from wasmtime import wat2wasm

from workbench.host import Host, HostOptions
from workbench.lattice.control import ControlClient
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Server
from workbench.providers import builtin_providers
from workbench.wadm import Manager
from workbench.wadm.commands import ScaleComponent
from workbench.wadm.desired import desired
from workbench.wadm.engine import Engine
from workbench.wadm.observed import HOSTS
from workbench.wadm.ports import Answer
from workbench.wasm import Engine as WasmEngine
from workbench.wire import events
from workbench.wire import manifest as manifests
from workbench.wire.control import Inventory
from workbench.wire.wadm import StatusType, managed_annotations, scaler_annotations

COMPONENT = "(component (core module $m))"
PER_APP = 10


def application(name: str, components: int, *, image: str = "x:1", version: str = "v1") -> str:
    parts = [
        {
            "name": f"c{n}",
            "type": "component",
            "properties": {"image": image},
            "traits": [
                {"type": "spreadscaler", "properties": {"instances": 3}},
                {
                    "type": "link",
                    "properties": {
                        "namespace": "wasi",
                        "package": "keyvalue",
                        "interfaces": ["store"],
                        "target": {"name": f"c{(n + 1) % components}"},
                    },
                },
            ],
        }
        for n in range(components)
    ]
    return json.dumps(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": name, "annotations": {"version": version}},
            "spec": {"components": parts},
        }
    )


def confirmed(engine: Engine, now: float) -> int:
    """Run until nothing is left, with hosts that obey at once; returns the commands."""
    total = 0
    while commands := engine.run(now).commands:
        total += len(commands)
        for command in commands:
            engine.answered(command, Answer(True, value=_value(engine, command)), now)
            if isinstance(command, ScaleComponent):
                marks = scaler_annotations(command.scaler, command.spread)
                payload = events.ComponentScaled(
                    annotations=managed_annotations(command.app, marks),
                    component_id=command.component_id,
                    image_ref=command.reference,
                    max_instances=command.count,
                )
                engine.observe(events.make(command.host_id, payload), now)
    return total


def _value(engine: Engine, command: object) -> object:
    return tuple(engine.observed.links.values()) if type(command).__name__ == "ReadLinks" else None


def timed(work) -> float:
    """Milliseconds of processor time, the best of three."""
    found = []
    for _ in range(3):
        started = time.process_time()
        work()
        found.append((time.process_time() - started) * 1000)
    return min(found)


def decide(hosts: int, components: int) -> float:
    """Deploy everything, then look at single events; returns microseconds for each command."""
    apps = [
        desired(manifests.parse(application(f"app{n}", PER_APP)))
        for n in range(components // PER_APP)
    ]
    gc.collect()
    before_mb = _resident_mb()
    engine, now = Engine(), 1000.0
    for n in range(hosts):
        inventory = Inventory(
            providers=(), host_id=f"N{n:04}", friendly_name=f"h{n}", labels={"zone": str(n % 9)}
        )
        engine.take_inventory(inventory.host_id, inventory, now)
    for app in apps:
        engine.deploy(app, now)
    # The collector walks all objects there are: with it the last line takes about a sixth more.
    gc.disable()
    first = time.process_time()
    commands = confirmed(engine, now)
    first_s = time.process_time() - first
    gc.enable()

    def full_pass() -> None:
        engine._look(engine._listeners[HOSTS], "benchmark")
        assert not engine.run(now).commands

    def heartbeat() -> None:
        host = engine.observed.hosts["N0001"]
        payload = events.HostHeartbeat(
            providers=(), host_id=host.id, friendly_name="h1", labels=dict(host.labels),
            components=tuple(_entries(engine, host.id)),
        )  # fmt: skip
        engine.observe(events.make(host.id, payload), now)
        engine.run(now)

    def scaled() -> None:
        payload = events.ComponentScaled(
            annotations={}, component_id="other", image_ref="x", max_instances=1
        )
        engine.observe(events.make("N0001", payload), now)
        engine.run(now)

    print(
        f"{hosts:5} hosts × {components:5} components, {components:5} links: "
        f"first deploy {first_s * 1000:6.0f} ms ({commands} commands), "
        f"full pass {timed(full_pass):6.1f} ms, heartbeat {timed(heartbeat):5.2f} ms, "
        f"component_scaled {timed(scaled):5.2f} ms, {_resident_mb() - before_mb:4.0f} MB"
    )
    return first_s / commands * 1e6


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _entries(engine: Engine, host: str):
    from workbench.wire.control import ComponentEntry

    for name, running in engine.observed.hosts[host].components.items():
        yield ComponentEntry(
            id=name, image_ref=running.reference, annotations=dict(running.annotations),
            max_instances=running.count,
        )  # fmt: skip


HELLO = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: hello, annotations: {{version: v{n}}}}}
spec:
  components:
    - name: hello
      type: component
      properties: {{image: "{image}", config: [{{name: greet, properties: {{word: hi}}}}]}}
      traits: [{{type: spreadscaler, properties: {{instances: 10}}}}]
    - name: httpd
      type: capability
      properties: {{image: "wasmcloud+builtin://http-server"}}
      traits:
        - type: link
          properties:
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: {{config: [{{name: addr, properties: {{address: "127.0.0.1:0"}}}}]}}
            target: {{name: hello}}
"""


async def deploy(rounds: int) -> None:
    server = await Server.start()

    async def connect() -> Connection:
        return await Connection.connect(server.url, user=server.user, password=server.password)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hello.wasm"
        path.write_bytes(bytes(wat2wasm(COMPONENT)))
        engine = WasmEngine(cache_dir=Path(folder) / "cache")
        nc, host_nc = await connect(), await connect()
        started = time.perf_counter()
        manager = Manager(nc)
        await manager.start()
        start_ms = (time.perf_counter() - started) * 1000
        host = Host(
            host_nc, engine=engine, providers=builtin_providers(),
            options=HostOptions(allow_file_load=True),
        )  # fmt: skip
        await host.start()
        await manager.ready()
        client, control = WadmClient(nc), ControlClient(nc)
        echo = await _echo(nc)
        times, removals = [], []
        for n in range(rounds):
            started = time.perf_counter()
            await client.put_and_deploy(HELLO.format(n=n, image=path.as_uri()))
            await client.wait("hello", (StatusType.DEPLOYED,))
            times.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            await client.undeploy("hello")
            while (left := await control.inventory(host.id)).components or left.providers:
                pass
            removals.append((time.perf_counter() - started) * 1000)
        print(f"nats request/reply echo p50 {echo:.2f} ms; manager start {start_ms:.0f} ms")
        print(f"put + deploy → Deployed: first {times[0]:.0f} ms, then {_percentiles(times[1:])}")
        print(f"undeploy → all gone: {_percentiles(removals)}")
        await manager.stop()
        await host.stop()
        await engine.close()
        await nc.close()
        await host_nc.close()
    await server.stop()


SPREAD = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: wide, annotations: {{version: v{version}}}}}
spec:
  components:
    - name: wide
      type: component
      properties: {{image: "{image}"}}
      traits:
        - type: spreadscaler
          properties:
            instances: {count}
            spread:
              - {{name: a, weight: 25, requirements: {{zone: a}}}}
              - {{name: b, weight: 25, requirements: {{zone: b}}}}
              - {{name: c, weight: 25, requirements: {{zone: c}}}}
              - {{name: d, weight: 25, requirements: {{zone: d}}}}
    - name: single
      type: component
      properties: {{image: "{image}"}}
      traits: [{{type: spreadscaler, properties: {{instances: 10}}}}]
"""


async def scale_and_recover(rounds: int) -> None:
    """1 → 100 instances over four hosts, then a host that dies without a word."""
    server = await Server.start()

    async def connect() -> Connection:
        return await Connection.connect(server.url, user=server.user, password=server.password)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.wasm"
        path.write_bytes(bytes(wat2wasm(COMPONENT)))
        engine = WasmEngine(cache_dir=Path(folder) / "cache")
        nc = await connect()
        manager = Manager(nc)
        await manager.start()
        hosts, connections = {}, {}
        for zone in "abcd":
            connection = await connect()
            host = Host(connection, engine=engine, labels={"zone": zone})
            await host.start()
            hosts[host.id], connections[host.id] = host, connection
        await manager.ready()
        client, control = WadmClient(nc), ControlClient(nc)
        changed, times = asyncio.Event(), []
        manager.subscribe(changed.set)
        for n in range(rounds):
            for count in (1, 100):
                manifest = SPREAD.format(version=f"{n}-{count}", image=path.as_uri(), count=count)
                started = time.perf_counter()
                await client.put_and_deploy(manifest)
                await client.wait("wide", (StatusType.DEPLOYED,))
                while not manager.settled("wide"):
                    changed.clear()
                    await changed.wait()
            times.append((time.perf_counter() - started) * 1000)
        print(f"scale 1 → 100 on 4 hosts → Deployed: {_percentiles(times)}")
        found = [await control.inventory(host) for host in hosts]
        dead = next(i.host_id for i in found if _runs(i, "wide-single"))
        started = time.perf_counter()
        await connections[dead].close()
        left = [host for host in hosts if host != dead]
        while not any([_runs(await control.inventory(h), "wide-single") for h in left]):
            changed.clear()
            await changed.wait()
        print(f"a killed host's work runs elsewhere after {time.perf_counter() - started:.1f} s")
        await manager.stop()
        for host_id in left:
            await hosts[host_id].stop()
            await connections[host_id].close()
        await engine.close()
        await nc.close()
    await server.stop()


def _runs(inventory: Inventory, component: str) -> bool:
    return any(entry.id == component for entry in inventory.components)


async def _echo(nc: Connection) -> float:
    await nc.subscribe("echo", lambda message: message.respond(b"x"))
    times = []
    for _ in range(200):
        started = time.perf_counter()
        await nc.request("echo")
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _percentiles(times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered):.0f} ms, p99 {p99:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deploys", type=int, default=30)
    options = parser.parse_args()
    curve = [decide(n // 10, n) for n in (300, 1000, 3000, 10_000)]
    print("growth, microseconds for a command:", " → ".join(f"{each:.0f}" for each in curve))
    asyncio.run(deploy(options.deploys))
    asyncio.run(scale_and_recover(max(2, options.deploys // 3)))


if __name__ == "__main__":
    main()
