"""The control client against recorded answers, over a real nats-server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.lattice.lives import HOST_A, HOST_B, link
from tests.unit.lattice.recorded_host import RecordedHost
from workbench.errors import (
    AmbiguousName,
    ControlError,
    NoResponders,
    NotFound,
    RequestTimeout,
    UsageError,
)
from workbench.lattice.control import ControlClient
from workbench.nats import Connection
from workbench.wire import control, events
from workbench.wire.control import ComponentEntry, ProviderEntry


@pytest.fixture
def client(nc: Connection) -> ControlClient:
    return ControlClient(nc, quiet_s=0.05, timeout_s=1.0)


def entry(component_id: str, **more: Any) -> ComponentEntry:
    return ComponentEntry(id=component_id, image_ref="file:///c.wasm", **more)


async def test_an_empty_lattice_has_no_hosts_and_says_so_at_once(client: ControlClient) -> None:
    began = time.monotonic()
    assert await client.hosts() == []
    assert time.monotonic() - began < 1.0
    with pytest.raises(NoResponders, match="nobody answers on lattice 'default'"):
        await client.links()
    with pytest.raises(NoResponders, match="no host runs there"):
        await client.start_component(None, "file:///c.wasm", "c")


async def test_an_absent_host_is_named(client: ControlClient, host: RecordedHost) -> None:
    with pytest.raises(NoResponders, match=f"host {HOST_B} does not answer"):
        await client.inventory(HOST_B)


async def test_all_hosts_answer_a_ping(
    client: ControlClient, host: RecordedHost, second_host: RecordedHost
) -> None:
    assert [h.friendly_name for h in await client.hosts()] == ["calm-lake-0001", "dark-fox-0002"]
    assert [i.host_id for i in await client.inventories()] == [HOST_A, HOST_B]


@pytest.mark.parametrize("name", ["calm-lake-0001", "CALM", "na", "lake", HOST_A])
async def test_a_host_is_found_by_id_prefix_or_name(
    client: ControlClient, host: RecordedHost, second_host: RecordedHost, name: str
) -> None:
    assert await client.host_id(name) == HOST_A


async def test_an_ambiguous_name_lists_its_matches(
    client: ControlClient, host: RecordedHost, second_host: RecordedHost
) -> None:
    with pytest.raises(AmbiguousName) as caught:
        await client.host_id("n")
    assert caught.value.matches == [HOST_A, HOST_B]
    with pytest.raises(NotFound) as missing:
        await client.host_id("zebra")
    assert missing.value.matches == [HOST_A, HOST_B]


async def test_a_broken_reply_hides_no_other(
    client: ControlClient, nc: Connection, host: RecordedHost
) -> None:
    async def nonsense(message: Any) -> None:
        await message.respond(b"\xff{")

    broken = await nc.subscribe("wasmbus.ctl.v1.default.host.ping", nonsense)
    assert [h.id for h in await client.hosts()] == [HOST_A]
    await broken.unsubscribe()


async def test_auctions_choose_by_label(
    client: ControlClient, host: RecordedHost, second_host: RecordedHost
) -> None:
    bids = await client.component_auction("r", "c", {})
    assert sorted(bid.host_id for bid in bids) == [HOST_A, HOST_B]
    ack = await client.start_component(None, "file:///c", "c", constraints={"zone": "b"})
    assert ack.host_id == HOST_B
    with pytest.raises(NotFound, match="no host offers"):
        await client.start_provider(None, "file:///p", "p", constraints={"zone": "c"})


async def test_a_start_sends_what_wash_sends(client: ControlClient, host: RecordedHost) -> None:
    await client.start_component(HOST_A, "file:///c", "c", count=5, config=["one", "two"])
    operation, request = host.requests[-1]
    assert operation == "component.scale"
    assert request == control.ScaleComponent(
        component_ref="file:///c",
        component_id="c",
        count=5,
        host_id=HOST_A,
        config=("one", "two"),
    )
    assert b"annotations" not in control.encode(request)


async def test_an_awaited_start_returns_the_hosts_event(
    client: ControlClient, host: RecordedHost
) -> None:
    host.on["component.scale"] = lambda request: [
        events.config_set(HOST_A, config_name="another matter"),
        events.component_scaled(HOST_B, component_id="c", image_ref="r", max_instances=2),
        events.component_scaled(HOST_A, component_id="c", image_ref="r", max_instances=2),
    ]
    ack = await client.start_component(HOST_A, "r", "c", count=2, wait_s=5.0)
    assert ack.event is not None
    assert (ack.event.name, ack.event.source) == ("component_scaled", HOST_A)


async def test_an_awaited_start_that_fails_raises_the_hosts_text(
    client: ControlClient, host: RecordedHost
) -> None:
    host.on["component.scale"] = lambda request: [
        events.component_scale_failed(
            HOST_A, component_id="c", image_ref="r", max_instances=1, error="no such file"
        )
    ]
    with pytest.raises(ControlError, match="no such file"):
        await client.start_component(HOST_A, "r", "c", wait_s=5.0)


async def test_an_awaited_event_that_does_not_come_is_a_timeout(
    client: ControlClient, host: RecordedHost
) -> None:
    with pytest.raises(RequestTimeout, match="nothing was announced"):
        await client.start_provider(HOST_A, "r", "p", wait_s=0.05)


async def test_a_built_in_provider_is_awaited_by_its_id(
    client: ControlClient, host: RecordedHost
) -> None:
    """wash compares references and times out (§13.2)."""
    host.on["provider.start"] = lambda request: [
        events.provider_started(HOST_A, provider_id="httpd", image_ref="http-server")
    ]
    ack = await client.start_provider(None, "wasmcloud+builtin://http-server", "httpd", wait_s=5.0)
    assert ack.event is not None


async def test_a_scale_keeps_reference_and_annotations(
    client: ControlClient, host: RecordedHost, second_host: RecordedHost
) -> None:
    second_host.components = [entry("c", annotations={"owner": "lab"}, max_instances=1)]
    ack = await client.scale(None, "c", 7)
    request = second_host.requests[-1][1]
    assert ack.host_id == request.host_id == HOST_B
    assert (request.component_ref, request.annotations, request.count) == (
        "file:///c.wasm",
        {"owner": "lab"},
        7,
    )


async def test_an_update_keeps_annotations_that_absence_would_wipe(
    client: ControlClient, host: RecordedHost
) -> None:
    host.components = [entry("c", annotations={"owner": "lab"})]
    host.on["component.update"] = lambda request: [
        events.component_scaled(
            HOST_A, component_id="c", image_ref=request.new_component_ref, max_instances=1
        )
    ]
    ack = await client.update(None, "c", "file:///new.wasm", wait_s=5.0)
    assert host.requests[-1][1].annotations == {"owner": "lab"}
    assert ack.event is not None


async def test_an_update_to_the_same_reference_is_not_awaited(
    client: ControlClient, host: RecordedHost
) -> None:
    host.components = [entry("c")]
    ack = await client.update(HOST_A, "c", "file:///c.wasm", wait_s=5.0)
    assert ack.event is None


async def test_stopping_scales_to_zero_with_the_running_reference(
    client: ControlClient, host: RecordedHost
) -> None:
    host.components = [entry("c", annotations={"owner": "lab"})]
    await client.stop_component(None, "c")
    request = host.requests[-1][1]
    assert (request.component_ref, request.count, request.annotations) == (
        "file:///c.wasm",
        0,
        None,
    )


async def test_what_runs_on_two_hosts_needs_a_host(
    client: ControlClient, host: RecordedHost, second_host: RecordedHost
) -> None:
    for each in (host, second_host):
        each.components = [entry("c")]
        each.providers = [ProviderEntry(id="p", image_ref="http-server")]
    with pytest.raises(AmbiguousName):
        await client.stop_component(None, "c")
    with pytest.raises(AmbiguousName):
        await client.stop_provider(None, "p")
    assert (await client.stop_provider("dark", "p")).host_id == HOST_B


async def test_what_runs_nowhere_is_not_found(client: ControlClient, host: RecordedHost) -> None:
    host.components = [entry("other")]
    with pytest.raises(NotFound) as caught:
        await client.scale(None, "c", 1)
    assert caught.value.matches == ["other"]


async def test_a_refusal_carries_the_hosts_own_text_and_a_next_step(
    client: ControlClient, host: RecordedHost
) -> None:
    text = (
        "link already exists with different target, consider deleting the existing link or "
        "using a different link name"
    )
    host.replies["link.put"] = control.refused(text)
    with pytest.raises(ControlError) as caught:
        await client.put_link(link("a", "b"))
    assert caught.value.message == text
    assert caught.value.hint
    assert caught.value.operation == "link.put"


async def test_a_refusal_without_text_still_says_something(
    client: ControlClient, host: RecordedHost
) -> None:
    host.replies["provider.stop"] = control.refused("")
    with pytest.raises(ControlError, match=r"refused provider\.stop"):
        await client.stop_provider(HOST_A, "p")


async def test_links_configs_labels_and_claims(client: ControlClient, host: RecordedHost) -> None:
    host.replies["link.get"] = control.answered((link("a", "b"),))
    assert await client.links() == [link("a", "b")]
    await client.put_link(link("a", "b"))
    await client.delete_link("a", "wasi", "http", name="second")
    assert host.requests[-1][1].name == "second"
    await client.put_config("cfg", {"a": "1"})
    assert host.requests[-1] == ("config.put", {"a": "1"})
    assert await client.get_config("cfg") == {"greeting": "hello", "name": "lab"}
    host.replies["config.get"] = control.accepted("Configuration not found")
    assert await client.get_config("cfg") is None
    await client.delete_config("cfg")
    await client.put_label("calm", "tier", "gold")
    await client.delete_label("calm", "tier")
    assert await client.claims() == []
    credential = control.RegistryCredential(username="ci", password="x")
    assert await client.put_registries({"r.example": credential}) == 1
    ack = await client.stop_host("calm", timeout_ms=5000)
    assert ack.message == "successfully handled stop host"
    assert host.requests[-1][1] == control.StopHost(host_id=HOST_A, timeout=5000)


async def test_a_silent_host_is_a_timeout_with_its_name(nc: Connection, host: RecordedHost) -> None:
    host.replies["host.get"] = None
    client = ControlClient(nc, timeout_s=0.05)
    with pytest.raises(RequestTimeout, match=f"host {HOST_A} did not answer"):
        await client.inventory(HOST_A)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda c: c.start_component(HOST_A, "r", "a.b"),
        lambda c: c.start_component(HOST_A, " ", "a"),
        lambda c: c.put_label(HOST_A, "hostcore.os", "x"),
        lambda c: c.put_label(HOST_A, "", "x"),
        lambda c: c.put_config("a.b", {}),
        lambda c: c.put_link(link("a", "b", interfaces=())),
    ],
)
async def test_what_cannot_work_is_refused_before_it_is_sent(
    client: ControlClient, host: RecordedHost, attempt: Any
) -> None:
    with pytest.raises(UsageError):
        await attempt(client)
    assert host.requests == []
