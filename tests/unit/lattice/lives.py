"""Small lattices for tests: inputs that build a state, and the recorded life of a real one."""

from __future__ import annotations

from typing import Any

from tests.golden import lines
from workbench.lattice.state import (
    AppHeard,
    EntryHeard,
    EventHeard,
    Input,
    InventoryHeard,
    LatticeState,
    apply,
)
from workbench.wire import control, events, records
from workbench.wire.records import ComponentSpec, Link
from workbench.wire.wadm import Status, StatusInfo, StatusType

HOST_A = "NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
HOST_B = "NBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"


def event(data: bytes, at_s: float = 100.0) -> EventHeard:
    return EventHeard(events.parse(data), at_s)


def host_started(host: str = HOST_A, name: str = "calm-lake-0001", **labels: str) -> EventHeard:
    return event(events.host_started(host, friendly_name=name, labels=labels, version="1.9.2"))


def scaled(
    component: str, host: str = HOST_A, count: int = 1, ref: str = "file:///c"
) -> EventHeard:
    return event(
        events.component_scaled(host, component_id=component, image_ref=ref, max_instances=count)
    )


def provider_started(provider: str, host: str = HOST_A) -> EventHeard:
    return event(events.provider_started(host, provider_id=provider, image_ref="http-server"))


def link(source: str, target: str, **more: Any) -> Link:
    fields = {
        "wit_namespace": "wasi",
        "wit_package": "http",
        "interfaces": ("incoming-handler",),
        **more,
    }
    return Link(source_id=source, target=target, **fields)


def spec(source: str, *links: Link, revision: int = 1, url: str = "file:///c") -> EntryHeard:
    value = records.encode(ComponentSpec(url, links))
    return EntryHeard("lattice", records.component_key(source), value, revision)


def config(name: str, revision: int = 1, **values: str) -> EntryHeard:
    return EntryHeard("config", name, records.encode(values), revision)


def app(name: str, kind: StatusType, message: str = "") -> AppHeard:
    return AppHeard(name, Status(StatusInfo(kind, message)), 100.0)


def fold(*heard: Input, state: LatticeState | None = None) -> LatticeState:
    state = state or LatticeState()
    for one in heard:
        state = apply(state, one)
    return state


def recorded_life() -> list[tuple[str, Input]]:
    """(step, input) of all that an observer would have heard in one recording."""
    life: list[tuple[str, Input]] = []
    for line in lines("lattice-life.jsonl"):
        at_s = float(line["t"])
        if "event" in line:
            heard: Input = EventHeard(events.parse(line["event"].encode()), at_s)
        elif "inventory" in line:
            reply = control.parse_reply("host.get", line["inventory"].encode())
            heard = InventoryHeard(reply.response, at_s)
        else:
            heard = EntryHeard(
                line["bucket"],
                line["key"],
                line["text"].encode(),
                line["revision"],
                line["operation"],
            )
        life.append((line["step"], heard))
    return life
