"""Imports that no link gives yet, with what would give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.notebook.display.html import element
from workbench.notebook.display.shown import Shown, bdi
from workbench.notebook.display.text import visible

if TYPE_CHECKING:
    from workbench._running import Unlinked

__all__ = ["unlinked_note"]

_SHOWN = 8


def unlinked_note(found: Iterable[Unlinked]) -> Shown | None:
    """What fails when it is called, before it is; `None` if there is nothing to say."""
    all_of_them = list(found)
    if not all_of_them:
        return None
    rows, lines = [], []
    for one in all_of_them[:_SHOWN]:
        text = f"{one.component_id} imports {one.interface}, and no link gives it ({one.giver})"
        rows.append(
            element(
                "div",
                element("span", "!", style="mark tone-warn"),
                element(
                    "span",
                    bdi(text, 400),
                    element("div", element("span", visible(one.hint, 300), style="code")),
                    style="grow",
                ),
                style="step",
            )
        )
        lines += [f"! {visible(text, 400)}", f"    {visible(one.hint, 300)}"]
    more = len(all_of_them) - _SHOWN
    if more > 0:
        rows.append(element("div", f"and {more} more", style="quiet"))
        lines.append(f"and {more} more")
    html = element("div", rows, style="card slim", data_workbench="unlinked")
    return Shown(html, "\n".join(lines))
