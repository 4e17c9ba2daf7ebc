"""The pure heart: ``reconcile(observed, desired, context) -> Reconciled``.

Equal inputs give equal commands, nothing is remembered and nothing is sent. What is under way,
what failed lately and when to try again is the business of `workbench.wadm.engine`, which asks
here scaler by scaler.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from workbench.wadm.commands import Command
from workbench.wadm.desired import Desired
from workbench.wadm.observed import LinkKey, Observed, link_key
from workbench.wadm.scalers import Context, LinkScaler, Plan, Scaler, Step
from workbench.wadm.scalers.base import failed, prepare, remove_needs
from workbench.wire.wadm import ScalerStatus, Status, aggregate

__all__ = ["Reconciled", "cleanup", "context_of", "plan", "reconcile", "status_of"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Everything to do for one application, and its status meanwhile."""

    commands: tuple[Command, ...]
    status: Status


def reconcile(observed: Observed, desired: Desired, context: Context | None = None) -> Reconciled:
    """What to do so that the lattice becomes what the application wants."""
    context = context or context_of([desired])
    plans = [(scaler, plan(scaler, observed, context)) for scaler in desired.scalers]
    # Two parts that need one config ask for it once.
    commands = dict.fromkeys(step.command for _, found in plans for step in found.steps)
    return Reconciled(tuple(commands), aggregate(status_of(s, p) for s, p in plans))


def plan(scaler: Scaler, observed: Observed, context: Context) -> Plan:
    """The scaler's plan; what it needs comes first, and a problem there holds it back.

    Without any host nobody could carry out a command: then there are none (§20.1, 2).
    """
    inner = scaler.reconcile(observed, context)
    if not observed.hosts:
        return Plan((), inner.status)
    steps, problem = prepare(scaler.needs, observed, context)
    if problem:
        return Plan(tuple(steps), failed(problem))
    return Plan(tuple(steps), inner.status) if steps else inner


def cleanup(
    scaler: Scaler, observed: Observed, context: Context, done: Container[Command] = ()
) -> tuple[Step, ...]:
    """What removes the scaler's work; its configs only after everything that uses them is gone.

    ``done`` holds deletions that were answered already: a link or config is deleted once, because
    whether it is there may not be known.
    """
    if not observed.hosts:
        return ()
    steps = scaler.cleanup(observed, context) or remove_needs(scaler.needs, context)
    left = tuple(step for step in steps if step.command not in done)
    if not left and steps:
        left = tuple(s for s in remove_needs(scaler.needs, context) if s.command not in done)
    return left


def status_of(scaler: Scaler, found: Plan) -> ScalerStatus:
    return ScalerStatus(scaler.id, scaler.kind, scaler.name, found.status)


def context_of(apps: Iterable[Desired], retiring: Iterable[str] = ()) -> Context:
    """What all applications together declare."""
    owners: dict[str, str] = {}
    configs: dict[str, dict[str, str]] = {}
    links: set[LinkKey] = set()
    for app in apps:
        for scaler in app.scalers:
            owners.setdefault(scaler.id, app.name)
            for need in scaler.needs:
                if need.values is not None:
                    configs.setdefault(need.name, dict(need.values))
            if isinstance(scaler, LinkScaler):
                links.add(link_key(scaler.link))
    return Context(owners, frozenset(retiring) - owners.keys(), configs, frozenset(links))
