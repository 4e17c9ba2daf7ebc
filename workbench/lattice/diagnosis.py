"""What to tell people when the control interface gives no or a bad answer.

Every error here has a sentence in the user's words and the next thing to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from workbench.errors import AmbiguousName, ControlError, NoResponders, NotFound, UsageError
from workbench.wire import control, subjects

__all__ = [
    "ambiguous",
    "check_ids",
    "check_label",
    "config_name",
    "host_label",
    "nobody",
    "only_one",
    "refusal",
]

T = TypeVar("T")

# A token of a subject that is a key too (events-and-lattice-data.md §B.2).
_CONFIG_NAME = re.compile(r"[-/_=a-zA-Z0-9]+")

_HINTS = (
    ("link already exists with different target", "delete that link first, or use another --name"),
    ("not found in config store", "put the config first: %wasmcloud config put NAME key=value"),
    ("provider with that ID is already running", "stop it first, or choose another id"),
    ("provider with that ID is not running", "see what runs: %wasmcloud get providers"),
    ("hostcore.* labels", "choose a key that does not start with hostcore."),
    ("no cell has built", "`%wasmcloud component` lists what cells have built"),
    ("pulling from registries is not available", "use cell://NAME or file:///path/to/it.wasm"),
    ("failed to read component", "give the whole path of a file: file:///path/to/it.wasm"),
    ("are not WebAssembly", "give the path of a component, a .wasm file"),
    (
        "nobody provides what the component imports",
        "no link can give that: this host does not offer it. Run the component on a host that does, "
        "or alone, with Python objects: workbench.Component.open(…).run(…, imports=…)",
    ),
    ("unknown builtin name", "the one that is built in is wasmcloud+builtin://http-server"),
    ("Unable to fetch requested config", "`%wasmcloud config put NAME KEY=VALUE` makes it"),
    ("is too long", "choose a shorter name"),
    ("unsupported subject", "this host does not know the operation"),
)


def nobody(lattice: str, host_id: str = "") -> NoResponders:
    """The server said that no one listens: no such host, or no host at all."""
    if host_id:
        return NoResponders(
            f"host {host_id} does not answer on lattice {lattice!r}",
            hint="see who is there: %wasmcloud get hosts",
            lattice=lattice,
            host_id=host_id,
        )
    return NoResponders(
        f"nobody answers on lattice {lattice!r}: no host runs there",
        hint="start one with %wasmcloud up, or check the lattice name",
        lattice=lattice,
    )


def refusal(operation: str, text: str, host_id: str) -> ControlError:
    text = text.strip() or f"the host refused {operation} without a reason"
    hint = next((hint for part, hint in _HINTS if part in text), "")
    return ControlError(text, hint=hint, operation=operation, host_id=host_id)


def only_one(
    found: list[tuple[str, T]], kind: str, thing_id: str, known: list[str]
) -> tuple[str, T]:
    """The one (host id, entry) that was found; `NotFound` or `AmbiguousName` otherwise."""
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousName(
            f"{kind} {thing_id!r} runs on {len(found)} hosts",
            hint="name one with --host: " + ", ".join(host for host, _ in found),
            matches=[host for host, _ in found],
        )
    raise NotFound(
        f"no host runs a {kind} {thing_id!r}",
        hint="running: " + (", ".join(sorted(set(known))) or "nothing"),
        matches=sorted(set(known)),
    )


def ambiguous(message: str, matches: Sequence[control.HostSummary]) -> AmbiguousName:
    return AmbiguousName(
        message,
        hint="they are " + ", ".join(map(host_label, matches)),
        matches=[host.id for host in matches],
    )


def host_label(host: control.HostSummary) -> str:
    return f"{host.friendly_name} ({host.id[:8]}…)"


def check_ids(thing_id: str, ref: str) -> None:
    if not subjects.is_token(thing_id):
        raise UsageError(
            f"{thing_id!r} cannot be an id",
            hint="use letters, digits, '_' and '-': it becomes a part of NATS subjects",
        )
    if not ref.strip():
        raise UsageError(
            "the reference is empty", hint="give file://…, cell://… or registry/name:tag"
        )


def check_label(key: str) -> None:
    if not key:
        raise UsageError("a label needs a key", hint="write KEY=VALUE, such as zone=a")
    if key.lower().startswith("hostcore."):
        raise UsageError(
            "hostcore.* labels belong to the host and cannot be changed", hint="choose another key"
        )


def config_name(name: str) -> str:
    if not _CONFIG_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a config",
            hint="use the letters a to z, digits, '_' and '-': the name becomes a NATS key",
        )
    return name
