"""What is under way, and what failed lately: the manager's memory between decisions.

At most one command per slot is in flight. It lands by the host's answer or by the event it causes;
nothing heard in time counts as a failure. A failed command is tried again after a delay that
doubles (upstream: once per heartbeat, wadm-engine.md §10.2), unless something else is wanted there.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from workbench.wadm.commands import (
    Command,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    Slot,
    StartProvider,
    StopProvider,
)

__all__ = ["Flight", "Flights", "Landing", "Setback"]

# A first start loads and compiles: 5.9 s were recorded for a big component (§22.2).
EVENT_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 10.0
RETRY_FIRST_S = 1.0
RETRY_LAST_S = 30.0
# Another command in the same place was confirmed: ours is due or lost.
SOON_S = 2.0


@dataclass(slots=True)
class Flight:
    """A command that was sent. ``token`` closes its line in the story of ``app``."""

    command: Command
    scaler: str
    app: str
    sent_at: float
    deadline: float
    token: int = 0


@dataclass(slots=True)
class Setback:
    """The last failure in a slot. ``failures`` counts those in a row; ``ready``: try again now."""

    command: Command
    scaler: str
    message: str
    failures: int
    retry_at: float
    ready: bool = False

    @property
    def visible(self) -> bool:
        """Whether a status should show it: a question may go unanswered once."""
        return self.failures > 1 or not isinstance(self.command, ReadConfig | ReadHost | ReadLinks)


@dataclass(frozen=True, slots=True)
class Landing:
    """How a flight ended."""

    flight: Flight
    ok: bool
    message: str = ""


def awaits_event(command: Command) -> bool:
    """Whether the host only accepts the command and reports its result as an event (§8)."""
    return isinstance(command, ScaleComponent | StartProvider)


class Flights:
    def __init__(self) -> None:
        self.under_way: dict[Slot, Flight] = {}
        self.setbacks: dict[Slot, Setback] = {}

    def send(self, command: Command, scaler: str, app: str, now: float, token: int) -> Flight:
        changes_a_host = isinstance(command, ScaleComponent | StartProvider | StopProvider)
        limit = EVENT_TIMEOUT_S if changes_a_host else ANSWER_TIMEOUT_S
        flight = Flight(command, scaler, app, now, now + limit, token)
        self.under_way[command.slot] = flight
        return flight

    def may_send(self, command: Command, scaler: str, now: float) -> bool:
        """Whether the command is news: not under way, not waiting for its next try.

        A slot that another scaler uses right now is left alone until that has landed.
        """
        flight = self.under_way.get(command.slot)
        if flight is not None:
            return flight.command != command and flight.scaler == scaler
        setback = self.setbacks.get(command.slot)
        if setback is None:
            return True
        if setback.command != command:
            del self.setbacks[command.slot]
            return True
        return setback.ready or setback.retry_at <= now

    def land(self, slot: Slot, now: float, *, ok: bool, message: str = "") -> Landing | None:
        """End the flight of a slot; a failure becomes a setback."""
        flight = self.under_way.pop(slot, None)
        if flight is None:
            return None
        if ok:
            self.setbacks.pop(slot, None)
            return Landing(flight, True, message)
        before = self.setbacks.get(slot)
        failures = before.failures + 1 if before and before.command == flight.command else 1
        delay = min(RETRY_FIRST_S * 2 ** min(failures - 1, 10), RETRY_LAST_S)
        self.setbacks[slot] = Setback(flight.command, flight.scaler, message, failures, now + delay)
        return Landing(flight, False, message)

    def drop(self, slot: Slot) -> Flight | None:
        """Forget what is in a slot: it does not matter any more."""
        self.setbacks.pop(slot, None)
        return self.under_way.pop(slot, None)

    def drop_host(self, host_id: str) -> list[Flight]:
        """Forget everything about one host."""
        slots = [
            slot
            for slot in {*self.under_way, *self.setbacks}
            if slot[0] in ("component", "provider", "host") and slot[-1] == host_id
        ]
        return [flight for slot in slots if (flight := self.drop(slot)) is not None]

    def forgive(self, scalers: set[str]) -> None:
        """Try at once what failed for these scalers."""
        for slot in [s for s, setback in self.setbacks.items() if setback.scaler in scalers]:
            del self.setbacks[slot]

    def overdue(self, now: float) -> list[Slot]:
        return [slot for slot, flight in self.under_way.items() if flight.deadline <= now]

    def due(self, now: float) -> list[Setback]:
        """Setbacks whose time has come; each is reported once and stays ready until it is tried."""
        found = [
            setback
            for slot, setback in self.setbacks.items()
            if not setback.ready and setback.retry_at <= now and slot not in self.under_way
        ]
        for setback in found:
            setback.ready = True
        return found

    def keep_only(self, scalers: Container[str]) -> None:
        """Forget the setbacks of scalers that are no more; those of nobody (inquiries) stay."""
        self.setbacks = {
            slot: setback
            for slot, setback in self.setbacks.items()
            if not setback.scaler or setback.scaler in scalers
        }

    def next_time(self) -> float | None:
        """When the next deadline or retry comes."""
        times = [flight.deadline for flight in self.under_way.values()]
        times += [
            setback.retry_at
            for slot, setback in self.setbacks.items()
            if slot not in self.under_way and not setback.ready
        ]
        return min(times, default=None)
