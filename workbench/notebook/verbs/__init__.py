"""The table of verbs: each a row with its arguments, options, help and handler.

A handler gets the notebook's session and the parsed call, talks to the `Lattice` façade only, and
gives back a value or something to look at.
"""

from __future__ import annotations

from dataclasses import replace

from workbench.notebook.verbs import apps, author, calls, lattice, links, logs, see, units
from workbench.notebook.verbs.model import Argument, Body, Call, Many, Option, Verb

__all__ = ["PLANNED", "VERBS", "Argument", "Body", "Call", "Many", "Option", "Verb"]

_GROUPS: tuple[tuple[str, tuple[Verb, ...]], ...] = (
    ("A lattice", lattice.VERBS),
    ("See and understand", (*see.VERBS, *logs.VERBS)),
    ("Write components", author.VERBS),
    ("Applications", apps.VERBS),
    ("By hand", (*units.VERBS, *links.VERBS)),
    ("Call", calls.VERBS),
)

VERBS: dict[str, Verb] = {
    name: row
    for group, verbs in _GROUPS
    for row in (replace(verb, group=group) for verb in verbs)
    for name in (row.name, *row.aliases)
}

PLANNED: dict[str, str] = {
    "secrets": "secret values and their backends",
    "provider": "a provider written in a cell",
    "trace": "one call followed through the lattice",
    "capture": "recording a lattice and playing it back",
    "claims": "signing and reading claims (`get claims` lists those of the lattice)",
    "keys": "making and keeping nkeys",
    "par": "provider archives",
    "pull": "fetching artifacts from a registry",
    "push": "storing artifacts in a registry",
    "nats": "a look at the NATS underneath",
}
"""Verbs that later versions have, so that asking for one gets a plain answer."""
