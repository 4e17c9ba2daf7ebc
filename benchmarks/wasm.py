"""The wasm room's figures: calls, bulk lists, HTTP, compiling and caching.

    python -m benchmarks.wasm [--seconds 2] [--python] [--json]

``--python`` builds (once) and measures a Python HTTP component too. wasmtime-py's own path runs
beside ours for the tiny call, so that a slow machine shows as one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import wasmtime
import wasmtime.component

from workbench.errors import Trap
from workbench.wasm import Engine, Instantiator, wat_to_bytes
from workbench.wire.http import HttpRequest, collect

ROOT = Path(__file__).parent.parent
TINY = ROOT / "tests" / "golden" / "tiny.wat"
HTTP = ROOT / "tests" / "unit" / "wasm" / "wat" / "http.wat"
API = "lab:tiny/api@0.1.0"
HELLO = """
def handle(request):
    return f"hello {request.path}"
"""

Figures = dict[str, Any]


def repeat(call: Callable[[], object], seconds: float) -> list[float]:
    """Seconds of each call, for a while."""
    for _ in range(20):
        call()
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < until:
        call()
        taken.append(time.perf_counter() - begun)
    return taken


def percentiles(taken: list[float]) -> Figures:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_us": round(cuts[49] * 1e6, 1), "p99_us": round(cuts[98] * 1e6, 1)}


async def in_flight(call: Callable[[], Awaitable[object]], count: int, seconds: float) -> Figures:
    """Calls a second with ``count`` at a time, and processor time of each."""
    taken: list[float] = []
    begun, busy = time.perf_counter(), time.process_time()
    until = begun + seconds

    async def keep_calling() -> None:
        while (start := time.perf_counter()) < until:
            await call()
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(keep_calling() for _ in range(count)))
    elapsed, used = time.perf_counter() - begun, time.process_time() - busy
    return {
        "per_s": round(len(taken) / elapsed),
        "cpu_us": round(used / len(taken) * 1e6, 1),
        **percentiles(taken),
    }


def stock_tiny_call(data: bytes, seconds: float) -> Figures:
    """The same tiny call through wasmtime-py's own classes."""
    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    component = wasmtime.component.Component(engine, data)
    linker = wasmtime.component.Linker(engine)
    index = component.get_export_index("add", component.get_export_index(API))
    assert index is not None

    def call() -> Any:
        store = wasmtime.Store(engine)
        store.set_epoch_deadline(1000)
        function = linker.instantiate(store, component).get_func(store, index)
        assert function is not None
        return function(store, 1, 2)

    return percentiles(repeat(call, seconds))


def echoes(tiny: Instantiator, seconds: float) -> Figures:
    """``list<u8>`` there and back; megabytes of payload a second."""
    figures: Figures = {}
    for label, size in (("1kB", 1000), ("100kB", 100_000), ("1MB", 1_000_000), ("10MB", 10**7)):
        data = os.urandom(size)
        try:
            taken = repeat(lambda data=data: tiny.call_inline(API, "echo", (data,)), seconds / 4)
        except Trap as trap:
            figures[label] = trap.message
            continue
        figures[label] = {"MB_per_s": round(size / statistics.median(taken) / 1e6, 2)}
    return figures


async def http_figures(instantiator: Instantiator, seconds: float) -> Figures:
    async def get() -> None:
        response = await instantiator.handle_http(HttpRequest("GET", "/some/path"))
        await collect(response.body)

    await get()
    return {f"{n}_in_flight": await in_flight(get, n, seconds) for n in (1, 16, 64)}


async def python_component(engine_dir: Path, seconds: float) -> Figures:
    """Compile, write, load and serve a Python component built by componentize-py."""
    from workbench.authoring import build_component

    built = await build_component(HELLO, name="bench-hello", world="hello")
    data = built.path.read_bytes()
    first = Engine(cache_dir=engine_dir)
    begun = time.perf_counter()
    component = await first.load(data)
    figures: Figures = {
        "size_MB": round(len(data) / 1e6, 1),
        "compile_and_write_s": round(time.perf_counter() - begun, 2),
    }
    begun = time.perf_counter()
    code = component.native.serialize()
    figures["serialize_ms"] = round((time.perf_counter() - begun) * 1e3, 1)
    begun = time.perf_counter()
    first.cache.store("benchmark", code)
    figures["cache_write_ms"] = round((time.perf_counter() - begun) * 1e3, 1)
    del code
    await first.close()
    second = Engine(cache_dir=engine_dir)
    begun = time.perf_counter()
    component = await second.load(data)
    assert component.cached
    figures["cache_load_ms"] = round((time.perf_counter() - begun) * 1e3, 1)
    instantiator = component.instantiator()
    figures["http"] = await http_figures(instantiator, seconds)
    await instantiator.close()
    await second.close()
    return figures


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--python", action="store_true", help="measure a Python component too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures: Figures = {"machine": platform.platform(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        engine = Engine(cache_dir=directory / "compiled")
        data = wat_to_bytes(TINY.read_text())
        tiny = engine.load_blocking(data, name="tiny").instantiator()
        figures["tiny_call_stock"] = stock_tiny_call(data, options.seconds)
        figures["tiny_call_inline"] = percentiles(
            repeat(lambda: tiny.call_inline(API, "add", (1, 2)), options.seconds)
        )
        figures["tiny_call_on_loop"] = {
            f"{n}_in_flight": await in_flight(
                lambda: tiny.call(API, "add", (1, 2)), n, options.seconds
            )
            for n in (1, 16, 64)
        }
        figures["echo_list_u8"] = echoes(tiny, options.seconds)
        wat = engine.load_blocking(wat_to_bytes(HTTP.read_text())).instantiator()
        figures["http_text_component"] = await http_figures(wat, options.seconds)
        await wat.close()
        await tiny.close()
        await engine.close()
        if options.python:
            figures["python_component"] = await python_component(
                directory / "python", options.seconds
            )
    figures["peak_memory_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name}: {json.dumps(value)}")


if __name__ == "__main__":
    asyncio.run(main())
