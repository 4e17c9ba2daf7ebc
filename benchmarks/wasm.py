"""The wasm room's figures: calls, values, memory, two processors, HTTP, compiling and caching.

    python -m benchmarks.wasm [--seconds 2] [--python] [--json]

``--python`` builds (once) and measures a Python HTTP component too. wasmtime-py's own path runs
beside ours wherever it can, so that a slow machine shows as one: compare within one run.
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

import psutil
import wasmtime
import wasmtime.component

from tests.unit.wasm.generated import echo_component
from workbench.wasm import Component, Engine, Instantiator, wat_to_bytes
from workbench.wire.http import HttpRequest, collect
from workbench.wire.wit.types import F64, STRING, U32, Record, Type

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


class Stock:
    """A component through wasmtime-py's own classes."""

    def __init__(self, data: bytes) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        self._engine = wasmtime.Engine(config)
        self._component = wasmtime.component.Component(self._engine, data)
        self._linker = wasmtime.component.Linker(self._engine)

    def call(self, instance: str, function: str, *args: Any) -> Any:
        """A fresh store, an instance, one call: what an invocation is here."""
        store = wasmtime.Store(self._engine)
        store.set_epoch_deadline(1000)
        owner = self._component.get_export_index(instance) if instance else None
        index = self._component.get_export_index(function, owner)
        assert index is not None
        target = self._linker.instantiate(store, self._component).get_func(store, index)
        assert target is not None
        return target(store, *args)


def beside_stock(
    ours: Callable[[], object], stock: Callable[[], object] | None, seconds: float
) -> Figures:
    """Both in turns, in processor time of this thread."""
    figures: Figures = {}
    for name, call in (("ours", ours), ("stock", stock), ("ours", ours), ("stock", stock)):
        if call is None:
            continue
        used = min(thread_times(call, seconds / 4)) * 1e6
        figures[f"{name}_us"] = round(min(used, figures.get(f"{name}_us", used)), 1)
    if stock is not None:
        figures["times_faster"] = round(figures["stock_us"] / figures["ours_us"], 1)
    return figures


def thread_times(call: Callable[[], object], seconds: float) -> list[float]:
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(taken) < 3:
        begun = time.thread_time()
        call()
        taken.append(time.thread_time() - begun)
    return taken


def warm_calls(data: bytes, engine: Engine, seconds: float) -> Figures:
    """A call of an instance that lives."""
    with Component.open(data, engine=engine).instance() as instance:
        return percentiles(repeat(lambda: instance.run("add", 1, 2), seconds))


def echoes(tiny: Instantiator, stock: Stock, seconds: float) -> Figures:
    """``list<u8>`` there and back; megabytes of payload a second of processor time."""
    figures: Figures = {}
    text = b"the quick brown fox jumps over the lazy dog " * (10**7 // 44)
    for label, size in (("1kB", 1000), ("100kB", 100_000), ("10MB", 10**7)):
        for kind, data in (("random", os.urandom(size)), ("text", text[:size])):
            slow = None if size > 10**5 else lambda data=data: stock.call(API, "echo", data)
            found = beside_stock(
                lambda data=data: tiny.call_inline(API, "echo", (data,)), slow, seconds / 2
            )
            found["MB_per_s"] = round(size / found["ours_us"], 2)
            figures[f"{label}_{kind}"] = found
    return figures


def compound(engine: Engine, seconds: float) -> Figures:
    """Lists of other things there and back: nanoseconds of processor time for each item."""
    person = Record("t1", (("name", STRING), ("age", U32), ("score", F64)))
    cases: list[tuple[str, Type, list[Any], list[Any]]] = [
        ("f64", F64, [0.5] * 100_000, [0.5] * 100_000),
        ("u32", U32, list(range(100_000)), list(range(100_000))),
        ("string", STRING, ["some text"] * 10_000, ["some text"] * 10_000),
        ("record", person, [("somebody", 40, 0.5)] * 10_000, []),
    ]
    figures: Figures = {}
    for label, kind, items, stock_items in cases:
        data = wat_to_bytes(echo_component(kind))
        ours, stock = engine.load_blocking(data).instantiator(), Stock(data)
        if label == "record":
            stock_items = [stock_record(name=n, age=a, score=s) for n, a, s in items]
        found = beside_stock(
            lambda ours=ours, items=items: ours.call_inline("", "echo", (items,)),
            lambda stock=stock, items=stock_items: stock.call("", "echo", items),
            seconds / 2,
        )
        found["ours_ns_per_item"] = round(found["ours_us"] * 1e3 / len(items))
        figures[label] = found
    return figures


def stock_record(**fields: Any) -> Any:
    """What wasmtime-py takes for a record."""
    made = wasmtime.component.Record()
    made.__dict__.update(fields)
    return made


COUNTS = """(component
  (core module $m (memory (export "mem") 1)
    (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 8))
    (func (export "count") (param i32 i32) (loop $l
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get 0) (i32.const 30000000))))))
  (core instance $i (instantiate $m))
  (func (export "count") (param "pad" (list u16))
    (canon lift (core func $i "count") (memory (core memory $i "mem"))
      (realloc (core func $i "r")))))"""


async def speed_up(engine: Engine) -> Figures:
    """The same work one after another and two at a time; it takes a list, so workers do it."""
    work = engine.load_blocking(wat_to_bytes(COUNTS)).instantiator()

    async def timed(at_once: int, rounds: int) -> float:
        begun = time.perf_counter()
        for _ in range(rounds):
            await asyncio.gather(*(work.call("", "count", ([],)) for _ in range(at_once)))
        return time.perf_counter() - begun

    await timed(2, 2)
    one, two = await timed(1, 40), await timed(2, 20)
    await work.close()
    return {"one_at_a_time_s": round(one, 3), "two_s": round(two, 3), "times": round(one / two, 2)}


def memory_of_instances(instantiator: Instantiator, count: int) -> float:
    """Resident kB of each instance that has been made and not called."""
    made = []
    before = psutil.Process().memory_info().rss
    for _ in range(count):
        instance = instantiator._new_instance()
        assert not instance.make(instantiator._linked.pointer, instantiator.component.pointer)
        made.append(instance)
    used = psutil.Process().memory_info().rss - before
    for instance in made:
        instance.delete()
    return round(used / count / 1e3, 1)


async def http_figures(instantiator: Instantiator, seconds: float) -> Figures:
    async def get() -> None:
        response = await instantiator.handle_http(HttpRequest("GET", "/some/path"))
        await collect(response.body)

    await get()
    return {f"{n}_in_flight": await in_flight(get, n, seconds) for n in (1, 16, 64)}


async def at_leisure(instantiator: Instantiator, seconds: float) -> Figures:
    """One request every 10 ms: an instance has been made ready in between."""
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < until:
        response = await instantiator.handle_http(HttpRequest("GET", "/some/path"))
        await collect(response.body)
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(0.01)
    return percentiles(taken)


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
    figures["kB_per_instance"] = memory_of_instances(instantiator, 50)
    figures["http"] = await http_figures(instantiator, seconds)
    figures["http_at_leisure"] = await at_leisure(instantiator, seconds)
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
        stock = Stock(data)
        figures["tiny_call_stock"] = percentiles(
            repeat(lambda: stock.call(API, "add", 1, 2), options.seconds)
        )
        figures["tiny_call_inline"] = percentiles(
            repeat(lambda: tiny.call_inline(API, "add", (1, 2)), options.seconds)
        )
        figures["tiny_call_beside_stock"] = beside_stock(
            lambda: tiny.call_inline(API, "add", (1, 2)),
            lambda: stock.call(API, "add", 1, 2),
            options.seconds,
        )
        figures["warm_call"] = warm_calls(data, engine, options.seconds)
        figures["kB_per_tiny_instance"] = memory_of_instances(tiny, 200)
        figures["tiny_call_on_loop"] = {
            f"{n}_in_flight": await in_flight(
                lambda: tiny.call(API, "add", (1, 2)), n, options.seconds
            )
            for n in (1, 16, 64)
        }
        figures["echo_list_u8"] = echoes(tiny, stock, options.seconds)
        figures["echo_list"] = compound(engine, options.seconds)
        figures["two_processors"] = await speed_up(engine)
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
