"""Calls on the loop's own thread: which are tried, and that a failed try leaves no trace."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.wasm.conftest import TINY_API, wat
from tests.unit.wasm.generated import echo_component
from workbench.errors import LimitHit, NotRunning, Trap
from workbench.wasm import CompiledComponent, Engine, ObjectImports, wat_to_bytes
from workbench.wasm.quick import HOPELESS_NS, PENALTY, SHORT_NS, STRIKES, QuickCalls
from workbench.wasm.workers import TURN_NS
from workbench.wire.wit.types import (
    STRING,
    U8,
    U32,
    Borrow,
    Function,
    List,
    Option,
    Record,
    ResourceType,
    Type,
)

Compiled = Callable[[str], CompiledComponent]


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Engine]:
    """An engine of its own: its pool tells whether a worker was needed."""
    made = Engine(cache_dir=tmp_path, workers=1)
    yield made
    made.close_blocking()


async def test_a_short_call_needs_no_worker(quiet: Engine) -> None:
    instantiator = quiet.load_blocking(wat("tiny")).instantiator()
    assert await instantiator.call(TINY_API, "add", (1, 2)) == 3
    assert await instantiator.call(TINY_API, "hello", ()) == "hello"
    with pytest.raises(Trap, match="unreachable"):
        await instantiator.call(TINY_API, "trap", ())
    assert quiet.pool.threads == 0 and instantiator.active == 0
    await instantiator.close()
    with pytest.raises(NotRunning):
        await instantiator.call(TINY_API, "add", (1, 2))


async def test_a_call_that_moves_a_list_runs_on_a_worker(quiet: Engine) -> None:
    instantiator = quiet.load_blocking(wat_to_bytes(echo_component(U32))).instantiator()
    assert await instantiator.call("", "echo", ([1, 2, 3],)) == [1, 2, 3]
    assert quiet.pool.threads == 1


async def test_a_guest_that_calls_the_host_is_run_once_as_far_as_the_host_sees(
    compiled: Compiled,
) -> None:
    threads: list[int] = []

    def twice(n: int) -> int:
        threads.append(threading.get_ident())
        return 2 * n

    provided = ObjectImports({"twice": twice, "test:host/counters@1.0.0": {}})
    provided.provides = lambda instance, name: True  # type: ignore[method-assign]
    instantiator = compiled("imports").instantiator(provided)
    quick = instantiator._export("", "twice-of").quick
    assert quick.possible
    assert await instantiator.call("", "twice-of", (21,)) == 42
    assert len(threads) == 1
    assert not quick.possible
    await instantiator.close()


async def test_a_guest_that_goes_on_is_left_to_the_workers(compiled: Compiled) -> None:
    instantiator = compiled("limits").instantiator()
    quick = instantiator._export("", "loop").quick
    assert quick.possible
    with pytest.raises(LimitHit) as caught:
        await instantiator.call("", "loop", (), timeout_s=0.1)
    assert caught.value.limit == "time"
    port = instantiator.engine.port(asyncio.get_running_loop())
    await asyncio.sleep(0)
    assert port.has_time and not any(quick.fits((), port) for _ in range(PENALTY * 32))
    await instantiator.close()


async def test_one_turn_of_the_loop_has_room_for_few_milliseconds_of_guests(
    quiet: Engine,
) -> None:
    instantiator = quiet.load_blocking(wat("tiny")).instantiator()
    port = quiet.port(asyncio.get_running_loop())
    port.spend(TURN_NS)
    assert await instantiator.call(TINY_API, "add", (1, 2)) == 3
    assert quiet.pool.threads == 1
    await asyncio.sleep(0)
    assert port.has_time


@pytest.mark.parametrize(
    ("params", "result", "possible"),
    [
        ([U32, STRING], STRING, True),
        ([Option(U32)], None, True),
        ([], Record("r", (("a", STRING), ("b", U8))), True),
        ([Option(STRING)], None, False),
        ([List(U8)], None, False),
        ([], Option(List(U8)), False),
        ([Borrow(ResourceType("r", "i"))], None, False),
    ],
)
async def test_only_values_of_bounded_size_are_tried(
    params: list[Type], result: Type | None, possible: bool
) -> None:
    function = Function("f", tuple((f"p{i}", kind) for i, kind in enumerate(params)), result)
    assert QuickCalls(function, 1000).possible is possible
    assert not QuickCalls(function, 10_000_000).possible


async def test_a_long_text_is_left_to_the_workers(quiet: Engine) -> None:
    quick = QuickCalls(Function("f", (("text", STRING),), None), 1000)
    port = quiet.port(asyncio.get_running_loop())
    assert quick.fits(("short",), port)
    assert not quick.fits(("x" * 100_000,), port)
    assert not quick.fits((1,), port) and not quick.fits((), port)


async def test_slow_tries_bring_a_rest_that_grows_and_good_ones_take_it_back(
    quiet: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = QuickCalls(Function("f"), 1000)
    port = quiet.port(asyncio.get_running_loop())
    now = 0
    monkeypatch.setattr("workbench.wasm.quick.time.thread_time_ns", lambda: now)

    def tried(spent: int) -> None:
        nonlocal now
        now = spent
        quick.took(0, port)
        port._new_turn()

    def rest() -> int:
        calls = 0
        while not quick.fits((), port):
            calls += 1
        return calls

    for _ in range(STRIKES - 1):
        tried(SHORT_NS + 1)
        assert rest() == 0
    tried(SHORT_NS + 1)
    assert rest() == PENALTY
    tried(HOPELESS_NS)
    assert rest() > 10 * PENALTY
    for _ in range(PENALTY):
        tried(1000)
    for _ in range(STRIKES):
        tried(SHORT_NS + 1)
    assert rest() == PENALTY
