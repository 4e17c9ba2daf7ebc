"""wRPC calls against plain NATS requests, client and server in two processes or in one.

    python benchmarks/rpc.py [--seconds 3] [--one-process] [--uvloop] [--traced] [--json FILE]

At 1, 16 and 64 calls in flight, with a small call and one of a record both ways. The calibration
is request and reply of nats-py alone, over the same server. Its windows and those of wRPC take
turns, so that a machine that gets slower gets slower for both: read the ratios.
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
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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

TURNS = 8
INSTANCE = "bench:rpc/api@0.1.0"
PERSON = Record("person", (("name", STRING), ("age", U8), ("tags", List(STRING))))
ADD = Function("add", (("a", S32), ("b", S32)), S32)
PASS = Function("pass", (("p", PERSON),), PERSON)
ECHO = Function("echo", (("data", List(U8)),), List(U8))
ADA = record_class(PERSON)("Ada", 36, ["x", "yy"])


@asynccontextmanager
async def serving(url: str, user: str, password: str, traced: bool) -> AsyncIterator[None]:
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
    yield
    await server.close()
    await nc.close()
    await plain.close()


async def serve(url: str, user: str, password: str, traced: bool) -> None:
    """The far process: serves until its input is closed."""
    async with serving(url, user, password, traced):
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@dataclass
class Figures:
    """What the windows of one kind of call measured."""

    latencies: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    near_cpu_s: float = 0.0
    far_cpu_s: float = 0.0

    def report(self) -> dict[str, float]:
        count = len(self.latencies)
        cuts = statistics.quantiles(self.latencies, n=100)
        return {
            "calls_per_s": round(count / self.elapsed_s),
            "p50_us": round(cuts[49] * 1e6),
            "p99_us": round(cuts[98] * 1e6),
            # On a machine that others use too, these say more than the clock does.
            "client_cpu_us": round(self.near_cpu_s / count * 1e6),
            "server_cpu_us": round(self.far_cpu_s / count * 1e6),
        }


async def window(
    call: Callable[[], Awaitable[Any]],
    in_flight: int,
    seconds: float,
    far_cpu_s: Callable[[], Awaitable[float]],
    figures: Figures,
) -> None:
    async def worker(until: float) -> None:
        while (began := time.perf_counter()) < until:
            await call()
            figures.latencies.append(time.perf_counter() - began)

    far_s, near_s = await far_cpu_s(), time.process_time()
    started = time.perf_counter()
    await asyncio.gather(*(worker(started + seconds) for _ in range(in_flight)))
    figures.elapsed_s += time.perf_counter() - started
    figures.near_cpu_s += time.process_time() - near_s
    figures.far_cpu_s += await far_cpu_s() - far_s


async def compare(
    kinds: dict[str, Callable[[], Awaitable[Any]]],
    in_flight: int,
    seconds: float,
    far_cpu_s: Callable[[], Awaitable[float]],
) -> dict[str, dict[str, float]]:
    """All kinds in turns; the first turn of each is its warm-up."""
    all_figures = {name: Figures() for name in kinds}
    for turn in range(TURNS + 1):
        for name, call in kinds.items():
            figures = all_figures[name] if turn else Figures()
            await window(call, in_flight, seconds / TURNS, far_cpu_s, figures)
    reports = {name: figures.report() for name, figures in all_figures.items()}
    plain = next(iter(reports.values()))["p50_us"]
    for report in reports.values():
        report["p50_ratio"] = round(report["p50_us"] / plain, 2)
    return reports


def calibration() -> float:
    """Milliseconds for a fixed piece of pure Python: how fast this machine is right now."""
    began = time.perf_counter()
    total = 0
    for i in range(2_000_000):
        total += i & 7
    return round((time.perf_counter() - began) * 1e3, 1)


@asynccontextmanager
async def far_process(server: Server) -> AsyncIterator[None]:
    """The serving side in a process of its own."""
    far = subprocess.Popen(  # noqa: ASYNC220 - before anything runs on the loop
        [sys.executable, __file__, "--serve", server.url, server.user, server.password,
         *sys.argv[1:]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert far.stdout is not None and far.stdin is not None
    await asyncio.get_running_loop().run_in_executor(None, far.stdout.readline)
    yield
    far.stdin.close()
    far.wait(10)


@asynccontextmanager
async def far_task(server: Server, traced: bool) -> AsyncIterator[None]:
    """The serving side on this loop."""
    async with serving(server.url, server.user, server.password, traced):
        yield


async def run(seconds: float, traced: bool, one_process: bool) -> dict[str, Any]:
    server = await Server.start()
    async with far_task(server, traced) if one_process else far_process(server):
        results = await measure(server, seconds, traced)
    await server.stop()
    return results


async def measure(server: Server, seconds: float, traced: bool) -> dict[str, Any]:
    nc = await Connection.connect(server.url, user=server.user, password=server.password)
    plain = await nats.connect(server.url, user=server.user, password=server.password)
    tracer = Tracer()
    if traced:
        Traffic(tracer)
    client = RpcClient(nc, tracer=tracer)

    async def far_cpu_s() -> float:
        return float((await plain.request("cpu", timeout=10)).data)

    kinds: dict[str, Callable[[], Awaitable[Any]]] = {
        "nats-py request": lambda: plain.request("plain", b"\x04\x06", timeout=10),
        "wRPC add": lambda: client.invoke("target", INSTANCE, ADD, (2, 3)),
        "wRPC record": lambda: client.invoke("target", INSTANCE, PASS, (ADA,)),
    }
    results: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "loop": type(asyncio.get_running_loop()).__module__,
        "traced": traced,
        "calibration_ms": calibration(),
    }
    print(json.dumps(results))
    for in_flight in (1, 16, 64):
        reports = await compare(kinds, in_flight, seconds, far_cpu_s)
        for name, report in reports.items():
            results[f"{name} @{in_flight}"] = report
            print(f"{name:16} {in_flight:3} in flight  {report}", flush=True)
    results["echo of 2.5 MB"] = await _echo_figures(client)
    print("echo of list<u8> of 2.5 MB", results["echo of 2.5 MB"])
    results["calibration_end_ms"] = calibration()
    await client.close()
    await nc.close()
    await plain.close()
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
    parser.add_argument("--one-process", action="store_true")
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
        results = runner.run(run(options.seconds, options.traced, options.one_process))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
