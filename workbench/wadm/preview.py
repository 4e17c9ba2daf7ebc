"""What a deployment would change, found out without changing anything.

The scalers that the engine asks decide here too, on a copy of the lattice that believes every
command at once. So a preview shows what would be done while nothing else happens; a host that
refuses or dies would change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workbench.wadm.belief import after
from workbench.wadm.commands import Command, ScaleComponent, StartProvider, own_annotations
from workbench.wadm.desired import Desired
from workbench.wadm.observed import (
    Observed,
    Running,
    with_component,
    with_config,
    with_provider,
)
from workbench.wadm.reconcile import cleanup, context_of, plan, status_of
from workbench.wadm.scalers import LinkScaler, Scaler, Step
from workbench.wire.wadm import NO_HOSTS, Status, StatusInfo, StatusType, aggregate

__all__ = ["Change", "Preview", "preview"]

# Configs, then links and starts, then what had to wait for room: four passes are usual.
_MOST_PASSES = 32


@dataclass(frozen=True, slots=True)
class Change:
    """One command that would be sent. ``about`` names the part of the application, ``why`` fits
    behind "because"."""

    about: str
    what: str
    why: str
    command: Command

    def __str__(self) -> str:
        return f"{self.about}: {self.what}, because {self.why}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What deploying would do, in order; ``status`` is how it would end.

    ``replaces`` is the version that is deployed now, if one is.
    """

    name: str
    version: str
    replaces: str | None
    changes: tuple[Change, ...]
    status: Status = field(repr=False)

    def __repr__(self) -> str:
        return f"<preview of {self.name}: {len(self.changes)} changes, then {self.status.type}>"

    def __bool__(self) -> bool:
        return bool(self.changes)


def preview(
    observed: Observed,
    wanted: Desired,
    before: Desired | None = None,
    others: Iterable[Desired] = (),
) -> Preview:
    """What deploying ``wanted`` would change; ``before`` is what is deployed under its name now,
    ``others`` are the other deployed applications. A config that ``observed`` does not know of
    counts as absent.
    """
    ids = {scaler.id for scaler in wanted.scalers}
    leaving = [s for s in (before.scalers if before else ()) if s.id not in ids]
    context = context_of([wanted, *others], (s.id for s in leaving))
    ordered = sorted(wanted.scalers, key=lambda s: not isinstance(s, LinkScaler))
    names = {host.id: host.friendly_name or host.id[:8] for host in observed.hosts.values()}
    for need in (need for scaler in (*ordered, *leaving) for need in scaler.needs):
        if need.name not in observed.configs:
            observed, _ = with_config(observed, need.name, None)
    changes: list[Change] = []
    done: set[Command] = set()
    for _ in range(_MOST_PASSES):
        steps = [(s, step) for s in ordered for step in plan(s, observed, context).steps]
        steps += [(s, st) for s in leaving for st in cleanup(s, observed, context, done)]
        fresh = [(scaler, step) for scaler, step in steps if step.command not in done]
        if not fresh:
            break
        # Starts wait for the wiring, as they do in the engine.
        for scaler, step in [f for f in fresh if not _starts(f[1].command)] or fresh:
            if step.command not in done:
                done.add(step.command)
                changes.append(_change(scaler, step, names))
                observed = _believing(observed, step.command)
    if observed.hosts:
        ends = aggregate(status_of(s, plan(s, observed, context)) for s in wanted.scalers)
    else:
        ends = Status(StatusInfo(StatusType.WAITING, NO_HOSTS))
    replaces = before.version if before is not None else None
    return Preview(wanted.name, wanted.version, replaces, tuple(changes), ends)


def _starts(command: Command) -> bool:
    return isinstance(command, ScaleComponent | StartProvider)


def _change(scaler: Scaler, step: Step, host_names: Mapping[str, str]) -> Change:
    what, host = str(step.command), getattr(step.command, "host_id", "")
    if host:
        what = what.replace(host, host_names.get(host, host))
    return Change(scaler.label, what, step.why, step.command)


def _believing(seen: Observed, command: Command) -> Observed:
    """The lattice after a command that went well."""
    match command:
        case ScaleComponent():
            running = Running(command.reference, own_annotations(command), command.count)
            return with_component(seen, command.host_id, command.component_id, running)[0]
        case StartProvider():
            running = Running(command.reference, own_annotations(command))
            return with_provider(seen, command.host_id, command.provider_id, running)[0]
        case _:
            return after(seen, command)[0]
