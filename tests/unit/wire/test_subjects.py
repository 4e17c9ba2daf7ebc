"""Subjects against the pages that define them and the recordings."""

from __future__ import annotations

import pytest

from tests.unit.wire.wrpc.known import exchanges
from workbench.errors import UsageError
from workbench.wire import subjects

INVOCATIONS = [
    ("http-hello", "wrpc:http/incoming-handler@0.1.0", "handle",
     "default.http-hello.wrpc.0.0.1.wrpc:http/incoming-handler@0.1.0.handle"),
    ("kv-redis", "wrpc:keyvalue/store@0.2.0-draft", "get",
     "default.kv-redis.wrpc.0.0.1.wrpc:keyvalue/store@0.2.0-draft.get"),
    ("greeter", "acme:hello/greet", "hello", "default.greeter.wrpc.0.0.1.acme:hello/greet.hello"),
    ("tool", "", "run", "default.tool.wrpc.0.0.1.run"),
    ("a", "n:p/i@1.2.3+build", "f", "default.a.wrpc.0.0.1.n:p/i@1.2.3+build.f"),
    ("a", "n:p/i@1.0.0", "[method]bucket.get", "default.a.wrpc.0.0.1.n:p/i@1.0.0.bucket.get"),
    ("a", "n:p/i@1.0.0", "[static]fields.from-list", "default.a.wrpc.0.0.1.n:p/i@1.0.0.fields.from-list"),
    ("a", "n:p/i@1.0.0", "[constructor]bucket", "default.a.wrpc.0.0.1.n:p/i@1.0.0.bucket"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "instance", "function", "subject"), INVOCATIONS)
def test_an_invocation_subject_is_built_and_taken_apart(
    target: str, instance: str, function: str, subject: str
) -> None:
    assert subjects.invocation("default", target, instance, function) == subject
    wire_name = subjects.wire_function_name(function)
    assert subjects.parse_invocation(subject) == ("default", target, instance, wire_name)


def test_every_recorded_invocation_is_understood() -> None:
    for exchange in exchanges():
        parts = subjects.parse_invocation(exchange.subject)
        assert parts is not None and subjects.invocation(*parts) == exchange.subject


@pytest.mark.parametrize(
    "subject",
    ["", "default", "a.wrpc.0.0.1.f", "default.x.wrpc.0.0.1.", "_INBOX.a.b", "..wrpc.0.0.1.f"],
)
def test_other_subjects_are_no_invocations(subject: str) -> None:
    assert subjects.parse_invocation(subject) is None


@pytest.mark.parametrize("bad", ["", "a b", "a.b", "*", ">", "a\r\nPUB", "a\x00", "a\t"])
def test_ids_that_would_change_the_subject_are_refused(bad: str) -> None:
    assert not subjects.is_token(bad)
    with pytest.raises(UsageError):
        subjects.invocation("default", bad, "n:p/i", "f")
    with pytest.raises(UsageError):
        subjects.invocation(bad, "t", "n:p/i", "f")


@pytest.mark.parametrize("function", ["", "f g", "f\r\n", ">", "a..b"])
def test_function_names_that_are_no_subject_are_refused(function: str) -> None:
    with pytest.raises(UsageError):
        subjects.invocation("default", "t", "n:p/i", function)


def test_channels_are_paths_below_the_inbox() -> None:
    assert subjects.params("S") == "S.params"
    assert subjects.params("S", (0, 1)) == "S.params.0.1"
    assert subjects.results("R", (12,)) == "R.results.12"


def test_control_subjects_are_built_and_taken_apart() -> None:
    ping = subjects.control("default", "host", "ping")
    assert ping == "wasmbus.ctl.v1.default.host.ping"
    assert subjects.parse_control(ping) == ("default", "host", "ping", "")
    scale = subjects.control("lab", "component", "scale", "NABC", prefix="acc.ctl")
    assert scale == "acc.ctl.v1.lab.component.scale.NABC"
    assert subjects.parse_control(scale, prefix="acc.ctl") == ("lab", "component", "scale", "NABC")
    assert subjects.parse_control(scale) is None
    assert subjects.parse_control("wasmbus.ctl.v1.default.config.put.a.b") is None


def test_a_host_subscribes_with_the_queue_groups_of_the_protocol() -> None:
    pairs = dict(subjects.control_subscriptions("default", "NABC"))
    base = "wasmbus.ctl.v1.default"
    assert pairs == {
        f"{base}.registry.put": "", f"{base}.host.ping": "",
        f"{base}.component.auction": "", f"{base}.provider.auction": "",
        f"{base}.component.*.NABC": "", f"{base}.provider.*.NABC": "",
        f"{base}.label.*.NABC": "", f"{base}.host.*.NABC": "",
        f"{base}.link.*": f"{base}.link", f"{base}.claims.get": f"{base}.claims",
        f"{base}.config.>": f"{base}.config",
    }  # fmt: skip
    without = subjects.control_subscriptions("default", "NABC", auctions=False)
    assert not [s for s, _ in without if s.endswith("auction")]


def test_events_buckets_and_provider_subjects_are_named_as_on_the_pages() -> None:
    assert subjects.events("default", "host_started") == "wasmbus.evt.default.host_started"
    assert subjects.parse_event("wasmbus.evt.default.host_started") == ("default", "host_started")
    assert subjects.parse_event("wasmbus.evt.default.a.b") is None
    assert subjects.lattice_bucket("default") == "LATTICEDATA_default"
    assert subjects.config_bucket("default") == "CONFIGDATA_default"
    assert subjects.kv_key_subject("CONFIGDATA_default", "k") == "$KV.CONFIGDATA_default.k"
    assert subjects.provider_health("l", "p") == "wasmbus.rpc.l.p.health"
    assert subjects.provider_shutdown("l", "p") == "wasmbus.rpc.l.p.default.shutdown"
    assert subjects.provider_config_update("l", "p") == "wasmbus.rpc.l.p.config.update"
    assert subjects.linkdef_put("l", "X") == "wasmbus.rpc.l.X.linkdefs.put"
    assert subjects.parse_linkdef("wasmbus.rpc.l.X.linkdefs.del") == ("l", "X", "del")
    assert subjects.parse_linkdef("wasmbus.rpc.l.X.linkdefs.get") is None


def test_wadm_subjects_are_named_as_on_the_pages() -> None:
    assert subjects.wadm_api("default", "list") == "wadm.api.default.model.list"
    deploy = subjects.wadm_api("default", "deploy", "app")
    assert deploy == "wadm.api.default.model.deploy.app"
    assert subjects.parse_wadm_api(deploy) == ("default", "model", "deploy", "app", "")
    assert subjects.parse_wadm_api(f"ACC.{deploy}", multitenant=True) == (
        "default", "model", "deploy", "app", "ACC",
    )  # fmt: skip
    assert subjects.parse_wadm_api("wadm.api.default.model") is None
    assert subjects.parse_wadm_api(f"{deploy}.x") is None
    with pytest.raises(UsageError):
        subjects.wadm_api("default", "get", "a.b")
    assert subjects.wadm_api_subscription() == "wadm.api.>"
    assert subjects.wadm_status("default", "app") == "wadm.status.default.app"
    assert subjects.wadm_event_consumer("default") == "wadm_event_consumer.evt.default.>"
