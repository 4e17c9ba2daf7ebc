"""How instances divide over spreads: the numbers of wadm-engine.md §11.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.wadm.scalers.spread import daemon_goals, targets
from workbench.wire.manifest import Spread


def goals(instances: int, *weights: tuple[str, int | None]) -> dict[str, int]:
    spreads = [Spread(name, {}, weight) for name, weight in weights]
    return {goal.spread: goal.count for goal in targets(instances, spreads)}


@pytest.mark.parametrize(
    ("instances", "weights", "expected"),
    [
        (103, (("One", 42), ("Two", 3), ("Three", 37), ("Four", 384)),
         {"Four": 85, "One": 10, "Three": 8, "Two": 0}),
        (103, (("East", 42), ("West", 3), ("Central", 37)),
         {"East": 53, "Central": 47, "West": 3}),
        (4, (("east", 80), ("west", 20)), {"east": 4, "west": 0}),
        (10, (("a", None), ("b", None), ("c", None)), {"a": 4, "b": 3, "c": 3}),
        (7, (("A", 30), ("B", 40)), {"B": 4, "A": 3}),
        (12, (("east", 25), ("west", 25), ("real", 50)), {"real": 6, "east": 3, "west": 3}),
        (5, (("a", 0), ("b", 0)), {"a": 3, "b": 2}),
        (5, (), {"default": 5}),
    ],
)  # fmt: skip
def test_the_table(instances: int, weights, expected: dict[str, int]) -> None:
    found = goals(instances, *weights)
    assert found == expected
    assert list(found) == list(expected)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 500) | st.none(), max_size=6))
def test_nothing_is_lost_or_invented(instances: int, weights: list[int | None]) -> None:
    spreads = [Spread(str(index), {}, weight) for index, weight in enumerate(weights)]
    found = targets(instances, spreads)
    assert sum(goal.count for goal in found) == instances
    assert all(goal.count >= 0 for goal in found)


def test_a_daemon_wants_the_same_everywhere() -> None:
    assert [(g.spread, g.count) for g in daemon_goals(2, [])] == [("default", 2)]
    assert [g.count for g in daemon_goals(2, [Spread("a", {}, 9), Spread("b", {})])] == [2, 2]
