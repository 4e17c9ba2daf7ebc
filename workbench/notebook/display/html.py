"""The one place where HTML is made: elements that escape whatever they are given.

Names, headers and payloads come from strangers (ARCHITECTURE §11). A child is an `Element` or
text; text is escaped, always. Styles are names of `style.STYLES`, so no value from outside ever
lands in a style attribute, and a link keeps only the schemes of `_SCHEMES`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workbench.notebook.display.style import STYLES

__all__ = ["Child", "Element", "element"]

_TAGS = frozenset(
    [
        "a",
        "bdi",
        "br",
        "button",
        "code",
        "col",
        "colgroup",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "strong",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "time",
        "tr",
        "ul",
    ]
)
_ATTRIBUTES = frozenset(
    ["class", "dir", "colspan", "href", "open", "role", "scope", "tabindex", "title"]
)
_PREFIXES = ("data-", "aria-")
_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
_SCHEMES = ("http://", "https://", "#")
_EMPTY = frozenset({"br", "col"})


@dataclass(frozen=True, slots=True)
class Element:
    """One element; ``str()`` is its HTML."""

    tag: str
    children: tuple[Element | str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        yield f"<{self.tag}"
        for name, value in self.attributes:
            yield f' {name}="{html.escape(value, quote=True)}"'
        yield ">"
        if self.tag in _EMPTY:
            return
        for child in self.children:
            if isinstance(child, Element):
                yield from child._pieces()
            else:
                yield html.escape(child, quote=False)
        yield f"</{self.tag}>"

    def _repr_html_(self) -> str:
        return str(self)


Child = Element | str | int | float | None


def element(
    tag: str, *children: Child | Iterable[Child], style: str = "", **attributes: str | bool
) -> Element:
    """An element. ``None`` children vanish, iterables are flattened, the rest becomes text.

    ``style`` names entries of `STYLES`, separated by blanks. Underscores in attribute names
    become hyphens; a trailing one is dropped (``class_``).
    """
    if tag not in _TAGS:
        raise ValueError(f"<{tag}> is not among the elements that displays use")
    pairs = [("style", ";".join(STYLES[name] for name in style.split()))] if style else []
    for raw_name, value in attributes.items():
        if value is False:
            continue
        name = raw_name.rstrip("_").replace("_", "-")
        if not _NAME.match(name) or (name not in _ATTRIBUTES and not name.startswith(_PREFIXES)):
            raise ValueError(f"attribute {name!r} is not among those that displays use")
        if name == "href" and not str(value).startswith(_SCHEMES):
            continue
        pairs.append((name, "" if value is True else str(value)))
    return Element(tag, tuple(_flatten(children)), tuple(pairs))


def _flatten(children: Iterable[Child | Iterable[Child]]) -> Iterator[Element | str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, (Element, str)):
            yield child
        elif isinstance(child, (int, float)):
            yield str(child)
        else:
            yield from _flatten(child)
