"""What is under way, retries, deadlines."""

from __future__ import annotations

from workbench.wadm.commands import DeleteConfig, PutConfig, ReadHost, ScaleComponent
from workbench.wadm.flights import Flights

PUT = PutConfig("c", ())
SCALE = ScaleComponent("c", "H", 1, "x", "app", "s", "default")


def test_a_slot_takes_one_command_at_a_time() -> None:
    flights = Flights()
    assert flights.may_send(PUT, "s", 0.0)
    flights.send(PUT, "s", "app", 0.0, 1)
    assert not flights.may_send(PUT, "s", 1.0)
    assert not flights.may_send(DeleteConfig("c"), "other", 1.0)
    assert flights.may_send(DeleteConfig("c"), "s", 1.0)
    landing = flights.land(PUT.slot, 1.0, ok=True)
    assert landing is not None
    assert landing.ok
    assert flights.land(PUT.slot, 1.0, ok=True) is None


def test_retries_come_ever_more_rarely_and_start_over_after_a_success() -> None:
    flights = Flights()
    now, delays = 0.0, []
    for _ in range(7):
        flights.send(SCALE, "s", "app", now, 0)
        flights.land(SCALE.slot, now, ok=False, message="no")
        delays.append(flights.setbacks[SCALE.slot].retry_at - now)
        assert not flights.may_send(SCALE, "s", now)
        now = flights.setbacks[SCALE.slot].retry_at
        assert flights.may_send(SCALE, "s", now)
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    flights.send(SCALE, "s", "app", now, 0)
    flights.land(SCALE.slot, now, ok=True)
    assert flights.setbacks == {}


def test_something_else_wanted_in_the_slot_need_not_wait() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    flights.land(SCALE.slot, 0.0, ok=False)
    other = ScaleComponent("c", "H", 2, "x", "app", "s", "default")
    assert flights.may_send(other, "s", 0.0)


def test_a_due_setback_is_reported_once() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    flights.land(SCALE.slot, 0.0, ok=False)
    assert flights.next_time() == 1.0
    assert flights.due(0.5) == []
    assert len(flights.due(1.0)) == 1
    assert flights.due(2.0) == []
    assert flights.next_time() is None
    assert flights.may_send(SCALE, "s", 2.0)


def test_deadlines_depend_on_what_is_awaited() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    flights.send(PUT, "s", "app", 0.0, 0)
    assert flights.overdue(10.0) == [PUT.slot]
    assert set(flights.overdue(60.0)) == {PUT.slot, SCALE.slot}


def test_a_lost_host_takes_its_flights_along() -> None:
    flights = Flights()
    flights.send(SCALE, "s", "app", 0.0, 0)
    flights.send(ReadHost("H"), "", "", 0.0, 0)
    flights.send(PUT, "s", "app", 0.0, 0)
    assert {f.command for f in flights.drop_host("H")} == {SCALE, ReadHost("H")}
    assert list(flights.under_way) == [PUT.slot]


def test_setbacks_of_scalers_that_left_are_forgotten() -> None:
    flights = Flights()
    for command, scaler in ((SCALE, "s"), (PUT, "")):
        flights.send(command, scaler, "app", 0.0, 0)
        flights.land(command.slot, 0.0, ok=False)
    flights.keep_only(set())
    assert list(flights.setbacks) == [PUT.slot]
    assert flights.setbacks[PUT.slot].visible
    flights.send(ReadHost("H"), "", "", 0.0, 0)
    flights.land(("host", "H"), 0.0, ok=False)
    assert not flights.setbacks["host", "H"].visible
