from __future__ import annotations

import pytest

from tests.conftest import connect
from workbench.errors import NatsError, WrongRevision
from workbench.nats import Connection, Server


async def test_a_pull_consumer_delivers_acknowledges_and_redelivers(nc: Connection) -> None:
    js = nc.js
    await js.ensure_stream({"name": "s", "subjects": ["s.>"]})
    await js.ensure_consumer(
        "s", {"durable_name": "c", "ack_policy": "explicit", "filter_subject": "s.>"}
    )
    await js.publish("s.one", b"1", headers={"x": "y"})
    pull = await js.pull("s", "c")
    (message,) = await pull.fetch(5, timeout_s=0.5)
    assert (message.subject, message.data, message.headers["x"]) == ("s.one", b"1", "y")
    await message.nak()
    (again,) = await pull.fetch(1, timeout_s=2)
    assert again.num_delivered == 2
    await again.ack()
    assert await pull.fetch(1, timeout_s=0.3) == []
    await pull.close()


async def test_a_fetch_from_a_deleted_consumer_says_so(nc: Connection) -> None:
    await nc.js.ensure_stream({"name": "s", "subjects": ["s.>"]})
    pull = await nc.js.pull("s", "gone")
    with pytest.raises(NatsError, match="gone"):
        await pull.fetch(1, timeout_s=1)
    await pull.close()


async def test_ensuring_a_stream_twice_keeps_the_first(nc: Connection) -> None:
    await nc.js.ensure_stream({"name": "s", "subjects": ["s.>"]})
    info = await nc.js.ensure_stream({"name": "s", "subjects": ["other.>"]})
    assert info["config"]["subjects"] == ["s.>"]
    await nc.js.delete_stream("s")
    await nc.js.delete_stream("s")
    assert await nc.js.stream_info("s") is None


async def test_expected_sequences_are_honoured(nc: Connection) -> None:
    await nc.js.ensure_stream({"name": "s", "subjects": ["s.>"]})
    await nc.js.publish("s.a", b"1", expect_last_subject_seq=0)
    with pytest.raises(WrongRevision):
        await nc.js.publish("s.a", b"2", expect_last_subject_seq=0)


async def test_publishing_where_no_stream_listens_is_an_error(nc: Connection) -> None:
    with pytest.raises(NatsError, match="no stream"):
        await nc.js.publish("nowhere", b"")


async def test_a_server_without_jetstream_is_diagnosed() -> None:
    server = await Server.start(jetstream=False)
    nc = await connect(server)
    try:
        with pytest.raises(NatsError, match="JetStream is not available"):
            await nc.js.stream_info("s")
    finally:
        await nc.close()
        await server.stop()
