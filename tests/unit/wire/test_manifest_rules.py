"""The validation rules of wadm-api.md §9, one after another."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.golden.wadm import SHOP
from workbench.wire import manifest as m
from workbench.wire.manifest_rules import KNOWN_INTERFACES, is_oam_key


def shop() -> dict[str, Any]:
    return m.parse(SHOP).to_obj()


def link(**changes: Any) -> dict[str, Any]:
    properties = {
        "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"],
        "target": {"name": "api"}, **changes,
    }  # fmt: skip
    return {"type": "link", "properties": properties}


def component(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "type": "component", "properties": {"image": "x", **changes}, "traits": [
        {"type": "spreadscaler", "properties": {"instances": 1}}]}  # fmt: skip


def spoil(rule: str) -> dict[str, Any]:
    """The example with one thing wrong."""
    whole = shop()
    api, http = whole["spec"]["components"]
    match rule:
        case "V1":
            whole["metadata"]["name"] = "my shop"
        case "V2":
            whole["metadata"]["annotations"]["version"] = "latest"
        case "V3":
            whole["metadata"]["labels"] = {"-x": "y"}
        case "V4":
            whole["metadata"]["annotations"]["1a.b/c"] = "y"
        case "V5":
            whole["spec"]["components"].append(component("api"))
        case "V6":
            api["properties"]["id"] = http["properties"]["id"] = "same"
        case "V7":
            http["traits"] = [link(target={"name": "apy"})]
        case "V9":
            http["traits"] = [{"type": "link", "properties": {"namespace": "wasi"}}]
        case "V9b":
            http["traits"] = [link(target={"nam": "api"})]
        case "VPa":
            api["properties"]["secrets"][0]["properties"]["policy"] = "valt"
        case "VPb":
            whole["spec"]["policies"][0]["type"] = "other"
        case "VPc":
            whole["spec"]["policies"][0]["properties"] = {}
        case "V10":
            api["traits"][0]["properties"] = {"instnces": 10}
        case "V11a":
            api["properties"]["application"] = {"name": "a", "component": "b"}
        case "V11b":
            del api["properties"]["image"]
        case "V11c":
            del api["properties"]["image"]
            api["properties"]["application"] = {"name": "platform", "component": "b"}
        case "V12":
            http["traits"] = [link(), link()]
        case "V13":
            config = [{"name": "c", "properties": {}}]
            http["traits"] = [link(source={"config": config}),
                              link(name="two", target={"name": "api", "config": config})]  # fmt: skip
        case other:
            raise AssertionError(other)
    return whole


MESSAGES = {
    "V1": r"manifest name [my shop] is not allowed (should match regex [^[-\w]+$])",
    "V2": "latest is not allowed in wadm",
    "V3": 'Invalid OAM label: ("-x", "y")',
    "V4": 'Invalid OAM annotation: ("1a.b/c", "y")',
    "V5": "Duplicate component name in manifest: api",
    "V6": "Duplicate component identifier in manifest: same",
    "V7": 'The following capability component(s) are missing from the manifest: ["apy"]',
    "V9": "custom link is missing 'target' property",
    "V9b": "custom link is missing 'target' name property",
    "VPa": "secret 'db-password' is mapped to unknown policy 'valt'",
    "VPb": "secret 'db-password' is mapped to policy 'vault' which is not a secret policy. "
    "Expected type 'policy.secret.wasmcloud.dev/v1alpha1'",
    "VPc": "secret 'db-password' is mapped to policy 'vault' which does not include a 'backend' "
    "property",
    "V10": 'Scaler trait deserialized as custom trait, ensure fields are correct: {"instnces":10}',
    "V11a": "Component cannot have both 'image' and 'application' properties",
    "V11b": "Component must have either 'image' or 'application' property",
    "V11c": "Shared component 'platform' cannot specify additional 'config'",
    "V12": "Duplicate link found inside component 'http': default (wasi:http/incoming-handler)",
    "V13": "Duplicate link config name found: 'c'",
}


@pytest.mark.parametrize("rule", MESSAGES)
def test_the_first_error_has_the_real_servers_words(rule: str) -> None:
    findings = m.validate(m.parse(spoil(rule)))
    first = next(f for f in findings if f.level == "error")
    assert first.message == MESSAGES[rule]
    assert first.rule == rule.rstrip("abc")
    assert first.path


def test_a_shared_component_has_neither_config_secrets_nor_scaler() -> None:
    errors = [f.message for f in m.validate(m.parse(spoil("V11c"))) if f.level == "error"]
    assert errors[1:] == [
        "Shared component 'platform' cannot specify additional 'secrets'",
        "Shared component 'platform' cannot include a scaler trait",
    ]


def test_unknown_interfaces_and_targets_are_warned_about_with_near_names() -> None:
    whole = shop()
    whole["spec"]["components"][1]["traits"] = [
        link(interfaces=["incomming-handler"], target={"name": "apy"}),
        link(package="keyvalu", name="two"),
    ]
    warnings = {f.message: f.hint for f in m.validate(m.parse(whole)) if f.level == "warning"}
    assert warnings["unrecognized interface [wasi:http/incomming-handler]"].endswith(
        "'incoming-handler'?"
    )
    assert warnings["unrecognized interface [wasi:keyvalu/incoming-handler]"].endswith(
        "'keyvalue'?"
    )
    assert warnings["link (target [apy]) target [apy] is not a listed component"] == (
        "did you mean 'api'?"
    )


def test_custom_traits_tell_why_they_are_no_scaler_or_link() -> None:
    (finding,) = [f for f in m.validate(m.parse(spoil("V10"))) if f.rule == "V10"]
    assert "instnces: unknown field `instnces` (did you mean 'instances'?)" in finding.hint


def test_old_keys_are_warned_about_where_the_text_is_known() -> None:
    text = SHOP.replace("            source:\n              config:", "            source_config:")
    findings = m.examine(text).findings
    (finding,) = [f for f in findings if f.rule == "V14"]
    assert finding.message.startswith("one of the components' link trait contains a source_config")
    assert finding.line > 30


def test_advice_of_ours_never_makes_a_manifest_invalid() -> None:
    whole = shop()
    api, http = whole["spec"]["components"]
    api["traits"] = [{"type": "spredscaler", "properties": {"x": 1}}]
    whole["spec"]["components"].append(
        component("other", config=[{"name": "defaults", "properties": {"log-level": "info"}}])
    )
    http["traits"].append(link(target={"name": "http"}, name="self"))
    findings = m.validate(m.parse(whole))
    assert {f.rule for f in findings} == {"W2", "W3", "W5", "W6"}
    assert all(f.level == "warning" for f in findings)
    hint = next(f.hint for f in findings if f.rule == "W3")
    assert hint == "did you mean 'spreadscaler'?"


@pytest.mark.parametrize(
    ("key", "valid"),
    [
        ("a", True), ("app.oam.io/name", True), ("a-b_c.d", True), ("", False), ("-a", False),
        ("a-", False), ("a/", False), ("/a", False), ("1.b/c", False), ("a..b/c", False),
        ("a" * 63, True), ("a" * 64, False), ("a/b/c", False), ("ä", False),
        ("experimental.wasmcloud.dev/shared", True),
    ],
)  # fmt: skip
def test_label_and_annotation_keys(key: str, valid: bool) -> None:
    assert is_oam_key(key) is valid


# Where each error is: the text at its line and column begins like this.
PLACES = {
    "V1": "my shop",
    "V2": "latest",
    "V3": "y",
    "V4": "y",
    "V5": "api",
    "V6": "same",
    "V7": "name: apy",
    "V9": "namespace: wasi",
    "V9b": "nam: api",
    "VPa": "valt",
    "VPb": "vault",
    "VPc": "vault",
    "V10": "instnces: 10",
    "V11a": "image:",
    "V11b": "config:",
    "V11c": "- name: defaults",
    "V12": "incoming-handler",
    "V13": "c",
}


@pytest.mark.parametrize("rule", MESSAGES)
def test_every_error_points_at_its_place_in_the_text(rule: str) -> None:
    text = yaml.safe_dump(spoil(rule), sort_keys=False)
    found = m.examine(text)
    first = found.errors[0]
    assert first.message == MESSAGES[rule]
    line = text.splitlines()[first.line - 1]
    assert line[first.column - 1 :].startswith(PLACES[rule]), (rule, first, line)
    assert str(first).startswith(f"[error] line {first.line}, column {first.column}: ")
    assert not found.valid


def test_every_known_interface_is_known_and_other_namespaces_are_free() -> None:
    whole = shop()
    known = [
        (n, p, i) for n, ps in KNOWN_INTERFACES.items() for p, found in ps.items() for i in found
    ]
    known.append(("mine", "anything", "goes"))
    whole["spec"]["components"][1]["traits"] = [
        link(namespace=n, package=p, interfaces=[i]) for n, p, i in known
    ]
    assert [f for f in m.validate(m.parse(whole)) if f.rule == "V8"] == []


def test_a_link_that_reads_as_nothing_is_told_of_with_what_is_there() -> None:
    whole = shop()
    spoiled = link(interfces=["incoming-handler"])
    del spoiled["properties"]["interfaces"]
    whole["spec"]["components"][1]["traits"] = [spoiled]
    (finding,) = [f for f in m.validate(m.parse(whole)) if f.rule == "V10"]
    assert finding.message.startswith(
        'Link trait deserialized as custom trait, ensure fields are correct: {"'
    )
    assert "interfaces" in finding.hint
    spoiled["properties"]["target"] = {"name": "apy"}
    warnings = [f for f in m.validate(m.parse(whole)) if f.rule == "V9"]
    assert [(f.level, f.message, f.hint) for f in warnings] == [
        ("warning", "custom link target [apy] is not a listed component", "did you mean 'api'?")
    ]


def test_the_old_key_of_a_target_and_weights_of_nothing_are_warned_about() -> None:
    whole = shop()
    api, http = whole["spec"]["components"]
    http["traits"] = [link(target="api", target_config=[{"name": "c", "properties": {"a": "b"}}])]
    api["traits"][0]["properties"]["spread"] = [
        {"name": "a", "requirements": {}, "weight": 0}, {"name": "b", "requirements": {}, "weight": 0},
    ]  # fmt: skip
    findings = m.examine(yaml.safe_dump(whole, sort_keys=False)).findings
    assert {f.rule: f.message for f in findings} == {
        "V14": "one of the components' link trait contains a target_config key, please use "
        "target:config: rather",
        "W4": "all weights are 0",
    }
    assert all(f.line and f.column for f in findings)


def test_all_errors_come_at_once_in_the_real_servers_order() -> None:
    whole = shop()
    api, http = whole["spec"]["components"]
    whole["metadata"]["name"] = "my shop"
    whole["metadata"]["labels"] = {"-x": "y"}
    whole["spec"]["policies"] = []
    http["traits"] = [link(target={"name": "apy"}), link(target={"name": "apy"})]
    api["properties"]["application"] = {"name": "a", "component": "b"}
    errors = [f.rule for f in m.validate(m.parse(whole)) if f.level == "error"]
    assert list(dict.fromkeys(errors)) == ["V1", "V3", "V7", "VP", "V11", "V12"]
