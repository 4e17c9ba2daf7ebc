"""Components that are changed while they run: code, maximum, configuration."""

from __future__ import annotations

import asyncio

from tests.integration.host.component_calls import (
    GREET,
    HELLO,
    TINY,
    started,
)
from tests.integration.host.host_lattice import Lattice, Tap
from workbench.lattice.rpc import RpcClient


async def test_an_update_switches_to_the_new_code_without_a_gap(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny", annotations={"by": "us"})
    answers: list[str] = []

    async def keep_calling() -> None:
        while "hullo" not in answers:
            answers.append(await client.invoke("tiny", TINY, HELLO))

    calling = asyncio.ensure_future(keep_calling())
    new = lattice.reference("tiny2.wasm")
    reply = await lattice.ask(
        "component.update", {"component_id": "tiny", "new_component_ref": new}, host.id
    )
    assert reply.message == (
        f"component tiny updating from {lattice.reference('tiny.wasm')} to {new}"
    )
    scaled = await tap.event("component_scaled", image_ref=new)
    assert (scaled["max_instances"], scaled["annotations"]) == (1, {})
    await asyncio.wait_for(calling, 5)
    assert await client.invoke("tiny", TINY, HELLO) == "hullo"
    [entry] = host.inventory().components
    assert (entry.image_ref, entry.annotations) == (new, {})


async def test_a_failed_update_leaves_the_old_code_running(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny")
    new = lattice.reference("nope.wasm")
    body = {"component_id": "tiny", "new_component_ref": new}
    assert (await lattice.ask("component.update", body, host.id)).success
    assert "No such file" in (await lattice.logged("error")).message
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    assert host.inventory().components[0].image_ref == lattice.reference("tiny.wasm")


async def test_scale_with_allow_update_runs_the_new_code_under_the_new_maximum(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny")
    reply = await lattice.scale("tiny2.wasm", "tiny", count=7, allow_update=True)
    assert reply.message.endswith("and the image reference will be updated afterwards.")
    await tap.event("component_scaled", image_ref=lattice.reference("tiny2.wasm"))
    assert await client.invoke("tiny", TINY, HELLO) == "hullo"
    assert host.inventory().components[0].max_instances == 7


async def test_scale_without_allow_update_keeps_code_and_reference(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    host = await lattice.add_host()
    await started(lattice, tap, "tiny")
    reply = await lattice.scale("tiny2.wasm", "tiny", count=2)
    assert "The component will be scaled but the image reference will not be updated" in (
        reply.message
    )
    scaled = await tap.event("component_scaled", max_instances=2)
    assert scaled["image_ref"] == lattice.reference("tiny.wasm")
    assert await client.invoke("tiny", TINY, HELLO) == "hello"
    assert host.inventory().components[0].image_ref == lattice.reference("tiny.wasm")


async def test_config_is_read_live_and_logged_lines_reach_the_host(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    await lattice.add_host()
    await lattice.ask("config.put", {"greeting": "hello"}, "cfg")
    await started(lattice, tap, "settings", config=["cfg"])
    api = "lab:settings/api"
    assert await client.invoke("settings", api, GREET) == "hello"
    line = lattice.log[-1]
    assert (line.component_id, line.level, line.context, line.message) == (
        "settings",
        "warn",
        "test",
        "hello",
    )
    await lattice.ask("config.put", {"greeting": "good day"}, "cfg")
    async with asyncio.timeout(5):
        while await client.invoke("settings", api, GREET) != "good day":
            pass


async def test_another_config_list_is_taken_up_by_a_scale(
    lattice: Lattice, tap: Tap, client: RpcClient
):
    await lattice.add_host()
    await lattice.ask("config.put", {"greeting": "one"}, "one")
    await lattice.ask("config.put", {"greeting": "two"}, "two")
    await started(lattice, tap, "settings", config=["one"])
    await lattice.scale("settings.wasm", "settings", config=["one", "two"])
    await tap.event("component_scaled", 3)
    assert await client.invoke("settings", "lab:settings/api", GREET) == "two"
