"""The embedded deployment manager: wadm's API, store and streams, with a pure heart.

Scalers and engine decide without I/O; `Manager` talks to the lattice through NATS only. Nothing of
a host or a provider is imported here.
"""

from workbench.wadm.manager import Manager, ManagerOptions
from workbench.wadm.ports import Timing
from workbench.wadm.story import StoryLine

__all__ = ["Manager", "ManagerOptions", "StoryLine", "Timing"]
