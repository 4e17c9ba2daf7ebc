"""Calls: fresh stores, limits, cancellation, imports on the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.wasm.conftest import TINY_API
from tests.unit.wasm.generated import relay_component
from workbench.errors import LimitHit, MissingImport, NotFound, NotRunning, Trap, ValueMismatch
from workbench.wasm import (
    CompiledComponent,
    Engine,
    ImportsBase,
    Instantiator,
    ObjectImports,
    wat_to_bytes,
)
from workbench.wire.wit.types import U32, Function

Compiled = Callable[[str], CompiledComponent]


class OnLoop(ImportsBase):
    """Provides everything by an async function."""

    def __init__(self, body: Callable[..., Any]) -> None:
        self._body = body

    def provides(self, instance: str, name: str) -> bool:
        return True

    async def call(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        return await self._body(ctx, *args)


async def _running(instantiator: Instantiator) -> None:
    """Until the guest runs on its worker: an endless loop makes no sign of its own."""
    while not instantiator.engine._clock._running:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0)


async def test_a_call_returns_the_value(compiled: Compiled) -> None:
    instantiator = compiled("tiny").instantiator()
    assert await instantiator.call(TINY_API, "add", (1, 2)) == 3
    assert await instantiator.call(TINY_API, "hello", ()) == "hello"
    assert await instantiator.call(TINY_API, "echo", (b"abc",)) == b"abc"
    await instantiator.close()


async def test_results_that_own_memory_can_follow_each_other(compiled: Compiled) -> None:
    """wasmtime frees what a result slot held before: a used slot once made it free twice."""
    instantiator = compiled("tiny").instantiator()
    for size in (0, 1, 100, 5000, 3) * 20:
        assert instantiator.call_inline(TINY_API, "echo", (bytes(size),)) == bytes(size)
        assert instantiator.call_inline(TINY_API, "hello", ()) == "hello"


async def test_many_calls_at_once_all_return_their_own_value(compiled: Compiled) -> None:
    instantiator = compiled("tiny").instantiator()
    results = await asyncio.gather(
        *(instantiator.call(TINY_API, "add", (n, n)) for n in range(300))
    )
    assert results == [2 * n for n in range(300)]
    assert instantiator.active == 0
    await instantiator.close()


async def test_a_trap_tells_reason_and_function(compiled: Compiled) -> None:
    instantiator = compiled("tiny").instantiator()
    with pytest.raises(Trap, match="unreachable") as caught:
        await instantiator.call(TINY_API, "trap", ())
    assert not isinstance(caught.value, LimitHit)
    assert caught.value.backtrace and " @ 0x" in caught.value.backtrace[0]
    with pytest.raises(Trap, match="divide by zero") as caught:
        await compiled("limits").instantiator().call("", "divide", (1, 0))
    assert "divide" in caught.value.backtrace[0]


async def test_wrong_arguments_and_names_are_refused(compiled: Compiled) -> None:
    instantiator = compiled("tiny").instantiator()
    with pytest.raises(ValueMismatch, match="b: expected u32"):
        await instantiator.call(TINY_API, "add", (1, "x"))
    with pytest.raises(ValueMismatch, match="takes 2 arguments"):
        await instantiator.call(TINY_API, "add", (1,))
    with pytest.raises(NotFound, match="exports no"):
        await instantiator.call(TINY_API, "subtract", (1, 2))


async def test_an_endless_loop_ends_at_its_deadline(compiled: Compiled) -> None:
    instantiator = compiled("limits").instantiator()
    begun = time.monotonic()
    with pytest.raises(LimitHit) as caught:
        await instantiator.call("", "loop", (), timeout_s=0.1)
    assert caught.value.limit == "time"
    assert "loop" in caught.value.backtrace[0]
    assert time.monotonic() - begun < 1.0


async def test_cancelling_the_caller_stops_the_guest_before_it_goes_on(compiled: Compiled) -> None:
    instantiator = compiled("limits").instantiator()
    task = asyncio.create_task(instantiator.call("", "loop", ()))
    await _running(instantiator)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert instantiator.active == 0
    # 50 ms is the promise on a quiet machine; this one is shared.
    assert time.monotonic() - begun < 0.5
    await instantiator.close()


async def test_other_calls_go_on_while_every_worker_spins(compiled: Compiled) -> None:
    spinning = compiled("limits").instantiator()
    tasks = [asyncio.create_task(spinning.call("", "loop", ())) for _ in range(4)]
    tiny = compiled("tiny").instantiator()
    async with asyncio.timeout(10):
        assert await tiny.call(TINY_API, "add", (1, 1)) == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_memory_without_end_names_the_limit(compiled: Compiled, engine: Engine) -> None:
    limits = replace(engine.limits, memory_bytes=32 << 20)
    with pytest.raises(LimitHit, match="memory") as caught:
        await compiled("limits").instantiator(limits=limits).call("", "hog", ())
    assert caught.value.limit == "memory"


async def test_a_memory_that_begins_too_large_names_the_limit(
    compiled: Compiled, engine: Engine
) -> None:
    limits = replace(engine.limits, memory_bytes=1024)
    with pytest.raises(LimitHit) as caught:
        await compiled("tiny").instantiator(limits=limits).call(TINY_API, "add", (1, 2))
    assert caught.value.limit == "memory"


async def test_too_many_instances_name_the_limit(compiled: Compiled, engine: Engine) -> None:
    limits = replace(engine.limits, instances=0)
    with pytest.raises(LimitHit) as caught:
        await compiled("tiny").instantiator(limits=limits).call(TINY_API, "add", (1, 2))
    assert caught.value.limit == "instances"


async def test_recursion_without_end_names_the_stack(compiled: Compiled) -> None:
    with pytest.raises(LimitHit) as caught:
        await compiled("limits").instantiator().call("", "dive", ())
    assert caught.value.limit == "stack"


def test_a_missing_import_is_named_before_the_first_call(compiled: Compiled) -> None:
    with pytest.raises(MissingImport) as caught:
        compiled("imports").instantiator()
    assert "test:host/counters@1.0.0#[constructor]counter" in caught.value.imports
    assert "twice" in caught.value.imports
    assert compiled("imports").missing(None) == caught.value.imports


class Counter:
    live = 0

    def __init__(self, start: int) -> None:
        self.value = start
        Counter.live += 1

    def add(self, n: int) -> int:
        self.value += n
        return self.value

    def wasm_dropped(self, call: Any) -> None:
        Counter.live -= 1


COUNTERS = {
    "test:host/counters": {
        "counter": Counter,
        "total": lambda all: sum(c.value for c in all),
        "take": lambda one: one.value,
    },
    "twice": lambda n: 2 * n,
}


def test_resources_of_the_host_are_plain_python_objects(compiled: Compiled) -> None:
    Counter.live = 0
    instantiator = compiled("imports").instantiator(ObjectImports(COUNTERS))
    # (7 + 5) + 100 in total, then 100 once more when the second is given away.
    assert instantiator.call_inline("", "count", (7,)) == 212
    # One was dropped by the guest; the other was given to the host, who owns it now.
    assert Counter.live == 1


def test_the_imports_learn_of_every_resource_that_the_guest_lets_go(compiled: Compiled) -> None:
    dropped = []

    class Plain(ImportsBase):
        def provides(self, instance: str, name: str) -> bool:
            return True

        def is_sync(self, instance: str) -> bool:
            return True

        def call_sync(self, ctx: Any, instance: str, function: Function, args: Any) -> Any:
            return f"counter {args[0]}" if function.name.startswith("[constructor]") else 1

        def drop(self, ctx: Any, instance: str, resource: str, value: Any) -> None:
            dropped.append((ctx, instance, resource, value))

    compiled("imports").instantiator(Plain()).call_inline("", "count", (7,), ctx="me")
    assert dropped == [("me", "test:host/counters@1.0.0", "counter", "counter 7")]


async def test_an_async_import_runs_on_the_loop_of_the_caller(compiled: Compiled) -> None:
    seen = []

    async def twice(n: int) -> int:
        seen.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return n * 2

    imports = ObjectImports({**COUNTERS, "twice": twice})
    instantiator = compiled("imports").instantiator(imports)
    assert await instantiator.call("", "twice-of", (21,)) == 42
    assert seen == [asyncio.get_running_loop()]


async def test_what_an_import_raises_comes_out_of_the_call(engine: Engine) -> None:
    async def fail(ctx: Any, items: list[int]) -> Any:
        raise LookupError(f"no link for {ctx}")

    component = engine.load_blocking(wat_to_bytes(relay_component(U32)))
    instantiator = component.instantiator(OnLoop(fail))
    with pytest.raises(LookupError, match="no link for me"):
        await instantiator.call("", "relay", ([1],), ctx="me")


async def test_components_may_call_each_other_deeper_than_there_are_workers(
    engine: Engine,
) -> None:
    component = engine.load_blocking(wat_to_bytes(relay_component(U32)))

    async def deeper(ctx: int, items: list[int]) -> list[int]:
        if ctx == 0:
            return [*items, 0]
        return [*await instantiator.call("", "relay", (items,), ctx=ctx - 1), ctx]

    instantiator = component.instantiator(OnLoop(deeper))
    async with asyncio.timeout(20):
        assert await instantiator.call("", "relay", ([],), ctx=20) == list(range(21))
    await instantiator.close()


async def test_cancelling_ends_the_host_call_that_the_guest_waits_for(engine: Engine) -> None:
    component = engine.load_blocking(wat_to_bytes(relay_component(U32)))
    entered, ended = asyncio.Event(), asyncio.Event()

    async def wait(ctx: Any, items: list[int]) -> Any:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    instantiator = component.instantiator(OnLoop(wait))
    task = asyncio.create_task(instantiator.call("", "relay", ([1],)))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set() and instantiator.active == 0


async def test_a_deadline_also_ends_a_wait_for_the_host(engine: Engine) -> None:
    component = engine.load_blocking(wat_to_bytes(relay_component(U32)))

    async def wait(ctx: Any, items: list[int]) -> Any:
        await asyncio.Event().wait()

    instantiator = component.instantiator(OnLoop(wait))
    with pytest.raises(LimitHit) as caught:
        await instantiator.call("", "relay", ([1],), timeout_s=0.05)
    assert caught.value.limit == "time"
    await instantiator.close()


async def test_closing_stops_what_runs_and_refuses_what_comes(compiled: Compiled) -> None:
    instantiator = compiled("limits").instantiator()
    task = asyncio.create_task(instantiator.call("", "loop", ()))
    await _running(instantiator)
    await instantiator.close()
    with pytest.raises(LimitHit, match="stopped"):
        await task
    with pytest.raises(NotRunning):
        await instantiator.call("", "loop", ())
