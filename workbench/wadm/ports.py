"""What goes into the engine, comes out of it and is kept in it, besides events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workbench.wadm.commands import Command
from workbench.wadm.desired import Desired
from workbench.wadm.scalers import Scaler
from workbench.wire.wadm import (
    NO_HOSTS,
    ScalerStatus,
    Status,
    StatusInfo,
    StatusType,
    aggregate,
)

__all__ = ["Answer", "App", "Outputs", "Retired", "Timing"]

_WAITING = StatusInfo(StatusType.WAITING)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A host unheard for ``probe_after_s`` is asked; one that never answers is given up.

    Heartbeats come every 30 s (events-and-lattice-data.md A.3); the real manager waits 70 to 105 s.
    """

    probe_after_s: float = 35.0
    give_up_after_s: float = 75.0
    retire_for_s: float = 120.0
    trust_own_link_s: float = 10.0
    links_every_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a host answered a command. ``gone``: nobody listens there. ``value``: what was read."""

    ok: bool
    message: str = ""
    value: Any = None
    gone: bool = False


@dataclass(slots=True)
class Outputs:
    """What to do now: send commands, publish statuses (by application)."""

    commands: list[Command] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)


@dataclass(slots=True)
class App:
    """A deployed application and the last status of each of its scalers."""

    desired: Desired
    statuses: dict[str, ScalerStatus] = field(default_factory=dict)

    def status(self, *, with_hosts: bool) -> Status:
        """Of the whole; without any host everything waits, whatever was known before."""
        scalers = self.desired.scalers
        if not with_hosts:
            waiting = (ScalerStatus(s.id, s.kind, s.name, _WAITING) for s in scalers)
            return Status(StatusInfo(StatusType.WAITING, NO_HOSTS), tuple(waiting))
        return aggregate(
            self.statuses.get(s.id, ScalerStatus(s.id, s.kind, s.name)) for s in scalers
        )


@dataclass(slots=True)
class Retired:
    """A scaler whose work is being removed; kept a while for work that turns up late."""

    scaler: Scaler
    until: float
    done: set[Command] = field(default_factory=set)
