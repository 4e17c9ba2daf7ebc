"""Component scalers: placement, conflicts and texts of wadm-engine.md §11 and §12."""

from __future__ import annotations

import re

import pytest

from tests.unit.wadm.builders import app, component, hosts, running, scaler, spread
from workbench.wadm.commands import ScaleComponent
from workbench.wadm.observed import Observed, Running, with_component, with_labels, without_host
from workbench.wadm.scalers import Context, Plan, Scaler
from workbench.wire.wadm import StatusType

ID = "app-c"


def the_scaler(*traits) -> Scaler:
    return app(component("c", *(traits or (scaler(5),)))).scalers[0]


def plan(wanted: Scaler, seen: Observed, context: Context | None = None) -> Plan:
    return wanted.reconcile(seen, context or Context({wanted.id: "app"}))


def placed(found: Plan) -> dict[str, tuple[int, str]]:
    return {c.host_id: (c.count, c.spread) for c in found.commands if isinstance(c, ScaleComponent)}


def test_one_host_takes_all_and_stays_the_same_choice() -> None:
    wanted = the_scaler()
    found = plan(wanted, hosts(a="1", b="1", c="1"))
    ((host, (count, name)),) = placed(found).items()
    assert (count, name) == (5, "default")
    assert found.status.message == "Scaling component on 1 host(s)"
    again = plan(wanted, hosts(c="1", b="1", a="1"))
    assert placed(again) == {host: (5, "default")}
    other = "abc".replace(host, "")
    fewer = dict.fromkeys(other[0] + host, "1")
    assert placed(plan(wanted, hosts(**fewer))) == {host: (5, "default")}


def test_different_scalers_choose_different_hosts() -> None:
    lattice = hosts(**{f"h{n}": "1" for n in range(10)})
    chosen = set()
    for n in range(40):
        wanted = app(component(f"c{n}", scaler(1))).scalers[0]
        chosen |= set(placed(plan(wanted, lattice)))
    assert len(chosen) >= 8


def test_a_running_spread_is_topped_up_where_it_runs() -> None:
    wanted = the_scaler()
    lattice = hosts(a="1", b="1")
    for host in "ab":
        assert placed(plan(wanted, running(lattice, host, ID, 3, wanted.id))) == {
            host: (5, "default")
        }
    # Upstream asks for the full target beside the rest, calls that a conflict and is stuck.
    both = running(running(lattice, "a", ID, 2, wanted.id), "b", ID, 1, wanted.id)
    assert placed(plan(wanted, both)) == {"a": (4, "default")}


def test_what_is_as_wanted_is_deployed_without_commands() -> None:
    wanted = the_scaler()
    found = plan(wanted, running(hosts(a="1", b="1"), "b", ID, 5, wanted.id))
    assert found.commands == ()
    assert found.status.type is StatusType.DEPLOYED


def test_too_many_are_taken_away_host_by_host() -> None:
    wanted = the_scaler(scaler(9))
    lattice = hosts(a="1", b="1", c="1")
    for host in "abc":
        lattice = running(lattice, host, ID, 10, wanted.id)
    assert placed(plan(wanted, lattice)) == {"a": (0, "default"), "b": (0, "default"),
                                             "c": (9, "default")}  # fmt: skip


def test_the_worked_example_of_103_instances() -> None:
    wanted = the_scaler(
        scaler(103, spread("East", 42, zone="east"), spread("West", 3, zone="west"),
               spread("Central", 37, zone="central"))
    )  # fmt: skip
    lattice = hosts(h1="east", h2="west", h3="central")
    found = plan(wanted, lattice)
    assert placed(found) == {"h1": (53, "East"), "h3": (47, "Central"), "h2": (3, "West")}
    assert found.status.message == "Scaling component on 3 host(s)"
    for host, (count, name) in placed(found).items():
        lattice = running(lattice, host, ID, count, wanted.id, name)
    assert plan(wanted, lattice).status.type is StatusType.DEPLOYED

    without_west, _ = without_host(lattice, "h2")
    found = plan(wanted, without_west)
    assert found.commands == ()
    assert found.status.message == (
        "Spread requirement conflict: West spread requires 3 instances vs 0 computed from "
        "reconciliation commands"
    )
    assert found.status.type is StatusType.FAILED

    relabelled, _ = with_labels(lattice, "h2", {})
    found = plan(wanted, relabelled)
    assert placed(found) == {"h2": (0, "")}
    assert found.status.message == "Found components running on ineligible hosts, removing them."


def test_spreads_that_share_hosts_conflict() -> None:
    wanted = the_scaler(
        scaler(12, spread("east", 25, zone="e"), spread("west", 25, zone="w"), spread("real", 50))
    )
    found = plan(wanted, hosts(h1="e", h2="x", h3="w", h4="x"))
    assert found.commands == ()
    # 12 in all if the 6 land on a host of their own, 9 if on one of the 3 (§11.3).
    assert re.search(r"real spread requires 6 instances vs (12|9)", found.status.message)
    one_host = the_scaler(scaler(10, spread("a", 80), spread("b", 20)))
    assert "b spread requires 2 instances vs 8" in plan(one_host, hosts(h="x")).status.message


def test_no_eligible_host_has_the_conflict_text_and_target_zero_the_other() -> None:
    wanted = the_scaler(scaler(5, spread("x", zone="nowhere")))
    assert "x spread requires 5 instances vs 0" in plan(wanted, hosts(a="1")).status.message
    nothing = the_scaler(scaler(0, spread("x", zone="nowhere")))
    assert plan(nothing, hosts(a="1")).status.message == (
        "Could not satisfy spread x for x:1, 0/1 eligible hosts found."
    )


def test_a_host_with_a_foreign_set_is_emptied_first_and_only_if_no_other_is_free() -> None:
    wanted = the_scaler()
    lattice = running(hosts(a="1"), "a", ID, 2)
    assert placed(plan(wanted, lattice)) == {"a": (0, "default")}
    assert placed(plan(wanted, running(hosts(a="1", b="1"), "a", ID, 2))) == {"b": (5, "default")}


def test_what_is_being_removed_is_waited_for() -> None:
    wanted = the_scaler()
    context = Context({wanted.id: "app"}, retiring=frozenset({"old"}))
    found = plan(wanted, running(hosts(a="1"), "a", ID, 2, "old"), context)
    assert found.commands == ()
    assert found.status.type is StatusType.RECONCILING


def test_an_id_of_another_application_is_left_alone() -> None:
    wanted = the_scaler()
    context = Context({wanted.id: "app", "theirs": "other"})
    found = plan(wanted, running(hosts(a="1"), "a", ID, 2, "theirs"), context)
    assert found.commands == ()
    assert found.status.message == "Component id app-c is already run by application other."


def test_a_renamed_spread_moves_over_the_stop_of_the_old_one() -> None:
    wanted = the_scaler(scaler(5, spread("new")))
    lattice = running(hosts(a="1"), "a", ID, 5, wanted.id, "old")
    assert placed(plan(wanted, lattice)) == {"a": (0, "old")}
    emptied = with_component(lattice, "a", ID, Running("x:1", {}, 0))[0]
    assert placed(plan(wanted, emptied)) == {"a": (5, "new")}


def test_cleanup_stops_what_carries_the_id_and_nothing_else() -> None:
    wanted = the_scaler()
    lattice = running(hosts(a="1", b="1", c="1"), "a", ID, 5, wanted.id, "gone")
    lattice = running(running(lattice, "b", ID, 1), "c", "other", 1, wanted.id)
    commands = [step.command for step in wanted.cleanup(lattice, Context())]
    assert [(c.host_id, c.count, c.spread) for c in commands if isinstance(c, ScaleComponent)] == [
        ("a", 0, "gone")
    ]


def test_a_daemon_fills_every_eligible_host() -> None:
    wanted = the_scaler(scaler(2, spread("x", zone="1"), daemon=True))
    lattice = running(hosts(a="1", b="1", c="2"), "b", ID, 1, wanted.id, "x")
    found = plan(wanted, lattice)
    assert placed(found) == {"a": (2, "x"), "b": (2, "x")}
    assert (wanted.kind, found.status.message) == (
        "DaemonScaler", "Scaling component on 2 host(s)")  # fmt: skip
    stray = running(lattice, "c", ID, 1)
    assert placed(plan(wanted, stray)) == {"c": (0, "")}


def test_a_daemon_gives_a_host_of_two_spreads_to_the_first() -> None:
    wanted = the_scaler(scaler(2, spread("x", zone="1"), spread("y"), daemon=True))
    assert placed(plan(wanted, hosts(a="1", b="2"))) == {"a": (2, "x"), "b": (2, "y")}


def test_a_daemon_without_eligible_host_says_so() -> None:
    wanted = the_scaler(scaler(2, spread("x", zone="9"), daemon=True))
    assert plan(wanted, hosts(a="1")).status.message == (
        "Could not satisfy daemonscaler x for x:1, 0 eligible hosts found."
    )


@pytest.mark.parametrize("daemon", [False, True])
def test_instances_zero_stop_what_runs(daemon: bool) -> None:
    wanted = the_scaler(scaler(0, daemon=daemon))
    assert placed(plan(wanted, running(hosts(a="1"), "a", ID, 3, wanted.id))) == {
        "a": (0, "default")
    }
    assert plan(wanted, hosts(a="1")).status.type is StatusType.DEPLOYED
