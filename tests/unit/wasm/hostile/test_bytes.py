"""Bytes that are no component, or a monstrous one: refused with words, quickly, or harmless."""

from __future__ import annotations

import random
import time

import pytest

from tests.unit.wasm.binary import HEADER, section, unsigned
from tests.unit.wasm.conftest import TINY_API, wat
from tests.unit.wasm.hostile import guests
from workbench.errors import InvalidComponent, LimitHit, Trap, ValueMismatch
from workbench.wasm import Engine, wat_to_bytes


@pytest.mark.parametrize("name", ["tiny", "http", "imports"])
def test_a_component_cut_anywhere_is_refused(engine: Engine, name: str) -> None:
    data = wat(name)
    for part in range(50):
        cut = data[: len(data) * part // 50]
        try:
            engine.load_blocking(cut)
        except InvalidComponent:
            continue
        # What is left between two sections is a smaller component.
        assert cut.startswith(HEADER)


def test_a_component_with_flipped_bits_is_refused_or_runs_or_traps(engine: Engine) -> None:
    data, seeded = wat("tiny"), random.Random(20)
    loaded = 0
    for _ in range(150):
        bad = bytearray(data)
        for _ in range(seeded.choice([1, 1, 2, 8])):
            bad[seeded.randrange(8, len(bad))] ^= 1 << seeded.randrange(8)
        try:
            component = engine.load_blocking(bytes(bad))
            instantiator = component.instantiator()
        except InvalidComponent:
            continue
        loaded += 1
        for instance, function in component.functions:
            args = (1, 2) if function == "add" else (b"abc",) if function == "echo" else ()
            try:
                instantiator.call_inline(instance, function, args, timeout_s=0.2)
            except (Trap, ValueMismatch):
                continue
        instantiator.close_blocking()
    assert loaded > 10
    assert engine.load_blocking(data).instantiator().call_inline(TINY_API, "add", (1, 2)) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"\x07" + unsigned(2**32 - 1),  # a section longer than the file
        b"\x07" + b"\xff" * 10,  # a length that does not end
        section(7, unsigned(2**32 - 1)),  # four thousand million types
        section(10, b"\x01\0" + unsigned(2**31) + b"x"),  # a name of 2 GB
        section(1, b"\0asm\x01\0\0\0" + section(5, b"\x01\0" + unsigned(2**32 - 1))),
        section(1, b"\0asm\x01\0\0\0" + section(10, unsigned(2**32 - 1))),  # function bodies
        section(200, b""),
    ],
)
def test_declared_sizes_without_end_are_refused(engine: Engine, body: bytes) -> None:
    with pytest.raises(InvalidComponent, match="not a valid component"):
        engine.load_blocking(HEADER + body)


@pytest.mark.parametrize(
    ("limit", "body"),
    [
        ("memory", "(memory 65536)"),
        ("memory", "(memory 65536 65536)"),
        ("table_elements", "(table 10000000 funcref)"),
        ("memory", "(memory 1) (memory 5000)"),
    ],
)
def test_what_a_guest_declares_beyond_a_limit_ends_its_start_and_names_the_limit(
    engine: Engine, limit: str, body: str
) -> None:
    component = engine.load_blocking(
        wat_to_bytes(guests.guest(body + guests.IDLE, "idle")), name="greedy"
    )
    with pytest.raises(LimitHit) as caught:
        component.instantiator().call_inline("", "idle", ())
    assert caught.value.limit == limit
    assert "starting greedy" in caught.value.message


@pytest.mark.parametrize(
    ("limit", "body", "times"),
    [
        ("instances", "", 150),
        ("memories", "(memory 1)", 50),
        ("tables", "(table 1 funcref) " * 60, 2),
    ],
)
def test_too_many_things_in_one_store_end_its_start_and_name_the_limit(
    engine: Engine, limit: str, body: str, times: int
) -> None:
    many = "(core instance (instantiate $m))" * times
    text = guests.guest(body + guests.IDLE, "idle")
    component = engine.load_blocking(wat_to_bytes(text.removesuffix(")") + many + ")"))
    with pytest.raises(LimitHit) as caught:
        component.instantiator().call_inline("", "idle", ())
    assert caught.value.limit == limit and f"raise {limit}" in caught.value.hint


def test_components_in_components_without_end_are_refused(engine: Engine) -> None:
    engine.load_blocking(guests.nested(50))
    with pytest.raises(InvalidComponent):
        engine.load_blocking(guests.nested(20_000))
    with pytest.raises(InvalidComponent, match="too deep"):
        wat_to_bytes("(component " * 100_000 + ")" * 100_000)


def test_types_in_types_without_end_are_refused_quickly(engine: Engine) -> None:
    begun = time.process_time()
    assert "f" in engine.load_blocking(guests.importing(*guests.listed(90))).imports
    assert "f" in engine.load_blocking(guests.importing(*guests.doubled(10))).imports
    for monster in (guests.listed(5_000), guests.listed(900_000), guests.doubled(200)):
        with pytest.raises(InvalidComponent):
            engine.load_blocking(guests.importing(*monster))
    # wasmtime would take this one: 120 bytes that name half a million types.
    with pytest.raises(InvalidComponent) as caught:
        engine.load_blocking(guests.importing(*guests.doubled(18)))
    assert caught.value.limit == "types"
    assert time.process_time() - begun < 15
