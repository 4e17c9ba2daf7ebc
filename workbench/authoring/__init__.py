"""Source to component: Python, WAT and JavaScript cells, the WIT they target, the cache of what was built.

Build tools run as processes of their own, never in the kernel's. May import ``wire`` and
``wasm``; no lattice, no NATS.
"""

from workbench.authoring.bindings import Bindings, bindings
from workbench.authoring.build import LANGUAGES, Built, build_component
from workbench.authoring.cache import default_cache_dir
from workbench.authoring.cells import Cell, split_cell
from workbench.authoring.worlds import WitRegistry, bundled_worlds

__all__ = [
    "LANGUAGES",
    "Bindings",
    "Built",
    "Cell",
    "WitRegistry",
    "bindings",
    "build_component",
    "bundled_worlds",
    "default_cache_dir",
    "split_cell",
]
