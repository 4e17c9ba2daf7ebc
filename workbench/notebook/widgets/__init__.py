"""Live widgets: the graph of a lattice, its pacing, and its export as one static file.

One widget model per lattice, many views. Updates are sent from the lattice's own loop thread, so
they go on while a cell blocks; nothing waits for the kernel to be idle.

Names are loaded when first used: anywidget and pyvis take longer to import than the rest of the
room together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.notebook.widgets.export import export_html
    from workbench.notebook.widgets.graph import GraphWidget, graph_widget

__all__ = ["GraphWidget", "export_html", "graph_widget"]

_HOMES = {"GraphWidget": "graph", "graph_widget": "graph", "export_html": "export"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
