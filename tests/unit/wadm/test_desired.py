"""From manifest to scalers: order, names, ids, what is dropped."""

from __future__ import annotations

from tests.golden.wadm import SHOP, recorded, recorded_manifest
from tests.unit.wadm.builders import app, component, link, manifest, provider, scaler
from workbench.wadm.desired import NO_IMAGE, TWO_IMAGES, desired
from workbench.wadm.scalers import (
    ComponentDaemon,
    ComponentSpread,
    LinkScaler,
    ProviderDaemon,
    ProviderSpread,
    Unfit,
)
from workbench.wire import manifest as m
from workbench.wire.wadm import parse_status


def test_scalers_are_listed_as_in_the_recorded_statuses() -> None:
    theirs = parse_status(recorded("status")[0]["text"].encode()).scalers
    ours = desired(m.parse(recorded_manifest("v1"))).scalers
    assert [(s.id, s.kind, s.name) for s in ours] == [(s.id, s.kind, s.name) for s in theirs]


def test_the_example_has_the_documented_ids() -> None:
    spread, link_scaler, implied = desired(m.parse(SHOP)).scalers
    assert spread.id == "1fd44c988483f6d93a92907552ba43023f36552905430d232c27e8d9d48178bd"
    assert link_scaler.id == "c0cb6c1db872af8a7db1d34e2b6843903a8b3cc239664cd0f61b545aedbf0ead"
    assert implied.id == "56b5798cd9bf4be586c494a7ae14e92bead67d3d539de2985c5d185982e41d1a"
    assert [need.name for need in spread.needs] == ["shop-defaults", "SECRET_shop-db_password"]
    assert spread.needs[1].is_secret


def test_each_trait_makes_its_scaler_and_a_bare_component_none() -> None:
    kinds = [
        type(found)
        for found in app(
            component("a", scaler(1), scaler(1, daemon=True), link("p")),
            component("bare"),
            component("odd", {"type": "other", "properties": {"instances": 1}}),
            provider("p", link("a"), link("p"), scaler(1, daemon=True)),
            provider("q"),
        ).scalers
    ]
    # A link from a provider to a provider is dropped.
    assert kinds == [
        ComponentSpread, ComponentDaemon, LinkScaler, LinkScaler, ProviderDaemon, ProviderSpread,
    ]  # fmt: skip


def test_what_has_no_image_or_two_fails_visibly() -> None:
    whole = manifest(component("a", scaler(1)), component("b", scaler(1), link("a"))).to_obj()
    del whole["spec"]["components"][0]["properties"]["image"]
    scalers = desired(m.parse(whole)).scalers
    unfit = [s for s in scalers if isinstance(s, Unfit)]
    assert [(s.kind, s.name, s.message) for s in unfit] == [
        ("SpreadScaler", "a", NO_IMAGE),
        ("LinkScaler", "a -(wasi:http)-> a", NO_IMAGE),
    ]
    whole["spec"]["components"][0]["properties"] = {
        "image": "x", "application": {"name": "n", "component": "c"}}  # fmt: skip
    first = desired(m.parse(whole)).scalers[0]
    assert isinstance(first, Unfit)
    assert first.message == TWO_IMAGES


def test_a_shared_component_is_linked_by_the_id_it_has_there() -> None:
    whole = manifest(component("a", scaler(1), link("kv")), component("kv")).to_obj()
    whole["spec"]["components"][1]["properties"] = {
        "application": {"name": "plat-form", "component": "store"}}  # fmt: skip
    scalers = desired(m.parse(whole)).scalers
    assert [s.name for s in scalers] == ["app-a", "app-a -(wasi:http)-> plat_form-store"]
