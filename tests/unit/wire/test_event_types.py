"""The payload types of events."""

from __future__ import annotations

from workbench.wire import event_types, events


def test_every_type_names_its_event_once() -> None:
    names = [kind.EVENT for kind in event_types.PAYLOADS.values()]
    assert len(names) == len(set(names)) == 17
    assert all(name == events.PAYLOADS[name].EVENT for name in names)


def test_signed_claims_write_their_nulls() -> None:
    claims = events.ComponentClaims(issuer="A", name="n")
    made = events.make(
        "N",
        events.ComponentScaled(
            annotations={}, claims=claims, component_id="c", image_ref="r", max_instances=1
        ),
    )
    assert made.data["claims"]["call_alias"] is None
    assert made.data["claims"]["not_before_human"] == "never"
