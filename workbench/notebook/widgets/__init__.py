"""Live widgets: the graph of a lattice, its pacing, and its export as one static file.

One widget model per lattice, many views. Updates are sent from the lattice's own loop thread, so
they go on while a cell blocks; nothing waits for the kernel to be idle.
"""

from workbench.notebook.widgets.export import export_html
from workbench.notebook.widgets.graph import GraphWidget, graph_widget

__all__ = ["GraphWidget", "export_html", "graph_widget"]
