"""The embedded deployment manager: wadm's API, store and streams, with a pure heart.

Scalers and engine decide without I/O; `Manager` (one lattice) and `Service` (all of them) talk
through NATS only. Nothing of a host or a provider is imported here.
"""

from workbench.wadm.election import Keeper, keeper_of
from workbench.wadm.manager import Manager, ManagerOptions
from workbench.wadm.ports import Timing
from workbench.wadm.service import Service, ServiceOptions
from workbench.wadm.story import StoryLine
from workbench.wadm.streams import Layout

__all__ = [
    "Keeper",
    "Layout",
    "Manager",
    "ManagerOptions",
    "Service",
    "ServiceOptions",
    "StoryLine",
    "Timing",
    "keeper_of",
]
