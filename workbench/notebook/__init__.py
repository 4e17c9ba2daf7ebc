"""What a person sees: magics, completions, displays, live widgets, the comm of the Lattice panel.

The top room: it may import everything, and only here live IPython, ipywidgets, anywidget and
pyvis. Importing it loads none of them; `load_ipython_extension` does.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext workbench``: magics, completion and faces; nothing connects."""
    from workbench.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext workbench``: takes back everything but a lattice that runs."""
    from workbench.notebook.extension import unload

    unload(shell)
