"""Component scalers: so many instances per spread, or on every host (wadm-engine.md §11, §12).

Same placement and the same texts as upstream, with its random choices made stable, and with two
corrections: a spread that already runs is topped up where it runs, and a host that holds another
instance set of the same id is emptied first, because a host keeps one set per id and would answer
a new scaler with the old scaler's annotations (control-interface.md §8.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.wadm.commands import ScaleComponent
from workbench.wadm.observed import Observed, Running
from workbench.wadm.scalers.base import DEPLOYED, Context, Plan, Step, failed, reconciling
from workbench.wadm.scalers.placed import Placed
from workbench.wadm.scalers.spread import Goal

__all__ = ["ComponentDaemon", "ComponentSpread"]

INELIGIBLE = "Found components running on ineligible hosts, removing them."


@dataclass
class _Draft:
    """A plan in the making."""

    steps: list[Step] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    # What will run on a host once all is done, where that is not nothing.
    planned: dict[str, int] = field(default_factory=dict)
    waiting: bool = False


@dataclass(frozen=True)
class _ComponentScaler(Placed):
    noun = "component"

    def _scale(self, host: str, count: int, spread: str) -> ScaleComponent:
        return ScaleComponent(
            self.runs, host, count, self.image, self.app, self.id, spread, self.config
        )

    def _strays(self, observed: Observed, context: Context) -> list[Step]:
        """Stops on hosts that meet no spread, whoever started it there (§11.3, 1).

        What another current scaler, or one that is being removed, runs there is theirs.
        """
        return [
            Step(self._scale(host, 0, ""), "the host meets none of the spreads")
            for host, running in self._running(observed).items()
            if not self._is_eligible(host, observed)
            and context.owner(running.annotations, other_than=self.id) is None
            and not context.is_retiring(running.annotations)
        ]

    def _settled(self, observed: Observed) -> dict[str, Running]:
        """Our own sets that are where a spread of the manifest wants them."""
        return {
            host: found
            for host, found, _ in self._own(observed)
            if self._is_settled(host, found, observed)
        }

    def _is_settled(self, host: str, found: Running, observed: Observed) -> bool:
        spread = self._mine(found)
        goal = next((goal for goal in self.goals if goal.spread == spread), None)
        return goal is not None and host in observed.terrain.eligible(goal.requirements)

    def _outdated(self, observed: Observed, settled: dict[str, Running]) -> list[Step]:
        """Stops of our own sets whose spread is gone, or that its host does not meet any more."""
        return [
            Step(self._scale(host, 0, spread or "default"), f"spread {spread} is not for this host")
            for host, _, spread in self._own(observed)
            if host not in settled
        ]

    def _start(
        self, host: str, count: int, goal: Goal, why: str, draft: _Draft, observed: Observed,
        context: Context,
    ) -> None:  # fmt: skip
        """Scale on ``host``; if another instance set is in the way there, make room first."""
        draft.planned[host] = max(draft.planned.get(host, 0), count)
        present = observed.component_on(host, self.runs)
        if present is None or self._is_settled(host, present, observed):
            draft.steps.append(Step(self._scale(host, count, goal.spread), why))
        elif self._mine(present) is not None or context.is_retiring(present.annotations):
            draft.waiting = True  # it is being stopped already
        elif other := context.owner(present.annotations, other_than=self.id):
            draft.failures.append(
                f"Component id {self.runs} is already run by application {other}."
            )
        else:
            why = "instances that are not ours are in the way there"
            draft.steps.append(Step(self._scale(host, 0, goal.spread), why))

    def _finished(self, draft: _Draft, count_message: str) -> Plan:
        if draft.failures:
            return Plan(tuple(draft.steps), failed(" ".join(draft.failures)))
        if draft.steps or draft.waiting:
            hosts = len(draft.steps) or 1
            return Plan(tuple(draft.steps), reconciling(count_message.format(hosts)))
        return Plan((), DEPLOYED)

    def cleanup(self, observed: Observed, context: Context) -> tuple[Step, ...]:
        """Stop every instance set that carries our id, wherever it is."""
        why = "the application does not have it any more"
        return tuple(
            Step(self._scale(host, 0, spread or "default"), why)
            for host, _, spread in self._own(observed)
        )


@dataclass(frozen=True)
class ComponentSpread(_ComponentScaler):
    """``spreadscaler`` of a component: each spread's instances on one host."""

    kind: str = "SpreadScaler"

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        if strays := self._strays(observed, context):
            return Plan(tuple(strays), reconciling(INELIGIBLE))
        have = self._settled(observed)
        draft = _Draft(steps=self._outdated(observed, have))
        draft.planned = {h: r.count for h, r in have.items()}
        for goal in self.goals:
            self._place(goal, have, draft, observed, context)
        if clash := self._clash(draft, observed):
            return Plan((), failed(", ".join(clash)))
        return self._finished(draft, "Scaling component on {} host(s)")

    def _place(
        self, goal: Goal, have: dict[str, Running], draft: _Draft, observed: Observed,
        context: Context,
    ) -> None:  # fmt: skip
        eligible = observed.terrain.eligible(goal.requirements)
        if not eligible:
            draft.failures.append(
                f"Could not satisfy spread {goal.spread} for {self.image}, "
                "0/1 eligible hosts found."
            )
            return
        counts = {h: r.count for h, r in have.items() if self._mine(r) == goal.spread}
        present = sum(counts.values())
        why = f"{present} of {goal.count} run in spread {goal.spread}"
        if present < goal.count:
            host = self._pick(goal, counts, eligible, draft, observed, context)
            others = present - counts.get(host, 0)
            self._start(host, goal.count - others, goal, why, draft, observed, context)
        surplus = present - goal.count
        for host, count in counts.items():
            if surplus <= 0:
                break
            cut = min(count, surplus)
            surplus -= cut
            draft.planned[host] = count - cut
            draft.steps.append(Step(self._scale(host, count - cut, goal.spread), why))

    def _pick(
        self, goal: Goal, counts: dict[str, int], eligible: frozenset[str], draft: _Draft,
        observed: Observed, context: Context,
    ) -> str:  # fmt: skip
        """Where the spread runs already, else a free host, else one that will be free, else any."""
        at_home = [h for h in counts if h in eligible]
        if at_home:
            return min(at_home, key=lambda h: (-counts[h], h))
        taken = observed.component_hosts.get(self.runs, frozenset()) | set(draft.planned)
        seed = self.id + goal.spread
        walk = observed.terrain.walk
        free = next((h for h in walk(goal.requirements, seed) if h not in taken), None)
        if free is not None:
            return free
        for host in walk(goal.requirements, seed):
            running = observed.component_on(host, self.runs)
            if running is None or self._mine(running) is not None:
                continue
            if context.owner(running.annotations, other_than=self.id) is None:
                return host
        return next(walk(goal.requirements, seed))

    def _clash(self, draft: _Draft, observed: Observed) -> list[str]:
        """Spreads that will not have what they want, since they share hosts or have none (§11.3, 3)."""
        clash = []
        for goal in self.goals:
            eligible = observed.terrain.eligible(goal.requirements)
            got = sum(count for host, count in draft.planned.items() if host in eligible)
            if got != goal.count:
                clash.append(
                    f"Spread requirement conflict: {goal.spread} spread requires {goal.count} "
                    f"instances vs {got} computed from reconciliation commands"
                )
        return clash


@dataclass(frozen=True)
class ComponentDaemon(_ComponentScaler):
    """``daemonscaler`` of a component: the same count on every host of every spread."""

    kind: str = "DaemonScaler"

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        if strays := self._strays(observed, context):
            return Plan(tuple(strays), reconciling(INELIGIBLE))
        settled = self._settled(observed)
        draft = _Draft(steps=self._outdated(observed, settled))
        done: set[str] = set()
        for goal in self.goals:
            eligible = observed.terrain.eligible(goal.requirements)
            if not eligible:
                draft.failures.append(
                    f"Could not satisfy daemonscaler {goal.spread} for {self.image}, "
                    "0 eligible hosts found."
                )
            # A host of two spreads belongs to the first: upstream lets them fight (§12).
            for host in sorted(eligible - done):
                self._fill(host, goal, settled.get(host), draft, observed, context)
            done |= eligible
        return self._finished(draft, "Scaling component on {} host(s)")

    def _fill(
        self, host: str, goal: Goal, present: Running | None, draft: _Draft, observed: Observed,
        context: Context,
    ) -> None:  # fmt: skip
        mine = present is not None and self._mine(present) == goal.spread
        count = present.count if present is not None and mine else 0
        if count != goal.count:
            why = f"{count} of {goal.count} run on this host"
            self._start(host, goal.count, goal, why, draft, observed, context)
