"""The engines find what is planted, and say how to see it again."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.drawn_types import read_type, type_bytes
from tests.fuzz.engine import ATHERIS
from tests.fuzz.planted import TARGETS
from tests.fuzz.target import Broken, check
from tests.unit.wire.wrpc.test_codec import VECTORS

PLANTED = {target.name: target for target in TARGETS}
ENGINES = [True, False] if ATHERIS else [True]
SAYS = {
    "planted-crash": "KeyError: 'planted'",
    "planted-loop": "more than 0.3 s of CPU time",
    "planted-bomb": "bytes of memory",
}


@pytest.mark.parametrize("plain", ENGINES, ids=lambda plain: "plain" if plain else "atheris")
@pytest.mark.parametrize("name", SAYS)
def test_a_planted_defect_is_found_and_printed_as_a_test(
    name: str, plain: bool, tmp_path: Path
) -> None:
    target = PLANTED[name]
    outcome = fuzz("tests.fuzz.planted", target, 30, plain=plain, work=tmp_path)
    assert outcome.failed
    report = outcome.report()
    assert SAYS[name] in report
    assert f"tests/fuzz/corpus/{name}.txt" in report
    found = ast.literal_eval(report.splitlines()[-1])
    assert b"{" in found
    with pytest.raises((Broken, KeyError)):
        check(target, found, measure_memory=True)


@pytest.mark.parametrize("plain", ENGINES, ids=lambda plain: "plain" if plain else "atheris")
def test_a_target_that_holds_is_run_for_its_time(plain: bool, tmp_path: Path) -> None:
    outcome = fuzz("tests.fuzz.planted", PLANTED["planted-nothing"], 1, plain=plain, work=tmp_path)
    assert not outcome.failed
    assert "DONE" in outcome.summary


def test_a_type_survives_as_bytes() -> None:
    for type, _, _ in VECTORS:
        read, rest = read_type(type_bytes(type) + b"rest")
        assert type_bytes(read) == type_bytes(type)
        assert rest == b"rest"
