"""Commands as data: slots, words, the wire form of the real manager's queue."""

from __future__ import annotations

import json

from tests.golden.wadm import recorded
from workbench.wadm.commands import (
    DeleteConfig,
    DeleteLink,
    PutConfig,
    PutLink,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    StartProvider,
    StopProvider,
    own_annotations,
    wire_form,
)
from workbench.wire.records import Link

LINK = Link(source_id="s", target="t", wit_namespace="n", wit_package="p", interfaces=("i",))


def test_the_wire_form_has_exactly_the_recorded_keys() -> None:
    ours = {
        kind: list(body)
        for command in (
            ScaleComponent("c", "H", 1, "x", "app", "s", "default", ("cfg",)),
            StartProvider("p", "H", "x", "app", "s", "default"),
            StopProvider("p", "H", "app", "s", "default"),
            PutLink(LINK, "app"),
            DeleteLink("s", "default", "n", "p", "app"),
            PutConfig("cfg", ()),
            DeleteConfig("cfg"),
        )
        for kind, body in (wire_form(command) or {}).items()
    }
    theirs = {
        kind: list(body)
        for line in recorded("command")
        for kind, body in json.loads(line["text"]).items()
    }
    for kind, keys in theirs.items():
        assert set(ours[kind]) == set(keys), kind


def test_inquiries_are_no_commands_of_the_real_manager() -> None:
    for command in (ReadConfig("c"), ReadHost("H"), ReadLinks()):
        assert wire_form(command) is None
        assert str(command)


def test_one_slot_per_thing() -> None:
    assert StartProvider("p", "H", "x", "a", "s").slot == StopProvider("p", "H", "a", "s").slot
    assert PutLink(LINK, "a").slot == DeleteLink("s", "default", "n", "p", "a").slot
    assert PutConfig("c", ()).slot == DeleteConfig("c").slot == ReadConfig("c").slot


def test_work_of_nobody_carries_no_annotations() -> None:
    assert own_annotations(ScaleComponent("c", "H", 0, "x", "app", "s")) == {}
    assert own_annotations(StopProvider("p", "H", "app", "s", "d")) == {
        "wasmcloud.dev/scaler": "s", "wasmcloud.dev/spread_name": "d"}  # fmt: skip
