"""Starting components: what fails and says why, what is found where."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import connect
from tests.integration.host.component_calls import (
    HELLO,
    TINY,
    started,
)
from tests.integration.host.host_lattice import Lattice, Tap, events_of
from workbench.host import Host
from workbench.lattice.rpc import RpcClient


async def test_a_missing_config_is_reported_before_missing_bytes(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await lattice.scale("nope.wasm", "x", config=["nope"])
    failed = await tap.event("component_scale_failed")
    assert failed["error"] == "Unable to fetch requested config: Config nope does not exist"
    bucket = await lattice.nc.js.bucket("LATTICEDATA_default")
    assert await bucket.get("COMPONENT_x") is None


async def test_an_import_nobody_offers_is_named_at_the_start(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await lattice.scale("needy.wasm", "needy")
    failed = await tap.event("component_scale_failed")
    assert failed["error"].startswith("failed to instantiate component: ")
    assert "wasi:blobstore/blobstore@0.2.0-draft" in failed["error"]
    assert lattice.host.inventory().components == ()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"not wasm at all", "failed to extract module claims: "),
        (b"", "failed to extract module claims: "),
        (b"\0asm\x0d\0\x01\0\xff\xff", ""),
    ],
)
async def test_garbage_fails_the_start_and_nothing_else(
    lattice: Lattice, tap: Tap, client: RpcClient, tmp_path, data, error
):
    await lattice.add_host()
    (tmp_path / "garbage.wasm").write_bytes(data)
    await lattice.scale(f"file://{tmp_path}/garbage.wasm", "garbage")
    failed = await tap.event("component_scale_failed")
    assert failed["error"].startswith(error or "failed to ")
    await started(lattice, tap, "tiny")
    assert await client.invoke("tiny", TINY, HELLO) == "hello"


async def test_what_a_cell_built_starts_by_its_name(lattice: Lattice, tap: Tap, client: RpcClient):
    await lattice.add_host()
    reference = lattice.cells.put("mine", lattice.folder / "tiny.wasm")
    await lattice.scale(reference, "mine")
    assert (await tap.event("component_scaled"))["image_ref"] == "cell://mine"
    assert await client.invoke("mine", TINY, HELLO) == "hello"


async def test_a_signed_component_brings_its_claims(lattice: Lattice, tap: Tap, golden):
    host = await lattice.add_host()
    await lattice.scale(f"file://{golden / 'tiny-signed.wasm'}", "signed")
    scaled = await tap.event("component_scaled")
    assert scaled["public_key"].startswith("M") and scaled["claims"]["issuer"].startswith("A")
    [entry] = host.inventory().components
    assert entry.name == scaled["claims"]["name"]
    [known] = (await lattice.ask("claims.get")).response
    assert known["sub"] == scaled["public_key"]


async def test_ten_starts_of_one_id_at_once_are_one_component(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await asyncio.gather(*(lattice.scale("tiny.wasm", "tiny", count=3) for _ in range(10)))
    await tap.event("component_scaled", 11)  # two for the start, one for each repetition
    assert len(host.inventory().components) == 1
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    await lattice.nc.flush()
    assert len(events_of(tap.seen, "component_scaled")) == 11


async def test_limits_are_shown_in_the_inventory(lattice: Lattice, tap: Tap):
    host = await lattice.add_host()
    limits = {"max_memory_limit": "1048576", "max_execution_time": "x"}
    await started(lattice, tap, "tiny", component_limits=limits)
    assert host.inventory().components[0].limits == {"max_memory_limit": "1048576"}


class SlowArtifacts:
    """An artifact source that never delivers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def fetch(self, reference: str) -> Any:
        self.asked.set()
        await asyncio.Event().wait()


async def test_a_host_stops_at_once_while_a_component_starts(lattice: Lattice, tap: Tap):
    artifacts = SlowArtifacts()
    connection = await connect(lattice.server)
    host = Host(connection, engine=lattice.engine, artifacts=artifacts)
    await host.start()
    assert (await lattice.scale("tiny.wasm", "tiny", host=host)).success
    await asyncio.wait_for(artifacts.asked.wait(), 5)
    assert (await lattice.ask("host.get", b"", host.id)).success, "inventories never wait"
    await asyncio.wait_for(host.stop(), 2)
    await connection.close()
    await tap.event("host_stopped")
    assert events_of(tap.seen, "component_scale_failed") == []
