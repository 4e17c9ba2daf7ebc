"""What every scaler shares: the plan it returns, what it needs first, and the ports between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workbench.wadm.commands import Command, DeleteConfig, PutConfig, ReadConfig
from workbench.wadm.observed import Observed, Topic
from workbench.wire.wadm import SCALER, StatusInfo, StatusType

__all__ = [
    "DEPLOYED",
    "Context",
    "Need",
    "Plan",
    "Scaler",
    "Step",
    "failed",
    "prepare",
    "reconciling",
    "remove_needs",
]

DEPLOYED = StatusInfo(StatusType.DEPLOYED)


def reconciling(message: str) -> StatusInfo:
    return StatusInfo(StatusType.RECONCILING, message)


def failed(message: str) -> StatusInfo:
    return StatusInfo(StatusType.FAILED, message)


@dataclass(frozen=True, slots=True)
class Step:
    """A command and why it is wanted, in words that fit behind "because"."""

    command: Command
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and the status that this situation has."""

    steps: tuple[Step, ...] = ()
    status: StatusInfo = DEPLOYED

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(step.command for step in self.steps)


@dataclass(frozen=True, slots=True)
class Need:
    """A config that must be there first. ``values`` None: it is somebody else's and must exist."""

    name: str
    values: Mapping[str, str] | None

    @property
    def is_secret(self) -> bool:
        return self.name.startswith("SECRET")


@dataclass(frozen=True, slots=True)
class Context:
    """What is wanted beyond one scaler.

    ``owners``: scaler id to application, of all current scalers. ``retiring``: ids of scalers whose
    work is being removed. ``configs``: what each managed config shall hold (the first that declares
    a name wins). ``links``: slot and target of every declared link.
    """

    owners: Mapping[str, str] = field(default_factory=dict)
    retiring: frozenset[str] = frozenset()
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    links: frozenset[tuple[str, str, str, str, str]] = frozenset()

    def owner(self, annotations: Mapping[str, str], *, other_than: str) -> str | None:
        """The application whose current scaler marked this work, if it is another scaler."""
        scaler = annotations.get(SCALER, "")
        return self.owners.get(scaler) if scaler != other_than else None

    def is_retiring(self, annotations: Mapping[str, str]) -> bool:
        return annotations.get(SCALER, "") in self.retiring


class Scaler(Protocol):
    """One part of one application. ``label`` names it in a story, ``name`` in a status."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def app(self) -> str: ...
    @property
    def needs(self) -> tuple[Need, ...]: ...
    @property
    def topics(self) -> frozenset[Topic]: ...

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        """What to do so that this part becomes what the manifest says."""
        ...

    def cleanup(self, observed: Observed, context: Context) -> tuple[Step, ...]:
        """What to do so that nothing of this scaler is left; configs are not part of it."""
        ...


def prepare(needs: Iterable[Need], observed: Observed, context: Context) -> tuple[list[Step], str]:
    """Steps that bring the needed configs about, and the first problem that only a user can mend.

    No steps and no problem: everything needed is there (wadm-engine.md §14.2, §14.3).
    """
    steps: list[Step] = []
    problem = ""
    for need in needs:
        if need.name not in observed.configs:
            steps.append(Step(ReadConfig(need.name), "its content is not known yet"))
            continue
        stored = observed.configs[need.name]
        if need.values is None:
            if stored is None and not problem:
                problem = f"Specified configuration {need.name} does not exist"
            continue
        wanted = context.configs.get(need.name, need.values)
        if stored != wanted:
            why = "it is missing" if stored is None else "its content is another one"
            steps.append(Step(PutConfig(need.name, tuple(sorted(wanted.items()))), why))
    return steps, problem


def remove_needs(needs: Iterable[Need], context: Context) -> tuple[Step, ...]:
    """Deletions of the managed configs that no current scaler declares (§20.1, 8)."""
    names = dict.fromkeys(need.name for need in needs if need.values is not None)
    return tuple(
        Step(DeleteConfig(name), "nothing uses it any more")
        for name in names
        if name not in context.configs
    )
