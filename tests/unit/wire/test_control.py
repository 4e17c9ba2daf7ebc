"""Requests and replies of the control interface, against the recordings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import control_plane
from workbench.errors import DecodeError, RemoteError
from workbench.wire import control


def _name(line: dict[str, Any]) -> str:
    return f"{line['name']}-{line['from']}"


@pytest.mark.parametrize("line", control_plane("request"), ids=_name)
def test_a_recorded_request_is_rebuilt_to_the_same_json(line: dict[str, Any]) -> None:
    request = control.parse_request(line["name"], line["text"].encode())
    if request is not None:
        assert json.loads(control.encode(request)) == json.loads(line["text"])


@pytest.mark.parametrize("line", control_plane("reply"), ids=_name)
def test_a_recorded_reply_is_rebuilt_to_the_same_json(line: dict[str, Any]) -> None:
    reply = control.parse_reply(line["name"], line["text"].encode())
    if not reply.success:
        again = control.refused(reply.message)
    elif reply.response is None:
        again = control.accepted(reply.message)
    else:
        again = control.answered(reply.response, reply.message)
    assert json.loads(again) == json.loads(line["text"])


def test_a_reply_without_data_leaves_the_response_key_out() -> None:
    assert json.loads(control.accepted("done")) == {"success": True, "message": "done"}


def test_max_instances_is_no_key_of_a_scale_so_the_count_is_zero() -> None:
    request = control.parse_request(
        "component.scale", b'{"component_id":"a","component_ref":"r","max_instances":5}'
    )
    assert request.count == 0


@pytest.mark.parametrize("count", ["-1", "4294967296", "1.0", '"1"', "null"])
def test_a_count_that_is_no_u32_is_refused(count: str) -> None:
    with pytest.raises(DecodeError):
        control.parse_request("component.scale", f'{{"component_id":"a","count":{count}}}'.encode())


def test_an_optional_key_may_be_null_and_is_then_left_out() -> None:
    request = control.parse_request(
        "component.scale", b'{"component_id":"a","annotations":null,"component_limits":null}'
    )
    written = json.loads(control.encode(request))
    assert "annotations" not in written
    assert "component_limits" not in written


def test_the_old_spelling_of_the_provider_id_is_read() -> None:
    request = control.parse_request("provider.stop", b'{"provider_ref":"httpd","host_id":"N"}')
    assert request.provider_id == "httpd"
    assert json.loads(control.encode(request)) == {"host_id": "N", "provider_id": "httpd"}


def test_actors_are_read_as_components() -> None:
    body = b'{"success":true,"message":"","response":{"actors":[{"id":"a","image_ref":"r"}],"providers":[]}}'
    inventory = control.parse_reply("host.get", body).response
    assert [component.id for component in inventory.components] == ["a"]
    assert "actors" not in json.loads(control.encode(inventory))


def test_an_empty_stop_command_is_fine_and_names_no_host() -> None:
    assert control.parse_request("host.stop", b"") == control.StopHost()


def test_a_body_that_hosts_ignore_is_not_decoded() -> None:
    assert control.parse_request("host.get", b"\xff not json") is None


def test_a_failed_reply_is_not_asked_for_its_data() -> None:
    reply = control.parse_reply("host.get", b'{"success":false,"message":"no","response":[1]}')
    assert (reply.success, reply.message, reply.response) == (False, "no", None)


def test_an_unknown_operation_is_a_remote_error() -> None:
    with pytest.raises(RemoteError):
        control.parse_request("host.explode", b"{}")


def test_credentials_stay_out_of_the_repr() -> None:
    body = b'{"r.example":{"username":"ci","password":"hush","token":"psst","registryType":"oci"}}'
    credentials = control.parse_request("registry.put", body)
    assert "hush" not in repr(credentials)
    assert "psst" not in repr(credentials)
    assert json.loads(control.encode(credentials)) == json.loads(body)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (30, "30s"),
        (125, "2m 5s"),
        (93_784, "1day 2h 3m 4s"),
        (2 * 31_557_600 + 2_630_016, "2years 1month"),
    ],
)
def test_uptime_reads_like_the_hosts(seconds: int, text: str) -> None:
    assert control.human_uptime(seconds) == text


def test_every_constraint_must_be_a_label() -> None:
    labels = {"zone": "a", "tier": "gold"}
    assert control.matches_constraints(labels, {})
    assert control.matches_constraints(labels, {"zone": "a"})
    assert not control.matches_constraints(labels, {"zone": "a", "tier": "tin"})


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted(control.OPERATIONS)),
    st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()),
)
def test_any_bytes_parse_or_raise_a_remote_error(operation: str, data: bytes) -> None:
    for parse in (control.parse_request, control.parse_reply):
        try:
            parse(operation, data)
        except RemoteError:
            continue
