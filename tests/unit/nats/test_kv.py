from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import connect
from workbench.errors import NatsError, WrongRevision
from workbench.nats import Connection, Entry, Server


async def test_values_are_read_back_and_deleted_ones_are_gone(nc: Connection) -> None:
    bucket = await nc.js.bucket("b", create={})
    revision = await bucket.put("COMPONENT_a", b"1")
    assert await bucket.get("COMPONENT_a") == Entry("COMPONENT_a", b"1", revision)
    await bucket.put("empty", b"")
    assert (await bucket.get("empty")) is not None
    await bucket.delete("COMPONENT_a")
    assert await bucket.get("COMPONENT_a") is None
    assert await bucket.get("never") is None
    assert await bucket.keys() == ["empty"]


async def test_compare_and_set_lets_one_writer_win(nc: Connection) -> None:
    bucket = await nc.js.bucket("b", create={})
    first = await bucket.create("k", b"1")
    with pytest.raises(WrongRevision):
        await bucket.create("k", b"2")
    second = await bucket.update("k", b"2", first)
    with pytest.raises(WrongRevision):
        await bucket.update("k", b"3", first)
    await bucket.delete("k", last=second)
    await bucket.create("k", b"again")
    entry = await bucket.get("k")
    assert entry is not None and entry.value == b"again"


async def test_an_impossible_key_is_refused_before_it_is_sent(nc: Connection) -> None:
    bucket = await nc.js.bucket("b", create={})
    for key in ("", "a b", "a.*", "a..b", ">", ".a"):
        with pytest.raises(NatsError, match="key"):
            await bucket.put(key, b"")


async def test_a_missing_bucket_is_named(nc: Connection) -> None:
    with pytest.raises(NatsError, match="LATTICEDATA_nowhere"):
        await nc.js.bucket("LATTICEDATA_nowhere")


async def test_a_watch_tells_present_values_then_none_then_changes(nc: Connection) -> None:
    bucket = await nc.js.bucket("b", create={})
    await bucket.put("a", b"1")
    seen: asyncio.Queue[Entry | None] = asyncio.Queue()
    watcher = await bucket.watch(seen.put_nowait)
    assert (await seen.get() or Entry("", b"", 0)).value == b"1"
    assert await seen.get() is None
    await bucket.put("b", b"2")
    await bucket.delete("a")
    assert (await seen.get() or Entry("", b"", 0)).key == "b"
    assert (await seen.get() or Entry("", b"", 0)).operation == "DEL"
    await watcher.stop()
    info = await nc.js.stream_info("KV_b")
    assert info is not None and info["state"]["consumer_count"] == 0


async def test_a_watch_of_an_empty_bucket_says_so_at_once(nc: Connection) -> None:
    bucket = await nc.js.bucket("b", create={})
    seen: asyncio.Queue[Entry | None] = asyncio.Queue()
    watcher = await bucket.watch(seen.put_nowait)
    async with asyncio.timeout(2):
        assert await seen.get() is None
    await watcher.stop()


async def test_a_watch_survives_a_server_restart_without_loss_or_repeats(tmp_path: Path) -> None:
    server = await Server.start(store_dir=tmp_path)
    nc = await connect(server)
    bucket = await nc.js.bucket("b", create={})
    await bucket.put("a", b"1")
    seen: asyncio.Queue[Entry | None] = asyncio.Queue()
    watcher = await bucket.watch(seen.put_nowait)
    assert await seen.get() is not None
    assert await seen.get() is None
    port = int(server.url.rsplit(":", 1)[1])
    await server.stop()
    again = await Server.start(
        store_dir=tmp_path, port=port, credentials=(server.user, server.password)
    )
    other = await connect(again)
    try:
        await (await other.js.bucket("b")).put("b", b"2")
        async with asyncio.timeout(10):
            entry = await seen.get()
        assert entry is not None and (entry.key, entry.value) == ("b", b"2")
        assert seen.empty()
    finally:
        await watcher.stop()
        await nc.close()
        await other.close()
        await again.stop()


async def test_a_lost_message_makes_the_watch_start_over_behind_the_last_one(
    nc: Connection,
) -> None:
    bucket = await nc.js.bucket("b", create={})
    seen: asyncio.Queue[Entry | None] = asyncio.Queue()
    watcher = await bucket.watch(seen.put_nowait)
    assert await seen.get() is None
    watcher._consumer_seq += 1  # as if one had been dropped
    await bucket.put("a", b"1")
    async with asyncio.timeout(5):
        entry = await seen.get()
    assert entry is not None and entry.key == "a"
    await watcher.stop()
