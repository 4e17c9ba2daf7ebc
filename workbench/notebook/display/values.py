"""WIT values and HTTP answers in a cell: a table of fields, text as text, bytes by their size."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from workbench.notebook.display.html import Child, Element, element
from workbench.notebook.display.shown import badge, bdi, card, facts
from workbench.notebook.display.text import size, visible
from workbench.wire.wit.values import Case, Err, Ok, RecordValue, Some

__all__ = ["http_html", "http_text", "value_html"]

_DEPTH = 4
_ITEMS = 50
_BODY = 20_000


def value_html(value: Any) -> str:
    """A structured value as nested names and values."""
    return str(element("div", _value(value, 0), style="card", data_workbench="value"))


def _value(value: Any, depth: int) -> Element:
    if depth >= _DEPTH:
        return _text(repr(value))
    if isinstance(value, RecordValue):
        title = element("div", type(value).__name__, style="quiet small")
        pairs = [(name, _value(one, depth + 1)) for name, one in value.as_dict().items()]
        return element("div", title, facts(pairs))
    if isinstance(value, Case):
        return _named(value.name, value.payload, depth)
    if isinstance(value, (Ok, Err)):
        return _named("ok" if isinstance(value, Ok) else "err", value.value, depth)
    if isinstance(value, Some):
        return _named("some", value.value, depth)
    if isinstance(value, (bytes, bytearray)):
        return element(
            "span", _text(repr(bytes(value[:64]))), f"  {size(len(value))}", style="quiet"
        )
    if isinstance(value, Mapping):
        pairs = [(visible(k, 80), _value(v, depth + 1)) for k, v in list(value.items())[:_ITEMS]]
        return facts(pairs)
    if isinstance(value, (list, tuple)) and any(isinstance(v, (RecordValue, Case)) for v in value):
        shown = [element("li", _value(one, depth + 1)) for one in value[:_ITEMS]]
        more = len(value) - _ITEMS
        tail = element("li", f"and {more} more") if more > 0 else None
        return element("ol", shown, tail)
    return _text(repr(value))


def _named(name: str, payload: Any, depth: int) -> Element:
    word = element("span", visible(name, 80), style="code")
    if payload is None:
        return element("div", word)
    return element("div", word, " ", _value(payload, depth + 1))


def _text(text: str) -> Element:
    return element("span", bdi(text, 400), style="mono")


def http_html(reply: Any) -> str:
    """An HTTP answer. Its body is text, whatever it says it is."""
    tone = "good" if reply.status < 400 else "warn" if reply.status < 500 else "bad"
    pairs: list[tuple[str, Child]] = [
        (visible(name, 60), visible(_decoded(value), 300)) for name, value in reply.headers[:30]
    ]
    body = body_text(reply)
    html = card(
        "HTTP answer",
        facts(pairs) if pairs else None,
        element("pre", body, style="block") if body else None,
        mark=badge(str(reply.status), tone),
        kind="http",
    )
    return str(html)


def http_text(reply: Any) -> str:
    lines = [f"HTTP {reply.status}"]
    lines += [f"{visible(n, 60)}: {visible(_decoded(v), 300)}" for n, v in reply.headers[:30]]
    body = body_text(reply)
    return "\n".join([*lines, *(["", body] if body else [])])


def _decoded(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def body_text(reply: Any) -> str:
    """The body as text of sensible length, JSON laid out, binary only by its size."""
    raw: bytes = reply.body
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return f"{size(len(raw))} that are no text"
    kind = next((_decoded(v) for n, v in reply.headers if n.lower() == "content-type"), "")
    if "json" in kind:
        # What says JSON and is none is shown as it came.
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    shown = "\n".join(visible(line, 2000) for line in text[:_BODY].split("\n"))
    left_out = len(text) - _BODY
    return f"{shown}\n… ({left_out} more characters)" if left_out > 0 else shown
