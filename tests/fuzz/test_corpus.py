"""Every kept input, every seed and a short burst of mutations, on each run of the tests."""

from __future__ import annotations

import pytest

from tests.fuzz.engine import Mutator
from tests.fuzz.target import CORPUS, Target, check, inputs, load_all

TARGETS = {name: target for name, (_, target) in load_all().items()}
BURST = 400


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_kept_input_gives_a_value_or_the_documented_error(target: Target) -> None:
    for data in inputs(target):
        check(target, data, measure_memory=True)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_seed_that_makes_sense_is_not_refused(target: Target) -> None:
    outcomes = [check(target, data) for data in target.seeds()]
    assert outcomes, f"{target.name} has no seeds"
    assert "" in outcomes


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_changed_input_gives_a_value_or_the_documented_error(target: Target) -> None:
    mutator = Mutator(target, seed=4)
    current = b""

    def run(data: bytes) -> str:
        nonlocal current
        current = data
        return check(target, data)

    try:
        for _ in range(BURST):
            mutator.step(run)
    except BaseException as error:
        error.add_note(f"line for tests/fuzz/corpus/{target.name}.txt:\n{current!r}")
        raise


def test_each_corpus_file_belongs_to_a_target() -> None:
    assert {file.stem for file in CORPUS.glob("*.txt")} <= set(TARGETS)
