"""Loading: what is refused, progress, sharing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.wasm.binary import unsigned
from tests.unit.wasm.conftest import TINY_API, wat
from workbench.errors import InvalidComponent, LimitHit, NotRunning, UsageError
from workbench.wasm import Engine, StoreLimits, wat_to_bytes
from workbench.wire.wit.types import U32, Function, Interface


async def test_loading_tells_its_progress_on_the_loop(tmp_path: Path) -> None:
    engine = Engine(cache_dir=tmp_path / "c")
    lines: list[str] = []
    component = await engine.load(wat("tiny"), name="tiny", progress=lines.append)
    assert lines[-1] == "ready" and len(lines) >= 2
    assert not component.cached
    await engine.close()
    with pytest.raises(NotRunning):
        await engine.load(wat("tiny"))


async def test_the_same_bytes_are_loaded_once(tmp_path: Path) -> None:
    engine = Engine(cache_dir=tmp_path / "c")
    first, second = await asyncio.gather(engine.load(wat("tiny")), engine.load(wat("tiny")))
    assert first is second is await engine.load(wat("tiny"))
    await engine.close()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no WebAssembly"),
        (b"hello", "no WebAssembly"),
        (b"(component)", "text format"),
        (wat_to_bytes("(module)"), "core WebAssembly module"),
        (b"\0asm\x0d\0\x01\0" + b"\xff" * 50, "not a valid component"),
    ],
)
async def test_what_is_no_component_is_refused_with_words(
    engine: Engine, data: bytes, words: str
) -> None:
    with pytest.raises(InvalidComponent, match=words):
        await engine.load(data)


def test_every_truncation_is_refused_or_runs(engine: Engine) -> None:
    data = wat("tiny")
    for end in range(0, len(data) - 1, 7):
        try:
            engine.load_blocking(data[:end])
        except InvalidComponent:
            continue


def test_flipped_bytes_are_refused_or_run(engine: Engine) -> None:
    data = wat("tiny")
    for at in range(8, len(data), 11):
        bad = bytearray(data)
        bad[at] ^= 0x55
        try:
            engine.load_blocking(bytes(bad))
        except InvalidComponent:
            continue


def test_fuel_stops_a_guest_at_the_same_place_every_time(tmp_path: Path) -> None:
    engine = Engine(cache_dir=tmp_path / "c", workers=1, metered=True)
    component = engine.load_blocking(wat("tiny"))
    for fuel, enough in ((1, False), (10_000, True)):
        instantiator = component.instantiator(limits=replace(engine.limits, fuel=fuel))
        for _ in range(3):
            if enough:
                assert instantiator.call_inline(TINY_API, "add", (1, 2)) == 3
                continue
            with pytest.raises(LimitHit) as caught:
                instantiator.call_inline(TINY_API, "add", (1, 2))
            assert caught.value.limit == "fuel"
    assert component.instantiator().call_inline(TINY_API, "add", (1, 2)) == 3
    engine.close_blocking()


def test_a_limit_on_fuel_without_a_meter_is_refused(engine: Engine) -> None:
    component = engine.load_blocking(wat("tiny"))
    with pytest.raises(UsageError, match="counts it"):
        component.instantiator(limits=replace(engine.limits, fuel=1))


async def test_hashing_and_compiling_leave_the_loop_alone(tmp_path: Path) -> None:
    """Measured in processor time of the loop's thread, which nobody else can take."""
    # A custom section of 20 MB: much to hash, little to compile.
    padding = b"\0" + unsigned(20_000_002) + b"\x01x" + bytes(20_000_000)
    engine = Engine(cache_dir=tmp_path / "c", workers=1)
    data = wat("http") + padding
    begun = time.thread_time()
    await engine.load(data)
    assert time.thread_time() - begun < 0.01
    await engine.close()


def test_a_component_beyond_the_size_limit_is_refused(tmp_path: Path) -> None:
    engine = Engine(cache_dir=tmp_path / "c", limits=StoreLimits(component_bytes=100))
    with pytest.raises(InvalidComponent, match="limit is 100"):
        engine.load_blocking(wat("tiny"))
    engine.close_blocking()


def test_exports_are_known_as_wit(engine: Engine) -> None:
    component = engine.load_blocking(wat("tiny"))
    api = component.exports[TINY_API]
    assert isinstance(api, Interface)
    assert api.functions["add"] == Function("add", (("a", U32), ("b", U32)), U32)


async def test_closing_ends_every_thread(tmp_path: Path) -> None:
    import threading

    before = set(threading.enumerate())
    engine = Engine(cache_dir=tmp_path / "c")
    component = await engine.load(wat("tiny"))
    instantiator = component.instantiator()
    await asyncio.gather(*(instantiator.call(TINY_API, "add", (1, 2)) for _ in range(20)))
    await instantiator.close()
    await engine.close()
    left = {t for t in set(threading.enumerate()) - before if t.name.startswith("wasm-")}
    assert not left
