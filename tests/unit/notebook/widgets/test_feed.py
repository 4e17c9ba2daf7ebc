"""From states and calls to messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workbench.lattice.state import ComponentState, HostState, LatticeState
from workbench.lattice.traffic import Call
from workbench.notebook.widgets.feed import GraphFeed, coalesce


class Observed:
    """An observer and a traffic ring whose news a test makes."""

    def __init__(self) -> None:
        self.state = LatticeState(hosts={"N1": HostState("N1", "otter")}, seq=1)
        self.heard: list[Callable[..., None]] = []
        self.observer = self.traffic = self

    def subscribe(self, callback: Callable[..., None]) -> Callable[[], None]:
        self.heard.append(callback)
        return lambda: self.heard.remove(callback)

    def become(self, state: LatticeState) -> None:
        self.state = state
        self.heard[0](state, None)


def call(number: int, **changes: Any) -> Call:
    made = Call(
        number, "http", "hello", "wasi:http/incoming-handler", "handle", "default", 0.0, 2.5
    )
    return replace(made, **changes)


def grown(state: LatticeState, seq: int, *ids: str) -> LatticeState:
    components = {i: ComponentState(i, "cell://x", 1) for i in ids}
    return replace(state, seq=seq, hosts={"N1": HostState("N1", "otter", components=components)})


def test_changes_between_two_drains_are_one_delta_that_joins_on() -> None:
    observed = Observed()
    pokes: list[int] = []
    feed = GraphFeed(observed, lambda: pokes.append(1))  # pyright: ignore[reportArgumentType]
    first = feed.snapshot
    observed.become(grown(observed.state, 2, "a"))
    observed.become(grown(observed.state, 5, "a", "b"))
    (message,) = feed.drain()
    assert message["type"] == "delta"
    assert (message["delta"]["from"], message["delta"]["seq"]) == (first["seq"], 5)
    assert [n["id"] for n in message["delta"]["nodes"]["add"]] == [
        "component:N1/a",
        "component:N1/b",
    ]
    assert len(pokes) == 2 and feed.snapshot["seq"] == 5


def test_a_change_that_nobody_sees_is_not_sent_and_leaves_no_gap() -> None:
    observed = Observed()
    feed = GraphFeed(observed, lambda: None)  # pyright: ignore[reportArgumentType]
    before = feed.snapshot["seq"]
    observed.become(replace(observed.state, seq=9))
    assert feed.drain() == []
    observed.become(grown(observed.state, 10, "a"))
    assert feed.drain()[0]["delta"]["from"] == before


def test_calls_become_pulses_with_a_count_and_failures_stay_apart() -> None:
    calls = [call(1), call(2, duration_ms=3.0), call(3, error=ValueError("x"))]
    good, bad = coalesce(calls)
    assert (good["count"], good["ok"], good["ms"]) == (2, True, 3.0)
    assert (bad["count"], bad["ok"]) == (1, False)


def test_a_storm_of_different_calls_is_a_bounded_message() -> None:
    assert len(coalesce([call(n, target=f"t{n}") for n in range(5000)])) <= 64


def test_a_closed_feed_hears_nothing() -> None:
    observed = Observed()
    feed = GraphFeed(observed, lambda: None)  # pyright: ignore[reportArgumentType]
    feed.close()
    assert observed.heard == []
