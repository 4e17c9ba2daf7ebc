"""wRPC calls against plain NATS requests, client and server in two processes.

    python benchmarks/rpc.py [--seconds 3] [--uvloop] [--traced] [--json FILE]

Each figure is taken after a warm-up, at 1, 16 and 64 calls in flight, with calls of a small
record both ways. Plain request/reply runs first and again at the end in the same server, with
nats-py alone on both sides: compare within one run only, the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import nats

from workbench.lattice.rpc import InvocationContext, RpcClient, RpcServer
from workbench.lattice.trace import Tracer
from workbench.lattice.traffic import Traffic
from workbench.nats import Connection, Server
from workbench.wire.wit.types import S32, STRING, U8, Function, List, Record
from workbench.wire.wit.values import record_class

INSTANCE = "bench:rpc/api@0.1.0"
PERSON = Record("person", (("name", STRING), ("age", U8), ("tags", List(STRING))))
ADD = Function("add", (("a", S32), ("b", S32)), S32)
PASS = Function("pass", (("p", PERSON),), PERSON)
ECHO = Function("echo", (("data", List(U8)),), List(U8))
ADA = record_class(PERSON)("Ada", 36, ["x", "yy"])


async def serve(url: str, user: str, password: str, traced: bool) -> None:
    """The far process: serves until its input is closed."""
    nc = await Connection.connect(url, user=user, password=password)
    tracer = Tracer()
    if traced:
        Traffic(tracer)
    server = RpcServer(nc, tracer=tracer)

    async def add(context: InvocationContext, a: int, b: int) -> int:
        return a + b

    async def same(context: InvocationContext, p: Any) -> Any:
        return p

    await server.serve(
        "target", {INSTANCE: {"add": (ADD, add), "pass": (PASS, same), "echo": (ECHO, same)}}
    )
    plain = await nats.connect(url, user=user, password=password)

    async def answer(message: Any) -> None:
        await message.respond(message.data)

    async def cpu(message: Any) -> None:
        await message.respond(str(time.process_time()).encode())

    await plain.subscribe("plain", cb=answer, queue="q")
    await plain.subscribe("cpu", cb=cpu)
    await plain.flush()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def measure(
    call: Callable[[], Awaitable[Any]],
    in_flight: int,
    seconds: float,
    far_cpu_s: Callable[[], Awaitable[float]],
) -> dict[str, float]:
    latencies: list[float] = []

    async def worker(until: float, keep: bool) -> None:
        while (began := time.perf_counter()) < until:
            await call()
            if keep:
                latencies.append(time.perf_counter() - began)

    for span, keep in ((seconds / 4, False), (seconds, True)):
        far_s, near_s = await far_cpu_s(), time.process_time()
        started = time.perf_counter()
        await asyncio.gather(*(worker(started + span, keep) for _ in range(in_flight)))
        elapsed = time.perf_counter() - started
        near_s, far_s = time.process_time() - near_s, await far_cpu_s() - far_s
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "calls_per_s": round(len(latencies) / elapsed),
        "p50_us": round(cuts[49] * 1e6),
        "p99_us": round(cuts[98] * 1e6),
        # On a machine that others use too, these say more than the clock does.
        "client_cpu_us": round(near_s / len(latencies) * 1e6),
        "server_cpu_us": round(far_s / len(latencies) * 1e6),
    }


def calibration() -> float:
    """Milliseconds for a fixed piece of pure Python: how fast this machine is right now."""
    began = time.perf_counter()
    total = 0
    for i in range(2_000_000):
        total += i & 7
    return round((time.perf_counter() - began) * 1e3, 1)


async def run(seconds: float, traced: bool) -> dict[str, Any]:
    server = await Server.start()
    far = subprocess.Popen(  # noqa: ASYNC220 - before anything runs on the loop
        [sys.executable, __file__, "--serve", server.url, server.user, server.password,
         *sys.argv[1:]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert far.stdout is not None and far.stdin is not None
    await asyncio.get_running_loop().run_in_executor(None, far.stdout.readline)
    nc = await Connection.connect(server.url, user=server.user, password=server.password)
    plain = await nats.connect(server.url, user=server.user, password=server.password)
    tracer = Tracer()
    if traced:
        Traffic(tracer)
    client = RpcClient(nc, tracer=tracer)

    async def far_cpu_s() -> float:
        return float((await plain.request("cpu", timeout=10)).data)

    subjects: dict[str, Callable[[], Awaitable[Any]]] = {
        "nats-py request": lambda: plain.request("plain", b"\x04\x06", timeout=10),
        "wRPC add": lambda: client.invoke("target", INSTANCE, ADD, (2, 3)),
        "wRPC record": lambda: client.invoke("target", INSTANCE, PASS, (ADA,)),
        "nats-py request again": lambda: plain.request("plain", b"\x04\x06", timeout=10),
    }
    results: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "loop": type(asyncio.get_running_loop()).__module__,
        "traced": traced,
        "calibration_ms": calibration(),
    }
    print(json.dumps(results))
    for name, call in subjects.items():
        for in_flight in (1, 16, 64):
            figures = await measure(call, in_flight, seconds, far_cpu_s)
            results[f"{name} @{in_flight}"] = figures
            print(f"{name:24} {in_flight:3} in flight  {figures}", flush=True)
    results["echo of 2.5 MB"] = await _echo_figures(client)
    print("echo of list<u8> of 2.5 MB", results["echo of 2.5 MB"])
    results["calibration_end_ms"] = calibration()
    await client.close()
    await nc.close()
    await plain.close()
    far.stdin.close()
    far.wait(10)
    await server.stop()
    return results


async def _echo_figures(client: RpcClient) -> dict[str, float]:
    data = bytes(2_500_000)
    times = []
    for _ in range(12):
        began = time.perf_counter()
        await client.invoke("target", INSTANCE, ECHO, (data,))
        times.append(time.perf_counter() - began)
    return {
        "p50_ms": round(statistics.median(times) * 1e3, 1),
        "best_ms": round(min(times) * 1e3, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--traced", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=3, metavar=("URL", "USER", "PASSWORD"))
    options = parser.parse_args()
    factory = None
    if options.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        if options.serve:
            url, user, password = options.serve
            runner.run(serve(url, user, password, options.traced))
            return
        results = runner.run(run(options.seconds, options.traced))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
