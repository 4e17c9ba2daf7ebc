"""How a component file looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.wasm.conftest import GOLDEN, wat
from workbench.notebook.display.component import component_card
from workbench.wasm import Component, wat_to_bytes


@pytest.fixture(scope="module")
def signed() -> Component:
    return Component.open(GOLDEN / "tiny-signed.wasm")


def test_exports_show_their_signatures_and_claims_their_keys(signed: Component) -> None:
    shown = component_card(signed)
    assert "lab:tiny/api@0.1.0\n      add: func(a: u32, b: u32) -> u32;" in shown.text
    assert "signed  tiny, M" in shown.text and " by A" in shown.text
    html = str(shown.html)
    assert "add: func(a: u32, b: u32) -&gt; u32;" in html and "<details" in html
    assert ".run(" in html and "needs" not in html


def test_what_somebody_must_provide_stands_apart_from_wasi() -> None:
    text = component_card(Component.open(wat("imports"))).text
    assert "  needs\n    test:host/counters@1.0.0\n" in text
    assert "twice: func(n: u32) -> u32;" in text
    http = component_card(Component.open(wat("http")))
    assert "WASI" in http.text and "needs" not in http.text
    assert '.http("GET", "/")' in str(http.html)


def test_names_from_a_stranger_stay_text() -> None:
    named = Component.open(wat_to_bytes("(component)"), name="<img src=x onerror=alert(1)>\u202e")
    html = str(component_card(named).html)
    assert "<img" not in html and "&lt;img" in html and "\u202e" not in html


def test_a_forged_signature_is_said_and_not_raised(tmp_path: Path) -> None:
    data = (GOLDEN / "tiny-signed.wasm").read_bytes()
    forged = Component.open(data + b"\0\x02\x01x")
    assert "not valid: Invalid module hash" in component_card(forged).text
