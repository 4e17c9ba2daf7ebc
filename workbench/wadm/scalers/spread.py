"""How instances divide over the spreads of a scaler (wadm-engine.md §11.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.wire.manifest import Spread

__all__ = ["DEFAULT_WEIGHT", "Goal", "daemon_goals", "targets"]

DEFAULT_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class Goal:
    """``count`` instances on hosts whose labels meet ``requirements``."""

    spread: str
    requirements: Mapping[str, str]
    count: int


def targets(instances: int, spreads: Iterable[Spread]) -> tuple[Goal, ...]:
    """Instances by weight, heaviest first; what is left over goes to the heaviest, one each."""

    def weight(spread: Spread) -> int:
        return DEFAULT_WEIGHT if spread.weight is None else spread.weight

    ordered = sorted(spreads, key=lambda s: -weight(s))
    if not ordered:
        return (Goal("default", {}, instances),)
    # All weights 0 divides by zero upstream; here the left-over rule alone divides.
    total = sum(map(weight, ordered)) or 1
    counts = [instances * weight(s) // total for s in ordered]
    rest = instances - sum(counts)
    share, extra = divmod(rest, len(ordered))
    counts = [count + share + (index < extra) for index, count in enumerate(counts)]
    return tuple(
        Goal(spread.name, spread.requirements, count)
        for spread, count in zip(ordered, counts, strict=True)
    )


def daemon_goals(instances: int, spreads: Iterable[Spread]) -> tuple[Goal, ...]:
    """The same count on every host of every spread; weights play no role (§12)."""
    goals = tuple(Goal(s.name, s.requirements, instances) for s in spreads)
    return goals or (Goal("default", {}, instances),)
