"""The state machine on a virtual lattice: deploys, upgrades, failures, hosts that come and go."""

from __future__ import annotations

import json

import pytest

from tests.golden.wadm import recorded, recorded_manifest
from tests.unit.wadm.builders import app, component, config, link, provider, scaler, spread
from tests.unit.wadm.simulation import VirtualLattice
from workbench.wadm.commands import (
    Command,
    DeleteConfig,
    DeleteLink,
    PutLink,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    StartProvider,
    StopProvider,
    wire_form,
)
from workbench.wadm.desired import desired
from workbench.wadm.engine import Engine
from workbench.wadm.ports import Answer, Timing
from workbench.wire import events
from workbench.wire import manifest as m
from workbench.wire.records import Link
from workbench.wire.wadm import NO_HOSTS, UNDEPLOYED, StatusType, encode, parse_status

HELLO = "hello_app-hello"
HTTPD = "hello_app-httpd"


def hello(version: str):
    return desired(m.parse(recorded_manifest(version)))


def shop(instances: int = 2, version: str = "v1", image: str = "x:1"):
    return app(
        component("c", scaler(instances), image=image, config=[config("shared", k="v")]),
        provider("p", link("c", source={"config": [config("addr", address="1:2")]})),
        version=version,
    )


@pytest.fixture
def lattice() -> VirtualLattice:
    return VirtualLattice()


def changes(lattice: VirtualLattice, since: int = 0) -> list[str]:
    """The commands that change something, by kind."""
    questions = (ReadConfig, ReadHost, ReadLinks)
    return [type(c).__name__ for c in lattice.commands[since:] if not isinstance(c, questions)]


def test_the_recorded_application_deploys_with_the_recorded_statuses(
    lattice: VirtualLattice,
) -> None:
    lattice.join("H1", zone="a")
    lattice.engine.deploy(hello("v1"), lattice.now)
    lattice.settle()
    assert lattice.counts(HELLO) == {"H1": 2}
    assert lattice.running_providers(HTTPD) == ["H1"]
    theirs = [parse_status(line["text"].encode()) for line in recorded("status")]
    ours = [status for _, status in lattice.statuses]
    assert encode(ours[0]) == encode(theirs[1])
    assert encode(ours[-1]) == encode(theirs[3])
    assert changes(lattice) == [
        "PutConfig", "PutConfig", "PutLink", "ScaleComponent", "StartProvider"]  # fmt: skip


def test_commands_are_those_that_the_real_manager_queued(lattice: VirtualLattice) -> None:
    host = "NDMHASFRM5QCADCBECGT52VOKGTVY7PY4DAVF6CMY52DTYDNUDTLZUFA"
    lattice.join(host, zone="a")
    lattice.engine.deploy(hello("v1"), lattice.now)
    lattice.settle()
    lattice.engine.deploy(hello("v2"), lattice.now)
    lattice.settle()
    lattice.engine.undeploy("hello-app", lattice.now)
    lattice.settle()
    ours = [wire_form(c) for c in lattice.commands]
    theirs = [
        json.loads(line["text"])
        for line in recorded("command")
        if line["step"] in ("status-v1", "deploy-v2", "undeploy")
    ]
    for command in theirs:
        assert command in ours
    assert [c for c in ours if c is not None and c not in theirs] == []


def test_more_instances_need_one_command_and_keep_the_scaler(lattice: VirtualLattice) -> None:
    lattice.join("H1", zone="a")
    lattice.engine.deploy(hello("v1"), lattice.now)
    lattice.settle()
    before = len(lattice.commands)
    lattice.engine.deploy(hello("v2"), lattice.now)
    lattice.settle()
    assert changes(lattice, before) == ["ScaleComponent"]
    assert lattice.counts(HELLO) == {"H1": 5}


def test_an_upgrade_with_the_same_config_keeps_that_config(lattice: VirtualLattice) -> None:
    """The real manager deletes it (wadm-engine.md §17.2)."""
    lattice.join("H1", zone="a")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    before = len(lattice.commands)
    lattice.engine.deploy(shop(version="v2", image="x:2"), lattice.now)
    lattice.settle()
    assert changes(lattice, before) == ["ScaleComponent", "ScaleComponent"]
    assert lattice.hosts["H1"].components["app-c"].image_ref == "x:2"
    assert lattice.configs == {"app-shared": {"k": "v"}, "app-addr": {"address": "1:2"}}
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_a_failed_upgrade_shows_the_hosts_words_and_is_tried_ever_more_rarely(
    lattice: VirtualLattice,
) -> None:
    lattice.join("H1", zone="a")
    lattice.fail_references.add("bad")
    lattice.engine.deploy(shop(image="bad"), lattice.now)
    lattice.settle()
    status = lattice.status("app")
    assert status.type is StatusType.FAILED
    assert status.scalers[0].status.message == "failed to fetch component"
    tries = len([c for c in lattice.commands if isinstance(c, ScaleComponent)])
    lattice.pass_time(120, step=0.5)
    more = len([c for c in lattice.commands if isinstance(c, ScaleComponent)]) - tries
    assert 5 <= more <= 8
    lattice.fail_references.clear()
    lattice.pass_time(35)
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_deploying_again_is_a_kick(lattice: VirtualLattice) -> None:
    lattice.join("H1", zone="a")
    lattice.fail_references.add("bad")
    lattice.engine.deploy(shop(image="bad"), lattice.now)
    lattice.settle()
    lattice.pass_time(60)
    lattice.fail_references.clear()
    lattice.engine.deploy(shop(image="bad"), lattice.now)
    lattice.settle()
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_without_a_host_everything_waits_and_the_first_host_starts_it(
    lattice: VirtualLattice,
) -> None:
    lattice.engine.deploy(shop(), lattice.now)
    assert lattice.settle() == 0
    assert (lattice.status("app").type, lattice.status("app").message) == (
        StatusType.WAITING, NO_HOSTS)  # fmt: skip
    lattice.join("H1")
    lattice.settle()
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_undeploy_removes_all_of_it_and_nothing_else(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    lattice.configs["theirs"] = {}
    theirs = Link(source_id="a", target="b", wit_namespace="x", wit_package="y", interfaces=("z",))
    lattice.links = (*lattice.links, theirs)
    before = len(lattice.commands)
    outputs = lattice.engine.undeploy("app", lattice.now)
    assert outputs.statuses["app"].message == UNDEPLOYED
    lattice.settle()
    assert sorted(changes(lattice, before)) == [
        "DeleteConfig", "DeleteConfig", "DeleteLink", "ScaleComponent", "StopProvider"]  # fmt: skip
    assert (lattice.counts("app-c"), lattice.running_providers("app-p")) == ({}, [])
    assert lattice.configs == {"theirs": {}}
    assert lattice.links == (theirs,)


def test_configs_are_deleted_after_what_uses_them(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    before = len(lattice.commands)
    lattice.engine.undeploy("app", lattice.now)
    lattice.settle()
    kinds = [type(c) for c in lattice.commands[before:]]
    assert kinds.index(DeleteLink) < kinds.index(DeleteConfig)
    stop = next(i for i, c in enumerate(lattice.commands[before:]) if isinstance(c, ScaleComponent))
    shared = lattice.commands[before:].index(DeleteConfig("app-shared"))
    assert stop < shared


def test_a_removal_that_is_refused_is_tried_until_it_works(lattice: VirtualLattice) -> None:
    host = lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    carry_out = lattice._carry_out
    refused = 0

    def busy(command: Command) -> Answer:
        nonlocal refused
        if isinstance(command, StopProvider | DeleteLink | DeleteConfig) and refused < 9:
            refused += 1
            return Answer(False, "busy")
        return carry_out(command)

    lattice._carry_out = busy  # type: ignore[method-assign] # a fate for this test
    outputs = lattice.engine.undeploy("app", lattice.now)
    assert outputs.statuses["app"].message == UNDEPLOYED
    lattice.settle()
    assert host.providers
    lattice.pass_time(40, step=0.5)
    assert refused == 9
    assert lattice.standing() == {}


def test_the_second_telling_of_a_first_start_is_no_news(lattice: VirtualLattice) -> None:
    """Hosts announce it twice (wadm-engine.md §8)."""
    lattice.join("H1")
    lattice.engine.deploy(app(component("c", scaler(1))), lattice.now)
    lattice.settle()
    entry = lattice.hosts["H1"].components["app-c"]
    told = events.ComponentScaled(
        annotations=entry.annotations or {}, component_id="app-c", image_ref="x:1", max_instances=1
    )
    lattice.engine.observe(events.make("H1", told), lattice.now)
    assert not lattice.engine.has_more


def test_another_application_keeps_its_share(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    first = app(component("c", scaler(1), config=[config("s", k="v")]), name="a-b")
    second = app(component("d", scaler(1), config=[config("s", k="v")]), name="a_b")
    lattice.engine.deploy(first, lattice.now)
    lattice.engine.deploy(second, lattice.now)
    lattice.settle()
    lattice.engine.undeploy("a-b", lattice.now)
    lattice.settle()
    assert lattice.configs == {"a_b-s": {"k": "v"}}


def test_work_moves_at_once_when_a_host_says_goodbye(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.join("H2")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    (home,) = lattice.counts("app-c")
    other = {"H1": "H2", "H2": "H1"}[home]
    at = lattice.now
    lattice.leave(home)
    lattice.settle()
    assert lattice.counts("app-c") == {other: 2}
    assert lattice.running_providers("app-p") == [other]
    assert lattice.now - at < 0.1


def test_a_host_that_dies_silently_is_asked_after_a_missed_heartbeat(
    lattice: VirtualLattice,
) -> None:
    for name in ("H1", "H2"):
        lattice.join(name)
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    (home,) = lattice.counts("app-c")
    lattice.die(home)
    lattice.pass_time(30, step=1.0)
    assert lattice.counts("app-c") == {}
    lattice.pass_time(10, step=1.0)
    assert len(lattice.counts("app-c")) == 1


def test_nobody_listening_on_a_host_is_noticed_by_the_next_command(
    lattice: VirtualLattice,
) -> None:
    for name in ("H1", "H2"):
        lattice.join(name)
    lattice.settle()
    lattice.engine.deploy(shop(), lattice.now)
    doomed = "H1"
    lattice.die(doomed)
    lattice.settle()
    lattice.pass_time(5, step=0.5)
    assert lattice.counts("app-c") == {"H2": 2}
    assert doomed not in lattice.engine.observed.hosts


def test_a_silent_host_has_a_minute_and_is_then_tried_again(lattice: VirtualLattice) -> None:
    host = lattice.join("H1")
    lattice.settle()
    host.silent = True
    lattice.engine.deploy(app(component("c", scaler(1))), lattice.now)
    lattice.settle()
    assert lattice.status("app").type is StatusType.RECONCILING
    lattice.pass_time(62, step=1.0)
    assert "no word for 60 s" in lattice.status("app").message
    host.silent = False
    lattice.pass_time(65, step=1.0)
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_stopped_or_rescaled_by_hand_is_mended_at_once(lattice: VirtualLattice) -> None:
    host = lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    for count in (0, 7):
        by_hand = ScaleComponent("app-c", "H1", count, "x:1", "", "")
        marks = dict(host.components["app-c"].annotations or {})
        lattice._scale(host, by_hand)
        if count:
            # The host keeps the old annotations in its event and takes the new ones.
            entry = host.components["app-c"]
            host.components["app-c"] = type(entry)(
                id="app-c", image_ref="x:1", annotations=marks, max_instances=count
            )
        lattice.settle()
        assert lattice.counts("app-c") == {"H1": 2}


def test_a_deleted_or_changed_config_and_link_come_back(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    links = lattice.links
    del lattice.configs["app-shared"]
    lattice.tell("H1", events.ConfigDeleted(config_name="app-shared"))
    lattice.configs["app-addr"] = {"address": "other"}
    lattice.tell("H1", events.ConfigSet(config_name="app-addr"))
    lattice.links = ()
    gone = links[0]
    lattice.tell("H1", events.LinkdefDeleted(
        source_id=gone.source_id, wit_namespace="wasi", wit_package="http", target=gone.target,
    ))  # fmt: skip
    lattice.settle()
    assert lattice.configs == {"app-shared": {"k": "v"}, "app-addr": {"address": "1:2"}}
    assert lattice.links == links


def test_a_link_lost_without_a_word_is_found_missing(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    links, lattice.links = lattice.links, ()
    lattice.pass_time(45)
    assert lattice.links == links


def test_a_missing_config_of_somebody_else_is_said_and_waited_for(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.engine.deploy(app(component("c", scaler(1), config=[{"name": "theirs"}])), lattice.now)
    lattice.settle()
    assert lattice.status("app").message == "Specified configuration theirs does not exist"
    assert lattice.counts("app-c") == {}
    lattice.configs["theirs"] = {"a": "b"}
    lattice.tell("H1", events.ConfigSet(config_name="theirs"))
    lattice.settle()
    assert lattice.status("app").type is StatusType.DEPLOYED
    lattice.engine.undeploy("app", lattice.now)
    lattice.settle()
    assert lattice.configs == {"theirs": {"a": "b"}}


def test_links_are_put_before_what_they_begin_at_starts(lattice: VirtualLattice) -> None:
    """A host rewrites a source's record when it starts it: a link put meanwhile may be lost."""
    lattice.join("H1")
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    kinds = [type(c) for c in lattice.commands]
    assert kinds.index(PutLink) < kinds.index(StartProvider)


def test_a_start_that_waits_for_the_config_of_its_link_is_not_forgotten(
    lattice: VirtualLattice,
) -> None:
    """The link itself stays as it is: no event about it says that the start may go on."""

    def wired(instances: int, address: str, version: str):
        source = {"config": [config("addr", address=address)]}
        parts = (
            component("c", scaler(1)),
            provider("p", link("c", source=source), scaler(instances)),
        )
        return app(*parts, version=version)

    lattice.join("H1")
    lattice.engine.deploy(wired(0, "1", "v1"), lattice.now)
    lattice.settle()
    lattice.engine.deploy(wired(1, "2", "v2"), lattice.now)
    lattice.settle()
    assert lattice.running_providers("app-p") == ["H1"]


def test_a_link_that_is_refused_does_not_hold_back_the_start(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    blocking = Link(
        source_id="app-p", target="elsewhere", wit_namespace="wasi", wit_package="http",
        interfaces=("incoming-handler",),
    )  # fmt: skip
    lattice.links = (blocking,)
    lattice.engine.deploy(shop(), lattice.now)
    lattice.settle()
    assert lattice.running_providers("app-p") == ["H1"]
    assert "link already exists with different target" in lattice.status("app").message
    lattice.links = ()
    lattice.pass_time(35, step=1.0)
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_a_link_whose_target_moves_is_deleted_and_put(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    parts = (component("c", scaler(1)), component("d", scaler(1)))
    lattice.engine.deploy(app(*parts, provider("p", link("c"))), lattice.now)
    lattice.settle()
    lattice.engine.deploy(app(*parts, provider("p", link("d")), version="v2"), lattice.now)
    lattice.settle()
    assert [found.target for found in lattice.links] == ["app-d"]
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_a_provider_image_change_stops_the_old_one_first(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.engine.deploy(app(provider("p")), lattice.now)
    lattice.settle()
    before = len(lattice.commands)
    newer = app({**provider("p"), "properties": {"image": "x:2"}}, version="v2")
    lattice.engine.deploy(newer, lattice.now)
    lattice.settle()
    assert changes(lattice, before) == ["StopProvider", "StartProvider"]
    assert lattice.hosts["H1"].providers["app-p"].image_ref == "x:2"


def test_an_undeploy_during_a_start_still_removes_it(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.settle()
    engine = lattice.engine
    engine.deploy(app(component("c", scaler(1))), lattice.now)
    (start,) = engine.run(lattice.now).commands
    engine.answered(start, Answer(True), lattice.now)
    engine.undeploy("app", lattice.now)
    assert engine.run(lattice.now).commands == []
    assert isinstance(start, ScaleComponent)
    lattice._scale(lattice.hosts["H1"], start)
    lattice.settle()
    assert lattice.counts("app-c") == {}


def test_a_doubled_event_changes_nothing(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.settle()
    event = events.make("H1", events.HostStopped(labels={}))
    engine = lattice.engine
    engine.observe(event, lattice.now)
    lattice.join("H1")
    lattice.settle()
    engine.observe(event, lattice.now)
    assert "H1" in engine.observed.hosts


def test_an_event_of_an_unknown_host_makes_us_ask_it(lattice: VirtualLattice) -> None:
    lattice.engine.deploy(app(component("c", scaler(1))), lattice.now)
    host = lattice.join("H1")
    lattice._queue.clear()
    lattice.tell("H1", events.ProviderStarted(annotations={}, image_ref="x", provider_id="x"))
    lattice.settle()
    assert lattice.counts("app-c") == {"H1": 1}
    assert host.components


def test_a_manager_that_starts_later_adopts_what_runs(lattice: VirtualLattice) -> None:
    lattice.join("H1", zone="a")
    lattice.engine.deploy(hello("v1"), lattice.now)
    lattice.settle()
    lattice.engine = Engine()
    lattice.engine.deploy(hello("v1"), lattice.now)
    lattice.engine.take_inventory("H1", lattice.hosts["H1"].inventory(), lattice.now)
    lattice.engine.take_links(lattice.links, lattice.now)
    before = len(lattice.commands)
    lattice.settle()
    assert changes(lattice, before) == []
    assert lattice.status("hello-app").type is StatusType.DEPLOYED
    assert lattice.engine.settled("hello-app")


def test_the_story_tells_cause_and_outcome(lattice: VirtualLattice) -> None:
    lattice.join("H1")
    lattice.fail_references.add("bad")
    lattice.engine.deploy(shop(image="bad"), lattice.now, cause="it was asked for")
    lattice.settle()
    lines = lattice.engine.story_lines("app")
    assert "deploy version v1, because it was asked for" in str(lines[0])
    start = next(line for line in lines if line.what.startswith("run component"))
    assert start.what == "run component app-c with 2 instance(s) on name-H1"
    assert start.cause.startswith("0 of 2 run in spread default")
    assert start.outcome == "failed: failed to fetch component; next try in 1 s"
    assert start.took_s is not None
    assert all(line.outcome for line in lines if line.what.startswith(("put", "read", "start")))


def test_big_work_is_decided_in_pieces_and_no_half_status_is_told(
    lattice: VirtualLattice,
) -> None:
    lattice.join("H1")
    parts = [component(f"c{n}", scaler(1), link(f"c{(n + 1) % 10}")) for n in range(10)]
    lattice.settle()
    lattice.engine.deploy(app(*parts), lattice.now)
    sizes = []
    while True:
        outputs = lattice.engine.run(lattice.now, at_most=6)
        sizes.append(len(outputs.commands))
        if not lattice.engine.has_more:
            break
        assert outputs.statuses == {}
    assert max(sizes) <= 6
    assert len(sizes) == 4
    (status,) = outputs.statuses.values()
    assert status.type is StatusType.RECONCILING


def test_scaling_over_two_zones(lattice: VirtualLattice) -> None:
    lattice.join("A", zone="a")
    lattice.join("B", zone="b")
    both = scaler(4, spread("a", zone="a"), spread("b", zone="b"))
    lattice.engine.deploy(app(component("c", both)), lattice.now)
    lattice.settle()
    assert lattice.counts("app-c") == {"A": 2, "B": 2}
    lattice.engine.deploy(app(component("c", scaler(4)), version="v2"), lattice.now)
    lattice.settle()
    assert sum(lattice.counts("app-c").values()) == 4
    assert lattice.status("app").type is StatusType.DEPLOYED


def test_the_next_time_is_never_in_the_past_after_a_run() -> None:
    lattice = VirtualLattice(Engine(Timing(probe_after_s=5.0)))
    lattice.join("H1")
    lattice.engine.deploy(shop(image="bad"), lattice.now)
    lattice.fail_references.add("bad")
    for _ in range(200):
        lattice.settle()
        due = lattice.engine.next_time()
        assert due is not None
        assert due > lattice.now
        lattice.now = due
