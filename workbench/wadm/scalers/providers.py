"""Provider scalers (wadm-engine.md §13). A provider id runs at most once per host, so counts are hosts.

Improvements: foreign instances are counted once, a retiring scaler's provider neither counts nor
is in the way for longer than its stop takes, and cleanup never starts anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from workbench.wadm.commands import StartProvider, StopProvider
from workbench.wadm.observed import Observed, Running
from workbench.wadm.scalers.base import DEPLOYED, Context, Plan, Step, failed, reconciling
from workbench.wadm.scalers.placed import Placed
from workbench.wire.wadm import SPREAD_NAME

__all__ = ["ProviderDaemon", "ProviderSpread"]

INELIGIBLE = "Found providers running on ineligible hosts, removing them."


@dataclass(frozen=True)
class _ProviderScaler(Placed):
    noun = "provider"

    def _start(self, host: str, spread: str, why: str) -> Step:
        command = StartProvider(self.runs, host, self.image, self.app, self.id, spread, self.config)
        return Step(command, why)

    def _stop(self, host: str, running: Running, why: str) -> Step:
        spread = running.annotations.get(SPREAD_NAME, "") or "default"
        return Step(StopProvider(self.runs, host, self.app, self.id, spread), why)

    def _strays(self, observed: Observed) -> list[Step]:
        """Stops of our own providers on hosts that meet no spread (§13, step 1)."""
        return [
            self._stop(host, running, "the host meets none of the spreads")
            for host, running, _ in self._own(observed)
            if not self._is_eligible(host, observed)
        ]

    def cleanup(self, observed: Observed, context: Context) -> tuple[Step, ...]:
        """Stop every provider that carries our id, wherever it is."""
        return tuple(
            self._stop(host, running, "the application does not have it any more")
            for host, running, _ in self._own(observed)
        )

    def _finished(
        self, observed: Observed, steps: list[Step], failures: list[str], waiting: int
    ) -> Plan:
        if failures:
            return Plan(tuple(steps), failed(" ".join(failures)))
        if steps or waiting:
            hosts = len(steps) or waiting
            return Plan(tuple(steps), reconciling(f"Scaling provider on {hosts} host(s)"))
        # Upstream forgets it before anyone sees it (wadm-engine.md §13, traps).
        if unwell := sum(
            observed.hosts[host].health.get(self.runs) == "Failed"
            for host in self._running(observed)
        ):
            return Plan((), failed(f"Unhealthy provider on {unwell} host(s)"))
        return Plan((), DEPLOYED)


@dataclass(frozen=True)
class ProviderSpread(_ProviderScaler):
    """``spreadscaler`` of a provider, also the one that a provider without a scaler trait gets."""

    kind: str = "SpreadScaler"

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        if strays := self._strays(observed):
            return Plan(tuple(strays), reconciling(INELIGIBLE))
        steps: list[Step] = []
        failures: list[str] = []
        everywhere = self._running(observed)
        leaving = {h for h, r in everywhere.items() if context.is_retiring(r.annotations)}
        waiting = 0
        taken: set[str] = set()
        for goal in self.goals:
            eligible = observed.terrain.eligible(goal.requirements)
            running = {h: r for h, r in everywhere.items() if h in eligible and h not in leaving}
            mine = [h for h, r in running.items() if self._mine(r) == goal.spread]
            why = f"{len(running)} of {goal.count} run in spread {goal.spread}"
            surplus = len(running) - goal.count
            if surplus > 0 and mine:
                # The hosts it would choose last go first.
                walk = observed.terrain.walk(goal.requirements, self.id + goal.spread)
                ordered = [h for h in walk if h in mine]
                steps += [self._stop(h, running[h], why) for h in ordered[::-1][:surplus]]
                continue
            lacking = max(0, -surplus)
            walk = observed.terrain.walk(goal.requirements, self.id + goal.spread)
            free = (h for h in walk if h not in everywhere and h not in taken)
            chosen = list(islice(free, lacking))
            taken |= set(chosen)
            steps += [self._start(host, goal.spread, why) for host in chosen]
            lacking -= len(chosen)
            soon = min(lacking, len(leaving & eligible))
            waiting += soon
            if lacking > soon:
                failures.append(
                    f"Could not satisfy spread {goal.spread} for {self.image}, "
                    f"{len(mine)}/{goal.count} eligible hosts found."
                )
        return self._finished(observed, steps, failures, waiting)


@dataclass(frozen=True)
class ProviderDaemon(_ProviderScaler):
    """``daemonscaler`` of a provider: on every host of every spread."""

    kind: str = "DaemonScaler"

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        if strays := self._strays(observed):
            return Plan(tuple(strays), reconciling(INELIGIBLE))
        steps: list[Step] = []
        failures: list[str] = []
        everywhere = self._running(observed)
        waiting = 0
        done: set[str] = set()
        for goal in self.goals:
            eligible = observed.terrain.eligible(goal.requirements)
            if not eligible:
                failures.append(
                    f"Could not satisfy daemonscaler {goal.spread} for {self.image}, "
                    "0 eligible hosts found."
                )
            if goal.count == 0:
                steps += [
                    self._stop(h, r, "the manifest says 0 instances")
                    for h, r, _ in self._own(observed)
                    if h in eligible
                ]
                continue
            for host in sorted(eligible - done):
                present = everywhere.get(host)
                if present is None:
                    steps.append(self._start(host, goal.spread, "it does not run on this host"))
                elif context.is_retiring(present.annotations):
                    waiting += 1
            done |= eligible
        return self._finished(observed, steps, failures, waiting)
