"""wadm's messages and derived names, against recordings and computed check values."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.wadm import SHOP, recorded, recorded_manifest
from workbench.errors import DecodeError, RemoteError
from workbench.wire import manifest as m
from workbench.wire import wadm
from workbench.wire.records import Link


@pytest.mark.parametrize(
    ("app", "component", "expected"),
    [
        ("hello-world", "http-component", "hello_world-http_component"),
        ("My ThInG", "thing.wasm", "my_thing-thing_wasm"),
        ("größe", "x", "gr__e-x"),
    ],
)
def test_ids_are_derived_from_both_names(app: str, component: str, expected: str) -> None:
    assert wadm.component_id(app, component) == expected
    assert wadm.component_id(app, component, "mine") == "mine"


def test_config_and_secret_names() -> None:
    assert wadm.config_name("hello-simple", "httpaddr") == "hello_simple-httpaddr"
    assert wadm.secret_name("shop", "db-password") == "SECRET_shop-db_password"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            ("hello-world", "http-component", "hello_world-http_component",
             "ghcr.io/wasmcloud/components/http-hello-world-rust:0.1.0", ()),
            "a648fe966cbdb0a0dee3252a416f824858bbf0c1a24be850ef632626ddbb5133",
        ),
        (
            ("shop", "api", "shop-api", "ghcr.io/acme/api:1.2.0",
             ("shop-defaults", "SECRET_shop-db_password")),
            "1fd44c988483f6d93a92907552ba43023f36552905430d232c27e8d9d48178bd",
        ),
        (
            ("hello-app", "hello", "hello_app-hello", "file:///components/hello.wasm",
             ("hello_app-shared",)),
            "9520dc942a2f7f6fc32b3c00fdca1b2912651e9eccd664e13b23951af0462b2f",
        ),
    ],
)  # fmt: skip
def test_scaler_ids_are_those_of_the_real_manager(parts, expected: str) -> None:
    assert wadm.scaler_id("SpreadScaler", *parts) == expected


def test_link_scaler_ids_are_those_of_the_real_manager() -> None:
    link = Link(
        source_id="hello_app-httpd", target="hello_app-hello", wit_namespace="wasi",
        wit_package="http", interfaces=("incoming-handler",), source_config=("hello_app-addr",),
    )  # fmt: skip
    expected = "19e014ad2e676619257a5764e558b5353cee7a88a325be95851cddba1d2d95b9"
    assert wadm.link_scaler_id("hello-app", link) == expected
    assert wadm.link_scaler_name(link) == "hello_app-httpd -(wasi:http)-> hello_app-hello"


def test_secret_references_say_where_the_secret_is() -> None:
    manifest = m.parse(SHOP)
    secret = manifest.components[0].properties.secrets[0]
    assert wadm.secret_reference(secret, manifest.spec.policies[0]) == {
        "name": "db-password",
        "type": "secret.wasmcloud.dev/v1alpha1",
        "backend": "nats-kv",
        "key": "db/password",
        "field": "value",
        "policy": '{"type":"properties.secret.wasmcloud.dev/v1alpha1",'
        '"properties":{"encryptionKey":"team-a"}}',
    }


def test_recorded_statuses_are_read_and_written_alike() -> None:
    for line in recorded("status"):
        status = wadm.parse_status(line["text"].encode())
        assert wadm.encode(status).decode() == line["text"]
        if status.scalers:
            assert wadm.aggregate(status.scalers) == status


def test_manifest_events_are_written_as_recorded() -> None:
    first = next(line for line in recorded("event") if line["step"] == "deploy-v1")
    fields = json.loads(first["text"])
    data = wadm.manifest_published(
        m.parse(recorded_manifest("v1")), event_id=fields["id"], time=fields["time"]
    )
    assert data.decode() == first["text"]
    last = next(line for line in recorded("event") if line["step"] == "undeploy")
    fields = json.loads(last["text"])
    data = wadm.manifest_unpublished("hello-app", event_id=fields["id"], time=fields["time"])
    assert data.decode() == last["text"]


@pytest.mark.parametrize(
    ("kinds", "worst"),
    [
        ((), "undeployed"),
        (("deployed", "deployed"), "deployed"),
        (("deployed", "reconciling"), "reconciling"),
        (("unhealthy", "deployed"), "unhealthy"),
        (("waiting", "reconciling"), "waiting"),
        (("undeployed", "waiting"), "undeployed"),
        (("undeployed", "failed"), "failed"),
    ],
)
def test_the_worst_scaler_names_the_whole(kinds: tuple[str, ...], worst: str) -> None:
    scalers = [
        wadm.ScalerStatus("i", "k", "n", wadm.StatusInfo(wadm.StatusType(kind), f" {kind} "))
        for kind in kinds
    ]
    status = wadm.aggregate(scalers)
    assert status.type == worst
    assert status.message == ", ".join(kinds)


def test_statuses_of_old_and_odd_servers_are_read() -> None:
    assert wadm.StatusType.read("compensating") is wadm.StatusType.RECONCILING
    assert wadm.StatusType.read("ready") is wadm.StatusType.DEPLOYED
    assert wadm.StatusType.read("sideways") is wadm.StatusType.UNDEPLOYED
    assert wadm.read_status({"status": 3, "scalers": [1, {"name": 2}]}).type == "undeployed"
    with pytest.raises(DecodeError):
        wadm.read_status([])


def test_version_requests() -> None:
    assert wadm.parse_version_request(b"") is None
    assert wadm.parse_version_request(b"{}") is None
    assert wadm.parse_version_request(b'{"version":null,"x":1}') is None
    assert wadm.parse_version_request(b'{"version":"v1"}') == "v1"
    for bad in (b"[]", b"{", b'{"version":3}', b"\xff"):
        with pytest.raises(DecodeError):
            wadm.parse_version_request(bad)


def test_schemes_are_stripped_as_hosts_do() -> None:
    assert wadm.without_scheme("file:///a/b.par.gz") == "/a/b.par.gz"
    assert wadm.without_scheme("wasmcloud+builtin://http-server") == "http-server"
    assert wadm.without_scheme("ghcr.io/a/b:1") == "ghcr.io/a/b:1"


@given(st.binary(max_size=100))
def test_any_bytes_are_a_status_or_a_remote_error(data: bytes) -> None:
    with contextlib.suppress(RemoteError):
        wadm.parse_status(data)
