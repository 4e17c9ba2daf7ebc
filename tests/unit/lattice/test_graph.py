"""Graph snapshots and the differences between them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from tests.unit.lattice.lives import (
    HOST_A,
    HOST_B,
    app,
    event,
    fold,
    host_started,
    link,
    provider_started,
    recorded_life,
    scaled,
    spec,
)
from workbench.lattice.graph import delta, pulse, snapshot, to_networkx
from workbench.lattice.state import LatticeState, Tick, apply
from workbench.wire import events
from workbench.wire.control import UNLIMITED, Inventory
from workbench.wire.wadm import StatusType

NODE_KEYS = {"id", "kind", "label", "parent", "status", "detail"}
EDGE_KEYS = {"id", "source", "target", "kind", "label", "detail"}


def nodes(shot: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in shot["nodes"]}


def patched(shot: dict[str, Any], change: dict[str, Any] | None) -> dict[str, Any]:
    """What a view does with a delta."""
    if change is None:
        return shot
    result = {**shot, "seq": change["seq"]}
    for part in ("nodes", "edges"):
        items = {item["id"]: item for item in shot[part]}
        for item in change[part]["add"] + change[part]["update"]:
            items[item["id"]] = item
        for gone in change[part]["remove"]:
            del items[gone]
        result[part] = items
    return result


def test_a_snapshot_has_exactly_the_agreed_shape() -> None:
    shot = snapshot(
        fold(
            host_started(zone="a"),
            scaled("hello", count=UNLIMITED),
            provider_started("httpd"),
            spec("httpd", link("httpd", "hello")),
            app("shop", StatusType.RECONCILING, "Scaling"),
        )
    )
    assert set(shot) == {"seq", "lattice", "nodes", "edges"}
    assert json.loads(json.dumps(shot)) == shot
    assert all(set(node) == NODE_KEYS for node in shot["nodes"])
    assert all(set(edge) == EDGE_KEYS for edge in shot["edges"])
    by_id = nodes(shot)
    assert set(by_id) == {
        f"host:{HOST_A}",
        f"component:{HOST_A}/hello",
        f"provider:{HOST_A}/httpd",
        "app:shop",
    }
    assert by_id[f"component:{HOST_A}/hello"]["parent"] == f"host:{HOST_A}"
    assert by_id[f"component:{HOST_A}/hello"]["detail"]["instances"] == "unlimited"
    assert by_id["app:shop"]["status"] == "starting"
    (edge,) = shot["edges"]
    assert (edge["source"], edge["target"], edge["kind"]) == (
        f"provider:{HOST_A}/httpd",
        f"component:{HOST_A}/hello",
        "link",
    )


def test_the_end_of_a_link_that_runs_nowhere_is_a_stopped_node() -> None:
    shot = snapshot(fold(spec("a", link("a", "b"))))
    assert {(n["id"], n["status"]) for n in shot["nodes"]} == {
        ("missing:a", "stopped"),
        ("missing:b", "stopped"),
    }
    assert len(shot["edges"]) == 1


def test_instances_on_two_hosts_are_linked_pair_by_pair() -> None:
    two = fold(
        host_started(),
        host_started(HOST_B, "b"),
        *(scaled(c, host=h) for c in "ab" for h in (HOST_A, HOST_B)),
        spec("a", link("a", "b")),
    )
    assert len(snapshot(two)["edges"]) == 4


def test_more_than_four_pairs_are_one_edge_that_says_so() -> None:
    hosts = [f"N{letter * 55}" for letter in "CDE"]
    three = fold(
        *(scaled(c, host=h) for c in "ab" for h in hosts),
        spec("a", link("a", "b")),
    )
    (edge,) = snapshot(three)["edges"]
    assert edge["detail"]["pairs"] == 9
    assert edge["source"] == f"component:{hosts[0]}/a"


def test_a_quiet_lattice_gives_no_delta() -> None:
    before = fold(host_started(), scaled("a"))
    beat = Inventory(providers=(), host_id=HOST_A, friendly_name="calm-lake-0001", version="1.9.2")
    first = fold(event(events.host_heartbeat(HOST_A, beat), 130.0), state=before)
    second = fold(event(events.host_heartbeat(HOST_A, beat), 160.0), state=first)
    assert second.seq == first.seq + 1
    assert delta(snapshot(first), snapshot(second)) is None


def test_deltas_along_a_recorded_life_add_up_to_the_snapshot() -> None:
    state = LatticeState()
    seen = snapshot(state)
    for _, heard in recorded_life():
        state = apply(state, heard)
        fresh = snapshot(state)
        change = delta(seen, fresh)
        kept = copy.deepcopy(seen)
        view = patched(seen, change)
        assert seen == kept, "a delta does not touch the snapshots"
        if change is not None:
            assert (change["from"], change["seq"]) == (seen["seq"], fresh["seq"])
            for part in ("nodes", "edges"):
                assert view[part] == {item["id"]: item for item in fresh[part]}
            seen = fresh


def test_nodes_keep_their_ids_when_others_come_and_go() -> None:
    one = fold(host_started(), scaled("a"), scaled("b"), spec("a", link("a", "b")))
    two = fold(host_started(HOST_B, "b"), scaled("b", host=HOST_B), state=one)
    change = delta(snapshot(one), snapshot(two))
    assert change is not None
    assert change["nodes"]["remove"] == change["edges"]["remove"] == []
    assert len(change["edges"]["add"]) == 1


def test_a_late_host_is_degraded() -> None:
    state = fold(host_started(), Tick(160.0))
    assert nodes(snapshot(state))[f"host:{HOST_A}"]["status"] == "degraded"


def test_hostile_names_stay_what_they_are() -> None:
    name = '<img src=x onerror="alert(1)">'
    shot = snapshot(fold(host_started(name=name), scaled(name)))
    assert nodes(shot)[f"component:{HOST_A}/{name}"]["label"] == name


@dataclass
class _Call:
    source: str
    target: str
    error: Any = None


class _Traffic:
    def calls(self) -> list[_Call]:
        return [_Call("a", "b"), _Call("a", "b", ValueError()), _Call("b", "a")]


def test_edges_count_the_calls_of_the_buffer() -> None:
    shot = snapshot(fold(spec("a", link("a", "b"))), _Traffic())
    assert shot["edges"][0]["detail"]["calls"] == 2
    assert shot["edges"][0]["detail"]["errors"] == 1


def test_a_pulse_runs_between_nodes_of_the_snapshot() -> None:
    state = fold(host_started(), scaled("a"))
    beat = pulse(state, source="workbench", target="a", instance="i", function="f", ok=True, ms=1.5)
    assert beat == {
        "type": "pulse",
        "source": "missing:workbench",
        "target": f"component:{HOST_A}/a",
        "instance": "i",
        "function": "f",
        "ok": True,
        "ms": 1.5,
    }


def test_networkx_gets_every_node_and_edge_with_its_fields() -> None:
    state = fold(
        host_started(),
        scaled("a"),
        spec("a", link("a", "b"), link("a", "b", wit_package="keyvalue")),
    )
    graph = to_networkx(state)
    assert graph.nodes["missing:b"]["status"] == "stopped"
    assert graph.number_of_edges(f"component:{HOST_A}/a", "missing:b") == 2
    assert graph.graph["seq"] == state.seq
