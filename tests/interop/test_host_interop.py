"""Real hosts and ours on one lattice: our clients drive the real one, real wash drives ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import workbench.aio
from tests.interop.conftest import WAIT_S, Neighbourhood, until
from workbench.errors import NoResponders
from workbench.lattice.control import ControlClient
from workbench.lattice.rpc import RpcClient
from workbench.lattice.wadm import WadmClient
from workbench.wadm import Manager
from workbench.wasm import Component
from workbench.wire.wadm import StatusType


async def one_host(control: ControlClient) -> Any:
    (host,) = await until(control.hosts)
    return host


class Tiny:
    """Typed calls of the component ``tiny``, wherever it runs."""

    def __init__(self, lattice: Neighbourhood, client: RpcClient) -> None:
        self._client = client
        self._component = Component.open(lattice.folder / "tiny.wasm")

    async def __call__(self, name: str, *args: Any) -> Any:
        _, function = self._component.find(name)
        return await self._client.invoke("tiny", "lab:tiny/api@0.1.0", function, list(args))


async def test_our_client_drives_a_real_host(lattice: Neighbourhood, tiny: str) -> None:
    await lattice.real_host("--label", "zone=a")
    control = ControlClient(await lattice.connect())
    host = await one_host(control)
    url = f"nats://127.0.0.1:{lattice.port}"
    async with await workbench.aio.connect(url, writable=True) as joined:
        await joined.start_component(tiny, "tiny", count=2)
        call = Tiny(lattice, RpcClient(joined.nc))
        assert await call("hello") == "hello"
        assert await call("add", 2, 3) == 5
        data = bytes(range(256)) * 10_000
        assert await call("echo", data) == data
        await joined.put_config("greeting", {"text": "hi"})
        assert await joined.get_config("greeting") == {"text": "hi"}
        link = await joined.put_link("front", "tiny", "lab:tiny/api", source_config=["greeting"])
        assert link in joined.state.links
        await joined.set_label(host.id, "colour", "red")
        (inventory,) = await joined.inventory()
        assert inventory.labels["zone"] == "a"
        assert inventory.labels["colour"] == "red"
        assert [(c.id, c.max_instances) for c in inventory.components] == [("tiny", 2)]
        assert await joined.scale("tiny", 5) == {host.id: 5}
        await joined.delete_link("front", "lab:tiny/api")
        await joined.delete_config("greeting")
        await joined.stop("component", "tiny")
        with pytest.raises(NoResponders):
            await call("hello")
        await joined.stop("host", host.id)


async def test_the_real_wash_drives_our_host(lattice: Neighbourhood, tiny: str) -> None:
    host = await lattice.our_host(zone="a")
    hosts = (await lattice.wash("get", "hosts")).json["hosts"]
    assert [h["id"] for h in hosts] == [host.id]
    await lattice.wash("config", "put", "greeting", "text=hi")
    assert "hi" in (await lattice.wash("config", "get", "greeting")).output
    await lattice.wash("start", "component", tiny, "tiny", "--max-instances", "3")
    (inventory,) = (await lattice.wash("get", "inventory")).json["inventories"]
    assert [(c["id"], c["max_instances"]) for c in inventory["components"]] == [("tiny", 3)]
    called = await lattice.wash("call", "tiny", "lab:tiny/api@0.1.0.hello")
    assert "hello" in called.output
    await lattice.wash("link", "put", "front", "tiny", "lab", "tiny", "--interface", "api")
    (link,) = (await lattice.wash("link", "query")).json["links"]
    assert link["source_id"] == "front"
    await lattice.wash("link", "del", "front", "lab", "tiny")
    await lattice.wash("scale", "component", host.id, tiny, "tiny", "--max-instances", "5")
    await lattice.wash("label", host.id, "colour=red")
    (inventory,) = (await lattice.wash("get", "inventory")).json["inventories"]
    assert inventory["labels"]["colour"] == "red"
    await lattice.wash("update", "component", "tiny", tiny, "--host-id", host.id, ok=False)
    await lattice.wash("stop", "component", "tiny")
    await lattice.wash("config", "del", "greeting")
    await lattice.wash("stop", "host", host.id)
    async with asyncio.timeout(WAIT_S):
        await host.wait_stopped()


async def test_calls_and_links_cross_between_a_real_host_and_ours(
    lattice: Neighbourhood, tiny: str
) -> None:
    await lattice.real_host("--label", "kind=real")
    ours = await lattice.our_host(kind="ours")
    control = ControlClient(await lattice.connect())

    async def the_other() -> list[str]:
        return [h.id for h in await control.hosts() if h.id != ours.id]

    (real,) = await until(the_other)
    url = f"nats://127.0.0.1:{lattice.port}"
    async with await workbench.aio.connect(url, writable=True) as joined:
        # One component on both hosts: the queue group spreads the calls, each is run once.
        for host in (real, ours.id):
            await joined.start_component(tiny, "tiny", host=host)
        call = Tiny(lattice, RpcClient(joined.nc))
        for number in range(40):
            assert await call("add", number, 1) == number + 1
        # What one host stores the other one knows.
        await joined.put_config("shared", {"k": "v"})
        await joined.put_link("front", "tiny", "lab:tiny/api", target_config=["shared"])
        for host in (real, ours.id):
            inventory = await control.inventory(host)
            assert [c.id for c in inventory.components] == ["tiny"]
        await joined.stop("component", "tiny", host=real)
        assert await call("hello") == "hello"


async def test_our_manager_deploys_on_a_real_host(lattice: Neighbourhood, tiny: str) -> None:
    manager = Manager(await lattice.connect())
    await manager.start()
    try:
        await lattice.real_host()
        nc = await lattice.connect()
        client, control = WadmClient(nc), ControlClient(nc)
        await one_host(control)
        document = {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "shop", "annotations": {"version": "v1"}},
            "spec": {
                "components": [
                    {
                        "name": "tiny",
                        "type": "component",
                        "properties": {"image": tiny},
                        "traits": [{"type": "spreadscaler", "properties": {"instances": 4}}],
                    }
                ]
            },
        }
        await client.put_and_deploy(json.dumps(document))
        await client.wait("shop", (StatusType.DEPLOYED,), timeout_s=WAIT_S)
        (inventory,) = await control.inventories()
        assert [(c.id, c.max_instances) for c in inventory.components] == [("shop-tiny", 4)]
        await client.undeploy("shop")

        async def nothing_runs() -> bool:
            return not (await control.inventories())[0].components

        await until(nothing_runs)
    finally:
        await manager.stop()
