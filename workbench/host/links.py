"""The link table of a host: what ``link.get`` answers, what providers and components route by.

The table changes only through `LinkTable.replace`, which the KV watch alone calls, so that every
host of a lattice sees the same order (events-and-lattice-data.md §B.4, §C.10.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.errors import LinkMissing
from workbench.wire.records import Link

__all__ = ["LinkChange", "LinkTable", "Routes", "interface_key"]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """What one delivery of a spec changed. ``removed`` leaves out links that a new one replaces."""

    source_id: str
    added: tuple[Link, ...]
    removed: tuple[Link, ...]


class LinkTable:
    """All links of the lattice, by source id."""

    def __init__(self) -> None:
        self._by_source: dict[str, tuple[Link, ...]] = {}

    def replace(self, source_id: str, links: Sequence[Link]) -> LinkChange:
        """Take over the links of one spec; says which are new or gone (all eight fields count)."""
        before = self._by_source.get(source_id, ())
        after = tuple(links)
        added = tuple(link for link in after if link not in before)
        taken = {link.id for link in after}
        removed = tuple(link for link in before if link not in after and link.id not in taken)
        self._by_source[source_id] = after
        return LinkChange(source_id, added, removed)

    def all(self) -> list[Link]:
        return [link for links in self._by_source.values() for link in links]

    def of_source(self, source_id: str) -> tuple[Link, ...]:
        return self._by_source.get(source_id, ())

    def touching(self, provider_id: str) -> tuple[Link, ...]:
        """The links in which a provider is source or target: its start-up data."""
        return tuple(link for link in self.all() if provider_id in (link.source_id, link.target))


def interface_key(instance: str) -> str:
    """``acme:hello/greet@1.0.0`` → ``acme:hello/greet``: links know no versions (§2.2)."""
    return instance.partition("@")[0]


class Routes:
    """Where the imports of one component go: link name → interface → target (interfaces.md §2).

    `set_links` replaces all routes at once and takes effect for the next call. The selection made
    by ``set-link-name`` is shared by all invocations of the component, as on real hosts (§2.3).
    """

    __slots__ = ("_component_id", "_selected", "_table")

    def __init__(self, component_id: str, links: Iterable[Link] = ()) -> None:
        self._component_id = component_id
        self._selected: dict[str, str] = {}
        self._table: Mapping[str, Mapping[str, str]] = {}
        self.set_links(links)

    def set_links(self, links: Iterable[Link]) -> None:
        table: dict[str, dict[str, str]] = {}
        for link in links:
            targets = table.setdefault(link.name, {})
            for interface in link.interfaces:
                targets[f"{link.wit_namespace}:{link.wit_package}/{interface}"] = link.target
        self._table = table

    def link_name(self, key: str) -> str:
        """The name selected for an interface, ``default`` if none was."""
        return self._selected.get(key, "default")

    def select(self, name: str, keys: Sequence[str]) -> str | None:
        """Select a link name for interfaces; the error text if one of them has no such link."""
        targets = self._table.get(name, {})
        for key in keys:
            if key not in targets:
                return f"interface `{key}` does not have an existing link with name `{name}`"
        for key in keys:
            if name == "default":
                self._selected.pop(key, None)
            else:
                self._selected[key] = name
        return None

    def target(self, key: str, instance: str, function: str) -> tuple[str, str]:
        """The target id and link name of a call, or `LinkMissing` with the real host's text.

        ``key`` is what links are looked up by; ``instance`` and ``function`` are what the
        component called, for the text (§2.2).
        """
        name = self.link_name(key)
        targets = self._table.get(name)
        if targets is None:
            raise self._missing(f"link `{name}` not found for instance `{key}`", key, name)
        target = targets.get(key)
        if target is None:
            raise self._missing(
                f"failed to call `{function}` in instance `{instance}` (failed to find a "
                f"configured link with name `{name}` from component `{self._component_id}`, "
                "please check your configuration)",
                key,
                name,
            )
        return target, name

    def _missing(self, text: str, key: str, name: str) -> LinkMissing:
        option = "" if name == "default" else f" --name {name}"
        hint = (
            f"Add the link: %wasmcloud link put {self._component_id} TARGET {key}{option}"
            if "/" in key
            else "A function at the root of a world has no interface, so no link can name it."
        )
        return LinkMissing(
            text,
            hint=hint,
            source=self._component_id,
            interface=key,
            link_name=name,
            instance=key,
        )
