"""Short ways to say a manifest and a lattice in tests."""

from __future__ import annotations

from typing import Any

from workbench.wadm.desired import Desired, desired
from workbench.wadm.observed import (
    HostState,
    Observed,
    Running,
    with_component,
    with_host,
    with_provider,
)
from workbench.wire import manifest as m
from workbench.wire.wadm import SCALER, SPREAD_NAME


def component(
    name: str,
    *traits: dict[str, Any],
    image: str = "x:1",
    kind: str = "component",
    **properties: Any,
) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "properties": {"image": image, **properties},
        "traits": list(traits),
    }


def provider(name: str, *traits: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return component(name, *traits, kind="capability", **properties)


def scaler(instances: int, *spread: dict[str, Any], daemon: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = {"instances": instances}
    if spread:
        properties["spread"] = list(spread)
    return {"type": "daemonscaler" if daemon else "spreadscaler", "properties": properties}


def spread(name: str, weight: int | None = None, **requirements: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "requirements": requirements}
    return found if weight is None else {**found, "weight": weight}


def link(target: str, **changes: Any) -> dict[str, Any]:
    properties = {
        "namespace": "wasi",
        "package": "http",
        "interfaces": ["incoming-handler"],
        "target": {"name": target},
        **changes,
    }
    return {"type": "link", "properties": properties}


def config(name: str, **values: str) -> dict[str, Any]:
    return {"name": name, "properties": values}


def manifest(*components: dict[str, Any], name: str = "app", version: str = "v1") -> m.Manifest:
    return m.parse(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": name, "annotations": {"version": version}},
            "spec": {"components": list(components)},
        }
    )


def app(*components: dict[str, Any], name: str = "app", version: str = "v1") -> Desired:
    return desired(manifest(*components, name=name, version=version))


def hosts(**labels: str) -> Observed:
    """Hosts by name with one label ``zone`` each."""
    seen = Observed()
    for name, zone in labels.items():
        seen, _ = with_host(seen, HostState(name, {"zone": zone}, friendly_name=name))
    return seen


def running(
    seen: Observed,
    host: str,
    component_id: str,
    count: int,
    scaler_id: str = "",
    name: str = "default",
) -> Observed:
    marks = {SCALER: scaler_id, SPREAD_NAME: name} if scaler_id else {}
    return with_component(seen, host, component_id, Running("x:1", marks, count))[0]


def providing(seen: Observed, host: str, provider_id: str, scaler_id: str = "") -> Observed:
    marks = {SCALER: scaler_id, SPREAD_NAME: "default"} if scaler_id else {}
    return with_provider(seen, host, provider_id, Running("x:1", marks))[0]
