"""The figures of the quickstart: import, up, deploy, calls, HTTP, memory, down.

    python -m benchmarks.journey [--rounds 10] [--seconds 3]

A plain nats-py request and reply over the same server and loop is the calibration of the run.
The cold `up` is a process of its own, imports included; warm ones follow in this process.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

import workbench
from workbench.authoring.wat import component_from_wat

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests" / "golden" / "tiny.wat"
HELLO = 'def handle(request):\n    return f"Hello from {request.path}\\n"\n'
COLD = "import workbench; l = workbench.up(); l.close()"


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds."""
    cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [seconds[0]] * 99
    return {
        "n": len(seconds),
        "p50_ms": round(cuts[49] * 1e3, 2),
        "p99_ms": round(cuts[98] * 1e3, 2),
        "max_ms": round(max(seconds) * 1e3, 2),
    }


def timed(work: Callable[[], Any], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


def in_processes(code: str, rounds: int) -> list[float]:
    return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT), rounds)


async def at_once(call: Callable[[], Any], in_flight: int, seconds: float) -> dict[str, float]:
    """Calls a second and latencies with so many in flight, after a quarter as warm-up."""
    taken: list[float] = []

    async def worker(until: float, keep: bool) -> None:
        while (began := time.perf_counter()) < until:
            await call()
            if keep:
                taken.append(time.perf_counter() - began)

    for span, keep in ((seconds / 4, False), (seconds, True)):
        until = time.perf_counter() + span
        await asyncio.gather(*(worker(until, keep) for _ in range(in_flight)))
    return {"in_flight": in_flight, "per_s": round(len(taken) / seconds), **percentiles(taken)}


def manifest(name: str) -> dict[str, Any]:
    address = {"name": f"{name}-address", "properties": {"address": "127.0.0.1:0"}}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "annotations": {"description": "a test"}},
        "spec": {
            "components": [
                {
                    "name": "hello",
                    "type": "component",
                    "properties": {"id": "hello", "image": "cell://hello"},
                    "traits": [{"type": "spreadscaler", "properties": {"instances": 10}}],
                },
                {
                    "name": "httpserver",
                    "type": "capability",
                    "properties": {"id": "httpd", "image": "wasmcloud+builtin://http-server"},
                    "traits": [
                        {
                            "type": "link",
                            "properties": {
                                "namespace": "wasi",
                                "package": "http",
                                "interfaces": ["incoming-handler"],
                                "target": {"name": "hello"},
                                "source": {"config": [address]},
                            },
                        }
                    ],
                },
            ]
        },
    }


def deploy_rounds(lattice: workbench.Lattice, rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        app = lattice.deploy(manifest("bench"), wait=True)
        taken.append(time.perf_counter() - began)
        app.undeploy()
        lattice._run(
            lattice._aio.observer.wait_for(
                lambda state: not state.running("hello") and not state.running("httpd")
            )
        )
        app.delete()
    return taken


async def calls(lattice: Any, seconds: float) -> dict[str, Any]:
    """On the lattice's own loop: the calibration, then invocations."""

    async def answer(message: Any) -> None:
        await message.respond(message.data)

    await lattice.nc.subscribe("bench.echo", answer)
    await lattice.nc.flush()
    figures: dict[str, Any] = {}
    for in_flight in (1, 16, 64):
        figures[f"plain NATS request @{in_flight}"] = await at_once(
            lambda: lattice.nc.request("bench.echo", b"x"), in_flight, seconds
        )
        figures[f"invoke add(u32, u32) @{in_flight}"] = await at_once(
            lambda: lattice.invoke("tiny", "lab:tiny/api.add", 2, 3), in_flight, seconds
        )
        figures[f"http(hello) without the port @{in_flight}"] = await at_once(
            lambda: lattice.http("hello", "GET", "/"), in_flight, seconds
        )
    return figures


def resident_mb() -> float:
    me = psutil.Process()
    total = me.memory_info().rss + sum(c.memory_info().rss for c in me.children(recursive=True))
    return round(total / 2**20, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "python -c pass": percentiles(in_processes("pass", options.rounds)),
        "import workbench": percentiles(in_processes("import workbench", options.rounds)),
        "up and down, a process each": percentiles(in_processes(COLD, 3)),
    }
    workbench.up().close()
    warm = []
    for _ in range(options.rounds):
        lattice = workbench.up()
        warm.append(lattice.started_s)
        lattice.close()
    report["up, warm"] = percentiles(warm)
    report["resident MB before"] = resident_mb()
    with workbench.up() as lattice:
        report["resident MB, lattice up"] = resident_mb()
        tiny = Path(os.environ.get("TMPDIR", "/tmp")) / "workbench-bench-tiny.wasm"
        tiny.write_bytes(component_from_wat(TINY.read_text()))
        lattice.cells.put("tiny", tiny)
        lattice.start_component("cell://tiny", "tiny", count=1000)
        report["resident MB, tiny runs"] = resident_mb()
        built = workbench.build_component(HELLO, name="hello", world="hello")
        lattice.cells.put("hello", built.path)
        began = time.perf_counter()
        lattice.deploy(manifest("first"), wait=True)
        report["deploy of hello, first in this process"] = round(time.perf_counter() - began, 2)
        report["resident MB, hello runs"] = resident_mb()
        report.update(lattice._run(calls(lattice._aio, options.seconds)))
        report["resident MB, after the calls"] = resident_mb()
        lattice.app("first").undeploy()
        report["deploy of hello, cached"] = percentiles(deploy_rounds(lattice, options.rounds))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
