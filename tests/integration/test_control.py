"""The control client and the observer with real hosts of ours on a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from tests.conftest import connect
from tests.golden import FOLDER
from tests.integration.host.host_lattice import NotingProvider
from workbench.errors import AmbiguousName, ControlError, NoResponders, NotFound
from workbench.host import Host, HostData, HostOptions
from workbench.lattice.control import ControlClient
from workbench.lattice.explain import explain
from workbench.lattice.graph import delta, snapshot
from workbench.lattice.observer import Observer
from workbench.nats import Connection, Server
from workbench.wasm import Engine
from workbench.wire.control import matches_constraints
from workbench.wire.records import Link

HTTPD = "wasmcloud+builtin://noting"
LINK = Link(
    source_id="httpd",
    target="tiny",
    wit_namespace="wasi",
    wit_package="http",
    interfaces=("incoming-handler",),
    source_config=("addr",),
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The reference of the small recorded component."""
    path: Path = tmp_path_factory.mktemp("components") / "tiny.wasm"
    path.write_bytes(bytes(wat2wasm((FOLDER / "tiny.wat").read_text())))
    return f"file://{path}"


@pytest.fixture
async def hosts(nats_server: Server, tmp_path: Path) -> AsyncIterator[list[Host]]:
    """Two hosts, each with its own connection, zones a and b."""
    engine = Engine(cache_dir=tmp_path / "compiled")
    notes: list = []
    running: list[tuple[Host, Connection]] = []

    def provider(data: HostData) -> NotingProvider:
        return NotingProvider(data, notes, asyncio.Event())

    try:
        for zone in "ab":
            nc = await connect(nats_server)
            host = Host(
                nc,
                engine=engine,
                name=f"host-{zone}-0001",
                labels={"zone": zone},
                providers={"noting": provider},
                options=HostOptions(allow_file_load=True),
            )
            running.append((host, nc))
            await host.start()
        yield [host for host, _ in running]
    finally:
        for host, nc in running:
            await host.stop()
            await nc.close()
        await engine.close()


@pytest.fixture
def client(nc: Connection) -> ControlClient:
    return ControlClient(nc)


@pytest.fixture
async def observer(nc: Connection, hosts: list[Host]) -> AsyncIterator[Observer]:
    observer = Observer(nc)
    await observer.start()
    try:
        yield observer
    finally:
        await observer.stop()


async def test_hosts_are_seen_by_client_and_observer_alike(
    client: ControlClient, observer: Observer, hosts: list[Host]
) -> None:
    found = await client.hosts()
    assert {host.id for host in found} == {host.id for host in hosts} == set(observer.state.hosts)
    for host in found:
        assert observer.state.hosts[host.id].labels == host.labels
        assert observer.state.hosts[host.id].version == host.version
    assert await client.host_id("host-b") == hosts[1].id
    with pytest.raises(AmbiguousName):
        await client.host_id("host")


async def test_a_component_lives_through_start_scale_and_stop(
    client: ControlClient, observer: Observer, hosts: list[Host], tiny: str
) -> None:
    ack = await client.start_component(
        None, tiny, "tiny", count=2, constraints={"zone": "b"}, wait_s=10.0
    )
    assert ack.host_id == hosts[1].id
    await observer.wait_for(lambda state: state.running("tiny"))
    await client.scale(None, "tiny", 5, wait_s=10.0)
    entry = (await client.inventory("host-b")).components[0]
    assert (entry.id, entry.image_ref, entry.max_instances) == ("tiny", tiny, 5)
    await observer.wait_for(
        lambda state: [t for _, t in state.running("tiny") if getattr(t, "max_instances", 0) == 5]
    )
    await client.stop_component(None, "tiny", wait_s=10.0)
    await observer.wait_for(lambda state: not state.running("tiny"))
    with pytest.raises(NotFound):
        await client.scale(None, "tiny", 1)


async def test_a_failed_start_is_a_control_error_and_a_failed_node(
    client: ControlClient, observer: Observer, hosts: list[Host]
) -> None:
    with pytest.raises(ControlError, match="No such file"):
        await client.start_component("host-a", "file:///nope.wasm", "ghost", wait_s=10.0)
    await observer.wait_for(lambda state: state.hosts[hosts[0].id].components.get("ghost"))
    shot = snapshot(observer.state)
    (ghost,) = [node for node in shot["nodes"] if node["label"] == "ghost"]
    assert ghost["status"] == "failed"
    assert "No such file" in ghost["detail"]["error"]


async def test_a_link_grows_in_the_graph_and_the_explanation_shrinks(
    client: ControlClient, observer: Observer, hosts: list[Host], tiny: str
) -> None:
    await client.start_component("host-a", tiny, "tiny", wait_s=10.0)
    await client.start_provider("host-b", HTTPD, "httpd", wait_s=10.0)
    await observer.wait_for(lambda state: state.running("tiny") and state.running("httpd"))
    before = snapshot(observer.state)
    (finding,) = explain(observer.state, "httpd", "tiny", "wasi:http/incoming-handler")
    assert finding.command.startswith("%wasmcloud link put httpd tiny")

    with pytest.raises(ControlError, match="addr not found"):
        await client.put_link(LINK)
    await client.put_config("addr", {"address": "127.0.0.1:0"})
    await client.put_link(LINK)
    await observer.wait_for(lambda state: state.links == [LINK])
    assert explain(observer.state, "httpd", "tiny", "wasi:http/incoming-handler") == []
    change = delta(before, snapshot(observer.state))
    assert change is not None
    assert [edge["label"] for edge in change["edges"]["add"]] == ["wasi:http"]

    with pytest.raises(ControlError, match="different target"):
        await client.put_link(
            Link(
                source_id="httpd",
                target="other",
                wit_namespace="wasi",
                wit_package="http",
                interfaces=("incoming-handler",),
            )
        )
    await client.delete_config("addr")
    await observer.wait_for(lambda state: not state.configs)
    (finding,) = explain(observer.state, "httpd", "tiny", "wasi:http/incoming-handler")
    assert "'addr'" in finding.text
    await client.delete_link("httpd", "wasi", "http")
    await observer.wait_for(lambda state: not state.links)
    await client.stop_provider(None, "httpd")
    await observer.wait_for(lambda state: not state.running("httpd"))


async def test_labels_move_the_auction(
    client: ControlClient, observer: Observer, hosts: list[Host]
) -> None:
    await client.put_label("host-a", "tier", "gold")
    await observer.wait_for(
        lambda state: matches_constraints(state.hosts[hosts[0].id].labels, {"tier": "gold"})
    )
    bids = await client.provider_auction(HTTPD, "p", {"tier": "gold"})
    assert [bid.host_id for bid in bids] == [hosts[0].id]
    await client.delete_label("host-a", "tier")
    assert await client.provider_auction(HTTPD, "p", {"tier": "gold"}, timeout_s=0.3) == []


async def test_configs_and_claims_are_read_back(client: ControlClient, hosts: list[Host]) -> None:
    await client.put_config("cfg", {"a": "1"})
    assert await client.get_config("cfg") == {"a": "1"}
    assert await client.get_config("absent") is None
    assert await client.claims() == []
    assert await client.links() == []


async def test_a_stopped_host_leaves_client_and_observer(
    client: ControlClient, observer: Observer, hosts: list[Host]
) -> None:
    ack = await client.stop_host("host-a", wait_s=10.0)
    assert ack.event is not None
    await observer.wait_for(lambda state: set(state.hosts) == {hosts[1].id})
    with pytest.raises(NoResponders):
        await client.inventory(hosts[0].id)
