"""Provider scalers: wadm-engine.md §13."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.wadm.builders import app, hosts, provider, providing, scaler, spread
from workbench.wadm.commands import StartProvider, StopProvider
from workbench.wadm.observed import Observed, with_host, with_labels
from workbench.wadm.scalers import Context, Plan, Scaler
from workbench.wadm.scalers.base import failed
from workbench.wire.wadm import StatusType

ID = "app-p"


def the_scaler(*traits) -> Scaler:
    return app(provider("p", *traits)).scalers[0]


def plan(wanted: Scaler, seen: Observed, context: Context | None = None) -> Plan:
    return wanted.reconcile(seen, context or Context({wanted.id: "app"}))


def started(found: Plan) -> list[str]:
    return sorted(c.host_id for c in found.commands if isinstance(c, StartProvider))


def stopped(found: Plan) -> list[str]:
    return sorted(c.host_id for c in found.commands if isinstance(c, StopProvider))


def test_a_provider_without_trait_gets_one_host() -> None:
    wanted = the_scaler()
    found = plan(wanted, hosts(a="1", b="1"))
    assert len(started(found)) == 1
    assert found.status.message == "Scaling provider on 1 host(s)"


def test_instances_count_hosts_and_what_can_be_started_is() -> None:
    wanted = the_scaler(scaler(3))
    found = plan(wanted, hosts(a="1", b="1"))
    assert started(found) == ["a", "b"]
    assert found.status.message == (
        "Could not satisfy spread default for x:1, 0/3 eligible hosts found."
    )
    both = providing(providing(hosts(a="1", b="1"), "a", ID, wanted.id), "b", ID, wanted.id)
    assert "2/3 eligible hosts found" in plan(wanted, both).status.message


def test_foreign_instances_satisfy_the_target_once_and_are_never_stopped() -> None:
    wanted = the_scaler(scaler(2))
    lattice = providing(hosts(a="1", b="1", c="1"), "a", ID)
    assert len(started(plan(wanted, lattice))) == 1
    one = the_scaler(scaler(1))
    everywhere = providing(providing(lattice, "b", ID), "c", ID)
    assert plan(one, everywhere).commands == ()
    mine = providing(lattice, "b", ID, one.id)
    assert stopped(plan(one, mine)) == ["b"]


def test_no_host_has_the_recorded_text() -> None:
    assert plan(the_scaler(), Observed()).status.message == (
        "Could not satisfy spread default for x:1, 0/1 eligible hosts found."
    )


def test_strays_of_ours_are_stopped_and_others_stay() -> None:
    wanted = the_scaler(scaler(1, spread("default", zone="1")))
    lattice = providing(providing(hosts(a="1", b="1"), "a", ID, wanted.id), "b", ID)
    lattice = with_labels(with_labels(lattice, "a", {})[0], "b", {})[0]
    found = plan(wanted, lattice)
    assert stopped(found) == ["a"]
    assert found.status.message == "Found providers running on ineligible hosts, removing them."


def test_a_retiring_scalers_provider_is_waited_for() -> None:
    wanted = the_scaler()
    context = Context({wanted.id: "app"}, retiring=frozenset({"old"}))
    found = plan(wanted, providing(hosts(a="1"), "a", ID, "old"), context)
    assert found.commands == ()
    assert found.status.type is StatusType.RECONCILING


def test_two_spreads_do_not_start_twice_on_one_host() -> None:
    wanted = the_scaler(scaler(2, spread("x"), spread("y")))
    assert started(plan(wanted, hosts(a="1", b="1"))) == ["a", "b"]


def test_a_daemon_runs_everywhere_and_cleanup_starts_nothing() -> None:
    wanted = the_scaler(scaler(1, daemon=True))
    lattice = providing(hosts(a="1", b="1"), "a", ID, wanted.id)
    found = plan(wanted, lattice)
    assert started(found) == ["b"]
    commands = [step.command for step in wanted.cleanup(lattice, Context())]
    assert [(type(c), getattr(c, "host_id", "")) for c in commands] == [(StopProvider, "a")]
    nowhere = the_scaler(scaler(1, spread("x", zone="9"), daemon=True))
    assert plan(nowhere, hosts(a="1")).status.message == (
        "Could not satisfy daemonscaler x for x:1, 0 eligible hosts found."
    )


def test_an_unwell_provider_is_no_success() -> None:
    wanted = the_scaler()
    lattice = providing(hosts(a="1"), "a", ID, wanted.id)
    assert plan(wanted, lattice).status.type is StatusType.DEPLOYED
    unwell = replace(lattice.hosts["a"], health={ID: "Failed"})
    found = plan(wanted, with_host(lattice, unwell)[0])
    assert found.commands == ()
    assert found.status == failed("Unhealthy provider on 1 host(s)")
