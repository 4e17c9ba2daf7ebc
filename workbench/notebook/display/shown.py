"""What a handler gives back: something to look at, as HTML and as plain text alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.notebook.display.html import Child, Element, element
from workbench.notebook.display.text import columns, visible

__all__ = [
    "Shown",
    "badge",
    "bdi",
    "card",
    "facts",
    "said",
    "table",
    "text_facts",
    "text_table",
]


@dataclass(frozen=True, slots=True)
class Shown:
    """A display object with both faces; headless runs print the text."""

    html: Element
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": str(self.html), "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def bdi(text: object, limit: int = 200) -> Element:
    """Foreign text: its direction can't touch what stands around it."""
    return element("bdi", visible(text, limit))


def badge(text: str, tone: str) -> Element:
    return element("span", text, style=f"badge tone-{tone}", data_badge=text)


def card(
    title: Child,
    *body: Child | Iterable[Child],
    mark: Element | None = None,
    kind: str = "",
    wide: bool = False,
) -> Element:
    """The frame of every card: a title line, then whatever belongs to it."""
    head = element("div", element("span", title, style="title"), mark, style="head")
    style = "card wide" if wide else "card"
    return element("div", head, *body, style=style, data_workbench=kind or "card")


def facts(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Names and values, one a line."""
    cells: list[Element] = []
    for name, value in pairs:
        cells.append(element("dt", name, style="fact-name"))
        shown = value if isinstance(value, Element) else bdi(value)
        cells.append(element("dd", shown, style="fact-value"))
    return element("dl", cells, style="facts")


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    numbers: Iterable[int] = (),
) -> Element:
    """A table; the columns in ``numbers`` are set to the right. It scrolls if it is too wide."""
    right = frozenset(numbers)

    def style(name: str, column: int) -> str:
        return f"{name} number" if column in right else name

    top = [element("th", name, style=style("th", i), scope="col") for i, name in enumerate(head)]
    body = [
        element(
            "tr",
            [
                element("td", c if isinstance(c, Element) else bdi(c), style=style("td", i))
                for i, c in enumerate(row)
            ],
            style="tr",
        )
        for row in rows
    ]
    whole = element(
        "table",
        element("thead", element("tr", top, style="tr")),
        element("tbody", body),
        style="table",
    )
    return element("div", whole, style="scroll")


def said(text: str, *, took: str = "") -> Shown:
    """One sentence about what was done; ``text`` is made of visible parts."""
    line = element(
        "div",
        element("span", "✓", style="mark tone-good"),
        element("span", text, style="grow"),
        element("span", took, style="quiet small") if took else None,
        style="step",
    )
    html = element("div", line, style="card slim", data_workbench="said")
    return Shown(html, f"{text} ({took})" if took else text)


def text_facts(pairs: Iterable[tuple[str, object]]) -> str:
    rows = [(name, visible(value)) for name, value in pairs]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name.ljust(width)}  {value}" for name, value in rows)


def text_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return f"{title}\n{columns(head, rows)}" if rows else title
