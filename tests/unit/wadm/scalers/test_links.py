"""The link scaler: wadm-engine.md §14.1 and what is better than there."""

from __future__ import annotations

import msgspec

from tests.unit.wadm.builders import app, component, config, hosts, link, provider, scaler
from workbench.wadm.commands import DeleteLink, PutLink
from workbench.wadm.observed import link_key, with_link
from workbench.wadm.scalers import Context, LinkScaler
from workbench.wire.wadm import StatusType


def the_scaler() -> LinkScaler:
    found = app(component("c", scaler(1)), provider("p", link("c"))).scalers[1]
    assert isinstance(found, LinkScaler)
    return found


def test_a_missing_link_is_put_whether_or_not_its_ends_run() -> None:
    wanted = the_scaler()
    found = wanted.reconcile(hosts(a="1"), Context())
    assert found.commands == (PutLink(wanted.link, "app"),)
    assert found.status.message == "Putting link definition between app-p and app-c"
    present, _ = with_link(hosts(a="1"), wanted.link)
    assert wanted.reconcile(present, Context()).status.type is StatusType.DEPLOYED


def test_any_difference_is_noticed() -> None:
    wanted = the_scaler()
    for change in ({"interfaces": ("other",)}, {"source_config": ("x",)}):
        other = msgspec.structs.replace(wanted.link, **change)
        found = wanted.reconcile(with_link(hosts(a="1"), other)[0], Context())
        assert found.commands == (PutLink(wanted.link, "app"),)


def test_a_link_of_the_same_slot_that_is_going_is_waited_for() -> None:
    wanted = the_scaler()
    old = msgspec.structs.replace(wanted.link, target="app-old")
    lattice, _ = with_link(hosts(a="1"), old)
    assert wanted.reconcile(lattice, Context(retiring=frozenset({"x"}))).commands == ()
    # By hand: the host shall refuse it, and its words become the status.
    assert wanted.reconcile(lattice, Context()).commands
    declared = Context(retiring=frozenset({"x"}), links=frozenset({link_key(old)}))
    assert wanted.reconcile(lattice, declared).commands


def test_cleanup_spares_what_another_scaler_declares() -> None:
    wanted = the_scaler()
    (step,) = wanted.cleanup(hosts(a="1"), Context())
    assert step.command == DeleteLink("app-p", "default", "wasi", "http", "app")
    assert wanted.cleanup(hosts(a="1"), Context(links=frozenset({link_key(wanted.link)}))) == ()


def test_names_of_configs_and_kind_are_those_of_the_real_one() -> None:
    wanted = app(
        component("c", scaler(1)),
        provider("p", link("c", source={"config": [config("addr", a="b"), {"name": "given"}]})),
    ).scalers[1]
    assert isinstance(wanted, LinkScaler)
    assert wanted.link.source_config == ("app-addr", "given")
    assert [(need.name, need.values) for need in wanted.needs] == [
        ("app-addr", {"a": "b"}), ("given", None)]  # fmt: skip
    assert wanted.name == "app-p -(wasi:http)-> app-c"
