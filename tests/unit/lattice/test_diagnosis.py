"""Words for what went wrong."""

from __future__ import annotations

import pytest

from workbench.errors import AmbiguousName, NotFound
from workbench.lattice import diagnosis


def test_every_known_refusal_has_a_next_step() -> None:
    text = "Configuration addr not found in config store. "
    error = diagnosis.refusal("link.put", text, "")
    assert error.message == text.strip()
    assert "config put" in error.hint


def test_an_unknown_refusal_has_only_the_hosts_text() -> None:
    assert diagnosis.refusal("host.get", "odd", "N").hint == ""


def test_exactly_one_is_returned() -> None:
    assert diagnosis.only_one([("N", 1)], "component", "a", []) == ("N", 1)
    with pytest.raises(NotFound):
        diagnosis.only_one([], "component", "a", ["b"])
    with pytest.raises(AmbiguousName):
        diagnosis.only_one([("N", 1), ("M", 2)], "component", "a", [])
