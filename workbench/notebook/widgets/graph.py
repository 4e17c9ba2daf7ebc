"""The live graph: one anywidget model per lattice, fed from the lattice's loop thread."""

from __future__ import annotations

import asyncio
import uuid
import weakref
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets

from workbench.notebook.display.text import plural, visible
from workbench.notebook.widgets.feed import GraphFeed, ObservedLattice
from workbench.notebook.widgets.outline import outline
from workbench.notebook.widgets.pace import Pace

__all__ = ["GraphWidget", "LiveLattice", "graph_widget"]

STATIC = Path(__file__).resolve().parent.parent / "static"
_NOT_BUILT = """
export default { render({ el }) {
  el.textContent = "The live graph was not built: install Node 20 and the package again. "
    + "Below %wasmcloud get components lists the same.";
} };
"""


class LiveLattice(ObservedLattice, Protocol):
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def on_close(self, callback: Any) -> Any: ...


def _built(name: str, otherwise: str) -> str:
    path = STATIC / name
    return path.read_text(encoding="utf-8") if path.is_file() else otherwise


class GraphWidget(anywidget.AnyWidget):
    """Shows a graph and follows it. ``snapshot`` is where a new view begins."""

    _esm = _built("graph.js", _NOT_BUILT)
    _css = _built("graph.css", "")
    snapshot = traitlets.Dict().tag(sync=True)
    live = traitlets.Bool(True).tag(sync=True)
    height = traitlets.Int(320).tag(sync=True)
    graph = traitlets.Unicode().tag(sync=True)
    """Names this model in the page, where all its views share one store."""

    def __init__(self, snapshot: dict[str, Any], **traits: Any) -> None:
        self._newest = snapshot
        super().__init__(snapshot=snapshot, graph=uuid.uuid4().hex, **traits)
        self.on_msg(self._asked)

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and content.get("type") == "snapshot":
            self.send({"type": "snapshot", "snapshot": self._newest})

    def publish(self, messages: list[dict[str, Any]], newest: dict[str, Any]) -> None:
        """Send to every view; callable on any thread."""
        self._newest = newest
        for message in messages:
            self.send(message)

    def end(self) -> None:
        """Nothing will come any more; views keep the last picture and say so."""
        self.live = False

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        # A page that is reloaded asks for the state. The trait itself holds the graph of the
        # beginning: setting it at every change would send everything every time.
        state = super().get_state(key=key, drop_defaults=drop_defaults)
        if "snapshot" in state:
            state["snapshot"] = self._newest
        return state

    def __repr__(self) -> str:
        return f"Lattice {visible(self._newest['lattice'], 60)}: {_counts(self._newest)}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        text, html = outline(self._newest)
        return {**data, "text/plain": text, "text/html": str(html)}, metadata


def _counts(graph: dict[str, Any]) -> str:
    kinds = [n["kind"] for n in graph["nodes"] if not n["id"].startswith("missing:")]
    parts = [plural(kinds.count(kind), kind) for kind in ("host", "component", "provider")]
    return ", ".join([*parts, plural(len(graph["edges"]), "link")])


class _Followed:
    """A widget and what keeps it fed; ends with its lattice."""

    def __init__(self, lattice: LiveLattice) -> None:
        self._pace = Pace(lattice.loop, self._flush)
        self._feed = GraphFeed(lattice, self._pace.poke)
        self.widget = GraphWidget(self._feed.snapshot)
        lattice.on_close(self.end)

    def _flush(self) -> None:
        messages = self._feed.drain()
        if messages:
            self.widget.publish(messages, self._feed.snapshot)

    def end(self) -> None:
        self._pace.stop()
        self._feed.close()
        self.widget.end()


_followed: weakref.WeakKeyDictionary[Any, _Followed] = weakref.WeakKeyDictionary()


def graph_widget(lattice: LiveLattice) -> GraphWidget:
    """The one live model of this lattice; display it as often as you like."""
    known = _followed.get(lattice)
    if known is None:
        known = _followed[lattice] = _Followed(lattice)
    return known.widget
