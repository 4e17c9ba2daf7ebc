"""What keeps trait properties from having their shape."""

from __future__ import annotations

from workbench.wire.document import load_yaml
from workbench.wire.manifest_reader import near, read_manifest, read_trait_shapes


def test_near_names_what_was_probably_meant() -> None:
    assert near("incoming-handlr", ["incoming-handler"]) == "did you mean 'incoming-handler'?"
    assert near("xyz", ["incoming-handler"]) == ""


def test_reasons_of_a_trait_that_does_not_read() -> None:
    node = load_yaml("{instnces: 3, spread: [{name: a, weight: x}]}")
    reasons = {f.path: f.message for f in read_trait_shapes(node, (), "spreadscaler")}
    assert reasons["instnces"] == "unknown field `instnces`"
    assert reasons[""] == "missing field `instances`"
    assert reasons["spread[0].weight"] == "expected a whole number, found a string"
    assert [f.path for f in read_trait_shapes(load_yaml("{}"), (), "link")] == [""] * 3


def test_a_trait_takes_the_first_shape_that_fits_whatever_its_type() -> None:
    text = """
apiVersion: v1
kind: A
metadata: {name: a, annotations: {}}
spec:
  components:
    - name: a
      type: component
      properties: {image: x}
      traits:
        - {type: other, properties: {instances: 1}}
        - {type: spreadscaler, properties: {instances: one}}
"""
    manifest, findings = read_manifest(load_yaml(text))
    assert manifest is not None
    assert findings == []
    first, second = manifest.components[0].traits
    assert not first.is_custom
    assert first.scaler is None
    assert second.is_custom
