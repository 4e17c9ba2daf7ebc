"""A map that shares almost everything with what it was made from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.wadm.sharded import Sharded

KEYS = st.text(max_size=2)


@given(st.lists(st.tuples(st.booleans(), KEYS, st.integers()), max_size=200))
def test_it_is_a_dict_at_every_moment_and_never_changes(
    steps: list[tuple[bool, str, int]],
) -> None:
    ours: Sharded[str, int] = Sharded()
    plain: dict[str, int] = {}
    kept: list[tuple[Sharded[str, int], dict[str, int]]] = []
    for add, key, value in steps:
        if add:
            ours, plain = ours.having(key, value), {**plain, key: value}
        else:
            ours, plain = ours.lacking(key), {k: v for k, v in plain.items() if k != key}
        kept.append((ours, plain))
    for found, wanted in kept:
        assert found == wanted
        assert len(found) == len(wanted)
        assert all(found.get(key) == wanted.get(key) for key in ("", "a", *wanted))
        assert Sharded(wanted) == found
        assert Sharded(wanted.items()) == found


def test_its_order_does_not_depend_on_the_process() -> None:
    names = [("link", str(n)) for n in range(10)]
    assert list(Sharded(dict.fromkeys(names)))[:3] == [("link", "7"), ("link", "9"), ("link", "2")]
    assert ("link", "11") not in Sharded(dict.fromkeys(names))
    assert 3 not in Sharded({"3": 1})
    assert repr(Sharded({"a": 1})) == "{'a': 1}"
