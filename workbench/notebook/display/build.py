"""A build as it goes on: what it does, how far it is, how long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.notebook.display.html import Child, element
from workbench.notebook.display.shown import Shown, badge, bdi, card, facts, text_facts
from workbench.notebook.display.text import duration, size, visible

if TYPE_CHECKING:
    from workbench.authoring import Built

__all__ = ["building_card", "built_card"]


def building_card(
    name: str, stage: str, fraction: float | None, elapsed_s: float, *, doing: str = "Building"
) -> Shown:
    """Where a build stands; ``fraction`` is ``None`` where nobody can tell."""
    part = max(0.0, min(1.0, fraction)) if fraction is not None else 0.0
    bar = element("div", element("div", style=f"bar-{round(part * 20)}"), style="track")
    html = card(
        element("span", f"{doing} ", bdi(name, 80)),
        element("div", visible(stage), style="quiet"),
        bar if fraction is not None else None,
        mark=badge(duration(elapsed_s), "busy"),
        kind="building",
    )
    return Shown(html, f"{doing} {visible(name, 80)}: {visible(stage)} ({duration(elapsed_s)})")


def built_card(built: Built, reloaded: list[str], elapsed_s: float) -> Shown:
    """What a cell became, and the reference under which a manifest finds it."""
    exports = [visible(key, 80) for key in built.world.exports] if built.world else []
    reference = f"cell://{built.name}"
    pairs: list[tuple[str, Child]] = [
        ("image", element("span", reference, style="code")),
        ("world", built.world.id if built.world else "—"),
        ("exports", ", ".join(exports) or "nothing"),
        ("size", size(built.size_bytes)),
    ]
    if reloaded:
        pairs.append(("now run it", ", ".join(reloaded)))
    how = "from the cache" if built.cached else "built"
    word = f"{how} in {duration(elapsed_s)}"
    html = card(
        element("span", "Component ", bdi(built.name, 80)),
        facts(pairs),
        mark=badge(word, "good"),
        kind="built",
    )
    plain = [(k, reference if k == "image" else v) for k, v in pairs]
    return Shown(html, f"Component {visible(built.name, 80)}, {word}\n{text_facts(plain)}")
