"""The fold of what runs where, and its indices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wadm.builders import hosts, providing, running
from workbench.wadm.observed import (
    HOSTS,
    HostState,
    Observed,
    Running,
    Terrain,
    with_component,
    with_config,
    with_host,
    with_inventory,
    with_link,
    with_links,
    with_provider,
    without_host,
    without_link,
)
from workbench.wire.control import ComponentEntry, Inventory
from workbench.wire.records import Link

LINK = Link(source_id="s", target="t", wit_namespace="n", wit_package="p", interfaces=("i",))


def test_a_heartbeat_replaces_all_that_was_known_of_its_host() -> None:
    seen = providing(running(hosts(a="1"), "a", "c", 3), "a", "p")
    inventory = Inventory(
        components=(ComponentEntry(id="d", image_ref="y", max_instances=2),), providers=(),
        host_id="a", friendly_name="a", labels={"zone": "1"}, version="1.9.2",
    )  # fmt: skip
    after, topics = with_inventory(seen, "a", inventory, 5.0)
    assert topics == {("component", "c"), ("component", "d"), ("provider", "p")}
    assert (after.component_hosts, after.provider_hosts) == ({"d": frozenset("a")}, {})
    again, topics = with_inventory(after, "a", inventory, 6.0)
    assert topics == frozenset()
    assert again.terrain is after.terrain


def test_a_new_host_or_label_concerns_everybody() -> None:
    seen, topics = with_host(Observed(), HostState("a", {"zone": "1"}))
    assert topics == {HOSTS}
    assert seen.terrain.eligible({"zone": "1"}) == {"a"}
    assert seen.terrain.eligible({"zone": "1", "x": "y"}) == frozenset()
    assert seen.terrain.eligible({}) == {"a"}
    gone, topics = without_host(running(seen, "a", "c", 1), "a")
    assert topics == {HOSTS, ("component", "c")}
    assert gone == Observed(terrain=gone.terrain)
    assert without_host(gone, "a")[1] == frozenset()


def test_count_zero_leaves_nothing_of_the_set() -> None:
    seen = running(hosts(a="1"), "a", "c", 3, "one")
    after, _ = with_component(seen, "a", "c", Running("x", {"other": "marks"}, 0))
    assert after.component_on("a", "c") is None
    assert after.component_hosts == {}


def test_links_and_configs() -> None:
    seen, topics = with_link(Observed(), LINK)
    assert topics == {("link", "s")}
    assert with_link(seen, LINK)[1] == frozenset()
    assert seen.links_in_slot(LINK) == [LINK]
    assert without_link(seen, "s", "default", "n", "p", "other")[0].links == seen.links
    assert without_link(seen, "s", "default", "n", "p", None)[0].links == {}
    assert with_links(seen, [])[0].links == {}
    assert with_links(seen, [LINK])[1] == frozenset()
    known, topics = with_config(seen, "c", None)
    assert topics == {("config", "c")}
    assert with_config(known, "c", None)[1] == frozenset()


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 2), st.booleans()),
        max_size=30,
    )
)
def test_the_indices_always_agree_with_the_hosts(steps: list[tuple[str, str, int, bool]]) -> None:
    seen = Observed()
    for host, thing, count, is_provider in steps:
        if is_provider:
            seen, _ = with_provider(seen, host, thing, Running("x") if count else None)
        elif count == 2 and thing == "y":
            seen, _ = without_host(seen, host)
        else:
            seen, _ = with_component(seen, host, thing, Running("x", {}, count))
    for index, name in ((seen.component_hosts, "components"), (seen.provider_hosts, "providers")):
        found: dict[str, set[str]] = {}
        for host in seen.hosts.values():
            for thing in getattr(host, name):
                found.setdefault(thing, set()).add(host.id)
        assert index == found


def test_the_order_of_hosts_is_stable_under_joins() -> None:
    ten = {f"h{n}": {} for n in range(10)}
    order = list(Terrain(ten).walk({}, "seed"))
    assert sorted(order) == sorted(ten)
    assert list(Terrain(dict(reversed(ten.items()))).walk({}, "seed")) == order
    more = Terrain({**ten, "new": {}}).walk({}, "seed")
    assert [host for host in more if host != "new"] == order
    assert list(Terrain({}).walk({}, "seed")) == []


def test_seeds_divide_over_the_hosts() -> None:
    terrain = Terrain({f"h{n}": {} for n in range(4)})
    first = [next(terrain.walk({}, f"seed{n}")) for n in range(400)]
    assert all(first.count(host) > 40 for host in terrain.eligible({}))
