"""The http-server's configuration."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.providers.http_settings import (
    Address,
    ServerSettings,
    parse_address,
    parse_settings,
)
from workbench.providers.sdk import ProviderFailed


def test_an_empty_config_has_the_real_servers_defaults():
    settings = parse_settings({})
    assert settings.address == Address("0.0.0.0", 8000)
    assert settings.timeout_ms is None
    assert not settings.readonly
    assert settings.cors.max_age_s == 300
    assert settings.cors.allowed_methods[0] == "GET"
    assert ServerSettings.parse({}).routing_mode == "address"


def test_keys_are_matched_without_regard_to_case():
    settings = parse_settings({"ADDRESS": "127.0.0.1:8080", "Readonly_Mode": "true"})
    assert (str(settings.address), settings.readonly) == ("127.0.0.1:8080", True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:80", Address("::1", 80)),
        ("0.0.0.0:65535", Address("0.0.0.0", 65535)),
    ],
)
def test_an_address_is_an_ip_and_a_port(text: str, address: Address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
     "[127.0.0.1]:80", "example.com:80", "127.0.0.1:80:90", "127.0.0.1:٣", " 127.0.0.1:80"],
)  # fmt: skip
def test_anything_else_is_no_address(text: str):
    with pytest.raises(ProviderFailed):
        parse_address(text)


def test_localhost_gets_the_address_to_use_instead():
    with pytest.raises(ProviderFailed) as caught:
        parse_address("localhost:8080")
    assert "127.0.0.1:8080" in caught.value.hint


def test_the_json_form_replaces_the_plain_keys():
    document = {"readonly_mode": True, "timeout_ms": 7, "cors": {"max_age_secs": 9}}
    text = json.dumps(document)
    settings = parse_settings({"config_json": text, "address": "127.0.0.1:1"}, "127.0.0.1:2")
    assert settings.address == Address("0.0.0.0", 8000)
    assert (settings.readonly, settings.timeout_ms, settings.cors.max_age_s) == (True, 7, 9)
    encoded = base64.b64encode(text.encode()).decode().rstrip("=")
    assert parse_settings({"config_b64": encoded, "config_json": "{}"}) == settings


def test_padded_base64_is_refused_as_by_the_real_server():
    padded = base64.b64encode(b'{"timeout_ms":1}1234').decode()
    assert padded.endswith("=")
    with pytest.raises(ProviderFailed, match="without padding"):
        parse_settings({"config_b64": padded})


def test_odd_keys_behave_as_upstream():
    assert parse_settings({"timeout_ms": "soon"}).timeout_ms is None
    assert parse_settings({"disable_keepalive": "true"}).tcp_keepalive
    assert not parse_settings({"disable_keepalive": "false"}).tcp_keepalive
    assert parse_settings({"port": "9"}).address.port == 8000
    for config in (
        {"port": "x"},
        {"cors_max_age_secs": "-1"},
        {"cors_allowed_origins": "https://a.example"},
        {"cors_allowed_origins": '["a.example"]'},
        {"tls_cert_file": "a.pem"},
    ):
        with pytest.raises(ProviderFailed):
            parse_settings(config)


def test_an_unknown_routing_mode_refuses_the_start():
    with pytest.raises(ProviderFailed, match="unknown routing_mode: star"):
        ServerSettings.parse({"routing_mode": "star"})


KEYS = st.sampled_from(
    ["config_b64", "config_json", "address", "port", "timeout_ms", "cors_allowed_origins",
     "cors_max_age_secs", "tls_cert_file", "tls_priv_key_file", "readonly_mode"]
)  # fmt: skip


@given(st.dictionaries(KEYS, st.text(max_size=80)))
def test_whatever_the_config_is_it_parses_or_is_refused(config: dict[str, str]):
    with contextlib.suppress(ProviderFailed):
        parse_settings(config)
