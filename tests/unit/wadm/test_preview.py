"""A preview is what the engine would do, found without doing it."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.wadm.builders import app, component, config, link, provider, scaler, spread
from tests.unit.wadm.simulation import VirtualLattice
from tests.unit.wadm.test_reconcile import ZONES, apps, changing
from workbench.wadm.desired import Desired
from workbench.wadm.preview import preview
from workbench.wire.wadm import StatusType


def shop(instances: int = 2, version: str = "v1", image: str = "x:1", greeting: str = "hi"):
    return app(
        component(
            "c", scaler(instances), image=image, config=[config("shared", greeting=greeting)]
        ),
        provider("p", link("c", source={"config": [config("addr", address="1:2")]})),
        version=version,
    )


def deployed(lattice: VirtualLattice, wanted: Desired) -> VirtualLattice:
    lattice.engine.deploy(wanted, lattice.now)
    lattice.settle()
    return lattice


def one_host() -> VirtualLattice:
    lattice = VirtualLattice()
    lattice.join("N1")
    lattice.settle()
    return lattice


def told(found) -> list[str]:
    return [str(change) for change in found.changes]


def test_a_first_deployment_lists_everything_in_order_with_its_reasons() -> None:
    found = preview(one_host().engine.observed, shop())
    assert told(found) == [
        "p → c: put config app-addr, because it is missing",
        "c: put config app-shared, because it is missing",
        "p → c: put link app-p -(wasi:http)-> app-c, because the lattice has no such link",
        "c: run component app-c with 2 instance(s) on name-N1, "
        "because 0 of 2 run in spread default",
        "p: start provider app-p on name-N1, because 0 of 1 run in spread default",
    ]
    assert found.status.type is StatusType.DEPLOYED
    assert found.replaces is None


def test_what_is_there_already_changes_nothing() -> None:
    lattice = deployed(one_host(), shop())
    found = preview(lattice.engine.observed, shop(), shop())
    assert not found
    assert (found.replaces, found.status.type) == ("v1", StatusType.DEPLOYED)


def test_only_the_difference_is_listed() -> None:
    lattice = deployed(one_host(), shop())
    found = preview(lattice.engine.observed, shop(5, "v2", greeting="hello"), shop())
    assert [change.what for change in found.changes] == [
        "put config app-shared",
        "run component app-c with 5 instance(s) on name-N1",
    ]


def test_what_leaves_is_removed_and_what_another_application_uses_stays() -> None:
    lattice = deployed(one_host(), shop())
    smaller = app(component("c", scaler(2), config=[config("shared", greeting="hi")]), version="v2")
    found = preview(lattice.engine.observed, smaller, shop())
    assert sorted(change.what for change in found.changes) == [
        "delete config app-addr",
        "delete link of app-p for wasi:http",
        "stop provider app-p on name-N1",
    ]
    same_link = shop()
    kept = preview(lattice.engine.observed, smaller, shop(), others=[same_link])
    assert not any("delete" in change.what for change in kept.changes)


def test_a_lattice_without_hosts_can_only_wait() -> None:
    found = preview(VirtualLattice().engine.observed, shop())
    assert (told(found), found.status.type) == ([], StatusType.WAITING)


def test_what_can_not_be_is_said_in_the_status() -> None:
    wanted = app(component("c", scaler(1, spread("far", zone="nowhere"))))
    found = preview(one_host().engine.observed, wanted)
    assert found.status.type is StatusType.FAILED
    assert "requires 1 instances vs 0" in found.status.message


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_preview_is_exactly_what_the_engine_then_does(data: st.DataObject) -> None:
    lattice = VirtualLattice()
    for index in range(data.draw(st.integers(1, 4))):
        lattice.join(f"N{index}", zone=data.draw(st.sampled_from(ZONES)))
    lattice.settle()
    before = data.draw(st.none() | apps(version="v1"))
    if before is not None:
        deployed(lattice, before)
    for name, values in lattice.configs.items():
        assert lattice.engine.observed.configs.get(name, values) == values
    wanted = data.draw(apps(version="v2"))
    found = preview(lattice.engine.observed, wanted, before)
    since = len(lattice.commands)
    deployed(lattice, wanted)
    done = changing(lattice.commands[since:])
    assert Counter(change.command for change in found.changes) == Counter(done)
