"""Real wadm and ours on the same lattice, one after the other; our client against the real one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.interop.conftest import WAIT_S, Neighbourhood, until
from workbench.lattice.control import ControlClient
from workbench.lattice.wadm import WadmClient
from workbench.nats import Message
from workbench.wadm import Manager
from workbench.wire.wadm import Status, StatusType


def manifest(image: str, version: str, instances: int = 2) -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop", "annotations": {"version": version, "description": "a test"}},
        "spec": {
            "components": [
                {
                    "name": "tiny",
                    "type": "component",
                    "properties": {
                        "image": image,
                        "config": [{"name": "shared", "properties": {"greeting": "hi"}}],
                    },
                    "traits": [{"type": "spreadscaler", "properties": {"instances": instances}}],
                },
                {
                    "name": "other",
                    "type": "component",
                    "properties": {"image": image},
                    "traits": [
                        {"type": "daemonscaler", "properties": {"instances": 3}},
                        {
                            "type": "link",
                            "properties": {
                                "namespace": "lab",
                                "package": "tiny",
                                "interfaces": ["api"],
                                "target": {"name": "tiny"},
                            },
                        },
                    ],
                },
            ]
        },
    }


async def running(control: ControlClient) -> Any:
    """What runs where and under whose marks, and all links and configs."""
    inventories = {i.host_id: i for i in await control.inventories()}
    work = {
        host: sorted(
            (c.id, c.image_ref, c.max_instances, json.dumps(c.annotations, sort_keys=True))
            for c in inventory.components
        )
        for host, inventory in inventories.items()
    }
    config = await control.get_config("shop-shared")
    return work, [link.id for link in await control.links()], config


async def is_scaled_to(count: int, control: ControlClient) -> bool:
    (inventory,) = await control.inventories()
    return ("shop-tiny", count) in [(c.id, c.max_instances) for c in inventory.components]


async def nothing_runs(control: ControlClient) -> bool:
    return not any(inventory.components for inventory in await control.inventories())


async def deployed(client: WadmClient) -> Status:
    return await client.wait("shop", (StatusType.DEPLOYED,), timeout_s=WAIT_S)


async def wadm_answers(client: WadmClient) -> None:
    await until(client.is_running)


class Changes:
    """The events that say that something was started, scaled or stopped."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.heartbeat = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        name = message.subject.rpartition(".")[2]
        if name == "host_heartbeat":
            self.heartbeat.set()
        if name not in ("host_heartbeat", "health_check_passed", "health_check_status"):
            self.seen.append(name)


async def test_our_client_drives_the_real_manager_and_our_host_serves_it(
    lattice: Neighbourhood, tiny: str
) -> None:
    await lattice.real_wadm()
    nc = await lattice.connect()
    client, control = WadmClient(nc), ControlClient(nc)
    await wadm_answers(client)
    await lattice.our_host()
    await client.put_and_deploy(manifest(tiny, "v1"))
    await deployed(client)
    work, links, config = await running(control)
    assert [(c[0], c[2]) for c in next(iter(work.values()))] == [
        ("shop-other", 3),
        ("shop-tiny", 2),
    ]
    assert len(links) == 1
    assert config == {"greeting": "hi"}
    await client.put_and_deploy(manifest(tiny, "v2", 7))
    await until(lambda: is_scaled_to(7, control))
    assert [v.version for v in await client.versions("shop")] == ["v1", "v2"]
    await client.undeploy("shop")
    await until(lambda: nothing_runs(control))
    assert await client.delete("shop")
    assert await client.list() == []


async def test_ours_takes_over_from_the_real_manager_and_nothing_moves(
    lattice: Neighbourhood, tiny: str
) -> None:
    real = await lattice.real_wadm()
    nc = await lattice.connect()
    client, control = WadmClient(nc), ControlClient(nc)
    await wadm_answers(client)
    await lattice.our_host()
    await client.put_and_deploy(manifest(tiny, "v1"))
    await deployed(client)
    before = await running(control)
    await lattice.kill(real)
    changes = Changes()
    await nc.subscribe("wasmbus.evt.default.*", changes)
    manager = Manager(await lattice.connect())
    await manager.start()
    try:
        await manager.ready()
        await deployed(client)

        async def settled() -> bool:
            return manager.settled("shop")  # it reads the config first

        await until(settled)
        assert await running(control) == before
        assert changes.seen == []
        assert manager.apps() == ["shop"]
        # And it is ours now.
        await client.put_and_deploy(manifest(tiny, "v2", 5))
        await deployed(client)
        work, _, _ = await running(control)
        assert ("shop-tiny", 5) in [(c[0], c[2]) for c in next(iter(work.values()))]
    finally:
        await manager.stop()


async def test_the_real_manager_takes_over_from_ours_and_nothing_moves(
    lattice: Neighbourhood, tiny: str
) -> None:
    nc = await lattice.connect()
    client, control = WadmClient(nc), ControlClient(nc)
    manager = Manager(await lattice.connect())
    await manager.start()
    await lattice.our_host()
    await client.put_and_deploy(manifest(tiny, "v1"))
    await deployed(client)
    before = await running(control)
    await manager.stop()
    changes = Changes()
    await nc.subscribe("wasmbus.evt.default.*", changes)
    await lattice.real_wadm()
    await wadm_answers(client)
    # The real one knows a lattice by its hosts' heartbeats: two of them pass.
    beats = 0
    async with asyncio.timeout(WAIT_S):
        while beats < 2:
            await changes.heartbeat.wait()
            changes.heartbeat.clear()
            beats += 1
    assert (await client.status("shop")).type is StatusType.DEPLOYED
    assert await running(control) == before
    assert changes.seen == []
    await client.put_and_deploy(manifest(tiny, "v2", 5))
    await until(lambda: is_scaled_to(5, control))


async def test_the_real_wash_drives_our_manager(
    lattice: Neighbourhood, tiny: str, tmp_path: Any
) -> None:
    manager = Manager(await lattice.connect())
    await manager.start()
    try:
        await lattice.our_host()
        file = tmp_path / "app.json"
        file.write_text(json.dumps(manifest(tiny, "v1")))
        await lattice.wash("app", "deploy", str(file))
        client = WadmClient(await lattice.connect())
        await deployed(client)
        listed = (await lattice.wash("app", "list")).output
        assert "shop" in listed and "v1" in listed
        status = (await lattice.wash("app", "status", "shop")).output
        assert "eployed" in status
        got = (await lattice.wash("app", "get", "shop")).output
        assert "shop" in got
        history = (await lattice.wash("app", "history", "shop")).output
        assert "v1" in history
        await lattice.wash("app", "undeploy", "shop")
        await lattice.wash("app", "delete", "shop")
        assert await client.list() == []
    finally:
        await manager.stop()
