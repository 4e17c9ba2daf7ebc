"""The lattice as a graph: snapshots, deltas between them, and a networkx graph.

Node ids are ``host:<id>``, ``component:<host>/<id>``, ``provider:<host>/<id>`` (one node for each
host that runs it), ``app:<name>``, ``client:<id>`` for functions that this process serves itself,
and ``missing:<id>`` for the end of a link that runs nowhere.

A link connects ids, not nodes. With instances on several hosts its edges are drawn between every
pair of nodes as long as that makes at most four; beyond, one edge between the first node of each
end (by host id) stands for all, and its detail says how many pairs there are. Edge ids are made
of the link and the two nodes, so a node that stays keeps its edges.

Only what people see is in a node: no uptime, no time of the last heartbeat, so that a quiet
lattice gives no deltas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from workbench.lattice.state import (
    AppState,
    ComponentState,
    HostState,
    LatticeState,
    ProviderState,
    RunStatus,
)
from workbench.wire.control import UNLIMITED
from workbench.wire.records import Link
from workbench.wire.wadm import APPSPEC, StatusType

if TYPE_CHECKING:
    import networkx

__all__ = ["GraphSnapshot", "delta", "pulse", "snapshot", "to_networkx"]

GraphSnapshot: TypeAlias = dict[str, Any]
GraphDelta: TypeAlias = dict[str, Any]

PAIRS_DRAWN = 4

_APP_STATUS: Mapping[StatusType, RunStatus] = {
    StatusType.DEPLOYED: "running",
    StatusType.RECONCILING: "starting",
    StatusType.WAITING: "starting",
    StatusType.UNHEALTHY: "degraded",
    StatusType.FAILED: "failed",
    StatusType.UNDEPLOYED: "stopped",
}


class Call(Protocol):
    """What the graph needs to know of a finished call."""

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def error(self) -> Any: ...


class Calls(Protocol):
    """A traffic buffer; `workbench.lattice.traffic.Traffic` is one."""

    def calls(self) -> Iterable[Call]: ...


def snapshot(state: LatticeState, traffic: Calls | None = None) -> GraphSnapshot:
    """The whole graph as JSON-able data; with ``traffic`` edges count the buffered calls."""
    nodes = [_host_node(host) for _, host in sorted(state.hosts.items())]
    nodes += [_component_node(host, component) for host, component in state.components()]
    nodes += [_provider_node(host, provider) for host, provider in state.providers()]
    nodes += [_app_node(app) for _, app in sorted(state.apps.items())]
    nodes += [_served_node(id, interfaces) for id, interfaces in sorted(state.served.items())]
    places = _places(state)
    links = state.links
    for thing_id in sorted({end for link in links for end in (link.source_id, link.target)}):
        if thing_id not in places:
            nodes.append(_missing_node(state, thing_id))
            places[thing_id] = [f"missing:{thing_id}"]
    counts = _count_calls(traffic)
    return {
        "seq": state.seq,
        "lattice": state.lattice,
        "nodes": nodes,
        "edges": [edge for link in links for edge in _edges(link, places, counts)],
    }


def delta(old: GraphSnapshot, new: GraphSnapshot) -> GraphDelta | None:
    """What turns ``old`` into ``new``; ``None`` if they look the same."""
    nodes, edges = (
        _differences(old["nodes"], new["nodes"]),
        _differences(old["edges"], new["edges"]),
    )
    if not any(nodes.values()) and not any(edges.values()):
        return None
    return {"from": old["seq"], "seq": new["seq"], "nodes": nodes, "edges": edges}


def pulse(
    state: LatticeState,
    *,
    source: str,
    target: str,
    instance: str,
    function: str,
    ok: bool,
    ms: float,
) -> dict[str, Any]:
    """A call on its way, between the first nodes of both ids.

    An id that runs nowhere, such as the workbench's own, is ``missing:<id>``; the graph has such a
    node only if a link names the id.
    """
    places = _places(state)
    return {
        "type": "pulse",
        "source": places.get(source, [f"missing:{source}"])[0],
        "target": places.get(target, [f"missing:{target}"])[0],
        "instance": instance,
        "function": function,
        "ok": ok,
        "ms": ms,
    }


def to_networkx(state: LatticeState) -> networkx.MultiDiGraph:
    """The snapshot as a ``MultiDiGraph``; node and edge data are the snapshot's fields."""
    import networkx

    shot = snapshot(state)
    graph = networkx.MultiDiGraph(lattice=shot["lattice"], seq=shot["seq"])
    for node in shot["nodes"]:
        graph.add_node(node["id"], **{k: v for k, v in node.items() if k != "id"})
    for edge in shot["edges"]:
        graph.add_edge(
            edge["source"],
            edge["target"],
            key=edge["id"],
            kind=edge["kind"],
            label=edge["label"],
            detail=edge["detail"],
        )
    return graph


# Nodes ----------------------------------------------------------------------------------------


def _node(
    node_id: str,
    kind: str,
    label: str,
    status: RunStatus,
    detail: Mapping[str, str | int | None],
    parent: str | None = None,
) -> dict[str, Any]:
    return {
        "id": node_id,
        "kind": kind,
        "label": label,
        "parent": parent,
        "status": status,
        "detail": {key: value for key, value in detail.items() if value not in ("", None)},
    }


def _host_node(host: HostState) -> dict[str, Any]:
    detail: dict[str, str | int | None] = {"id": host.id, "version": host.version}
    detail |= {f"label {key}": value for key, value in sorted(host.labels.items())}
    if host.late:
        detail["note"] = "no heartbeat for a while"
    return _node(f"host:{host.id}", "host", host.friendly_name or host.id, host.status, detail)


def _component_node(host: HostState, component: ComponentState) -> dict[str, Any]:
    unlimited = component.max_instances == UNLIMITED
    detail: dict[str, str | int | None] = {
        "id": component.id,
        "name": component.name,
        "image": component.image_ref,
        "instances": "unlimited" if unlimited else component.max_instances,
        "app": component.annotations.get(APPSPEC),
        "error": component.error,
    }
    return _node(
        f"component:{host.id}/{component.id}",
        "component",
        component.id,
        component.status,
        detail,
        f"host:{host.id}",
    )


def _provider_node(host: HostState, provider: ProviderState) -> dict[str, Any]:
    health = {None: None, True: "passed", False: "failed"}[provider.healthy]
    detail: dict[str, str | int | None] = {
        "id": provider.id,
        "name": provider.name,
        "image": provider.image_ref,
        "health check": health,
        "app": provider.annotations.get(APPSPEC),
        "error": provider.error,
    }
    return _node(
        f"provider:{host.id}/{provider.id}",
        "provider",
        provider.id,
        provider.status,
        detail,
        f"host:{host.id}",
    )


def _app_node(app: AppState) -> dict[str, Any]:
    status = app.status.status
    detail: dict[str, str | int | None] = {"status": status.type.value, "message": status.message}
    detail |= {scaler.name: str(scaler.status) for scaler in app.status.scalers if scaler.name}
    return _node(f"app:{app.name}", "app", app.name, _APP_STATUS[status.type], detail)


def _served_node(served_id: str, interfaces: Iterable[str]) -> dict[str, Any]:
    detail = {
        "id": served_id,
        "interfaces": ", ".join(interfaces),
        "note": "Python functions of this process, on no host",
    }
    return _node(f"client:{served_id}", "client", served_id, "running", detail)


def _missing_node(state: LatticeState, thing_id: str) -> dict[str, Any]:
    spec = state.specs.get(thing_id)
    detail = {"id": thing_id, "image": spec.url if spec else "", "note": "runs on no host"}
    # The first link with this source leaves a spec without a reference: it may be either kind.
    return _node(f"missing:{thing_id}", "component", thing_id, "stopped", detail)


def _places(state: LatticeState) -> dict[str, list[str]]:
    """The nodes of each component and provider id, by host id."""
    places: dict[str, list[str]] = {}
    for host, component in state.components():
        places.setdefault(component.id, []).append(f"component:{host.id}/{component.id}")
    for host, provider in state.providers():
        places.setdefault(provider.id, []).append(f"provider:{host.id}/{provider.id}")
    for served_id in state.served:
        places.setdefault(served_id, []).append(f"client:{served_id}")
    return places


# Edges ----------------------------------------------------------------------------------------


def _edges(
    link: Link, places: Mapping[str, list[str]], counts: Mapping[tuple[str, str], tuple[int, int]]
) -> Iterable[dict[str, Any]]:
    sources, targets = places[link.source_id], places[link.target]
    pairs = len(sources) * len(targets)
    detail: dict[str, str | int] = {
        "interfaces": ", ".join(link.interfaces),
        "package": f"{link.wit_namespace}:{link.wit_package}",
        "link name": link.name,
    }
    if link.source_config:
        detail["source config"] = ", ".join(link.source_config)
    if link.target_config:
        detail["target config"] = ", ".join(link.target_config)
    if (link.source_id, link.target) in counts:
        detail["calls"], detail["errors"] = counts[link.source_id, link.target]
    if pairs > PAIRS_DRAWN:
        detail["pairs"] = pairs
        sources, targets = sources[:1], targets[:1]
    label = f"{link.wit_namespace}:{link.wit_package}"
    if link.name != "default":
        label += f" ({link.name})"
    for source, target in product(sources, targets):
        yield {
            "id": f"link:{link.id}|{source}|{target}",
            "source": source,
            "target": target,
            "kind": "link",
            "label": label,
            "detail": detail,
        }


def _count_calls(traffic: Calls | None) -> dict[tuple[str, str], tuple[int, int]]:
    if traffic is None:
        return {}
    total: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    for call in traffic.calls():
        pair = (call.source, call.target)
        total[pair] += 1
        failed[pair] += call.error is not None
    return {pair: (total[pair], failed[pair]) for pair in total}


def _differences(
    old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]
) -> dict[str, list[Any]]:
    before = {item["id"]: item for item in old}
    after = {item["id"]: item for item in new}
    return {
        "add": [item for key, item in after.items() if key not in before],
        "update": [item for key, item in after.items() if key in before and before[key] != item],
        "remove": [key for key in before if key not in after],
    }
