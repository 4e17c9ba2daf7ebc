"""Lines that components wrote, as a person reads a log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.shown import Shown, card
from workbench.notebook.display.text import plural, visible

if TYPE_CHECKING:
    from workbench.notebook.component_log import Heard

__all__ = ["LogList", "shown_lines"]

_LONGEST = 2000
_ROWS = 500
_TONES = {"error": "bad", "critical": "bad", "warn": "warn", "debug": "quiet", "trace": "quiet"}


def shown_lines(heard: Sequence[Heard], *, more: int = 0) -> Shown:
    """Lines without a frame, for below the cell during which they came."""
    rows = [element("div", _row(one), style="logline") for one in heard]
    tail = f"… {plural(more, 'more line')}: `%wasmcloud logs`" if more else ""
    last = element("div", tail, style="quiet small") if tail else None
    html = element("div", rows, last, style="log", data_workbench="log")
    text = "\n".join([*map(_text, heard), *([tail] if tail else [])])
    return Shown(html, text)


def _row(one: Heard) -> list[Element]:
    line = one.line
    tone = _tone(line)
    return [
        element("span", visible(line.component_id, 60), style="quiet", title=_title(one)),
        element("span", f" {_kind(line)} ", style=f"tone-{tone}"),
        element("bdi", visible(line.message, _LONGEST)),
    ]


def _tone(line: Any) -> str:
    if line.stream in ("log", "host"):
        return _TONES.get(line.level, "quiet")
    return "warn" if line.stream == "stderr" else "quiet"


def _kind(line: Any) -> str:
    """Where it was written: the level of a logging call, else the stream."""
    if line.stream == "log":
        return f"{visible(line.level, 20)}{f' {visible(line.context, 40)}' if line.context else ''}"
    return visible(line.stream, 20)


def _title(one: Heard) -> str:
    call = one.line.traceparent[3:35]
    return f"{_clock(one)}{f', invocation {visible(call, 32)}' if call else ''}"


def _clock(one: Heard) -> str:
    moment = time.localtime(one.at_s)
    return f"{time.strftime('%H:%M:%S', moment)}.{int(one.at_s * 1000) % 1000:03d}"


def _text(one: Heard) -> str:
    line = one.line
    return f"{visible(line.component_id, 60)} {_kind(line)} │ {visible(line.message, _LONGEST)}"


class LogList(list[Any]):
    """Lines, oldest first, each with its time, component and invocation."""

    def __repr__(self) -> str:
        if not self:
            return "no component has written anything yet"
        left_out = len(self) - _ROWS
        head = [f"… {left_out} older ones"] if left_out > 0 else []
        return "\n".join([*head, *(self._line(one) for one in self[-_ROWS:])])

    @staticmethod
    def _line(one: Heard) -> str:
        return f"{_clock(one)} {one.line.traceparent[3:11] or '-':8} {_text(one)}"

    def _repr_html_(self) -> str:
        if not self:
            text = "Nothing yet. What components print and log appears here."
            return str(card("Log", element("div", text, style="quiet"), kind="logs"))
        left_out = len(self) - _ROWS
        rows = [
            element(
                "div",
                element("span", f"{_clock(one)} ", style="quiet"),
                element("span", f"{one.line.traceparent[3:11]:8} ", style="quiet"),
                _row(one),
                style="logline",
            )
            for one in self[-_ROWS:]
        ]
        more = element("div", f"{left_out} older ones left out", style="note")
        body = element("div", rows, style="log")
        title = plural(len(self), "line")
        return str(card(title, body, more if left_out > 0 else None, kind="logs", wide=True))
