"""Why a call has no way."""

from __future__ import annotations

import pytest

from tests.unit.lattice.lives import (
    HOST_A,
    config,
    event,
    fold,
    host_started,
    link,
    provider_started,
    scaled,
    spec,
)
from workbench.errors import UsageError
from workbench.lattice.explain import InterfaceName, explain
from workbench.lattice.state import Input, LatticeState
from workbench.wire import events

HTTP = "wasi:http/incoming-handler"


def lattice(*more: Input) -> LatticeState:
    return fold(host_started(), scaled("hello"), provider_started("httpd"), *more)


def only(
    state: LatticeState, source: str = "httpd", target: str = "hello", what: str = HTTP, **more
):
    (finding,) = explain(state, source, target, what, **more)
    return finding


def test_nothing_is_wrong_with_a_link_in_place() -> None:
    state = lattice(spec("httpd", link("httpd", "hello")))
    assert explain(state, "httpd", "hello", HTTP) == []
    assert explain(state, "httpd", "hello", "wasi:http/incoming-handler@0.2.2.handle") == []
    assert explain(state, "httpd", "hello", "wrpc:http/incoming-handler@0.1.0") == []


def test_a_lattice_without_hosts_needs_one() -> None:
    finding = only(LatticeState())
    assert "no host" in finding.text
    assert finding.command == "%wasmcloud up"


def test_a_missing_link_names_the_command_that_adds_it() -> None:
    finding = only(lattice())
    assert "no link from 'httpd' to 'hello'" in finding.text
    assert finding.command == "%wasmcloud link put httpd hello wasi:http/incoming-handler"


def test_an_unknown_id_names_near_ones() -> None:
    texts = [f.text for f in explain(lattice(), "httpd", "helo", HTTP)]
    assert any("'helo'" in text and "did you mean 'hello'?" in text for text in texts)


def test_what_runs_nowhere_gets_the_start_command_with_its_reference() -> None:
    state = lattice(spec("other", url="file:///other.wasm"), spec("httpd", link("httpd", "other")))
    finding = only(state, target="other")
    assert finding.command == "%wasmcloud start component file:///other.wasm other"


def test_a_failed_start_tells_the_hosts_text() -> None:
    failed = events.component_scale_failed(
        HOST_A, component_id="other", image_ref="file:///x", max_instances=1, error="no such file"
    )
    state = lattice(event(failed), spec("httpd", link("httpd", "other")))
    assert "no such file" in only(state, target="other").text


def test_an_unhealthy_provider_is_named() -> None:
    state = lattice(
        event(events.health_check_failed(HOST_A, provider_id="httpd")),
        spec("httpd", link("httpd", "hello")),
    )
    assert "health check" in only(state).text


def test_a_link_under_another_name_is_told() -> None:
    finding = only(lattice(spec("httpd", link("httpd", "hello", name="second"))))
    assert "only under link name 'second'" in finding.text
    named = only(lattice(spec("httpd", link("httpd", "hello"))), link_name="second")
    assert named.command.endswith("--name second")


def test_a_link_to_something_else_is_deleted_first() -> None:
    first, second = explain(lattice(spec("httpd", link("httpd", "old"))), "httpd", "hello", HTTP)
    assert "goes to 'old'" in first.text
    assert first.command == "%wasmcloud link del httpd wasi:http/incoming-handler"
    assert second.command.startswith("%wasmcloud link put httpd hello")


def test_a_link_without_the_interface_is_widened() -> None:
    state = lattice(
        spec("httpd", link("httpd", "hello", interfaces=("outgoing-handler",))),
    )
    finding = only(state)
    assert finding.command.endswith("wasi:http/outgoing-handler,incoming-handler")


def test_a_link_in_the_other_direction_is_recognised() -> None:
    assert "the other way" in only(lattice(spec("hello", link("hello", "httpd")))).text


def test_a_missing_config_of_the_link_is_named() -> None:
    there = link("httpd", "hello", source_config=("addr", "tls"))
    state = lattice(spec("httpd", there), config("tls", cert="x"))
    finding = only(state)
    assert "'addr'" in finding.text
    assert finding.command == "%wasmcloud config put addr key=value"


def test_the_later_of_two_links_decides() -> None:
    state = lattice(spec("httpd", link("httpd", "old"), link("httpd", "hello")))
    assert explain(state, "httpd", "hello", HTTP) == []


def test_blobstore_containers_use_the_link_of_blobstore() -> None:
    there = link("hello", "httpd", wit_package="blobstore", interfaces=("blobstore",))
    state = lattice(spec("hello", there))
    assert explain(state, "hello", "httpd", "wasi:blobstore/container@0.2.0-draft") == []


def test_a_version_that_is_not_served_is_a_finding() -> None:
    there = link("httpd", "hello", wit_namespace="acme", wit_package="x", interfaces=("y",))
    state = lattice(spec("httpd", there))
    served = {"hello": ["acme:x/y@1.0.0", "odd"]}
    assert explain(state, "httpd", "hello", "acme:x/y@1.0.0", exports=served) == []
    assert "asks for 2.0.0" in only(state, what="acme:x/y@2.0.0", exports=served).text
    assert "does not export" in only(state, what="acme:x/y", exports={"hello": []}).text


def test_a_translated_interface_has_no_version_to_compare() -> None:
    state = lattice(spec("httpd", link("httpd", "hello")))
    served = {"hello": ["wasi:http/incoming-handler@0.2.0"]}
    assert explain(state, "httpd", "hello", f"{HTTP}@0.2.2", exports=served) == []


def test_a_command_stays_one_line_whatever_an_id_holds() -> None:
    state = fold(host_started())
    for finding in explain(state, 'a"\n%rm', "b", HTTP):
        assert "\n" not in finding.command


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wasi:http/types", InterfaceName("wasi", "http", "types")),
        ("a:b/c@0.2.0-draft", InterfaceName("a", "b", "c", "0.2.0-draft")),
        ("a:b/c.call", InterfaceName("a", "b", "c")),
        ("a:b/c@1.2.3.call", InterfaceName("a", "b", "c", "1.2.3")),
    ],
)
def test_an_interface_is_read_with_version_and_function(text: str, name: InterfaceName) -> None:
    assert InterfaceName.parse(text) == name


def test_what_is_no_interface_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        InterfaceName.parse("http")


def test_a_source_that_never_calls_the_interface_gets_the_near_one() -> None:
    state = lattice(spec("front", link("front", "greeter")))
    found = explain(
        state,
        "front",
        "greeter",
        "demo:greet/greter",
        imports={"front": ["demo:greet/greeter@0.1.0"]},
    )
    assert any("did you mean demo:greet/greeter?" in finding.text for finding in found)
