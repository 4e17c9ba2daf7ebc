"""KV records and the rules for links."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import control_plane
from workbench.errors import DecodeError, RemoteError, UsageError
from workbench.wire import jsontext, records
from workbench.wire.records import Link, split_interface

PARSERS = {
    "COMPONENT": records.parse_component_spec,
    "CLAIMS": records.parse_claims,
    "CONFIG": records.parse_config,
}


def link(target: str = "kv", *, name: str = "default", interfaces: tuple[str, ...] = ("store",)):
    return Link(
        source_id="shop",
        target=target,
        name=name,
        wit_namespace="wasi",
        wit_package="keyvalue",
        interfaces=interfaces,
    )


@pytest.mark.parametrize(
    "line", control_plane("entry"), ids=lambda line: f"{line['key'][:24]}-{line['from']}"
)
def test_a_recorded_entry_is_rebuilt_to_the_same_json(line: dict[str, Any]) -> None:
    record = PARSERS[line["name"]](line["text"].encode())
    assert json.loads(records.encode(record)) == json.loads(line["text"])


@pytest.mark.parametrize("line", control_plane("resolved"), ids=lambda line: line["from"])
def test_a_recorded_resolved_link_is_rebuilt_to_the_same_json(line: dict[str, Any]) -> None:
    resolved = jsontext.decode(line["text"].encode(), records.ResolvedLink, what="link")
    assert json.loads(records.encode(resolved)) == json.loads(line["text"])


def test_a_link_is_written_with_all_eight_keys() -> None:
    assert set(json.loads(records.encode(link()))) == set(Link.__struct_fields__)


def test_a_key_is_split_at_its_first_underscore() -> None:
    assert records.split_key("COMPONENT_my_shop_cart") == ("COMPONENT", "my_shop_cart")
    assert records.split_key(records.claims_key("MABC")) == ("CLAIMS", "MABC")
    assert records.split_key("odd") == ("odd", "")


def test_claims_are_read_in_their_old_spelling() -> None:
    record = records.parse_claims(
        b'{"call_alias":"","iss":"A","name":"n","rev":"1","sub":"M","tags":"x,y","version":"v"}'
    )
    assert (record.issuer, record.revision, record.subject) == ("A", "1", "M")
    assert record.tags == ("x", "y")
    assert record.is_component


def test_claims_without_tags_are_a_providers() -> None:
    record = records.parse_claims(
        b'{"issuer":"A","name":"n","revision":"1","subject":"V","version":"v"}'
    )
    assert not record.is_component


def test_claims_without_issuer_do_not_decode() -> None:
    with pytest.raises(DecodeError):
        records.parse_claims(b'{"name":"n","revision":"1","subject":"V","version":"v"}')


def test_a_config_holds_strings_only() -> None:
    with pytest.raises(DecodeError):
        records.parse_config(b'{"port":8080}')


def test_later_configs_win_key_by_key() -> None:
    assert records.merge_configs([{"a": "1", "b": "1"}, {"b": "2"}]) == {"a": "1", "b": "2"}


def test_a_link_covers_its_interfaces_in_any_version() -> None:
    assert link().covers("wasi:keyvalue/store@0.2.0-draft")
    assert link().covers("wasi:keyvalue/store")
    assert not link().covers("wasi:keyvalue/atomics")
    assert not link().covers("acme:keyvalue/store")


@pytest.mark.parametrize(
    "bad",
    [
        {"source_id": " "},
        {"target": ""},
        {"name": ""},
        {"wit_package": ""},
        {"interfaces": ()},
        {"interfaces": ("",)},
        {"source_id": "a.b"},
        {"target": "*"},
    ],
)
def test_a_link_that_cannot_work_is_a_usage_error(bad: dict[str, Any]) -> None:
    fields = {key: getattr(link(), key) for key in Link.__struct_fields__} | bad
    with pytest.raises(UsageError):
        records.check_link(Link(**fields))


def test_another_target_conflicts_only_over_a_common_interface() -> None:
    there = [link("kv")]
    assert records.conflicting_link(there, link("other")) == there[0]
    assert records.conflicting_link(there, link("other", interfaces=("atomics",))) is None
    assert records.conflicting_link(there, link("other", name="second")) is None
    assert records.conflicting_link(there, link("kv", interfaces=("store", "atomics"))) is None


def test_a_link_put_again_is_replaced_in_place() -> None:
    there = (link("kv"), link("b", name="second"))
    again = link("kv", interfaces=("store", "atomics"))
    assert records.with_link(there, again) == (again, there[1])
    assert records.with_link(there, link("c", name="third")) == (*there, link("c", name="third"))


def test_the_last_link_takes_the_place_of_a_deleted_one() -> None:
    there = [link("a", name="1"), link("b", name="2"), link("c", name="3")]
    rest, removed = records.without_link(
        there, source_id="shop", name="1", wit_namespace="wasi", wit_package="keyvalue"
    )
    assert removed == there[0]
    assert rest == (there[2], there[1])


def test_deleting_what_is_not_there_changes_nothing() -> None:
    there = [link()]
    rest, removed = records.without_link(
        there, source_id="shop", name="nope", wit_namespace="wasi", wit_package="keyvalue"
    )
    assert (rest, removed) == ((link(),), None)


def test_secret_names_are_told_by_their_six_letters() -> None:
    assert records.is_secret_name("SECRET_password")
    assert records.is_secret_name("SECRETS")
    assert not records.is_secret_name("secret_password")


@given(st.sampled_from([*PARSERS.values(), records.parse_link]), st.binary(max_size=200))
def test_any_bytes_parse_or_raise_a_remote_error(parse: Any, data: bytes) -> None:
    try:
        parse(data)
    except RemoteError:
        return


@pytest.mark.parametrize("text", ["wasi:http", "wasi:http/in_coming", "WASI:http/x", "a:b/", "/"])
def test_what_can_be_no_interface_makes_no_link(text: str) -> None:
    with pytest.raises(UsageError, match="is no interface"):
        split_interface(text)


def test_an_interface_loses_its_version_and_several_stay_together() -> None:
    assert split_interface("wasi:http/types,incoming-handler@0.2.0") == (
        "wasi", "http", ("types", "incoming-handler"),
    )  # fmt: skip
