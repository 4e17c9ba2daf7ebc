"""Providers inside the host's process, seen from the wire and from the provider."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.integration.host.host_lattice import Lattice, Tap, events_of, fast_options
from workbench.host import Host

BUILTIN = "wasmcloud+builtin://http-server"


async def start(lattice: Lattice, provider_id: str = "httpd", host: Host | None = None, **more):
    host = host or lattice.host
    body = {
        "provider_id": provider_id,
        "provider_ref": BUILTIN,
        "host_id": host.id,
        "config": [],
        **more,
    }
    return await lattice.ask("provider.start", body, host.id)


async def stop(lattice: Lattice, provider_id: str = "httpd"):
    body = {"provider_id": provider_id, "host_id": lattice.host.id}
    return await lattice.ask("provider.stop", body, lattice.host.id)


async def put_config(lattice: Lattice, name: str, **values: str):
    reply = await lattice.ask("config.put", values, name)
    assert reply.success, reply.message


async def test_links_that_were_put_before_arrive_in_the_start_data(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await put_config(lattice, "addr", address="127.0.0.1:0")
    await lattice.put_link("httpd", "hello", "wasi:http/incoming-handler", source_config=["addr"])
    await start(lattice)
    _, links = await lattice.noted("start")
    assert [(link.target, dict(link.source_config)) for link in links] == [
        ("hello", {"address": "127.0.0.1:0"})
    ]
    assert not [note for note in lattice.notes if note[0] == "put"]


async def test_a_link_put_later_is_handed_over_with_its_config_values(lattice: Lattice):
    await lattice.add_host()
    await put_config(lattice, "addr", address="127.0.0.1:0")
    await start(lattice)
    await lattice.noted("start")
    await lattice.put_link("httpd", "hello", "wasi:http/incoming-handler", source_config=["addr"])
    link = await lattice.noted("put")
    assert (link.source_id, link.target, dict(link.source_config)) == (
        "httpd",
        "hello",
        {"address": "127.0.0.1:0"},
    )


async def test_links_put_while_the_provider_starts_are_neither_lost_nor_doubled(lattice: Lattice):
    await lattice.add_host()
    asked = [start(lattice)]
    asked += [
        lattice.put_link("httpd", f"c{i}", "wasi:http/incoming-handler", name=f"n{i}")
        for i in range(20)
    ]
    await asyncio.gather(*asked)
    await lattice.put_link("httpd", "end", "wasi:http/incoming-handler", name="end")

    def known() -> list[str]:
        links = [link for kind, value in lattice.notes if kind == "start" for link in value[1]]
        links += [value for kind, value in lattice.notes if kind == "put"]
        return sorted(link.target for link in links)

    async with asyncio.timeout(5):
        while "end" not in known():
            lattice.news.clear()
            await lattice.news.wait()
    assert known() == sorted([*(f"c{i}" for i in range(20)), "end"])


async def test_a_deleted_link_reaches_the_provider(lattice: Lattice):
    await lattice.add_host()
    await start(lattice)
    await lattice.put_link("httpd", "hello", "wasi:http/incoming-handler")
    await lattice.noted("put")
    slot = {"source_id": "httpd", "name": "default", "wit_namespace": "wasi", "wit_package": "http"}
    await lattice.ask("link.del", slot)
    assert (await lattice.noted("del")).target == "hello"


async def test_the_other_host_hears_of_links_from_the_bucket_alone(lattice: Lattice):
    await lattice.add_host()
    other = await lattice.add_host()
    await start(lattice, host=other)
    await lattice.noted("start")
    for i in range(6):  # some of these are handled by the host without the provider
        await lattice.put_link("shop", "httpd", "wasi:http/outgoing-handler", name=f"n{i}")
    for count in range(1, 7):
        await lattice.noted("put", count)
    assert len([note for note in lattice.notes if note[0] == "put"]) == 6


async def test_a_link_whose_config_went_is_skipped_and_the_next_one_arrives(lattice: Lattice):
    await lattice.add_host()
    await put_config(lattice, "gone", a="1")
    await lattice.put_link("httpd", "one", "wasi:http/incoming-handler", source_config=["gone"])
    await lattice.ask("config.del", b"", "gone")
    await start(lattice)
    assert (await lattice.noted("start"))[1] == ()
    await lattice.put_link("httpd", "two", "wasi:http/incoming-handler", name="second")
    assert (await lattice.noted("put")).target == "two"


async def test_a_changed_config_reaches_the_running_provider_merged(lattice: Lattice):
    await lattice.add_host()
    await put_config(lattice, "base", a="1", b="1")
    await put_config(lattice, "over", b="2")
    await start(lattice, config=["base", "over"])
    assert (await lattice.noted("start"))[0] == {"a": "1", "b": "2"}
    await put_config(lattice, "base", a="3", b="1")
    assert await lattice.noted("config") == {"a": "3", "b": "2"}


async def test_health_events_follow_the_table(lattice: Lattice, tap: Tap):
    await lattice.add_host(options=fast_options())
    await start(lattice)
    ids = {"host_id": lattice.host.id, "provider_id": "httpd"}
    assert await tap.event("health_check_passed") == ids
    assert await tap.event("health_check_status") == ids
    lattice.providers[0].healthy = False
    assert await tap.event("health_check_failed") == ids
    assert len(events_of(tap.seen, "health_check_passed")) == 1


async def test_a_provider_that_refuses_its_config_fails_the_start(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await put_config(lattice, "bad", refuse="yes")
    reply = await start(lattice, config=["bad"])
    assert reply.success
    failed = await tap.event("provider_start_failed")
    assert failed == {
        "error": "no such port",
        "host_id": lattice.host.id,
        "link_name": "default",
        "provider_id": "httpd",
        "provider_ref": BUILTIN,
    }
    assert (await start(lattice)).success, "the id is free again"
    await tap.event("provider_started")


async def test_a_missing_config_fails_the_start_with_the_real_text(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await start(lattice, config=["nope"])
    failed = await tap.event("provider_start_failed")
    assert failed["error"] == "Unable to fetch requested config: Config nope does not exist"


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("wasmcloud+builtin://nope", "unknown builtin name: nope"),
        (
            "reg.example/acme/kv:1",
            "failed to fetch provider: failed to fetch provider under OCI reference "
            "`reg.example/acme/kv:1`: pulling from registries is not available yet",
        ),
        (
            "file:///x/http-server",
            "failed to fetch provider: provider archives can't be run by this host yet",
        ),
        (
            "cell://nope",
            "failed to fetch provider: no cell has defined a provider named `nope`",
        ),
    ],
)
async def test_unknown_references_are_explained(lattice: Lattice, tap: Tap, reference, error):
    await lattice.add_host()
    reply = await start(lattice, "x", provider_ref=reference)
    assert reply.success
    assert (await tap.event("provider_start_failed"))["error"] == error


async def test_a_registry_reference_to_the_http_server_starts_ours(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    reference = "ghcr.example/wasmcloud/http-server:0.27.0"
    await start(lattice, provider_ref=f"oci://{reference}", annotations={"by": "us"})
    started = await tap.event("provider_started")
    assert started == {
        "annotations": {"by": "us"},
        "host_id": lattice.host.id,
        "image_ref": reference,
        "provider_id": "httpd",
    }
    [entry] = lattice.host.inventory().providers
    assert (entry.id, entry.image_ref, entry.annotations) == ("httpd", reference, {"by": "us"})


async def test_stopping_calls_the_provider_and_frees_the_id(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await start(lattice)
    await tap.event("provider_started")
    assert (await stop(lattice)).message == "successfully stopped provider"
    assert (await lattice.noted("stop")) == "stop"
    assert lattice.host.inventory().providers == ()
    assert (await start(lattice)).success
    await lattice.noted("start", 2)


async def test_stopping_a_host_stops_its_providers_without_an_event(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await start(lattice)
    await tap.event("provider_started")
    await lattice.host.stop()
    assert await lattice.noted("stop") == "stop"
    await tap.event("host_stopped")
    assert events_of(tap.seen, "provider_stopped") == []


async def test_deleting_with_another_config_puts_the_link_again(lattice: Lattice):
    await lattice.add_host()
    await put_config(lattice, "one", port="1")
    await put_config(lattice, "two", port="2")
    await start(lattice)
    await lattice.noted("start")
    for config in ("one", "two"):
        await lattice.put_link(
            "httpd", "hello", "wasi:http/incoming-handler", source_config=[config]
        )
    assert dict((await lattice.noted("put", 2)).source_config) == {"port": "2"}
    assert not [note for note in lattice.notes if note[0] == "del"]


async def test_a_link_with_a_hostile_target_is_stored_and_told_to_nobody(
    lattice: Lattice, tap: Tap
):
    await lattice.add_host()
    reply = await lattice.put_link("a", "x\r\nPUB evil 0\r\n\r\n", "wasi:http/incoming-handler")
    assert reply.success
    await lattice.nc.flush()
    pushed = [t.subject for t in tap.seen if t.subject.startswith("wasmbus.rpc")]
    assert pushed == ["wasmbus.rpc.default.a.linkdefs.put"]
    links = await lattice.ask("link.get")
    assert json.dumps([link.target for link in links.response]) == json.dumps(
        ["x\r\nPUB evil 0\r\n\r\n"]
    )


async def test_a_config_that_only_a_link_names_reaches_the_provider_when_it_changes(
    lattice: Lattice,
):
    await lattice.add_host()
    await put_config(lattice, "addr", address="127.0.0.1:1")
    await lattice.put_link("httpd", "hello", "wasi:http/incoming-handler", source_config=["addr"])
    await start(lattice)
    await lattice.noted("start")
    await put_config(lattice, "addr", address="127.0.0.1:2")
    link = await lattice.noted("put")
    assert dict(link.source_config) == {"address": "127.0.0.1:2"}


async def test_a_provider_that_comes_up_unwell_is_announced_at_once_and_its_links_are_put_again(
    lattice: Lattice, tap: Tap
):
    await lattice.add_host(options=fast_options())
    lattice.healthy = False
    await lattice.put_link("httpd", "hello", "wasi:http/incoming-handler")
    await start(lattice)
    await tap.event("health_check_failed")
    await lattice.noted("put")
    lattice.providers[0].healthy = True
    await tap.event("health_check_passed")
