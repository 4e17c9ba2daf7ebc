"""The notebook about a component without a lattice; its own cells assert what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.notebook_run import load, outputs_of, run, text_of

pytestmark = pytest.mark.timeout(300)  # it builds a component


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("alone")
    return run(load("01-a-component-alone.ipynb"), folder)


def failures(notebook: Any) -> list[str]:
    return [text_of(c) for c in notebook.cells if "raises-exception" in c.metadata.get("tags", [])]


def test_the_component_shows_what_it_offers_and_needs(alone: Any) -> None:
    shown = outputs_of(alone, "shop")
    assert "total: func(entries: list<entry>) -> result<u32, string>;" in shown
    assert "needs" in shown and "price-of: func(item: string) -> option<u32>;" in shown


def test_what_it_prints_appears_under_the_cell(alone: Any) -> None:
    assert "printing 1250 cents" in outputs_of(alone, "receipt")


def test_every_failure_says_what_to_do_without_a_traceback(alone: Any) -> None:
    missing, mismatch, raised, endless = failures(alone)
    assert "nobody provides" in missing and "imports={'demo:shop/prices': …}" in missing
    assert "entries[0].count" in mismatch and "u32" in mismatch and "'two'" in mismatch
    assert "coin raised KeyError: 7" in raised and "at app.py line" in raised
    assert "the limit on execution time" in endless and "raise timeout_s" in endless
    assert not any("Traceback" in text for text in failures(alone))
