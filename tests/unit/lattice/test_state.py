"""The fold of what is heard into one state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lattice.lives import (
    HOST_A,
    HOST_B,
    app,
    config,
    event,
    fold,
    host_started,
    link,
    provider_started,
    recorded_life,
    scaled,
    spec,
)
from workbench.errors import RemoteError
from workbench.lattice import state as lattice_state
from workbench.lattice.state import (
    AppHeard,
    BucketRenewed,
    EntryHeard,
    EventHeard,
    HostGone,
    InventoryHeard,
    LatticeState,
    Tick,
    TroubleHeard,
    apply,
)
from workbench.wire import events
from workbench.wire.control import ComponentEntry, Inventory, ProviderEntry
from workbench.wire.wadm import StatusType


def inventory(*components: str, host: str = HOST_A, at_s: float = 200.0) -> InventoryHeard:
    return InventoryHeard(
        Inventory(
            components=tuple(
                ComponentEntry(id=c, image_ref="file:///c", max_instances=1) for c in components
            ),
            providers=(ProviderEntry(id="httpd", image_ref="http-server"),),
            host_id=host,
            friendly_name="calm-lake-0001",
            labels={"zone": "a"},
            version="1.9.2",
            uptime_seconds=30,
        ),
        at_s,
    )


def test_a_recorded_life_ends_in_what_the_inventories_say() -> None:
    """At each recorded inventory the fold of what came before already says the same."""
    state, checked = LatticeState(), 0
    for step, heard in recorded_life():
        # An update ends with a count of 0 (§8.2): there the observer asks, the fold can't know.
        if isinstance(heard, InventoryHeard) and step not in ("update-same", "inventory-updated"):
            told = heard.inventory
            host = state.hosts[told.host_id]
            running = {
                c.id: (c.image_ref, c.max_instances) for c in host.components.values() if c.running
            }
            assert running == {c.id: (c.image_ref, c.max_instances) for c in told.components}, step
            assert {p.id for p in host.providers.values() if p.running} == {
                p.id for p in told.providers
            }
            assert host.labels == told.labels
            checked += 1
        state = apply(state, heard)
    assert checked >= 6
    assert state.hosts == {}, "the host stopped at the end"
    assert state.configs == {}
    assert set(state.specs) == {"tiny", "hello", "a", "httpd", "x1"}
    assert state.links == []


def test_each_change_raises_seq_by_one_and_no_change_gives_the_same_object() -> None:
    first = fold(host_started(), scaled("a"))
    assert first.seq == 2
    assert apply(first, scaled("a")) is first, "a start is announced twice"
    assert apply(first, Tick(101.0)) is first


def test_a_count_of_zero_removes_the_component() -> None:
    assert fold(host_started(), scaled("a"), scaled("a", count=0)).running("a") == []


def test_a_failed_start_is_shown_until_it_works() -> None:
    failed = event(
        events.component_scale_failed(
            HOST_A, component_id="a", image_ref="file:///x", max_instances=1, error="no such file"
        )
    )
    state = fold(host_started(), failed)
    component = state.hosts[HOST_A].components["a"]
    assert (component.status, component.error) == ("failed", "no such file")
    assert state.running("a") == []
    assert fold(inventory(at_s=110), state=state).hosts[HOST_A].components["a"].status == "failed"
    assert fold(scaled("a"), state=state).hosts[HOST_A].components["a"].status == "running"


def test_a_failed_start_is_forgotten_after_a_while() -> None:
    failed = event(
        events.component_scale_failed(
            HOST_A, component_id="a", image_ref="r", max_instances=1, error="e"
        )
    )
    late = inventory(at_s=100.0 + lattice_state.FAILURE_KEPT_S)
    assert fold(host_started(), failed, late).hosts[HOST_A].components == {}


def test_a_failed_change_leaves_a_running_component_degraded() -> None:
    failed = event(
        events.component_scale_failed(
            HOST_A, component_id="a", image_ref="other", max_instances=9, error="no config"
        )
    )
    component = fold(host_started(), scaled("a"), failed).hosts[HOST_A].components["a"]
    assert (component.status, component.image_ref, component.max_instances) == (
        "degraded",
        "file:///c",
        1,
    )


def test_health_checks_change_a_provider_and_survive_a_heartbeat() -> None:
    state = fold(
        host_started(),
        provider_started("httpd"),
        event(events.health_check_failed(HOST_A, provider_id="httpd")),
        inventory(),
    )
    assert state.hosts[HOST_A].providers["httpd"].status == "degraded"
    state = fold(event(events.health_check_passed(HOST_A, provider_id="httpd")), state=state)
    assert state.hosts[HOST_A].providers["httpd"].status == "running"


def test_a_provider_that_failed_to_start_shows_its_error() -> None:
    failed = events.provider_start_failed(
        HOST_A, provider_id="p", provider_ref="file:///p", error="unknown builtin name: nope"
    )
    provider = fold(host_started(), event(failed)).hosts[HOST_A].providers["p"]
    assert (provider.status, provider.image_ref) == ("failed", "file:///p")


def test_an_inventory_replaces_what_was_known_of_its_host() -> None:
    state = fold(host_started(), scaled("a"), scaled("b"), inventory("b", "c"))
    assert set(state.hosts[HOST_A].components) == {"b", "c"}
    assert set(state.hosts[HOST_A].providers) == {"httpd"}


def test_an_event_of_an_unknown_host_makes_it_known() -> None:
    state = fold(scaled("a", host=HOST_B))
    assert [host.id for host, _ in state.running("a")] == [HOST_B]


def test_the_host_is_the_source_whatever_the_data_says() -> None:
    data = events.component_scaled(
        HOST_A, component_id="a", image_ref="r", max_instances=1, host_id="somewhere else"
    )
    assert list(fold(event(data)).hosts) == [HOST_A]


def test_a_stopped_host_is_gone_with_all_it_ran() -> None:
    stopped = event(events.host_stopped(HOST_A, labels={}))
    assert fold(host_started(), scaled("a"), stopped).hosts == {}


def test_a_silent_host_is_late_and_then_forgotten() -> None:
    state = fold(host_started(), host_started(HOST_B, "dark-fox-0002"))
    state = fold(inventory(host=HOST_B, at_s=150.0), state=state)
    late = fold(Tick(100.0 + lattice_state.LATE_AFTER_S), state=state)
    assert (late.hosts[HOST_A].status, late.hosts[HOST_B].status) == ("degraded", "running")
    assert fold(inventory(at_s=146.0), state=late).hosts[HOST_A].status == "running"
    assert set(fold(Tick(100.0 + lattice_state.FORGOTTEN_AFTER_S), state=late).hosts) == {HOST_B}


def test_a_host_that_nobody_hears_is_gone_at_once() -> None:
    assert fold(host_started(), HostGone(HOST_A)).hosts == {}


def test_links_and_configs_come_from_the_buckets() -> None:
    there = link("httpd", "hello", source_config=("addr",))
    state = fold(spec("httpd", there), config("addr", address="127.0.0.1:0"))
    assert state.links == [there]
    assert state.configs == {"addr": {"address": "127.0.0.1:0"}}
    state = fold(
        spec("httpd", revision=2), EntryHeard("config", "addr", b"", 2, "PURGE"), state=state
    )
    assert (state.links, state.configs) == ([], {})


def test_strangers_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lattice_state, "HOSTS_KEPT", 2)
    monkeypatch.setattr(lattice_state, "THINGS_KEPT", 2)
    state = fold(*(scaled("a", host=f"N{number}") for number in range(5)))
    assert set(state.hosts) == {"N0", "N1"}
    state = fold(*(scaled(f"c{number}", host="N0") for number in range(5)), state=state)
    assert len(state.hosts["N0"].components) == 2
    state = fold(*(app(f"app{number}", StatusType.DEPLOYED) for number in range(5)), state=state)
    assert len(state.apps) == 2


def test_a_bucket_that_was_made_anew_starts_over() -> None:
    state = fold(spec("a", link("a", "b"), revision=7), config("c", 3, k="v"))
    state = fold(BucketRenewed("lattice"), spec("b", link("b", "c"), revision=1), state=state)
    assert state.links == [link("b", "c")]
    assert state.configs == {"c": {"k": "v"}}
    assert fold(BucketRenewed("config"), state=state).configs == {}


def test_link_events_are_not_believed() -> None:
    data = events.linkdef_set(HOST_A, link("a", "b"))
    assert fold(event(data)).links == []


def test_claims_must_be_about_their_key() -> None:
    value = b'{"issuer":"A","name":"n","revision":"1","subject":"V1","version":"v"}'
    assert fold(EntryHeard("lattice", "CLAIMS_V1", value, 1)).claims["V1"].name == "n"
    with pytest.raises(RemoteError):
        fold(EntryHeard("lattice", "CLAIMS_V2", value, 1))


def test_an_unknown_key_is_remembered_only_by_its_revision() -> None:
    state = fold(EntryHeard("lattice", "LINKDEF_x", b"\xff", 3))
    assert (state.specs, state.claims) == ({}, {})


def test_apps_follow_their_statuses() -> None:
    state = fold(app("shop", StatusType.RECONCILING), app("shop", StatusType.DEPLOYED))
    assert state.apps["shop"].status.type is StatusType.DEPLOYED
    assert apply(state, app("shop", StatusType.DEPLOYED)) is state
    assert fold(AppHeard("shop", None, 1.0), state=state).apps == {}


_entries = st.lists(
    st.sampled_from(
        [
            spec("a", link("a", "b"), revision=1),
            spec("a", revision=4),
            spec("b", link("b", "c"), revision=2),
            config("c", 2, k="v"),
            EntryHeard("config", "c", b"", 3, "DEL"),
        ]
    ),
    max_size=12,
)


@given(_entries)
def test_duplicates_of_entries_change_nothing(entries: list[EntryHeard]) -> None:
    once = fold(*entries)
    assert fold(*entries, state=once) is once
    doubled = [entry for entry in entries for _ in range(2)]
    assert fold(*doubled) == once


@given(st.permutations([heard for _, heard in recorded_life()][:14]))
def test_the_fold_is_deterministic(life: list[Any]) -> None:
    assert fold(*life) == fold(*life)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.text(max_size=12), st.text(max_size=12), _json)
def test_events_of_unknown_types_change_nothing(kind: str, source: str, data: Any) -> None:
    before = fold(host_started(), scaled("a"))
    body = {"specversion": "1.0", "id": "1", "type": kind, "source": source, "data": data}
    assert apply(before, EventHeard(events.parse(json.dumps(body).encode()), 101.0)) is before


@given(st.sampled_from(["COMPONENT_a", "CLAIMS_M", "x", "COMPONENT_"]), st.binary(max_size=60))
def test_a_value_that_does_not_decode_is_a_remote_error(key: str, value: bytes) -> None:
    before = fold(spec("a", link("a", "b")))
    try:
        after = apply(before, EntryHeard("lattice", key, value, 9))
    except RemoteError:
        return
    assert after.links == before.links


def test_the_trouble_of_a_running_provider_is_kept_until_it_is_well() -> None:
    before = fold(host_started(), provider_started("httpd"))
    after = apply(before, TroubleHeard(HOST_A, "httpd", "the port is taken", 101.0))
    [(_, provider)] = after.providers()
    assert (provider.error, provider.status) == ("the port is taken", "degraded")
    well = event(events.health_check_passed(HOST_A, provider_id="httpd"))
    [(_, provider)] = apply(after, well).providers()
    assert (provider.error, provider.status) == ("", "running")
    assert apply(before, TroubleHeard(HOST_A, "gone", "x", 101.0)) is before
    assert apply(before, TroubleHeard(HOST_B, "httpd", "x", 101.0)) is before
