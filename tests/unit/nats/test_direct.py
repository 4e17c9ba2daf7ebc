"""Publishing without waiting, and delivery straight from the read loop."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.conftest import connect
from workbench.errors import NatsError
from workbench.nats import Connection, Message, Server


async def test_messages_published_without_waiting_arrive_in_order_with_all_their_parts(
    nc: Connection,
) -> None:
    seen: list[Message] = []
    done = asyncio.Event()

    def keep(message: Message) -> None:
        seen.append(message)
        if message.data == b"end":
            done.set()

    await nc.subscribe_direct("a.>", keep)
    nc.publish_nowait("a.b", b"1", reply="r.s", headers={"Key": "value\r\nx: y", "k2": "é"})
    nc.publish_nowait("a.b")
    nc.publish_nowait("a.c", b"end")
    async with asyncio.timeout(5):
        await done.wait()
    assert [(m.subject, m.data, m.reply) for m in seen] == [
        ("a.b", b"1", "r.s"), ("a.b", b"", ""), ("a.c", b"end", ""),
    ]  # fmt: skip
    headers = seen[0].headers
    assert headers is not None and set(headers) == {"Key", "k2"} and headers["k2"] == "é"
    assert seen[1].headers is None and seen[0].status is None


async def test_a_callback_that_raises_does_not_end_the_read_loop(nc: Connection) -> None:
    seen = asyncio.Event()

    def bad(message: Message) -> None:
        if message.data == b"bad":
            raise RuntimeError("bad")
        seen.set()

    await nc.subscribe_direct("x", bad)
    nc.publish_nowait("x", b"bad")
    nc.publish_nowait("x", b"good")
    async with asyncio.timeout(5):
        await seen.wait()


async def test_after_unsubscribing_nothing_is_delivered(nc: Connection) -> None:
    seen: list[Message] = []
    subscription = await nc.subscribe_direct("x", seen.append)
    await subscription.unsubscribe()
    nc.publish_nowait("x")
    await nc.flush()
    assert seen == []


async def test_a_flush_is_a_barrier_for_subscriptions(nats_server: Server, nc: Connection) -> None:
    other = await connect(nats_server)
    try:
        for index in range(50):
            await other.subscribe(f"s.{index}", lambda message: message.respond(b"ok"))
            await other.flush()
            assert (await nc.request(f"s.{index}", timeout_s=5)).data == b"ok"
    finally:
        await other.close()


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB x 0", "a..b"])
async def test_what_is_no_subject_is_refused(nc: Connection, subject: str) -> None:
    with pytest.raises(NatsError):
        nc.publish_nowait(subject)
    with pytest.raises(NatsError):
        nc.publish_nowait("ok", reply=subject or "a b")
    with pytest.raises(NatsError):
        nc.publish_nowait("ok", headers={"a\r\n": "b"})


async def test_a_message_over_the_limit_is_refused_before_the_server_cuts_the_line(
    nc: Connection,
) -> None:
    with pytest.raises(NatsError, match="over the server's limit"):
        nc.publish_nowait("x", bytes(nc.max_payload + 1))
    with pytest.raises(NatsError, match="over the server's limit"):
        nc.publish_nowait("x", bytes(nc.max_payload), headers={"a": "b"})
    await nc.flush()


async def test_a_closed_connection_refuses_to_publish(nats_server: Server) -> None:
    connection = await connect(nats_server)
    await connection.close()
    with pytest.raises(NatsError, match="closed"):
        connection.publish_nowait("x")


def publish_and_block(server: Server, subject: str, times: int) -> None:
    """Publish by a blocking socket: when it returns the server has all, and our loop none."""
    host, _, port = server.url.rpartition("//")[2].partition(":")
    with socket.create_connection((host, int(port))) as plain:
        options = {"user": server.user, "pass": server.password, "verbose": False}
        plain.sendall(b"CONNECT %b\r\n" % json.dumps(options).encode())
        plain.sendall(b"PUB %b 0\r\n\r\n" % subject.encode() * times + b"PING\r\n")
        seen = b""
        while b"PONG" not in seen:
            seen += plain.recv(65536)


@pytest.mark.parametrize("direct", [True, False])
async def test_draining_delivers_what_the_server_has_sent_already(
    nats_server: Server, nc: Connection, direct: bool
) -> None:
    seen: list[Message] = []
    subscribe = nc.subscribe_direct if direct else nc.subscribe
    subscription = await subscribe("x", seen.append)
    await nc.flush()
    publish_and_block(nats_server, "x", 500)
    assert seen == []
    await nc.drain([subscription])
    assert len(seen) == 500
    publish_and_block(nats_server, "x", 1)
    await nc.flush()
    assert len(seen) == 500


async def test_draining_ends_when_the_server_is_gone(nats_server: Server, nc: Connection) -> None:
    subscription = await nc.subscribe_direct("x", lambda message: None)
    gone = asyncio.Event()
    nc.on_state(lambda state: gone.set() if state == "disconnected" else None)
    await nats_server.stop()
    async with asyncio.timeout(5):
        await gone.wait()
        await nc.drain([subscription])
