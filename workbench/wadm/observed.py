"""The lattice as the manager sees it: a frozen value, and the fold that carries it forward.

One record per host says what runs there, so a heartbeat or inventory replaces all that was known
of its host and nothing stale survives (wadm-engine.md §7.2 keeps stale counts; we don't). The
indices by component and provider id make a scaler's work proportional to its own instances.
Each ``with_…`` function returns the new state and the topics that changed: what a scaler listens to.
"""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from workbench.wadm.sharded import Sharded
from workbench.wire.control import Inventory
from workbench.wire.records import Link

__all__ = [
    "HOSTS",
    "Change",
    "HostState",
    "LinkKey",
    "Observed",
    "Running",
    "Terrain",
    "Topic",
    "link_key",
    "with_component",
    "with_config",
    "with_host",
    "with_inventory",
    "with_labels",
    "with_link",
    "with_links",
    "with_provider",
    "without_host",
    "without_link",
]

Topic: TypeAlias = tuple[str, ...]
LinkKey: TypeAlias = tuple[str, str, str, str, str]
Change: TypeAlias = "tuple[Observed, frozenset[Topic]]"

Requirements: TypeAlias = tuple[tuple[str, str], ...]

HOSTS: Topic = ("hosts",)
_NOTHING: frozenset[Topic] = frozenset()


@dataclass(frozen=True, slots=True)
class Running:
    """A component's instance set, or a provider, on one host. ``count`` of a provider is 1."""

    reference: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    count: int = 1


@dataclass(frozen=True, slots=True)
class HostState:
    """One host. ``last_seen`` is our own clock when we last heard of it, in epoch seconds."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    friendly_name: str = ""
    components: Mapping[str, Running] = field(default_factory=dict)
    providers: Mapping[str, Running] = field(default_factory=dict)
    health: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    uptime_s: int = 0
    last_seen: float = 0.0


class Terrain:
    """The hosts and their labels; remembers which hosts meet which requirements, and in what order."""

    __slots__ = ("_found", "_labels", "_rings")

    def __init__(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        self._labels = labels
        self._found: dict[Requirements, frozenset[str]] = {}
        self._rings: dict[Requirements, list[tuple[int, str]]] = {}

    def eligible(self, requirements: Mapping[str, str]) -> frozenset[str]:
        """Hosts whose labels have every requirement with exactly its value (§11.2)."""
        key = tuple(sorted(requirements.items()))
        found = self._found.get(key)
        if found is None:
            found = frozenset(
                host
                for host, labels in self._labels.items()
                if all(labels.get(k) == v for k, v in key)
            )
            self._found[key] = found
        return found

    def walk(self, requirements: Mapping[str, str], seed: str) -> Iterator[str]:
        """The eligible hosts in an order of this seed's own, stable while hosts come and go.

        So every scaler has its favourite hosts, work spreads over the lattice, and asking again
        gives the same answer (§11.3 leaves the choice open; upstream's is random). The first few
        cost no more in a large lattice than in a small one.
        """
        key = tuple(sorted(requirements.items()))
        ring = self._rings.get(key)
        if ring is None:
            hosts = self.eligible(requirements)
            ring = sorted((_point(f"{host}{n}"), host) for host in hosts for n in range(_POINTS))
            self._rings[key] = ring
        start = bisect.bisect(ring, (_point(seed), ""))
        seen: set[str] = set()
        for index in range(start, start + len(ring)):
            host = ring[index % len(ring)][1]
            if host not in seen:
                seen.add(host)
                yield host


# Places of one host on the ring: more divide the seeds more evenly.
_POINTS = 8


def _point(text: str) -> int:
    # Multiplying mixes what the linear checksum leaves similar.
    return (zlib.crc32(text.encode()) * 2654435761) & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything a scaler may look at. ``configs[name]`` is None for a config known to be absent."""

    hosts: Sharded[str, HostState] = field(default_factory=Sharded)
    component_hosts: Sharded[str, frozenset[str]] = field(default_factory=Sharded)
    provider_hosts: Sharded[str, frozenset[str]] = field(default_factory=Sharded)
    links: Sharded[LinkKey, Link] = field(default_factory=Sharded)
    configs: Sharded[str, Mapping[str, str] | None] = field(default_factory=Sharded)
    terrain: Terrain = field(default_factory=lambda: Terrain({}))

    def component_on(self, host: str, component: str) -> Running | None:
        state = self.hosts.get(host)
        return state.components.get(component) if state else None

    def running(self, noun: Literal["component", "provider"], name: str) -> dict[str, Running]:
        """Where a component or provider id runs, by host id in order."""
        if noun == "component":
            where = self.component_hosts.get(name, ())
            return {host: self.hosts[host].components[name] for host in sorted(where)}
        where = self.provider_hosts.get(name, ())
        return {host: self.hosts[host].providers[name] for host in sorted(where)}

    def links_in_slot(self, link: Link) -> list[Link]:
        """The links with the same source, name and package, whatever their target."""
        return [other for other in self.links.values() if other.same_slot(link)]


def link_key(link: Link) -> LinkKey:
    """What tells two links apart: the slot and the target."""
    return (link.source_id, link.name, link.wit_namespace, link.wit_package, link.target)


def with_host(seen: Observed, host: HostState) -> Change:
    """A host as it is now, all at once."""
    old = seen.hosts.get(host.id)
    hosts = seen.hosts.having(host.id, host)
    topics: set[Topic] = set()
    terrain = seen.terrain
    if old is None or old.labels != host.labels:
        topics.add(HOSTS)
        terrain = _terrain(hosts)
    before = old or HostState(host.id)
    components, changed = _reindex(
        seen.component_hosts, host.id, before.components, host.components
    )
    topics |= {("component", name) for name in changed}
    providers, changed = _reindex(seen.provider_hosts, host.id, before.providers, host.providers)
    topics |= {("provider", name) for name in changed}
    state = replace(
        seen, hosts=hosts, component_hosts=components, provider_hosts=providers, terrain=terrain
    )
    return state, frozenset(topics)


def _terrain(hosts: Mapping[str, HostState]) -> Terrain:
    return Terrain({name: host.labels for name, host in hosts.items()})


def _reindex(
    index: Sharded[str, frozenset[str]],
    host: str,
    old: Mapping[str, Running],
    new: Mapping[str, Running],
) -> tuple[Sharded[str, frozenset[str]], set[str]]:
    """The index with one host's entries brought up to date, and the ids that changed there."""
    changed = {name for name in {*old, *new} if old is not new and old.get(name) != new.get(name)}
    for name in changed:
        if (name in old) != (name in new):
            hosts = index.get(name, frozenset())
            hosts = hosts | {host} if name in new else hosts - {host}
            index = index.having(name, hosts) if hosts else index.lacking(name)
    return index, changed


def with_inventory(seen: Observed, host_id: str, inventory: Inventory, now: float) -> Change:
    """A heartbeat or an inventory replaces what was known of the host."""
    old = seen.hosts.get(host_id)
    components = {
        entry.id: Running(entry.image_ref, entry.annotations or {}, entry.max_instances)
        for entry in inventory.components
        if entry.max_instances > 0
    }
    providers = {
        entry.id: Running(entry.image_ref or "", entry.annotations or {})
        for entry in inventory.providers
    }
    known = old.health if old else {}
    host = HostState(
        host_id,
        inventory.labels,
        inventory.friendly_name,
        components,
        providers,
        {name: known.get(name, "Pending") for name in providers},
        inventory.version or None,
        inventory.uptime_seconds,
        now,
    )
    return with_host(seen, host)


def with_labels(seen: Observed, host_id: str, labels: Mapping[str, str]) -> Change:
    host = seen.hosts.get(host_id)
    return with_host(seen, replace(host, labels=labels)) if host else (seen, _NOTHING)


def without_host(seen: Observed, host_id: str) -> Change:
    """The host and everything on it is gone."""
    old = seen.hosts.get(host_id)
    if old is None:
        return seen, _NOTHING
    emptied, topics = with_host(seen, replace(old, components={}, providers={}))
    hosts = emptied.hosts.lacking(host_id)
    return replace(emptied, hosts=hosts, terrain=_terrain(hosts)), topics | {HOSTS}


def with_component(seen: Observed, host_id: str, component: str, running: Running) -> Change:
    """``component_scaled``: a host has one instance set per id; count 0 removes it."""
    host = seen.hosts.get(host_id) or HostState(host_id)
    components = {name: r for name, r in host.components.items() if name != component}
    if running.count > 0:
        components[component] = running
    return with_host(seen, replace(host, components=components))


def with_provider(seen: Observed, host_id: str, provider: str, running: Running | None) -> Change:
    """A provider started on a host, or (None) stopped there."""
    host = seen.hosts.get(host_id) or HostState(host_id)
    providers = {name: r for name, r in host.providers.items() if name != provider}
    health = {name: h for name, h in host.health.items() if name != provider}
    if running is not None:
        providers[provider] = running
        health[provider] = host.health.get(provider, "Pending")
    return with_host(seen, replace(host, providers=providers, health=health))


def with_link(seen: Observed, link: Link) -> Change:
    key = link_key(link)
    if seen.links.get(key) == link:
        return seen, _NOTHING
    return replace(seen, links=seen.links.having(key, link)), frozenset({("link", link.source_id)})


def without_link(
    seen: Observed, source_id: str, name: str, namespace: str, package: str, target: str | None
) -> Change:
    """One link went; without ``target`` every link of the slot is taken for gone."""
    slot = (source_id, name, namespace, package)
    if target is None:
        gone = {key for key in seen.links if key[:4] == slot}
    else:
        gone = {key for key in ((*slot, target),) if key in seen.links}
    if not gone:
        # A scaler that waits for the slot to become free still wants to know.
        return seen, frozenset({("link", source_id)})
    links = seen.links
    for key in gone:
        links = links.lacking(key)
    return replace(seen, links=links), frozenset({("link", source_id)})


def with_links(seen: Observed, links: Iterable[Link]) -> Change:
    """All links, as a host lists them."""
    fresh = {link_key(link): link for link in links}
    changed = {key for key in {*fresh, *seen.links} if fresh.get(key) != seen.links.get(key)}
    topics = frozenset(("link", key[0]) for key in changed)
    return (replace(seen, links=Sharded(fresh)), topics) if changed else (seen, _NOTHING)


def with_config(seen: Observed, name: str, values: Mapping[str, str] | None) -> Change:
    """A config's content, or that there is none."""
    if name in seen.configs and seen.configs[name] == values:
        return seen, _NOTHING
    return replace(seen, configs=seen.configs.having(name, values)), frozenset({("config", name)})
