"""Properties of reconcile over random lattices, manifests and fates of events."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.wadm.builders import app, component, config, hosts, link, provider, scaler, spread
from tests.unit.wadm.simulation import VirtualLattice
from workbench.wadm.commands import Command, ReadConfig, ReadHost, ReadLinks, StartProvider
from workbench.wadm.desired import Desired
from workbench.wadm.observed import Observed, with_config
from workbench.wadm.ports import Answer
from workbench.wadm.reconcile import cleanup, context_of, reconcile
from workbench.wadm.scalers import LinkScaler, ProviderSpread
from workbench.wire.wadm import StatusType

ZONES = ("a", "b", "c")
QUESTIONS = (ReadConfig, ReadHost, ReadLinks)


def changing(commands: list[Command]) -> list[Command]:
    return [c for c in commands if not isinstance(c, QUESTIONS)]


@st.composite
def scalers(draw: st.DrawFn) -> dict[str, Any]:
    """A scaler trait whose spreads select disjoint zones, so that it can be satisfied."""
    zones = draw(st.lists(st.sampled_from(ZONES), unique=True, max_size=3))
    spreads = [spread(zone, draw(st.none() | st.integers(1, 9)), zone=zone) for zone in zones]
    return scaler(draw(st.integers(0, 9)), *spreads, daemon=draw(st.booleans()))


@st.composite
def apps(draw: st.DrawFn, name: str = "app", version: str = "v1") -> Desired:
    parts: list[dict[str, Any]] = []
    names: list[str] = []
    for index in range(draw(st.integers(1, 3))):
        image = draw(st.sampled_from(["x:1", "x:2"]))
        configs = [config(f"cfg{index}", k=draw(st.sampled_from("uv")))]
        more: dict[str, Any] = {"config": configs} if draw(st.booleans()) else {}
        wired = [link(draw(st.sampled_from(names)), package="keyvalue")] if names else []
        names.append(f"c{index}")
        parts.append(component(names[-1], draw(scalers()), *wired, image=image, **more))
    if draw(st.booleans()):
        target = draw(st.sampled_from(names))
        source = {"config": [config("addr", a=draw(st.sampled_from("12")))]}
        spread_over = [draw(scalers())] if draw(st.booleans()) else []
        parts.append(provider("p", link(target, source=source), *spread_over))
    return app(*parts, name=name, version=version)


def assert_converged(lattice: VirtualLattice, wanted: Desired) -> None:
    """Nothing is left to do, and what can be deployed is."""
    found = reconcile(lattice.engine.observed, wanted)
    assert changing(list(found.commands)) == []
    kinds = {s.status.type for s in lattice.status(wanted.name).scalers}
    assert kinds <= {StatusType.DEPLOYED, StatusType.FAILED}
    for scaler_status in lattice.status(wanted.name).scalers:
        if scaler_status.status.type is StatusType.FAILED:
            # Only for want of hosts, never because work is left undone.
            text = scaler_status.status.message
            assert "eligible hosts found" in text or " 0 computed" in text


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_it_converges_and_then_rests(data: st.DataObject) -> None:
    lattice = VirtualLattice()
    for index in range(data.draw(st.integers(1, 5))):
        lattice.join(f"h{index}", zone=data.draw(st.sampled_from(ZONES)))
    wanted = data.draw(apps())
    lattice.engine.deploy(wanted, lattice.now)
    lattice.settle()
    assert_converged(lattice, wanted)
    before = len(lattice.commands)
    lattice.heartbeats()
    lattice.settle()
    lattice.engine.deploy(wanted, lattice.now)
    lattice.settle()
    assert changing(lattice.commands[before:]) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_command_is_sent_twice_and_none_is_undone(data: st.DataObject) -> None:
    """Without failures one deploy needs each command once: fewer is not enough, more is waste."""
    lattice = VirtualLattice()
    for index in range(data.draw(st.integers(1, 5))):
        lattice.join(f"h{index}", zone=data.draw(st.sampled_from(ZONES)))
    lattice.settle()
    lattice.engine.deploy(data.draw(apps()), lattice.now)
    lattice.settle()
    sent = changing(lattice.commands)
    assert len(sent) == len(set(sent))
    assert len({c.slot for c in sent}) == len(sent)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_history_with_lost_doubled_and_shuffled_events_converges(data: st.DataObject) -> None:
    chaos = random.Random(data.draw(st.integers(0, 2**32)))
    lattice = VirtualLattice(chaos=chaos)
    names = [f"h{index}" for index in range(data.draw(st.integers(2, 4)))]
    for name in names:
        lattice.join(name, zone=data.draw(st.sampled_from(ZONES)))
    wanted = data.draw(apps())
    lattice.engine.deploy(wanted, lattice.now)
    for step in range(data.draw(st.integers(0, 4))):
        what = data.draw(st.sampled_from(["leave", "die", "join", "relabel", "deploy", "time"]))
        if what in ("leave", "die") and len(lattice.hosts) > 1:
            getattr(lattice, what)(data.draw(st.sampled_from(sorted(lattice.hosts))))
        elif what == "join":
            lattice.join(f"n{step}", zone=data.draw(st.sampled_from(ZONES)))
        elif what == "relabel":
            host = data.draw(st.sampled_from(sorted(lattice.hosts)))
            lattice.relabel(host, zone=data.draw(st.sampled_from(ZONES)))
        elif what == "deploy":
            wanted = data.draw(apps(version=f"v{step + 2}"))
            lattice.engine.deploy(wanted, lattice.now)
        lattice.pass_time(data.draw(st.integers(1, 40)), step=5.0)
    lattice.chaos = None
    # Silent hosts, unconfirmed commands and late inventories all take their time.
    lattice.pass_time(240, step=5.0)
    assert_converged(lattice, wanted)
    before = len(lattice.commands)
    lattice.pass_time(60, step=10.0)
    assert changing(lattice.commands[before:]) == []
    lattice.engine.undeploy("app", lattice.now)
    lattice.pass_time(120, step=5.0)
    assert all(not host.components and not host.providers for host in lattice.hosts.values())
    assert lattice.links == ()
    assert lattice.configs == {}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_upgrade_touches_only_what_changes_and_nothing_more_often_than_needed(
    data: st.DataObject,
) -> None:
    lattice = VirtualLattice()
    for index in range(data.draw(st.integers(1, 5))):
        lattice.join(f"h{index}", zone=data.draw(st.sampled_from(ZONES)))
    neighbour = data.draw(apps(name="neighbour"))
    lattice.engine.deploy(neighbour, lattice.now)
    lattice.engine.deploy(data.draw(apps()), lattice.now)
    lattice.settle()
    before, sent = lattice.standing(), len(lattice.commands)
    wanted = data.draw(apps(version="v2"))
    lattice.engine.deploy(wanted, lattice.now)
    lattice.settle()
    after = lattice.standing()
    commands = changing(lattice.commands[sent:])
    for slot in {command.slot for command in commands}:
        assert before.get(slot) != after.get(slot), slot
        # Where something else runs under the same id it is stopped first: two, never three.
        times = [command for command in commands if command.slot == slot]
        assert len(times) <= (2 if slot in before and slot in after else 1), times
    assert_converged(lattice, wanted)
    assert_converged(lattice, neighbour)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_host_that_vanishes_with_a_command_is_made_up_for_elsewhere(data: st.DataObject) -> None:
    lattice = VirtualLattice()
    for index in range(data.draw(st.integers(2, 5))):
        lattice.join(f"h{index}", zone="a")
    lattice.settle()
    lattice.engine.deploy(data.draw(apps()), lattice.now)
    vanish = data.draw(st.integers(0, 6))
    carry_out = lattice._carry_out

    def vanishing(command: Command) -> Answer:
        nonlocal vanish
        answer = carry_out(command)
        host = getattr(command, "host_id", "")
        if not isinstance(command, QUESTIONS) and host in lattice.hosts and len(lattice.hosts) > 1:
            vanish -= 1
            if vanish == 0:
                lattice.die(host)
        return answer

    lattice._carry_out = vanishing  # type: ignore[method-assign] # a fate for this test
    lattice.settle()
    lattice.pass_time(120, step=2.0)
    assert_converged(lattice, lattice.engine.apps["app"].desired)
    before = len(lattice.commands)
    lattice.pass_time(90, step=10.0)
    assert changing(lattice.commands[before:]) == []


def test_reconcile_is_a_function_of_its_inputs() -> None:
    wanted = app(component("c", scaler(3)), provider("p", link("c")))
    seen = hosts(a="1", b="2")
    assert reconcile(seen, wanted) == reconcile(seen, wanted)
    assert reconcile(Observed(), wanted).commands == ()


def test_two_parts_with_one_config_ask_for_it_once() -> None:
    shared = [config("s", k="v")]
    wanted = app(component("c", scaler(1), config=shared), component("d", scaler(1), config=shared))
    assert reconcile(hosts(a="1"), wanted).commands == (ReadConfig("app-s"),)


def test_what_needs_a_config_waits_and_the_status_says_what_for() -> None:
    wanted = app(provider("p", config=[config("s", k="v")]))
    seen, _ = with_config(hosts(a="1"), "app-s", None)
    found = reconcile(seen, wanted)
    assert not any(isinstance(c, StartProvider) for c in found.commands)
    assert found.status.message == "Scaling provider on 1 host(s)"


def test_cleanup_has_an_end_even_when_nothing_is_known_to_be_there() -> None:
    wanted = app(
        component("c", scaler(1)), provider("p", link("c", source={"config": [config("a")]}))
    )
    (found,) = [s for s in wanted.scalers if isinstance(s, LinkScaler)]
    seen, context = hosts(a="1"), context_of([])
    done: set[Command] = set()
    for _ in range(2):
        done |= {step.command for step in cleanup(found, seen, context, done)}
    assert cleanup(found, seen, context, done) == ()
    assert len(done) == 2


def test_a_scaler_of_a_current_application_is_not_retiring() -> None:
    wanted = app(provider("p"))
    (found,) = wanted.scalers
    assert isinstance(found, ProviderSpread)
    context = context_of([wanted], retiring=[found.id, "old"])
    assert context.retiring == {"old"}
    assert context.owners == {found.id: "app"}
