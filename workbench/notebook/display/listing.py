"""Lists of records: real Python lists that look like tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.notebook.display.html import Child, Element, element
from workbench.notebook.display.shown import badge, card, table
from workbench.notebook.display.text import columns, plural, size, visible

__all__ = ["Column", "Listing", "about", "listing"]

TONE = {
    "running": "good",
    "starting": "busy",
    "degraded": "warn",
    "failed": "bad",
    "stopped": "quiet",
    "deployed": "good",
    "reconciling": "busy",
    "waiting": "busy",
    "unhealthy": "warn",
    "undeployed": "quiet",
}
_ROWS_SHOWN = 100

Cell = Callable[[Any], object]
Column = tuple[str, Cell]


class Listing(list[Any]):
    """A list of records with a title and the columns to show; ``note`` is a line below."""

    def __init__(
        self,
        noun: str,
        records: Iterable[Any],
        shown: Sequence[Column],
        *,
        empty: str = "",
        note: str = "",
    ) -> None:
        super().__init__(records)
        self.note = note
        self._noun = noun
        self._columns = shown
        self._empty = empty

    @property
    def _title(self) -> str:
        return plural(len(self), self._noun)

    def _rows(self) -> list[list[object]]:
        return [[cell(record) for _, cell in self._columns] for record in self[:_ROWS_SHOWN]]

    def __repr__(self) -> str:
        if not self:
            return f"no {self._noun}s{_because(self._empty)}{self._below()}"
        more = len(self) - _ROWS_SHOWN
        tail = f"\n… and {more} more" if more > 0 else ""
        return columns([name for name, _ in self._columns], self._rows()) + tail + self._below()

    def _below(self) -> str:
        return f"\n{self.note}" if self.note else ""

    def _repr_html_(self) -> str:
        return str(self._html())

    def _html(self) -> Element:
        note = element("div", self.note, style="note") if self.note else None
        if not self:
            line = f"No {self._noun}s{_because(self._empty)}."
            return card(line, note, kind="listing")
        more = len(self) - _ROWS_SHOWN
        tail = element("div", f"and {more} more", style="note") if more > 0 else None
        names = [name for name, _ in self._columns]
        rows = [
            [_cell(name, value) for name, value in zip(names, row, strict=True)]
            for row in self._rows()
        ]
        return card(self._title, table(names, rows), tail, note, kind="listing", wide=True)


def _because(text: str) -> str:
    return f": {text}" if text else ""


def _cell(name: str, value: object) -> Child:
    if name == "status":
        return badge(visible(value, 40), TONE.get(str(value), "quiet"))
    if isinstance(value, Element):
        return value
    return visible(value)


def _own_labels(labels: Any) -> str:
    """The labels that somebody chose; what every host says of its machine only hides them."""
    own = [f"{k}={v}" for k, v in sorted(labels.items()) if not k.startswith("hostcore.")]
    return ", ".join(own) or "—"


def _uptime(host: Any) -> str:
    minutes, seconds = divmod(int(host.uptime_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


_INTERFACES: Cell = lambda link: (  # noqa: E731 - a column is a name and a function
    f"{link.wit_namespace}:{link.wit_package}/{','.join(link.interfaces)}"
)

_TABLES: dict[str, tuple[str, tuple[Column, ...], str]] = {
    "hosts": (
        "host",
        (
            ("name", lambda h: h.friendly_name or "—"),
            ("id", lambda h: h.id),
            ("status", lambda h: h.status),
            ("labels", lambda h: _own_labels(h.labels)),
            ("components", lambda h: len(h.components)),
            ("providers", lambda h: len(h.providers)),
            ("version", lambda h: h.version or "—"),
            ("uptime", _uptime),
        ),
        "`%wasmcloud up --hosts 1` adds one",
    ),
    "components": (
        "component",
        (
            ("id", lambda c: c.id),
            ("status", lambda c: c.status),
            ("instances", lambda c: c.max_instances),
            ("hosts", lambda c: ", ".join(c.hosts)),
            ("image", lambda c: c.image_ref),
            ("error", lambda c: c.error or "—"),
        ),
        "`%%wasmcloud deploy` or `%wasmcloud start component` brings some",
    ),
    "providers": (
        "provider",
        (
            ("id", lambda p: p.id),
            ("status", lambda p: p.status),
            ("hosts", lambda p: ", ".join(p.hosts)),
            ("image", lambda p: p.image_ref),
            ("error", lambda p: p.error or "—"),
        ),
        "`%wasmcloud start provider` brings one",
    ),
    "links": (
        "link",
        (
            ("source", lambda k: k.source_id),
            ("target", lambda k: k.target),
            ("interfaces", _INTERFACES),
            ("name", lambda k: k.name),
            ("source config", lambda k: ", ".join(k.source_config) or "—"),
            ("target config", lambda k: ", ".join(k.target_config) or "—"),
        ),
        "`%wasmcloud link put SOURCE TARGET INTERFACE` makes one",
    ),
    "configs": (
        "configuration",
        (("name", lambda c: c[0]), ("keys", lambda c: ", ".join(sorted(c[1])) or "—")),
        "`%wasmcloud config put NAME KEY=VALUE` makes one",
    ),
    "claims": (
        "claim",
        (
            ("subject", lambda c: c.subject),
            ("name", lambda c: c.name),
            ("issuer", lambda c: c.issuer),
            ("version", lambda c: c.version or "—"),
        ),
        "nothing signed has been started",
    ),
    "apps": (
        "application",
        (
            ("name", lambda a: a.name),
            ("status", lambda a: a.status.status.type),
            ("message", lambda a: a.status.status.message or "—"),
            ("parts", lambda a: len(a.status.scalers)),
        ),
        "`%%wasmcloud deploy` brings one",
    ),
    "inventory": (
        "thing",
        (
            ("host", lambda r: r["host"]),
            ("kind", lambda r: r["kind"]),
            ("id", lambda r: r["id"]),
            ("instances", lambda r: r["instances"]),
            ("image", lambda r: r["image"]),
        ),
        "nothing runs there",
    ),
    "events": (
        "event",
        (
            ("time", lambda e: e["time"]),
            ("event", lambda e: e["event"]),
            ("host", lambda e: e["host"]),
            ("about", lambda e: e["about"]),
        ),
        "nothing has happened yet",
    ),
    "built": (
        "built component",
        (
            ("name", lambda b: b.name),
            ("reference", lambda b: f"cell://{b.name}"),
            ("world", lambda b: b.world.id),
            ("size", lambda b: size(b.size_bytes)),
        ),
        "`%%wasmcloud component NAME` builds one",
    ),
    "versions": (
        "version",
        (
            ("version", lambda v: v.version),
            ("deployed", lambda v: "yes" if v.deployed else "—"),
        ),
        "it has never been stored",
    ),
}

_ABOUT = ("component_id", "provider_id", "source_id", "config_name", "friendly_name", "error")


def about(data: Any) -> str:
    """What an event is about, from the fields of its data."""
    if not isinstance(data, dict):
        return "—"
    parts = [str(data[key]) for key in _ABOUT if data.get(key)]
    if data.get("target"):
        parts.append(f"→ {data['target']}")
    return " ".join(parts) or "—"


def listing(kind: str, records: Iterable[Any]) -> Listing:
    """The records of a kind that `get` knows, as a table."""
    noun, shown, empty = _TABLES[kind]
    return Listing(noun, records, shown, empty=empty)
