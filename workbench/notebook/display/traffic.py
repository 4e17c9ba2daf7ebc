"""Calls as a table: who called whom, with what, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.shown import bdi, card, table
from workbench.notebook.display.text import columns, duration, plural, size, visible
from workbench.wire.wit.values import Case, Ok, RecordValue

if TYPE_CHECKING:
    from workbench.lattice.traffic import Call

__all__ = ["CallList", "clock"]

_HEAD = ("", "when", "from", "to", "function", "arguments", "answer", "took", "handshake", "bytes")
_VALUE = 160
_ROWS_SHOWN = 100


class CallList(list[Any]):
    """Calls, oldest first, that look like a table with the newest on top."""

    def __init__(self, calls: Iterable[Call]) -> None:
        super().__init__(calls)

    def _newest(self) -> list[Any]:
        return self[::-1][:_ROWS_SHOWN]

    def __repr__(self) -> str:
        if not self:
            return "no calls yet"
        return columns(_HEAD, [_row(call) for call in self._newest()], widest=44)

    def _repr_html_(self) -> str:
        if not self:
            text = "No calls yet. They appear here as soon as something is called."
            return str(card("Traffic", element("div", text, style="quiet"), kind="traffic"))
        failed = sum(call.error is not None for call in self)
        title = plural(len(self), "call") + (f", {failed} failed" if failed else "")
        rows = [_html_row(call) for call in self._newest()]
        more = len(self) - _ROWS_SHOWN
        tail = element("div", f"and {more} older ones", style="note") if more > 0 else None
        return str(
            card(title, table(_HEAD, rows, numbers=(7, 8, 9)), tail, kind="traffic", wide=True)
        )


def _row(call: Call) -> list[str]:
    return [
        "✗" if call.error is not None else "✓",
        clock(call.started_s),
        visible(call.source or "?", 80),
        visible(call.target or "?", 80),
        f"{_bare(call.instance)}.{visible(call.function, 80)}",
        values_text(call.params),
        visible(call.error, _VALUE) if call.error is not None else value_text(call.result),
        _ms(call.duration_ms),
        _ms(call.handshake_ms),
        f"{size(call.request_bytes)} → {size(call.response_bytes)}",
    ]


def _html_row(call: Call) -> list[Element | str]:
    row: list[Element | str] = list(_row(call))
    failed = call.error is not None
    row[0] = element("span", str(row[0]), style=f"mark tone-{'bad' if failed else 'good'}")
    for column in (4, 5, 6):
        style = "mono tone-bad" if failed and column == 6 else "mono"
        row[column] = element("span", bdi(row[column], 2 * _VALUE), style=style)
    return row


def _bare(instance: str) -> str:
    return visible(instance.partition("@")[0], 120)


def _ms(milliseconds: float | None) -> str:
    return "—" if milliseconds is None else duration(milliseconds / 1000)


def clock(wall_s: float) -> str:
    """Epoch seconds as local time of day, to the millisecond."""
    return f"{time.strftime('%H:%M:%S', time.localtime(wall_s))}.{int(wall_s % 1 * 1000):03d}"


def values_text(values: tuple[Any, ...] | None) -> str:
    if values is None:
        return "—"
    return visible(", ".join(value_text(value) for value in values), _VALUE)


def value_text(value: Any) -> str:
    """A WIT value on one line; bytes only by their number, streams only as such."""
    if value is None:
        return "—"
    if isinstance(value, (bytes, bytearray)):
        return f"{size(len(value))} of bytes"
    if isinstance(value, Ok):
        return _http_text(value.value) or visible(repr(value), _VALUE)
    if hasattr(value, "__aiter__"):
        return "a stream"
    return _http_text(value) or visible(repr(value), _VALUE)


def _http_text(value: Any) -> str:
    """``GET /path`` or ``200`` for the records of wasi:http and wrpc:http, else nothing."""
    if not isinstance(value, RecordValue):
        return ""
    fields = value.as_dict()
    if "status" in fields and "headers" in fields:
        return f"HTTP {visible(fields['status'], 20)}"
    if "path-with-query" not in fields:
        return ""
    method = fields.get("method")
    verb = method.payload if isinstance(method, Case) and method.payload else method
    name = verb.name if isinstance(verb, Case) else verb
    return visible(f"{str(name).upper()} {fields['path-with-query'] or '/'}", _VALUE)
