"""Guests that take all they can, in a process of their own: its memory must come back.

Of its own, because what other tests left in the heap would hide what is taken and given back.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from tests.unit.wasm.hostile import guests
from workbench.wasm import Engine, wat_to_bytes

MIB = 1 << 20


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a guest that spins makes no sign of its own
            await asyncio.sleep(0.005)


async def main(cache: Path) -> None:
    """Memory and table are touched in every page, then refused, then given back."""
    engine = Engine(cache_dir=cache, workers=2)
    limits = replace(engine.limits, memory_bytes=128 * MIB)
    greedy = engine.load_blocking(wat_to_bytes(guests.GROWS)).instantiator(limits=limits)
    process = psutil.Process()
    before = process.memory_info().rss

    def has(least: int) -> bool:
        return process.memory_info().rss > before + least

    for export in ("grow-memory", "grow-table") * 2:
        task = asyncio.create_task(greedy.call("", export, ()))
        most = 100 * MIB if export == "grow-memory" else 6 * MIB
        await _until(lambda most=most: has(most))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _until(lambda: not has(24 * MIB))
    await greedy.close()
    engine.close_blocking()
    print("given back")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
