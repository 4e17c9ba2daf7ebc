"""The host's figures: an invocation through the whole path, and a scale request to its event.

    python -m benchmarks.host [--seconds 3] [--json]

Everything runs in this process against an embedded nats-server: caller, host and component share
one interpreter, as in a notebook. A plain request and reply over the same server runs beside it,
so that a slow machine shows as one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from workbench.host import Artifacts, Host
from workbench.lattice.rpc import RpcClient
from workbench.lattice.trace import Tracer
from workbench.nats import Connection, Message, Server
from workbench.wasm import Engine
from workbench.wire import subjects
from workbench.wire.wit.types import STRING, Function

TINY = Path(__file__).parent.parent / "tests" / "golden" / "tiny.wat"
API = "lab:tiny/api@0.1.0"
HELLO = Function("hello", (), STRING)

Call = Callable[[], Awaitable[object]]


async def measure(call: Call, *, in_flight: int, seconds: float) -> dict[str, float]:
    """Keep ``in_flight`` calls running for a while; milliseconds, calls a second, and processor
    time, which other work on the machine disturbs least."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    async def caller() -> None:
        while (began := time.perf_counter()) < until:
            await call()
            latencies.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "in_flight": in_flight,
        "p50_ms": round(cuts[49] * 1000, 3),
        "p99_ms": round(cuts[98] * 1000, 3),
        "per_s": round(len(latencies) / took),
        "cpu_us_per_call": round(cpu / len(latencies) * 1e6),
    }


async def scale_to_event(
    nc: Connection, host: Host, reference: str, count: int
) -> dict[str, float]:
    """Scale request to ``component_scaled`` of a component whose code is compiled already."""
    waiting: dict[str, asyncio.Future[None]] = {}

    def on_event(message: Message) -> None:
        component_id = json.loads(message.data)["data"]["component_id"]
        future = waiting.pop(component_id, None)
        if future is not None:
            future.set_result(None)

    await nc.subscribe(subjects.events(host.lattice, "component_scaled"), on_event)
    await nc.flush()
    latencies: list[float] = []
    for number in range(count):
        component_id = f"bench{number}"
        waiting[component_id] = asyncio.get_running_loop().create_future()
        event = waiting[component_id]
        body = {
            "component_ref": reference,
            "component_id": component_id,
            "count": 1,
            "host_id": host.id,
        }
        began = time.perf_counter()
        await nc.request(
            subjects.control(host.lattice, "component", "scale", host.id), json.dumps(body).encode()
        )
        await asyncio.wait_for(event, 10)
        latencies.append(time.perf_counter() - began)
    cuts = statistics.quantiles(latencies, n=100)
    return {"p50_ms": round(cuts[49] * 1000, 2), "p99_ms": round(cuts[98] * 1000, 2)}


async def connect(server: Server) -> Connection:
    return await Connection.connect(server.url, user=server.user, password=server.password)


async def plain_echo(server: Server, seconds: float) -> list[dict[str, float]]:
    """Request and reply with nothing behind: what the NATS client alone costs."""
    asking, answering = await connect(server), await connect(server)

    async def answer(message: Message) -> None:
        await message.respond(message.data)

    await answering.subscribe("echo", answer)
    await answering.flush()
    found = [
        await measure(lambda: asking.request("echo", b"hello"), in_flight=n, seconds=seconds)
        for n in (1, 16, 64)
    ]
    await asking.close()
    await answering.close()
    return found


async def bench(seconds: float) -> dict[str, object]:
    from wasmtime import wat2wasm

    with tempfile.TemporaryDirectory() as folder:
        wasm = Path(folder) / "tiny.wasm"
        wasm.write_bytes(bytes(wat2wasm(TINY.read_text())))
        server = await Server.start()
        engine = Engine(cache_dir=Path(folder) / "compiled")
        nc, host_nc = await connect(server), await connect(server)
        host = Host(host_nc, engine=engine, artifacts=Artifacts(), tracer=Tracer())
        client = RpcClient(nc, tracer=Tracer())
        try:
            began = time.perf_counter()
            await host.start()
            start_ms = (time.perf_counter() - began) * 1000
            reference = f"file://{wasm}"
            await engine.load(wasm.read_bytes())
            scale = await scale_to_event(nc, host, reference, 50)

            async def invoke() -> object:
                return await client.invoke("bench0", API, HELLO)

            body = {"component_ref": reference, "component_id": "bench0", "count": 256}
            await nc.request(
                subjects.control("default", "component", "scale", host.id),
                json.dumps(body).encode(),
            )
            await measure(invoke, in_flight=8, seconds=0.3)
            calls = [await measure(invoke, in_flight=n, seconds=seconds) for n in (1, 16, 64)]
            return {
                "python": platform.python_version(),
                "loop": type(asyncio.get_running_loop()).__module__,
                "host_start_ms": round(start_ms, 1),
                "scale_to_event_cached": scale,
                "invoke": calls,
                "plain_echo": await plain_echo(server, seconds),
            }
        finally:
            await client.close()
            await host.stop()
            await nc.close()
            await host_nc.close()
            await engine.close()
            await server.stop()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--no-uvloop", action="store_true")
    options = arguments.parse_args()
    runner = asyncio.Runner(loop_factory=None if options.no_uvloop else _uvloop())
    with runner:
        found = runner.run(bench(options.seconds))
    if options.json:
        print(json.dumps(found))
        return
    print(f"loop {found['loop']}, Python {found['python']}, host start {found['host_start_ms']} ms")
    print(f"scale to component_scaled (cached code): {found['scale_to_event_cached']}")
    for title in ("invoke", "plain_echo"):
        for row in found[title]:  # pyright: ignore[reportGeneralTypeIssues]
            print(f"{title:11} {row}")


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
