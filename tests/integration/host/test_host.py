"""The life of a host, and what it says on the control interface."""

from __future__ import annotations

import asyncio
import json
import random
import string

import pytest

from tests.conftest import connect
from tests.integration.host.host_lattice import Lattice, Tap, events_of, fast_options
from workbench.errors import NatsError, NoResponders, RequestTimeout, UsageError
from workbench.host import Host, HostOptions
from workbench.nats import Server
from workbench.wire import subjects
from workbench.wire.keys import KeyPair
from workbench.wire.records import Link


async def test_a_host_announces_itself_and_its_end(lattice: Lattice, tap: Tap):
    host = await lattice.add_host()
    started = await tap.event("host_started")
    assert started["friendly_name"] == host.friendly_name
    assert started["labels"]["zone"] == "a" and "hostcore.os" in started["labels"]
    await host.stop()
    await tap.event("host_stopped")
    assert not host.is_running


async def test_nobody_answers_for_a_stopped_host(lattice: Lattice):
    host = await lattice.add_host()
    await host.stop()
    with pytest.raises((NoResponders, RequestTimeout)):
        await lattice.ask("host.get", b"", host.id, timeout_s=1.0)


async def test_stopping_twice_is_one_stop(lattice: Lattice, tap: Tap):
    host = await lattice.add_host()
    await asyncio.gather(host.stop(), host.stop())
    await host.stop()
    await lattice.nc.flush()
    assert len(events_of(tap.seen, "host_stopped")) == 1


async def test_heartbeats_are_inventories_at_the_interval(lattice: Lattice, tap: Tap):
    host = await lattice.add_host(heartbeat_s=0.05)
    beat = await tap.event("host_heartbeat", 3)
    reply = await lattice.ask("host.get", b"", host.id)
    assert set(beat) == {
        "components", "providers", "host_id", "friendly_name", "labels", "version",
        "uptime_human", "uptime_seconds",
    }  # fmt: skip
    assert beat["host_id"] == reply.response.host_id == host.id


async def test_a_seed_gives_the_same_host_id(lattice: Lattice):
    key = KeyPair.generate("N")
    host = await lattice.add_host(seed=key.seed, name="calm-lake-0001")
    assert (host.id, host.friendly_name) == (key.public, "calm-lake-0001")


async def test_a_seed_of_another_kind_is_refused(lattice: Lattice):
    with pytest.raises(UsageError, match="server seed"):
        await lattice.add_host(seed=KeyPair.generate("A").seed)


async def test_without_jetstream_the_start_fails_with_the_buckets_name(lattice: Lattice):
    bare = await Server.start(jetstream=False)
    nc = await connect(bare)
    try:
        with pytest.raises(NatsError, match="failed to create bucket 'LATTICEDATA_default'"):
            await Host(nc, engine=lattice.engine).start()
    finally:
        await nc.close()
        await bare.stop()


async def test_a_wrong_host_id_does_not_stop_the_host(lattice: Lattice):
    host = await lattice.add_host()
    reply = await lattice.ask("host.stop", {"host_id": "NOTME"}, host.id)
    assert (reply.success, reply.message) == (False, "invalid host_id [NOTME]")
    assert host.is_running


async def test_a_control_request_without_body_stops_the_host(lattice: Lattice, tap: Tap):
    host = await lattice.add_host()
    assert (await lattice.ask("host.stop", b"", host.id)).success
    await asyncio.wait_for(host.wait_stopped(), 5)
    await tap.event("host_stopped")


async def test_protected_labels_stay_and_unknown_ones_make_no_event(lattice: Lattice, tap: Tap):
    host = await lattice.add_host()
    reply = await lattice.ask("label.put", {"key": "HOSTCORE.os", "value": "x"}, host.id)
    assert reply.message == "hostcore.* labels cannot be set dynamically"
    reply = await lattice.ask("label.del", {"key": "nope"}, host.id)
    assert (reply.success, reply.message) == (True, "successfully deleted label (no such label)")
    assert events_of(tap.seen, "labels_changed") == []


async def test_a_changed_label_decides_the_next_auction(lattice: Lattice):
    host = await lattice.add_host()
    auction = {"component_ref": "x", "component_id": "c", "constraints": {"tier": "gold"}}
    with pytest.raises((NoResponders, RequestTimeout)):
        await lattice.ask("component.auction", auction, timeout_s=0.3)
    await lattice.ask("label.put", {"key": "tier", "value": "gold"}, host.id)
    assert (await lattice.ask("component.auction", auction)).response.host_id == host.id


async def test_auctions_can_be_switched_off(lattice: Lattice):
    await lattice.add_host(options=HostOptions(component_auctions=False))
    with pytest.raises(NoResponders):
        await lattice.ask("component.auction", {"component_id": "c", "constraints": {}})
    bid = await lattice.ask("provider.auction", {"provider_id": "c", "constraints": {}})
    assert bid.response.provider_id == "c"


async def test_a_host_that_starts_later_knows_links_and_claims(lattice: Lattice):
    first = await lattice.add_host()
    for i in range(3):
        await lattice.put_link("a", f"b{i}", "wasi:http/incoming-handler", name=f"n{i}")
    bucket = await lattice.nc.js.bucket("LATTICEDATA_default")
    claims = {
        "call_alias": "",
        "issuer": "A",
        "name": "n",
        "revision": "3",
        "subject": "M",
        "tags": ["x", "y"],
        "version": "1",
    }
    await bucket.put("CLAIMS_M", json.dumps(claims).encode())
    await lattice.add_host()
    await first.stop()
    links = (await lattice.ask("link.get")).response
    assert sorted(link.target for link in links) == ["b0", "b1", "b2"]
    [known] = (await lattice.ask("claims.get")).response
    assert known["tags"] == "x,y" and known["sub"] == known["subject"] == "M"


async def test_concurrent_links_of_one_source_on_two_hosts_are_all_kept(lattice: Lattice):
    await lattice.add_host()
    await lattice.add_host()
    replies = await asyncio.gather(
        *(lattice.put_link("a", f"b{i}", "wasi:http/x", name=f"n{i}") for i in range(16))
    )
    assert all(reply.success for reply in replies)
    bucket = await lattice.nc.js.bucket("LATTICEDATA_default")
    entry = await bucket.get("COMPONENT_a")
    assert entry is not None
    assert len(json.loads(entry.value)["links"]) == 16


async def test_a_link_with_missing_configs_names_all_of_them(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    reply = await lattice.put_link(
        "a", "b", "wasi:http/x", source_config=["one"], target_config=["SECRET_two"]
    )
    text = (
        "Failed to validate configuration and secrets. Configuration one not found in config "
        "store. Secret reference SECRET_two not found in config store. "
    )
    assert (reply.success, reply.message) == (False, text)
    assert (await tap.event("linkdef_set_failed"))["error"] == text


async def test_deleting_from_a_source_that_never_was_makes_no_event(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    slot = {"source_id": "ghost", "wit_namespace": "wasi", "wit_package": "http"}
    reply = await lattice.ask("link.del", slot)
    assert reply.message == "successfully deleted link (spec doesn't exist)"
    assert events_of(tap.seen, "linkdef_deleted") == []


async def test_deleting_a_link_that_is_not_there_makes_an_event_without_target(
    lattice: Lattice, tap: Tap
):
    await lattice.add_host()
    await lattice.put_link("a", "b", "wasi:http/x")
    slot = {"source_id": "a", "name": "other", "wit_namespace": "wasi", "wit_package": "http"}
    assert (await lattice.ask("link.del", slot)).success
    assert set(await tap.event("linkdef_deleted")) == {
        "source_id", "name", "wit_namespace", "wit_package",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "body", "obj", "text"),
    [
        ("component.scale", b"{", True, "failed to deserialize component scale command"),
        ("component.scale", {"component_id": "a", "count": -1}, True, "failed to deserialize component scale command"),
        ("component.update", b"[]", True, "failed to deserialize component update command"),
        ("component.update", {"component_id": "x"}, True, "component x not found"),
        ("component.auction", {}, False, "failed to deserialize component auction command"),
        ("provider.auction", b"\xff", False, "failed to deserialize provider auction command"),
        ("provider.start", {}, True, "failed to deserialize provider start command"),
        ("provider.stop", b"", True, "failed to deserialize provider stop command"),
        ("provider.stop", {"provider_id": "x"}, True, "provider with that ID is not running"),
        ("label.put", {"key": "a"}, True, "failed to deserialize put label request"),
        ("label.del", b"null", True, "failed to deserialize delete label request"),
        ("link.put", {"source_id": "a"}, False, "failed to deserialize wrpc link definition"),
        ("link.del", {"source_id": 1}, False, "failed to deserialize wrpc link definition"),
        ("link.del", {"source_id": "a b", "wit_namespace": "n", "wit_package": "p"}, False, "failed to get component spec"),
        ("registry.put", b"1", False, "failed to deserialize registries put command"),
        ("host.stop", b"nope", True, "failed to deserialize stop command"),
    ],
)  # fmt: skip
async def test_refusals_have_the_real_texts(lattice: Lattice, operation, body, obj, text):
    host = await lattice.add_host()
    reply = await lattice.ask(operation, body, host.id if obj else "")
    assert (reply.success, reply.message) == (False, text)


@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("config.put", b'{"a":1}', "config data should be a map of string -> string"),
        ("config.put", b"", "config data should be a map of string -> string"),
    ],
)
async def test_config_must_be_a_map_of_strings(lattice: Lattice, operation, body, text):
    await lattice.add_host()
    assert (await lattice.ask(operation, body, "cfg")).message == text


@pytest.mark.parametrize("name", ["sch\u00f6n", "a#b", "a\\b"])
async def test_config_names_that_are_no_keys_are_refused(lattice: Lattice, name):
    await lattice.add_host()
    assert (await lattice.ask("config.put", b"{}", name)).message == "unable to store config data"
    assert (await lattice.ask("config.del", b"", name)).message == "Unable to delete config data"
    reply = await lattice.ask("config.get", b"", name)
    assert reply.message == "key cannot be empty or start/end with `.`"


async def test_a_stored_config_that_is_no_map_is_said(lattice: Lattice):
    await lattice.add_host()
    bucket = await lattice.nc.js.bucket("CONFIGDATA_default")
    await bucket.put("bad", b"[]")
    reply = await lattice.ask("config.get", b"", "bad")
    assert reply.message == "config data should be a map of string -> string"


@pytest.mark.parametrize(
    "tail",
    [
        "component.start.HOST",
        "config.foo",
        "config.put.a.b",
        "link.foo",
        "host.ping.HOST",
        "label.get.HOST",
    ],
)
async def test_unknown_subjects_are_unsupported(lattice: Lattice, tail):
    host = await lattice.add_host()
    subject = f"wasmbus.ctl.v1.default.{tail.replace('HOST', host.id)}"
    reply = await lattice.nc.request(subject, b"{}")
    assert json.loads(reply.data) == {"success": False, "message": "unsupported subject"}


def _random_body(chooser: random.Random) -> bytes:
    kinds = [
        lambda: bytes(chooser.randrange(256) for _ in range(chooser.randrange(60))),
        lambda: b"[" * chooser.randrange(1, 5000),
        lambda: json.dumps(
            {
                chooser.choice(
                    ["component_id", "provider_id", "source_id", "key", "count", "host_id",
                     "annotations", "constraints", "interfaces", "config", "wit_namespace"]
                ): chooser.choice([None, 1, -1, 1e99, "x", "<img src=x onerror=1>", [], {}, "\u202e\n"])
                for _ in range(chooser.randrange(6))
            }
        ).encode(),
        lambda: b'"' + bytes(chooser.choice(string.printable.encode()) for _ in range(300)) + b'"',
        lambda: b"",
    ]  # fmt: skip
    return chooser.choice(kinds)()


async def test_hundreds_of_random_messages_change_nothing(lattice: Lattice):
    host = await lattice.add_host(options=fast_options())
    before = host.inventory()
    chooser = random.Random(20261125)
    wanted = [s for s, _ in subjects.control_subscriptions("default", host.id)]
    tails = ["get", "put", "del", "scale", "update", "start", "x\u00e9", "auction"]
    for _ in range(400):
        subject = chooser.choice(wanted).replace("*", chooser.choice(tails)).replace(">", "put.q")
        if subject.endswith((f"host.stop.{host.id}", "link.put")):
            continue
        reply = f"_INBOX.void.{chooser.random()}" if chooser.random() < 0.5 else ""
        await lattice.nc.publish(subject, _random_body(chooser), reply=reply)
    reply = await lattice.ask("host.get", b"", host.id)
    assert reply.response.components == before.components == ()
    assert reply.response.providers == ()
    assert host.labels == before.labels
    assert (await lattice.put_link("a", "b", "wasi:http/x")).success
    await lattice.links_until(lambda links: any(link.target == "b" for link in links))


async def test_requests_that_arrive_during_the_start_are_answered_after_it(lattice: Lattice):
    host = await lattice.add_host(started=False)
    starting = asyncio.ensure_future(host.start())

    async def ping() -> None:
        while True:
            try:
                await lattice.ask("host.ping", timeout_s=5)
                return
            except NoResponders:
                await asyncio.sleep(0)

    await asyncio.wait_for(ping(), 5)
    await starting


async def test_links_come_from_deliveries_even_of_foreign_writers(lattice: Lattice):
    await lattice.add_host()
    bucket = await lattice.nc.js.bucket("LATTICEDATA_default")
    link = Link(source_id="x", target="y", wit_namespace="n", wit_package="p", interfaces=("i",))
    body = {
        "source_id": "x",
        "target": "y",
        "name": "default",
        "wit_namespace": "n",
        "wit_package": "p",
        "interfaces": ["i"],
    }
    await bucket.put("COMPONENT_x", json.dumps({"url": "", "links": [body]}).encode())
    await lattice.links_until(lambda links: links == (link,))


async def test_after_a_nats_restart_the_host_answers_and_follows_links_again(
    engine, components, tmp_path, tap_of
):
    server = await Server.start(store_dir=tmp_path)
    nc = await connect(server)
    lattice = Lattice(server, nc, engine, components)
    try:
        host = await lattice.add_host()
        await lattice.put_link("a", "before", "wasi:http/x")
        port = int(server.url.rsplit(":", 1)[1])
        credentials = (server.user, server.password)
        await server.stop()
        server = await Server.start(store_dir=tmp_path, port=port, credentials=credentials)
        tap = await tap_of(server)

        async def answers() -> bool:
            try:
                return bool((await lattice.ask("host.get", b"", host.id, timeout_s=1)).success)
            except (NatsError, NoResponders):
                return False

        async with asyncio.timeout(10):
            while not await answers():
                await tap.pause()
        assert (await lattice.put_link("a", "after", "wasi:http/x", name="second")).success
        await lattice.links_until(
            lambda links: {one.target for one in links} == {"before", "after"}
        )
        assert events_of(tap.seen, "host_started") == [], "nothing is announced anew"
    finally:
        await lattice.close()
        await nc.close()
        await server.stop()


async def test_a_stopped_host_leaves_no_task_behind(lattice: Lattice, tap: Tap):
    await lattice.nc.js.stream_info("none")  # the test's own first request starts a task
    before = asyncio.all_tasks()
    host = await lattice.add_host(heartbeat_s=0.01)
    await lattice.scale("tiny.wasm", "tiny")
    await tap.event("component_scaled")
    await lattice.ask(
        "provider.start",
        {"provider_id": "p", "provider_ref": "wasmcloud+builtin://http-server"},
        host.id,
    )
    await tap.event("provider_started")
    await tap.event("host_heartbeat")
    await host.stop()
    await lattice.connections[0].close()
    await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert [repr(task) for task in left] == []


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "x" * 10_000, "\u202egnp.exe", "a\nb", "a.b", "*", ">"]
)
async def test_hostile_component_ids_fail_their_start_and_nothing_else(
    lattice: Lattice, tap: Tap, name
):
    host = await lattice.add_host()
    await lattice.scale("tiny.wasm", name)
    failed = await tap.event("component_scale_failed")
    assert failed["component_id"] == name
    assert host.inventory().components == ()
    await lattice.scale("tiny.wasm", "fine")
    await tap.event("component_scaled", component_id="fine")


async def test_a_log_target_that_fails_harms_nothing(lattice: Lattice, tap: Tap):
    connection = await connect(lattice.server)

    def broken(line: object) -> None:
        raise RuntimeError("full disk")

    host = Host(connection, engine=lattice.engine, on_log=broken)
    await host.start()
    try:
        await lattice.scale("nope.wasm", "x", host=host)
        await tap.event("component_scale_failed", component_id="x")
        await lattice.scale("tiny.wasm", "tiny", host=host)
        await tap.event("component_scaled", component_id="tiny")
    finally:
        await host.stop()
        await connection.close()
