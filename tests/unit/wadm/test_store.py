"""Buckets: compare-and-set, and the record of the lattice as the real manager writes it."""

from __future__ import annotations

import json

import pytest

from tests.golden.wadm import recorded
from tests.unit.wadm.conftest import Service
from workbench.errors import WrongRevision
from workbench.nats import Connection
from workbench.wadm.observed import HostState, Observed, Running, with_host
from workbench.wadm.store import StateStore, state_records
from workbench.wadm.streams import ensure_all
from workbench.wire.wadm import StoredManifest


async def test_a_lost_race_is_a_wrong_revision(service: Service) -> None:
    store = service.store
    await store.put("a", StoredManifest({"v1": {}}), None)
    found = await store.get("a")
    assert found is not None
    stored, revision = found
    await store.put("a", StoredManifest({**stored.manifests, "v2": {}}), revision)
    with pytest.raises(WrongRevision):
        await store.put("a", StoredManifest({}), revision)
    again = await store.get("a")
    assert again is not None
    assert (again[0].latest, list(again[0].manifests)) == ("v2", ["v1", "v2"])


async def test_the_set_of_names_is_sorted_and_survives_races(service: Service) -> None:
    store = service.store
    assert not await store.exists()
    for name in ("b", "a", "b"):
        await store.add_name(name)
    assert await store.names() == ["a", "b"]
    await store.remove_name("a")
    await store.remove_name("b")
    assert await store.names() == []
    assert await store.exists()


def test_an_empty_application_has_no_latest_version() -> None:
    assert StoredManifest({}).latest == ""


def recorded_state(kind: str) -> dict:
    line = next(
        line for line in recorded("entry") if line["subject"] == f"$KV.wadm_state.{kind}_default"
    )
    return json.loads(line["text"])


def test_the_recorded_lattice_is_written_as_recorded() -> None:
    theirs = {kind: recorded_state(kind) for kind in ("host", "component", "provider")}
    seen = Observed()
    for host in theirs["host"].values():
        components = {}
        for name, record in theirs["component"].items():
            for entry in record["instances"].get(host["id"], []):
                components[name] = Running(
                    record["reference"], entry["annotations"], entry["count"]
                )
        providers = {
            p["provider_id"]: Running(p["provider_ref"], p["annotations"])
            for p in host["providers"]
        }
        health = {name: theirs["provider"][name]["hosts"][host["id"]] for name in providers}
        state = HostState(
            host["id"], host["labels"], host["friendly_name"], components, providers, health,
            host["version"], host["uptime_seconds"],
        )  # fmt: skip
        seen, _ = with_host(seen, state)
    ours = json.loads(json.dumps(state_records(seen, {})))
    for record in theirs["provider"].values():
        # Names and issuers come from claims, which we do not ask for.
        record["name"] = record["issuer"] = ""
    for records in (theirs, ours):
        for host in records["host"].values():
            assert host.pop("last_seen").endswith("Z")
    assert ours == theirs


async def test_only_what_changed_is_written(nc: Connection) -> None:
    bucket, _ = await ensure_all(nc.js)
    store = StateStore(bucket, "default")
    seen, _ = with_host(Observed(), HostState("H", {"zone": "a"}))
    await store.write(seen, {"H": 1.0})
    await store.write(seen, {"H": 1.0})
    assert {entry.key for entry in await bucket.entries()} == {
        "host_default", "component_default", "provider_default"}  # fmt: skip
    info = await nc.js.stream_info("KV_wadm_state")
    assert info is not None
    assert info["state"]["last_seq"] == 3
