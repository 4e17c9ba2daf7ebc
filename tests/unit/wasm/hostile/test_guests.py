"""Guests that do harm while they run: the host lives, the limit is named, neighbours go on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.wasm.conftest import TINY_API, wat
from tests.unit.wasm.hostile import guests
from workbench.errors import LimitHit, Trap, WorkbenchError
from workbench.wasm import Engine, ImportsBase, Instantiator, ObjectImports, wat_to_bytes
from workbench.wire.wit.types import Function

MIB = 1 << 20


def _made(engine: Engine, text: str, **options: Any) -> Instantiator:
    return engine.load_blocking(wat_to_bytes(text)).instantiator(**options)


async def _until(condition: Callable[[], Any]) -> None:
    """A guest that spins makes no sign of its own."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("text", "export", "limit"),
    [
        (guests.guest(guests.LOOP, "loop"), "loop", "time"),
        (guests.STARTS_FOR_EVER, "idle", "time"),
        (guests.GROWS, "grow-memory", "time"),  # it does not mind being refused
        (guests.GROWS, "grow-table", "time"),
        (guests.GROWS, "want-memory", "memory"),
        (guests.DIVES, "dive", "stack"),
        (guests.DIVES, "wide", "stack"),
        (guests.DIVES, "around", "stack"),
    ],
)
async def test_a_guest_without_end_is_stopped_by_a_limit_that_the_error_names(
    engine: Engine, text: str, export: str, limit: str
) -> None:
    guest = _made(engine, text, limits=replace(engine.limits, memory_bytes=32 * MIB))
    with pytest.raises(LimitHit) as caught:
        await guest.call("", export, (), timeout_s=0.1 if limit == "time" else 20)
    assert caught.value.limit == limit
    assert caught.value.hint
    await guest.close()


async def test_a_refused_table_ends_the_guest_and_not_the_host(engine: Engine) -> None:
    guest = _made(engine, guests.GROWS)
    with pytest.raises(Trap, match="unreachable"):
        await guest.call("", "want-table", ())
    await guest.close()


@pytest.mark.parametrize(
    ("text", "export"),
    [(guests.guest(guests.LOOP, "loop"), "loop"), (guests.STARTS_FOR_EVER, "idle")],
)
async def test_a_cancelled_guest_stops_within_50_ms(engine: Engine, text: str, export: str) -> None:
    guest, taken = _made(engine, text), []
    for _ in range(8):
        task = asyncio.create_task(guest.call("", export, ()))
        await _until(lambda: engine._clock._running)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        taken.append(time.monotonic() - begun)
        assert guest.active == 0
    # Other processes take time from some of them; a slower stop would show in all.
    assert min(taken) < 0.05
    await guest.close()


async def test_a_cancelled_guest_in_a_host_call_stops_within_50_ms(engine: Engine) -> None:
    entered, taken = asyncio.Event(), []

    async def again(depth: int) -> int:
        entered.set()
        await asyncio.Event().wait()
        return 0

    guest = _made(engine, guests.AGAIN, provide=ObjectImports({"again": again}))
    for _ in range(8):
        entered.clear()
        task = asyncio.create_task(guest.call("", "dive", (1,)))
        await entered.wait()
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        taken.append(time.monotonic() - begun)
        assert guest.active == 0
    assert min(taken) < 0.05
    await guest.close()


async def test_neighbours_of_spinning_guests_keep_their_share(engine: Engine) -> None:
    """Twice as many guests spin as there are workers; calls on the loop and on workers go on."""
    spinning = _made(engine, guests.guest(guests.LOOP, "loop"))
    tiny = engine.load_blocking(wat("tiny")).instantiator()
    tasks = [asyncio.create_task(spinning.call("", "loop", ())) for _ in range(4)]
    await _until(lambda: engine._clock._running >= 2)
    async with asyncio.timeout(20):
        for number in range(100):
            assert await tiny.call(TINY_API, "add", (number, 1)) == number + 1
        for _ in range(5):
            assert await tiny.call(TINY_API, "echo", (bytes(50_000),)) == bytes(50_000)
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert spinning.active == 0
    await spinning.close()
    await tiny.close()


def test_memory_is_back_to_normal_after_guests_that_took_all_they_could(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.wasm.hostile.greedy", str(tmp_path / "cache")],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("given back\n", 0), done.stderr


async def test_a_gigabyte_on_stdout_is_cut_to_lines_and_held_nowhere(engine: Engine) -> None:
    lines: list[str] = []
    limits = replace(engine.limits, log_bytes=MIB)
    guest = _made(
        engine, guests.WRITES, limits=limits, on_log=lambda stream, line, ctx: lines.append(line)
    )
    process = psutil.Process()
    before = process.memory_info().rss
    with pytest.raises(LimitHit) as caught:
        await guest.call("", "write", (250_000, ord("x")), timeout_s=1)
    assert caught.value.limit == "time"
    assert "longer than 1048576 bytes" in lines.pop()
    assert MIB - limits.log_line_bytes <= sum(map(len, lines)) <= MIB
    assert max(map(len, lines)) == limits.log_line_bytes
    assert process.memory_info().rss < before + 32 * MIB
    await guest.close()


async def test_a_gigabyte_of_empty_lines_is_bounded_as_well(engine: Engine) -> None:
    lines: list[str] = []
    guest = _made(
        engine, guests.WRITES, limits=replace(engine.limits, log_bytes=1000),
        on_log=lambda stream, line, ctx: lines.append(line),
    )  # fmt: skip
    with pytest.raises(LimitHit):
        await guest.call("", "write", (250_000, ord("\n")), timeout_s=0.5)
    assert len(lines) == 1001
    await guest.close()


class Things(ImportsBase):
    """The host's side of `guests.HANDLES`."""

    def __init__(self) -> None:
        self.dropped = 0

    def provides(self, instance: str, name: str) -> bool:
        return True

    def is_sync(self, instance: str) -> bool:
        return True

    def call_sync(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        return object()

    def drop(self, ctx: Any, instance: str, resource: str, value: Any) -> None:
        self.dropped += 1


def test_handles_that_a_guest_leaks_end_with_its_invocation(engine: Engine) -> None:
    things = Things()
    guest = _made(engine, guests.HANDLES, provide=things)
    guest.call_inline("", "leak", (1000,))
    assert things.dropped == 1000
    with pytest.raises(LimitHit) as caught:
        guest.call_inline("", "leak", (1_000_000,), timeout_s=60)
    assert caught.value.limit == "resources"
    assert things.dropped == 101_000


@pytest.mark.parametrize("export", ["drop-twice", "use-dropped", "invent"])
def test_a_handle_that_is_not_there_is_a_trap(engine: Engine, export: str) -> None:
    things = Things()
    guest = _made(engine, guests.HANDLES, provide=things)
    with pytest.raises(Trap, match="unknown handle index"):
        guest.call_inline("", export, ())
    assert things.dropped == (0 if export == "invent" else 1)


def test_a_borrow_that_a_guest_keeps_is_a_trap_and_stays_the_hosts(engine: Engine) -> None:
    things = Things()
    guest = _made(engine, guests.HANDLES, provide=things)
    with pytest.raises(Trap, match="borrow handles still remain"):
        guest.call_inline("", "keep", (object(),))
    assert things.dropped == 0


async def test_a_guest_that_comes_back_through_the_host_gets_new_instances_up_to_a_limit(
    engine: Engine,
) -> None:
    """A component that calls itself must not wait for itself, nor take all threads."""

    async def again(depth: int) -> int:
        return await guest.call("", "dive", (depth,))

    guest = _made(engine, guests.AGAIN, provide=ObjectImports({"again": again}))
    assert await guest.call("", "dive", (20,)) == 20
    with pytest.raises(LimitHit) as caught:
        await guest.call("", "dive", (100_000,), timeout_s=60)
    assert caught.value.limit == "depth"
    assert guest.active == 0
    assert await guest.call("", "dive", (3,)) == 3
    await guest.close()


def test_a_guest_that_comes_back_on_the_same_thread_does_not_overflow_its_stack(
    engine: Engine,
) -> None:
    calls = 0

    def again(depth: int) -> int:
        nonlocal calls
        calls += 1
        return guest.call_inline("", "dive", (depth,))

    guest = _made(engine, guests.AGAIN, provide=ObjectImports({"again": again}))
    assert guest.call_inline("", "dive", (5,)) == 5
    with pytest.raises(LimitHit) as caught:
        guest.call_inline("", "dive", (1000,))
    assert caught.value.limit == "depth" and calls < 5 + 10
    assert guest.call_inline("", "dive", (5,)) == 5


def test_whatever_a_guest_does_the_error_is_one_of_ours(engine: Engine) -> None:
    limits = replace(engine.limits, memory_bytes=8 * MIB, timeout_s=0.1)
    for text in (guests.GROWS, guests.DIVES, guests.STARTS_FOR_EVER):
        guest = _made(engine, text, limits=limits)
        for instance, function in guest.functions:
            with pytest.raises(WorkbenchError):
                guest.call_inline(instance, function, ())
