"""Who is silent, without looking at everybody all the time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.wadm.watch import Watch


def nobody(_host: str) -> bool:
    return False


def test_a_silent_host_is_due_after_its_time_and_once_asked_no_more() -> None:
    watch = Watch(35.0)
    assert watch.next_time() is None
    watch.hear("a", 0.0)
    watch.hear("b", 10.0)
    assert watch.next_time() == 35.0
    assert watch.silent(34.0, nobody) == []
    assert watch.silent(35.0, nobody) == ["a"]
    assert watch.next_time() == 45.0
    assert watch.silent(45.0, lambda host: host == "a") == ["b"]
    assert watch.next_time() is None
    watch.hear("a", 46.0)
    watch.forget("b")
    assert watch.next_time() == 81.0
    assert watch.silent(90.0, nobody) == ["a"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), max_size=60))
def test_nobody_is_missed(steps: list[tuple[str, int]]) -> None:
    """As if all were looked at each time; who was reported counts as asked until heard again."""
    watch = Watch(35.0)
    now, asked = 0.0, set[str]()
    for host, pause in steps:
        now += pause
        wanted = {h for h, at in watch.heard.items() if now - at >= 35.0} - asked
        found = watch.silent(now, asked.__contains__)
        assert set(found) == wanted
        asked |= wanted
        watch.hear(host, now)
        asked.discard(host)
