"""What the manager asks of a lattice, as data. Nothing here does anything.

A command names its ``slot``: the one thing it changes. At most one command per slot is under way.
`wire_form` is the JSON that a real wadm would put on ``wadm.cmd.<lattice>`` (wadm-engine.md §9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from workbench.wire.jsontext import encode
from workbench.wire.records import Link
from workbench.wire.wadm import SCALER, SPREAD_NAME

__all__ = [
    "Command",
    "DeleteConfig",
    "DeleteLink",
    "Inquiry",
    "PutConfig",
    "PutLink",
    "ReadConfig",
    "ReadHost",
    "ReadLinks",
    "ScaleComponent",
    "Slot",
    "StartProvider",
    "StopProvider",
    "own_annotations",
    "wire_form",
]

Slot: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScaleComponent:
    """Run up to ``count`` instances on one host; 0 stops. An empty ``spread``: nobody's work."""

    component_id: str
    host_id: str
    count: int
    reference: str
    app: str
    scaler: str
    spread: str = ""
    config: tuple[str, ...] = ()

    @property
    def slot(self) -> Slot:
        return ("component", self.component_id, self.host_id)

    def __str__(self) -> str:
        if self.count == 0:
            return f"stop component {self.component_id} on {self.host_id}"
        return f"run component {self.component_id} with {self.count} instance(s) on {self.host_id}"


@dataclass(frozen=True, slots=True)
class StartProvider:
    provider_id: str
    host_id: str
    reference: str
    app: str
    scaler: str
    spread: str = ""
    config: tuple[str, ...] = ()

    @property
    def slot(self) -> Slot:
        return ("provider", self.provider_id, self.host_id)

    def __str__(self) -> str:
        return f"start provider {self.provider_id} on {self.host_id}"


@dataclass(frozen=True, slots=True)
class StopProvider:
    provider_id: str
    host_id: str
    app: str
    scaler: str
    spread: str = ""

    @property
    def slot(self) -> Slot:
        return ("provider", self.provider_id, self.host_id)

    def __str__(self) -> str:
        return f"stop provider {self.provider_id} on {self.host_id}"


@dataclass(frozen=True, slots=True)
class PutLink:
    link: Link
    app: str

    @property
    def slot(self) -> Slot:
        link = self.link
        return ("link", link.source_id, link.name, link.wit_namespace, link.wit_package)

    def __str__(self) -> str:
        link = self.link
        package = f"{link.wit_namespace}:{link.wit_package}"
        return f"put link {link.source_id} -({package})-> {link.target}"


@dataclass(frozen=True, slots=True)
class DeleteLink:
    source_id: str
    name: str
    wit_namespace: str
    wit_package: str
    app: str

    @property
    def slot(self) -> Slot:
        return ("link", self.source_id, self.name, self.wit_namespace, self.wit_package)

    def __str__(self) -> str:
        return f"delete link of {self.source_id} for {self.wit_namespace}:{self.wit_package}"


@dataclass(frozen=True, slots=True)
class PutConfig:
    """``values`` is a sorted tuple of pairs. Its repr keeps the values to itself."""

    name: str
    values: tuple[tuple[str, str], ...]

    @property
    def slot(self) -> Slot:
        return ("config", self.name)

    def __repr__(self) -> str:
        return f"PutConfig({self.name!r}, {len(self.values)} value(s))"

    def __str__(self) -> str:
        return f"put config {self.name}"


@dataclass(frozen=True, slots=True)
class DeleteConfig:
    name: str

    @property
    def slot(self) -> Slot:
        return ("config", self.name)

    def __str__(self) -> str:
        return f"delete config {self.name}"


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """Ask what a config holds; nothing changes."""

    name: str

    @property
    def slot(self) -> Slot:
        return ("config", self.name)

    def __str__(self) -> str:
        return f"read config {self.name}"


@dataclass(frozen=True, slots=True)
class ReadHost:
    """Ask a host what it runs, and by that whether it is there."""

    host_id: str

    @property
    def slot(self) -> Slot:
        return ("host", self.host_id)

    def __str__(self) -> str:
        return f"ask {self.host_id} what it runs"


@dataclass(frozen=True, slots=True)
class ReadLinks:
    @property
    def slot(self) -> Slot:
        return ("links",)

    def __str__(self) -> str:
        return "read all links"


Inquiry: TypeAlias = ReadConfig | ReadHost | ReadLinks
Command: TypeAlias = (
    ScaleComponent
    | StartProvider
    | StopProvider
    | PutLink
    | DeleteLink
    | PutConfig
    | DeleteConfig
    | Inquiry
)


def own_annotations(command: ScaleComponent | StartProvider | StopProvider) -> dict[str, str]:
    """The command's own annotations; the managing pair is added when it is carried out."""
    if not command.spread:
        return {}
    return {SCALER: command.scaler, SPREAD_NAME: command.spread}


def wire_form(command: Command) -> dict[str, Any] | None:
    """The externally tagged JSON of wadm-engine.md §9; ``None`` for an inquiry."""
    match command:
        case ScaleComponent():
            body: dict[str, Any] = {
                "component_id": command.component_id,
                "host_id": command.host_id,
                "count": command.count,
                "reference": command.reference,
                "model_name": command.app,
                "annotations": own_annotations(command),
            }
        case StartProvider():
            body = {
                "reference": command.reference,
                "provider_id": command.provider_id,
                "host_id": command.host_id,
                "model_name": command.app,
                "annotations": own_annotations(command),
            }
        case StopProvider():
            body = {
                "provider_id": command.provider_id,
                "host_id": command.host_id,
                "model_name": command.app,
                "annotations": own_annotations(command),
            }
        case PutLink():
            body = {**msgspec.json.decode(encode(command.link)), "model_name": command.app}
        case DeleteLink():
            body = {
                "source_id": command.source_id,
                "wit_namespace": command.wit_namespace,
                "wit_package": command.wit_package,
                "link_name": command.name,
                "model_name": command.app,
            }
        case PutConfig():
            body = {"config_name": command.name, "config": dict(command.values)}
        case DeleteConfig():
            body = {"config_name": command.name}
        case _:
            return None
    if isinstance(command, ScaleComponent | StartProvider) and command.config:
        body["config"] = list(command.config)
    return {type(command).__name__: body}
