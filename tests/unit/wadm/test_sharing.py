"""What applications of one lattice mean to each other."""

from __future__ import annotations

from typing import Any

from tests.unit.wadm.builders import component, manifest, provider, scaler
from workbench.wadm.sharing import IdConflict, missing_shared, taken_id
from workbench.wire.manifest import SHARED_ANNOTATION, Manifest, parse
from workbench.wire.wadm import StoredManifest


def stored(found: Manifest, *, deployed: bool = True, shared: bool = False) -> StoredManifest:
    raw = found.to_obj()
    if shared:
        raw["metadata"]["annotations"][SHARED_ANNOTATION] = "true"
    return StoredManifest({"v1": raw}, "v1" if deployed else None)


def user(kind: str = "component") -> Manifest:
    raw = manifest(component("c", scaler(1)), name="user").to_obj()
    shared: dict[str, Any] = {"application": {"name": "platform", "component": "store"}}
    raw["spec"]["components"].append({"name": "kv", "type": kind, "properties": shared})
    return parse(raw)


def test_a_share_counts_when_deployed_marked_and_of_the_same_type() -> None:
    platform = manifest(component("store", scaler(1)), name="platform")
    good = {"platform": stored(platform, shared=True)}
    assert missing_shared(user(), good) == []
    for bad in (
        {},
        {"platform": stored(platform)},
        {"platform": stored(platform, shared=True, deployed=False)},
        {"platform": stored(manifest(provider("store"), name="platform"), shared=True)},
        {"platform": stored(manifest(component("other"), name="platform"), shared=True)},
        {"platform": StoredManifest({"v1": {"broken": 1}}, "v1")},
    ):
        assert missing_shared(user(), bad) == ["kv"]


def test_only_explicit_ids_of_other_deployed_applications_conflict() -> None:
    mine = manifest(component("c", id="same"), name="mine")
    theirs = manifest(component("x", id="same"), name="theirs")
    assert taken_id(mine, {"theirs": stored(theirs)}) == IdConflict("same", "theirs")
    assert taken_id(mine, {"theirs": stored(theirs, deployed=False)}) is None
    assert taken_id(mine, {"mine": stored(mine)}) is None
    generated = manifest(component("c"), name="mine")
    assert taken_id(generated, {"theirs": stored(theirs)}) is None
