"""The inputs of the fold."""

from __future__ import annotations

from typing import get_args

from workbench.lattice import heard


def test_inputs_are_values_that_compare_by_content() -> None:
    assert heard.Tick(1.0) == heard.Tick(1.0)
    assert heard.EntryHeard("config", "a", b"{}", 1) != heard.EntryHeard("config", "a", b"{}", 2)
    assert all(kind.__dataclass_params__.frozen for kind in get_args(heard.Input))
