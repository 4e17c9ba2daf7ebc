"""Rich faces for the records of other rooms, registered by type when the extension loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.notebook.display.component import component_card
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
}

# By name: loading the extension must not load what only a running lattice needs.
_HTML_BY_NAME: dict[tuple[str, str], Callable[[Any], str]] = {
    ("workbench.wire.http_reply", "HttpReply"): http_html,
    ("workbench._lattice", "Lattice"): lambda lattice: _lattice_html(lattice),
    ("workbench.wasm.component", "Component"): lambda one: str(component_card(one).html),
}
_TEXT_BY_NAME: dict[tuple[str, str], Callable[[Any], str]] = {
    ("workbench.wire.http_reply", "HttpReply"): http_text,
    ("workbench.wasm.component", "Component"): lambda one: component_card(one).text,
}


def register(shell: InteractiveShell) -> None:
    rich, plain = _formatters(shell)
    for kind, face in _HTML.items():
        rich.for_type(kind, face)
    for (module, name), face in _HTML_BY_NAME.items():
        rich.for_type_by_name(module, name, face)
    for (module, name), face in _TEXT_BY_NAME.items():
        plain.for_type_by_name(module, name, _printed(face))


def unregister(shell: InteractiveShell) -> None:
    rich, plain = _formatters(shell)
    for kind in _HTML:
        rich.pop(kind, None)
    for module, name in _HTML_BY_NAME:
        rich.pop(f"{module}.{name}", None)
    for module, name in _TEXT_BY_NAME:
        plain.pop(f"{module}.{name}", None)


def _formatters(shell: Any) -> tuple[Any, Any]:
    formatters = shell.display_formatter.formatters
    return formatters["text/html"], formatters["text/plain"]


def _printed(face: Callable[[Any], str]) -> Callable[[Any, Any, bool], None]:
    return lambda value, printer, _cycle: printer.text(face(value))


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
