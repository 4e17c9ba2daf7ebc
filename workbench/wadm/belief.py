"""What a command has done once it was answered; its event may come later, or never."""

from __future__ import annotations

from workbench.wadm.commands import (
    Command,
    DeleteConfig,
    DeleteLink,
    PutConfig,
    PutLink,
    StopProvider,
)
from workbench.wadm.observed import (
    Change,
    Observed,
    with_config,
    with_link,
    with_provider,
    without_link,
)

__all__ = ["after"]


def after(seen: Observed, command: Command) -> Change:
    """The lattice after a command that is done when it is answered.

    Starts are not: a host only accepts them (wadm-engine.md §8).
    """
    match command:
        case PutConfig(name, values):
            return with_config(seen, name, dict(values))
        case DeleteConfig(name):
            return with_config(seen, name, None)
        case PutLink(link):
            return with_link(seen, link)
        case DeleteLink(source, name, namespace, package):
            return without_link(seen, source, name, namespace, package, None)
        case StopProvider(provider, host) if host in seen.hosts:
            return with_provider(seen, host, provider, None)
        case _:
            return seen, frozenset()
