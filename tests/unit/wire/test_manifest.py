"""Manifests: reading, the normalised form, findings with their places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.wadm import SHOP, recorded_manifest
from workbench.errors import ManifestError
from workbench.wire import manifest as m

MINIMAL = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: {name}
  annotations: {{version: v1}}
spec:
  components:
{components}
"""


def minimal(components: str, name: str = "app") -> str:
    indented = "\n".join("    " + line for line in components.splitlines())
    return MINIMAL.format(name=name, components=indented)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_recorded_manifests_come_out_byte_for_byte(version: str) -> None:
    text = recorded_manifest(version)
    assert m.parse(text).to_json().decode() == text


def test_the_full_example_reads_and_has_no_findings() -> None:
    examined = m.examine(SHOP)
    assert examined.valid
    assert examined.findings == ()
    assert examined.manifest is not None
    assert m.parse(examined.manifest.to_json()) == examined.manifest
    assert (examined.manifest.name, examined.manifest.version) == ("shop", "v1.2.0")


def test_old_spellings_become_the_normalised_form() -> None:
    text = minimal(
        """\
- name: a
  type: actor
  unknown: dropped
  properties: {image: x}
  traits:
    - type: spreadscaler
      properties: {replicas: 2, spread: [{name: s}]}
    - type: link
      properties:
        namespace: wasi
        package: http
        interfaces: [incoming-handler]
        target: a
        source_config: [{name: one, properties: {k: v}}]
        target_config: [{name: two}]
"""
    )
    component = m.parse(text).to_obj()["spec"]["components"][0]
    assert component["type"] == "component"
    assert "unknown" not in component
    scaler, link = (trait["properties"] for trait in component["traits"])
    # Requirements are always written, or the real server would not read the spread back.
    assert scaler == {"instances": 2, "spread": [{"name": "s", "requirements": {}}]}
    assert link["source"] == {"config": [{"name": "one", "properties": {"k": "v"}}]}
    assert link["target"] == {"name": "a", "config": [{"name": "two"}]}


def test_numbers_are_text_in_metadata_but_not_below_components() -> None:
    head = MINIMAL.format(name="x", components="    []").replace("version: v1", "version: 1.0")
    assert m.parse(head).version == "1.0"
    text = minimal("- name: a\n  type: component\n  properties:\n    image: x\n    config:\n"
                   "      - {name: c, properties: {port: 8080}}")  # fmt: skip
    with pytest.raises(ManifestError) as caught:
        m.parse(text)
    (finding,) = caught.value.findings
    assert finding.path == "spec.components[0].properties.config[0].properties.port"
    assert (finding.line, finding.hint) == (13, 'put it in quotes: "8080"')


def test_all_that_is_wrong_is_found_at_once() -> None:
    text = minimal(
        """\
- name: a
  type: provider
  properties: {image: 1, confg: []}
- type: component
  properties: []
""",
    ).replace("annotations:", "anotations:")
    findings = m.examine(text).findings
    messages = {f.path: (f.message, f.hint) for f in findings if f.level == "error"}
    assert messages["metadata"][0] == "missing field `annotations`"
    assert messages["spec.components[0].type"] == (
        "unknown component type `provider`",
        "a provider is a 'capability'",
    )
    assert messages["spec.components[0].properties.confg"][1] == "did you mean 'config'?"
    assert "spec.components[0].properties.image" in messages
    assert messages["spec.components[1]"][0] == "missing field `name`"
    assert messages["spec.components[1].properties"][0] == "expected a map, found a list"
    (warning,) = [f for f in findings if f.level == "warning"]
    assert warning.path == "metadata.anotations"
    assert all(f.line for f in findings)


@pytest.mark.parametrize("key", ["namespace", "package", "name", "interfaces"])
def test_what_kills_the_real_server_is_an_error_here(key: str) -> None:
    properties = {
        "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"],
        "target": {"name": "a"}, "name": "default", key: 3,
    }  # fmt: skip
    component = {
        "name": "a", "type": "component", "properties": {"image": "x"},
        "traits": [{"type": "link", "properties": properties}],
    }  # fmt: skip
    whole = {
        "apiVersion": "v1", "kind": "Application",
        "metadata": {"name": "app", "annotations": {}}, "spec": {"components": [component]},
    }  # fmt: skip
    with pytest.raises(ManifestError) as caught:
        m.parse(whole)
    assert caught.value.findings[0].path.endswith(f"properties.{key}")


def test_json_only_and_yaml_only_are_held_to() -> None:
    text = recorded_manifest("v1")
    assert m.parse(text, format="json") == m.parse(text, format="yaml") == m.parse(json.loads(text))
    with pytest.raises(ManifestError):
        m.parse(SHOP, format="json")


def test_the_error_names_the_first_finding_and_counts_the_others() -> None:
    with pytest.raises(ManifestError, match=r"line 1: unknown field `a` at a \(and 4 more\)"):
        m.parse("a: 1")


def test_a_name_is_trimmed_and_sharing_takes_exactly_true() -> None:
    manifest = m.parse(minimal("[]", name='" app "'))
    assert manifest.name == "app"
    assert not manifest.shared
    shared = m.parse({**manifest.to_obj(), "metadata": {
        "name": "a", "annotations": {m.SHARED_ANNOTATION: "true"}}})  # fmt: skip
    assert shared.shared


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=80)
@given(st.data())
def test_any_spoiled_manifest_gives_findings_and_never_another_error(data: st.DataObject) -> None:
    whole = m.parse(SHOP).to_obj()
    node: Any = whole
    path: list[tuple[Any, Any]] = []
    while isinstance(node, dict | list) and node and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        path.append((node, key))
        node = node[key]
    if path:
        parent, key = path[-1]
        parent[key] = data.draw(json_values)
    examined = m.examine(whole)
    assert examined.manifest is not None or examined.errors
    if examined.manifest is not None:
        assert m.parse(examined.manifest.to_json()) == examined.manifest


@pytest.mark.parametrize("odd", ["\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ufeff", "\uffff"])
def test_what_yaml_takes_for_a_line_break_survives_being_sent_as_json(odd: str) -> None:
    whole = m.parse(SHOP).to_obj()
    whole["metadata"]["annotations"]["description"] = f"a{odd} b{odd}"
    manifest = m.parse(whole)
    assert m.parse(manifest.to_json()) == manifest


def test_empty_annotations_survive_being_sent_as_json() -> None:
    whole = m.parse(SHOP).to_obj()
    whole["metadata"]["annotations"] = {}
    manifest = m.parse(whole)
    assert m.parse(manifest.to_json()) == manifest
