"""What an observer hears of a lattice: the inputs of the fold in `workbench.lattice.state`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from workbench.wire import events
from workbench.wire.control import Inventory
from workbench.wire.wadm import Status

__all__ = [
    "AppHeard",
    "BucketName",
    "BucketRenewed",
    "EntryHeard",
    "EventHeard",
    "HostGone",
    "Input",
    "InventoryHeard",
    "ServedHeard",
    "Tick",
    "TroubleHeard",
]

BucketName: TypeAlias = Literal["lattice", "config"]


@dataclass(frozen=True, slots=True)
class EventHeard:
    """A CloudEvent of the lattice."""

    event: events.Event
    at_s: float


@dataclass(frozen=True, slots=True)
class EntryHeard:
    """A revision of a key; ``bucket`` is ``lattice`` or ``config``, ``value`` raw bytes."""

    bucket: BucketName
    key: str
    value: bytes
    revision: int
    operation: str = "PUT"


@dataclass(frozen=True, slots=True)
class BucketRenewed:
    """A bucket was deleted and made anew: what it held is gone, its revisions start over."""

    bucket: BucketName


@dataclass(frozen=True, slots=True)
class InventoryHeard:
    """A host's answer to ``host.get``."""

    inventory: Inventory
    at_s: float


@dataclass(frozen=True, slots=True)
class HostGone:
    """The server said that nobody listens for requests to this host."""

    host_id: str


@dataclass(frozen=True, slots=True)
class TroubleHeard:
    """What a host of this process says about one of the things it runs.

    No message of a lattice tells why a provider refused a link or an update failed
    (events-and-lattice-data.md A.4.9, control-interface.md §8.2).
    """

    host_id: str
    thing_id: str
    text: str
    at_s: float


@dataclass(frozen=True, slots=True)
class AppHeard:
    """A status of an application; ``None`` when it is known to be gone."""

    name: str
    status: Status | None
    at_s: float


@dataclass(frozen=True, slots=True)
class ServedHeard:
    """This process serves functions under an id, on no host; no interfaces: not any more."""

    id: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""

    now_s: float


Input: TypeAlias = (
    EventHeard
    | EntryHeard
    | BucketRenewed
    | InventoryHeard
    | HostGone
    | TroubleHeard
    | AppHeard
    | ServedHeard
    | Tick
)
