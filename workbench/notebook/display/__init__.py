"""What handlers show: cards, tables, progress. HTML is made in `html.py` only, and escaped there.

Every display has a plain-text face for headless runs. Nothing here talks to a lattice.
"""

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.live import LiveDisplay, Ticker
from workbench.notebook.display.shown import Shown, badge, card, facts, table

__all__ = [
    "Element",
    "LiveDisplay",
    "Shown",
    "Ticker",
    "badge",
    "card",
    "element",
    "facts",
    "table",
]
