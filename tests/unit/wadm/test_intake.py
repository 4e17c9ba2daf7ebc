"""What each event means for the observed state and for what is under way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wadm.builders import hosts, providing, running
from workbench.wadm.commands import ScaleComponent, StartProvider
from workbench.wadm.flights import Flights
from workbench.wadm.intake import take
from workbench.wire import events

SCALE = ScaleComponent("c", "a", 2, "x:1", "app", "s", "default")
START = StartProvider("p", "a", "file:///x.par.gz", "app", "s", "default")


def scaled(count: int, image: str = "x:1") -> events.ComponentScaled:
    return events.ComponentScaled(
        annotations={}, component_id="c", image_ref=image, max_instances=count
    )


def event(payload: Any, source: str = "a") -> events.Event:
    return events.make(source, payload, now_ns=0)


def test_the_awaited_count_lands_the_flight_and_another_one_makes_it_urgent() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    other = take(hosts(a="1"), flights, event(scaled(1)), 10.0)
    assert other.landings == []
    assert flights.under_way[SCALE.slot].deadline == 12.0
    right = take(other.observed, flights, event(scaled(2)), 11.0)
    assert [(landing.ok, landing.message) for landing in right.landings] == [
        (True, "running with 2 instance(s)")
    ]
    assert flights.under_way == {}


def test_count_zero_is_no_success_of_a_start() -> None:
    """The real manager takes it for one and waits for a heartbeat (wadm-engine.md §22.2)."""
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    intake = take(running(hosts(a="1"), "a", "c", 1), flights, event(scaled(0)), 1.0)
    assert intake.observed.component_hosts == {}
    assert flights.under_way == {}
    assert flights.setbacks == {}


def test_a_failure_counts_only_for_the_image_that_is_under_way() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    for image, failed in (("other", 0), ("x:1", 1)):
        payload = events.ComponentScaleFailed(
            annotations={}, component_id="c", image_ref=image, max_instances=2, error="no"
        )
        intake = take(hosts(a="1"), flights, event(payload), 1.0)
        assert len(intake.landings) == failed
    assert flights.setbacks[SCALE.slot].message == "no"


def test_a_started_provider_is_recognised_without_its_scheme() -> None:
    flights = Flights()
    flights.send(START, "s", "app", 0.0, 0)
    payload = events.ProviderStarted(annotations={}, image_ref="/x.par.gz", provider_id="p")
    intake = take(hosts(a="1"), flights, event(payload), 1.0)
    assert intake.landings[0].ok
    assert intake.observed.provider_hosts == {"p": frozenset("a")}


def test_health_is_kept_and_an_unclear_answer_changes_only_pending() -> None:
    seen = providing(hosts(a="1"), "a", "p")
    seen = take(seen, Flights(), event(events.HealthCheckStatus(host_id="a", provider_id="p")), 1.0)
    assert seen.observed.hosts["a"].health == {"p": "Running"}
    assert seen.topics == frozenset()
    failed = events.HealthCheckFailed(host_id="a", provider_id="p")
    seen = take(seen.observed, Flights(), event(failed), 1.0)
    assert seen.topics == {("provider", "p")}
    unclear = events.HealthCheckStatus(host_id="a", provider_id="p")
    seen = take(seen.observed, Flights(), event(unclear), 1.0)
    assert seen.observed.hosts["a"].health == {"p": "Failed"}


def test_a_restarted_host_has_nothing_and_its_flights_are_over() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    payload = events.HostStarted(friendly_name="a", labels={"zone": "1"}, version="1.9.2")
    intake = take(running(hosts(a="1"), "a", "c", 2), flights, event(payload), 1.0)
    assert intake.observed.component_hosts == {}
    assert flights.under_way == {}


@pytest.mark.parametrize(
    "payload",
    [
        scaled(1),
        events.ProviderStarted(annotations={}, image_ref="x", provider_id="p"),
        events.ProviderStopped(annotations={}, provider_id="p", reason="stop"),
        events.LabelsChanged(labels={}),
    ],
)
def test_an_unknown_host_is_asked_instead_of_believed(payload: Any) -> None:
    intake = take(hosts(b="1"), Flights(), event(payload), 1.0)
    assert intake.unknown_host == "a"
    assert list(intake.observed.hosts) == ["b"]


def test_a_config_event_says_only_that_it_must_be_read_again() -> None:
    for payload in (events.ConfigSet(config_name="c"), events.ConfigDeleted(config_name="c")):
        intake = take(hosts(a="1"), Flights(), event(payload), 1.0)
        assert intake.stale_configs == ("c",)
        assert intake.topics == frozenset()
