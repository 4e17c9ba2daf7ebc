"""CloudEvents of the lattice, against the recordings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden import control_plane
from workbench.errors import DecodeError, RemoteError
from workbench.wire import events
from workbench.wire.control import Inventory
from workbench.wire.records import Link

HOST = "NB524PVKJMYMX5FJLHS5SC2FWRSGIKFAJA6G3BUCZR5X3XDTL6TTVG5B"
LINK = Link(
    source_id="a", target="b", wit_namespace="wasi", wit_package="http", interfaces=("outgoing",)
)


def _name(line: dict[str, Any]) -> str:
    return f"{line['name']}-{line['from']}"


@pytest.mark.parametrize("line", control_plane("event"), ids=_name)
def test_a_recorded_event_is_written_again_as_it_came(line: dict[str, Any]) -> None:
    event = events.parse(line["text"].encode())
    assert event.name == line["name"]
    assert json.loads(events.encode(event)) == json.loads(line["text"])


@pytest.mark.parametrize("line", control_plane("event"), ids=_name)
def test_a_typed_payload_makes_the_data_that_was_recorded(line: dict[str, Any]) -> None:
    event = events.parse(line["text"].encode())
    assert not isinstance(event.payload, events.Unknown)
    again = events.make(event.source, event.payload)
    assert again.data == event.data
    assert list(again.data) == list(event.data), "keys are sorted, as upstream sorts them"
    assert list(json.loads(events.encode(again))) == list(json.loads(line["text"]))


def test_id_and_time_have_the_recorded_form() -> None:
    made = events.make(HOST, events.ConfigSet(config_name="c"), now_ns=1_795_602_725_961_620_338)
    assert made.id.startswith("01a21243-3c49-")
    assert len(made.id) == 36
    assert made.time == "2026-11-25T10:32:05.961620338Z"
    assert made.at_s == pytest.approx(1_795_602_725.96162)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T01:00:00.123456789+01:00", 0.123456789),
        ("yesterday", None),
        ("9999-99-99T99:99:99Z", None),
        ("", None),
    ],
)
def test_times_are_read_with_any_fraction(text: str, seconds: float | None) -> None:
    event = events.make(HOST, events.ConfigSet(config_name="c"))
    body = json.loads(events.encode(event)) | {"time": text}
    parsed = events.parse(json.dumps(body).encode())
    assert parsed.at_s == (None if seconds is None else pytest.approx(seconds))


def test_unknown_types_and_fields_survive() -> None:
    body = {
        "specversion": "1.0",
        "id": "1",
        "type": "com.wasmcloud.lattice.actor_claimed",
        "source": HOST,
        "datacontenttype": "application/json",
        "time": "2026-01-01T00:00:00Z",
        "traceparent": "00-x",
        "data": {"new": [1, {"deep": None}]},
    }
    event = events.parse(json.dumps(body).encode())
    assert isinstance(event.payload, events.Unknown)
    assert event.data == body["data"]
    assert json.loads(events.encode(event)) == body


def test_unknown_fields_of_a_known_event_survive() -> None:
    event = events.make(HOST, events.ConfigSet(config_name="c"))
    body = json.loads(events.encode(event))
    body["data"]["extra"] = 1
    parsed = events.parse(json.dumps(body).encode())
    assert parsed.payload == events.ConfigSet(config_name="c")
    assert json.loads(events.encode(parsed)) == body


def test_a_foreign_type_with_a_familiar_ending_is_unknown() -> None:
    body = json.loads(events.config_set(HOST, config_name="c")) | {"type": "org.other.config_set"}
    assert isinstance(events.parse(json.dumps(body).encode()).payload, events.Unknown)


def test_a_known_event_with_wrong_data_does_not_decode() -> None:
    body = json.loads(events.config_set(HOST, config_name="c")) | {"data": {"config_name": 7}}
    with pytest.raises(DecodeError):
        events.parse(json.dumps(body).encode())


_MADE = {
    "host_started": events.host_started(HOST, friendly_name="f", labels={}, version="1.9.2"),
    "host_stopped": events.host_stopped(HOST, labels={}),
    "host_heartbeat": events.host_heartbeat(HOST, Inventory(providers=(), host_id=HOST)),
    "labels_changed": events.labels_changed(HOST, labels={"a": "b"}),
    "component_scaled": events.component_scaled(
        HOST, component_id="c", image_ref="r", max_instances=1
    ),
    "component_scale_failed": events.component_scale_failed(
        HOST, component_id="c", image_ref="r", max_instances=1, error="e"
    ),
    "provider_started": events.provider_started(
        HOST, provider_id="p", image_ref="r", claims=events.ProviderClaims(issuer="A")
    ),
    "provider_start_failed": events.provider_start_failed(
        HOST, provider_id="p", provider_ref="r", error="e"
    ),
    "provider_stopped": events.provider_stopped(HOST, provider_id="p"),
    "health_check_passed": events.health_check_passed(HOST, provider_id="p"),
    "health_check_failed": events.health_check_failed(HOST, provider_id="p"),
    "health_check_status": events.health_check_status(HOST, provider_id="p"),
    "linkdef_set": events.linkdef_set(HOST, LINK),
    "linkdef_set_failed": events.linkdef_set_failed(HOST, LINK, error="e"),
    "linkdef_deleted": events.linkdef_deleted(
        HOST, source_id="a", name="default", wit_namespace="wasi", wit_package="http", removed=LINK
    ),
    "config_set": events.config_set(HOST, config_name="c"),
    "config_deleted": events.config_deleted(HOST, config_name="c"),
}


def test_there_is_a_constructor_for_every_event() -> None:
    assert set(_MADE) == set(events.PAYLOADS)
    for name, data in _MADE.items():
        event = events.parse(data)
        assert (event.name, event.source) == (name, HOST)
        assert isinstance(event.payload, events.PAYLOADS[name])


def test_a_deletion_that_found_no_link_has_neither_target_nor_interfaces() -> None:
    data = events.linkdef_deleted(
        HOST, source_id="a", name="default", wit_namespace="wasi", wit_package="http"
    )
    assert set(json.loads(data)["data"]) == {"source_id", "name", "wit_namespace", "wit_package"}


_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.sampled_from(sorted(events.PAYLOADS)), st.dictionaries(st.text(max_size=8), _value))
def test_any_data_parses_or_raises_a_remote_error(name: str, data: dict[str, Any]) -> None:
    body = json.loads(_MADE[name]) | {"data": data}
    try:
        events.parse(json.dumps(body).encode())
    except RemoteError:
        return


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_raise_a_remote_error(data: bytes) -> None:
    with pytest.raises(RemoteError):
        events.parse(data)
