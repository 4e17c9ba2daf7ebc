"""What component and provider scalers share: one id that runs on hosts, marked as theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.wadm.observed import HOSTS, Observed, Running, Topic
from workbench.wadm.scalers.base import Need
from workbench.wadm.scalers.spread import Goal
from workbench.wire.wadm import SCALER, SPREAD_NAME

__all__ = ["Placed"]


@dataclass(frozen=True)
class Placed:
    """Keeps ``runs``, a component or provider id, on the hosts that ``goals`` select."""

    noun: ClassVar[Literal["component", "provider"]]

    id: str
    app: str
    label: str
    runs: str
    image: str
    goals: tuple[Goal, ...]
    config: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()

    @property
    def name(self) -> str:
        return self.runs

    @property
    def topics(self) -> frozenset[Topic]:
        configs = (("config", need.name) for need in self.needs)
        return frozenset({HOSTS, (self.noun, self.runs), ("link", self.runs), *configs})

    def _running(self, observed: Observed) -> dict[str, Running]:
        """What runs under the id, whoever started it, by host in order."""
        return observed.running(self.noun, self.runs)

    def _own(self, observed: Observed) -> Iterator[tuple[str, Running, str]]:
        """Host, what runs there, and its spread, of everything that carries our id."""
        for host, running in self._running(observed).items():
            if (spread := self._mine(running)) is not None:
                yield host, running, spread

    def _mine(self, running: Running) -> str | None:
        """The spread that it belongs to; None if it is not this scaler's."""
        if running.annotations.get(SCALER) != self.id:
            return None
        return running.annotations.get(SPREAD_NAME, "")

    def _is_eligible(self, host: str, observed: Observed) -> bool:
        return any(host in observed.terrain.eligible(goal.requirements) for goal in self.goals)
