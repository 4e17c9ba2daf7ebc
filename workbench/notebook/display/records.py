"""Rich faces for the records of other rooms, registered by type when the extension loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import workbench
from workbench._calls import HttpReply
from workbench.notebook.display.html import element
from workbench.notebook.display.shown import badge, bdi, card
from workbench.notebook.display.status import status_card
from workbench.notebook.display.text import visible
from workbench.notebook.display.values import http_html, http_text, value_html
from workbench.wire.wit.values import Case, RecordValue

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["findings_html", "findings_text", "register", "unregister"]

_HTML: dict[type, Callable[[Any], str]] = {
    RecordValue: value_html,
    Case: value_html,
    HttpReply: http_html,
    workbench.Lattice: lambda lattice: _lattice_html(lattice),
}


def register(shell: InteractiveShell) -> None:
    formatters: Any = shell.display_formatter
    for kind, face in _HTML.items():
        formatters.formatters["text/html"].for_type(kind, face)
    formatters.formatters["text/plain"].for_type(HttpReply, _plain_http)


def unregister(shell: InteractiveShell) -> None:
    formatters: Any = shell.display_formatter
    for kind in _HTML:
        formatters.formatters["text/html"].pop(kind, None)
    formatters.formatters["text/plain"].pop(HttpReply, None)


def _plain_http(reply: Any, printer: Any, _cycle: bool) -> None:
    printer.text(http_text(reply))


def _lattice_html(lattice: Any) -> str:
    if lattice.closed:
        return str(card(repr(lattice), kind="status"))
    return str(status_card(lattice).html)


def findings_html(title: str, rows: list[tuple[bool, str, str]]) -> Any:
    """Checks or causes as a list: whether it is fine, what it is, what to do."""
    steps = [
        element(
            "li",
            element("span", "✓" if ok else "✗", style=f"mark tone-{'good' if ok else 'bad'}"),
            element(
                "span",
                bdi(text, 600),
                element("div", element("span", visible(todo, 400), style="code")) if todo else None,
                style="grow",
            ),
            style="step",
        )
        for ok, text, todo in rows
    ]
    bad = sum(not ok for ok, _, _ in rows)
    mark = badge("all fine" if not bad else f"{bad} to look at", "good" if not bad else "warn")
    return card(title, element("ul", steps, style="steps"), mark=mark, kind="findings")


def findings_text(title: str, rows: list[tuple[bool, str, str]]) -> str:
    lines = [title]
    for ok, text, todo in rows:
        lines.append(f"  {'✓' if ok else '✗'} {visible(text, 600)}")
        if todo:
            lines.append(f"      {visible(todo, 400)}")
    return "\n".join(lines)
