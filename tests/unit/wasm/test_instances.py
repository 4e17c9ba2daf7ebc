"""Instances made ahead: fresh, used once, bounded, and without effect on the host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from workbench.wasm import (
    CompiledComponent,
    Engine,
    Instantiator,
    ObjectImports,
    instances,
    wat_to_bytes,
)
from workbench.wasm.instances import READY, ReadyInstances

COUNTER = """(component
  (core module $m
    (global $n (mut i32) (i32.const 0))
    (func (export "next") (param i32 i32) (result i32)
      (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
    (memory (export "mem") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
  (core instance $i (instantiate $m))
  (func (export "next") (param "pad" (list u16)) (result u32)
    (canon lift (core func $i "next") (memory (core memory $i "mem"))
      (realloc (core func $i "realloc")))))"""

STARTS = """(component
  (import "starting" (func $starting))
  (core func $starting' (canon lower (func $starting)))
  (core module $m
    (import "h" "starting" (func $starting))
    (start $starting)
    (memory (export "mem") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
    (func (export "f") (param i32 i32)))
  (core instance $i (instantiate $m (with "h" (instance
    (export "starting" (func $starting'))))))
  (func (export "f") (param "pad" (list u16))
    (canon lift (core func $i "f") (memory (core memory $i "mem"))
      (realloc (core func $i "realloc")))))"""
"""Both take a list: such a call runs on a worker."""


@pytest.fixture(autouse=True)
def every_instance_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "WORTH_NS", 0)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(cache_dir=tmp_path, workers=1)
    yield made
    made.close_blocking()


def _compiled(engine: Engine, text: str) -> CompiledComponent:
    return engine.load_blocking(wat_to_bytes(text))


async def _until(condition: Callable[[], bool]) -> None:
    """What happens on a worker after its result gives no sign of its own."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


@pytest.fixture
async def counter(own: Engine) -> AsyncIterator[Instantiator]:
    made = _compiled(own, COUNTER).instantiator()
    yield made
    await made.close()


async def test_an_idle_machine_has_an_instance_ready_and_each_is_used_once(
    counter: Instantiator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await counter.call("", "next", ([],)) == 1
    await _until(lambda: len(counter._ready) == 1)
    (ready,) = counter._ready._ready
    taken: list[object] = []
    begin = instances.Instance.empty_result
    monkeypatch.setattr(
        instances.Instance, "empty_result", lambda self: (taken.append(self), begin(self))[1]
    )
    for _ in range(10):
        assert await counter.call("", "next", ([],)) == 1
    assert taken[0] is ready and len(set(map(id, taken))) > 1
    assert taken.count(ready) == 1


async def test_few_are_kept_and_closing_deletes_them(counter: Instantiator) -> None:
    before = ReadyInstances._count
    await asyncio.gather(*(counter.call("", "next", ([],)) for _ in range(10)))
    for _ in range(5):
        await counter.call("", "next", ([],))
        counter.prepare()
    await _until(lambda: counter._preparing == 0 and len(counter._ready) == READY)
    assert ReadyInstances._count == before + READY
    await counter.close()
    await _until(lambda: counter._preparing == 0)
    assert len(counter._ready) == 0 and ReadyInstances._count == before


async def test_the_process_keeps_a_bounded_number(
    counter: Instantiator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "READY_IN_PROCESS", ReadyInstances._count)
    assert await counter.call("", "next", ([],)) == 1
    counter.prepare()
    assert len(counter._ready) == 0


async def test_start_code_that_calls_the_host_is_not_run_ahead(own: Engine) -> None:
    calls: list[object] = []
    made = _compiled(own, STARTS).instantiator(
        ObjectImports({"starting": lambda: calls.append(None)})
    )
    for number in range(1, 8):
        await made.call("", "f", ([],))
        made.prepare()
        assert len(calls) == number
    assert len(made._ready) == 0 and not made._ready.wanted
    await made.close()


async def test_an_instance_that_takes_no_time_is_not_kept(
    counter: Instantiator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "WORTH_NS", 10**10)
    await counter.call("", "next", ([],))
    counter.prepare()
    assert len(counter._ready) == 0
