"""Applications on real hosts: manager, client, hosts, wasmtime and nats-server all at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from tests.conftest import connect
from tests.golden import FOLDER
from tests.integration.host.host_lattice import NotingProvider
from workbench.host import Host, HostData, HostOptions
from workbench.lattice.control import ControlClient
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Server
from workbench.wadm import Manager
from workbench.wasm import Engine
from workbench.wire.control import Inventory
from workbench.wire.wadm import Status, StatusType

WAIT_S = 20.0


class Lattice:
    """A server, a manager, hosts, and how to ask them."""

    def __init__(self, server: Server, nc: Connection, engine: Engine, folder: Path) -> None:
        self.nc, self.server, self.engine = nc, server, engine
        self.client = WadmClient(nc)
        self.control = ControlClient(nc, quiet_s=0.1)
        self.manager = Manager(nc)
        self.hosts: list[Host] = []
        self.notes: list = []
        self._connections: list[Connection] = []
        path = folder / "tiny.wasm"
        path.write_bytes(bytes(wat2wasm((FOLDER / "tiny.wat").read_text())))
        self.tiny = path.as_uri()

    def _provider(self, data: HostData) -> NotingProvider:
        return NotingProvider(data, self.notes, asyncio.Event())

    async def add_host(self, zone: str = "a") -> Host:
        nc = await connect(self.server)
        self._connections.append(nc)
        host = Host(
            nc,
            engine=self.engine,
            labels={"zone": zone},
            providers={"noting": self._provider},
            options=HostOptions(allow_file_load=True),
        )
        self.hosts.append(host)
        await host.start()
        return host

    def manifest(
        self, version: str, *, instances: int = 2, image: str = "", address: str = "1"
    ) -> str:
        source = {"config": [{"name": "addr", "properties": {"address": address}}]}
        link = {
            "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"],
            "source": source, "target": {"name": "tiny"},
        }  # fmt: skip
        config = [{"name": "shared", "properties": {"greeting": "hi"}}]
        components = [
            {"name": "tiny", "type": "component",
             "properties": {"image": image or self.tiny, "config": config},
             "traits": [{"type": "spreadscaler", "properties": {"instances": instances}}]},
            {"name": "httpd", "type": "capability",
             "properties": {"image": "wasmcloud+builtin://noting"},
             "traits": [{"type": "link", "properties": link}]},
        ]  # fmt: skip
        return json.dumps({
            "apiVersion": "core.oam.dev/v1beta1", "kind": "Application",
            "metadata": {"name": "my-app", "annotations": {"version": version}},
            "spec": {"components": components},
        })  # fmt: skip

    async def deployed(self) -> Status:
        return await self.client.wait("my-app", (StatusType.DEPLOYED,), timeout_s=WAIT_S)

    async def inventories(self) -> dict[str, Inventory]:
        return {found.host_id: found for found in await self.control.inventories()}

    async def until(self, enough: Callable[[dict[str, Inventory]], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough(await self.inventories()):
                pass  # each question takes a tenth of a second

    async def close(self) -> None:
        await self.manager.stop()
        for host in self.hosts:
            await host.stop()
        for nc in self._connections:
            await nc.close()
        await self.engine.close()


@pytest.fixture
async def lattice(nats_server: Server, nc: Connection, tmp_path: Path) -> AsyncIterator[Lattice]:
    lattice = Lattice(nats_server, nc, Engine(cache_dir=tmp_path / "compiled"), tmp_path)
    try:
        await lattice.manager.start()
        yield lattice
    finally:
        await lattice.close()


def home(found: dict[str, Inventory]) -> list[str]:
    return [host for host, inventory in found.items() if inventory.components]


async def test_deploy_upgrade_move_and_undeploy(lattice: Lattice) -> None:
    await lattice.add_host()
    await lattice.client.put_and_deploy(lattice.manifest("v1"))
    status = await lattice.deployed()
    assert [(s.kind, s.name) for s in status.scalers] == [
        ("SpreadScaler", "my_app-tiny"),
        ("LinkScaler", "my_app-httpd -(wasi:http)-> my_app-tiny"),
        ("SpreadScaler", "my_app-httpd"),
    ]
    (inventory,) = (await lattice.inventories()).values()
    (entry,) = inventory.components
    assert (entry.id, entry.image_ref, entry.max_instances) == ("my_app-tiny", lattice.tiny, 2)
    assert (entry.annotations or {})["wasmcloud.dev/managed-by"] == "wadm"
    assert (entry.annotations or {})["wasmcloud.dev/appspec"] == "my-app"
    # The provider had its link, with the config resolved, when it started.
    (_, (_, links)) = next(note for note in lattice.notes if note[0] == "start")
    assert [dict(link.source_config) for link in links] == [{"address": "1"}]

    await lattice.client.put_and_deploy(lattice.manifest("v2", instances=5))
    await lattice.deployed()
    (inventory,) = (await lattice.inventories()).values()
    assert inventory.components[0].max_instances == 5

    await lattice.add_host()
    (old,) = home(await lattice.inventories())
    await next(host for host in lattice.hosts if host.id == old).stop()
    await lattice.until(lambda found: old not in found and home(found))
    await lattice.deployed()

    await lattice.client.undeploy("my-app")
    assert (await lattice.client.status("my-app")).message == "Manifest has been undeployed"
    await lattice.until(lambda found: not home(found))
    await lattice.until(lambda found: not any(i.providers for i in found.values()))
    async with asyncio.timeout(WAIT_S):
        while await lattice.control.links() or await lattice.control.get_config("my_app-addr"):
            pass
    assert await lattice.client.delete("my-app")
    assert await lattice.client.list() == []


async def test_a_broken_image_fails_with_the_hosts_words_and_a_rollback_mends_it(
    lattice: Lattice,
) -> None:
    await lattice.add_host()
    await lattice.client.put_and_deploy(lattice.manifest("v1"))
    await lattice.deployed()
    await lattice.client.put_and_deploy(lattice.manifest("v2", image="file:///no-such.wasm"))
    status = await lattice.client.wait("my-app", timeout_s=WAIT_S)
    assert status.type is StatusType.FAILED
    assert "No such file" in status.message
    assert await lattice.control.get_config("my_app-shared") == {"greeting": "hi"}
    await lattice.client.deploy("my-app", "v1")
    await lattice.deployed()
    assert home(await lattice.inventories())


async def test_a_deploy_before_the_first_host_waits_for_it(lattice: Lattice) -> None:
    await lattice.client.put_and_deploy(lattice.manifest("v1"))
    assert (await lattice.client.status("my-app")).type is StatusType.WAITING
    await lattice.add_host()
    await lattice.deployed()


async def test_what_is_stopped_by_hand_comes_back(lattice: Lattice) -> None:
    host = await lattice.add_host()
    await lattice.client.put_and_deploy(lattice.manifest("v1"))
    await lattice.deployed()
    await lattice.control.stop_component(host.id, "my_app-tiny", wait_s=WAIT_S)
    await lattice.control.delete_link("my_app-httpd", "wasi", "http")
    await lattice.control.delete_config("my_app-shared")
    await lattice.until(home)
    async with asyncio.timeout(WAIT_S):
        while not await lattice.control.links() or not await lattice.control.get_config(
            "my_app-shared"
        ):
            pass
    await lattice.deployed()


async def test_a_manager_that_takes_over_restarts_nothing(lattice: Lattice, nc: Connection) -> None:
    await lattice.add_host()
    await lattice.client.put_and_deploy(lattice.manifest("v1"))
    await lattice.deployed()
    await lattice.manager.stop()
    heard: list[str] = []
    await nc.subscribe("wasmbus.ctl.v1.default.>", lambda m: heard.append(m.subject))
    lattice.manager = Manager(nc)
    await lattice.manager.start()
    await lattice.manager.ready()
    settled = asyncio.Event()
    lattice.manager.subscribe(
        lambda: settled.set() if lattice.manager.settled("my-app") else settled.clear()
    )
    async with asyncio.timeout(WAIT_S):
        if not lattice.manager.settled("my-app"):
            await settled.wait()
    verbs = {".".join(subject.split(".")[4:6]) for subject in heard}
    assert verbs <= {"host.ping", "host.get", "link.get", "config.get"}
    assert (await lattice.client.status("my-app")).type is StatusType.DEPLOYED


async def test_a_changed_config_of_the_application_reaches_the_lattice(lattice: Lattice) -> None:
    await lattice.add_host()
    await lattice.client.put_and_deploy(lattice.manifest("v1"))
    await lattice.deployed()
    await lattice.client.put_and_deploy(lattice.manifest("v2", address="2"))
    await lattice.deployed()
    assert await lattice.control.get_config("my_app-addr") == {"address": "2"}
