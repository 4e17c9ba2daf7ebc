from __future__ import annotations

import asyncio

import pytest

from tests.conftest import connect
from workbench.errors import ConnectFailed, NatsError, NoResponders, RequestTimeout
from workbench.nats import Connection, Message, Server


async def test_a_request_is_answered_with_the_responders_headers_only(nc: Connection) -> None:
    async def answer(message: Message) -> None:
        await message.respond(b"pong", {"x-mine": "1"})

    await nc.subscribe("ping", answer)
    reply = await nc.request("ping", b"ping", headers={"x-yours": "2"})
    assert (reply.data, dict(reply.headers or {})) == (b"pong", {"x-mine": "1"})


async def test_a_request_to_nobody_fails_at_once_and_names_the_subject(nc: Connection) -> None:
    with pytest.raises(NoResponders) as caught:
        await nc.request("nobody.home", timeout_s=30)
    assert caught.value.subject == "nobody.home"


async def test_a_request_to_a_silent_peer_times_out(nc: Connection) -> None:
    await nc.subscribe("silent", lambda message: None)
    with pytest.raises(RequestTimeout):
        await nc.request("silent", timeout_s=0.05)


async def test_gather_collects_every_answer_and_stops_at_the_limit(nc: Connection) -> None:
    for name in (b"a", b"b", b"c"):

        async def answer(message: Message, name: bytes = name) -> None:
            await message.respond(name)

        await nc.subscribe("who", answer)
    everyone = await nc.gather("who", timeout_s=5, quiet_s=0.2)
    assert sorted(m.data for m in everyone) == [b"a", b"b", b"c"]
    assert len(await nc.gather("who", timeout_s=5, limit=2)) == 2


async def test_gather_from_nobody_returns_at_once(nc: Connection) -> None:
    async with asyncio.timeout(2):
        assert await nc.gather("nobody", timeout_s=60) == []


async def test_a_failing_callback_does_not_end_its_subscription(nc: Connection) -> None:
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    def callback(message: Message) -> None:
        if message.data == b"bad":
            raise ValueError("on purpose")
        seen.put_nowait(message.data)

    await nc.subscribe("work", callback)
    await nc.publish("work", b"bad")
    await nc.publish("work", b"good")
    assert await seen.get() == b"good"


async def test_a_message_over_max_payload_is_refused_and_the_connection_lives(
    nc: Connection,
) -> None:
    await nc.subscribe("s", lambda message: None)
    body = bytes(nc.max_payload - 5)
    with pytest.raises(NatsError, match="limit"):
        await nc.publish("s", body, headers={"a": "b"})
    await nc.publish("s", body)
    await nc.flush()


async def test_hostile_subject_and_header_bytes_do_not_end_the_read_loop(
    nats_server: Server, nc: Connection
) -> None:
    seen: asyncio.Queue[Message] = asyncio.Queue()
    await nc.subscribe("h.>", seen.put_nowait)
    await nc.flush()
    host, port = nats_server.url.removeprefix("nats://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await reader.readline()
    login = f'{{"user":"{nats_server.user}","pass":"{nats_server.password}","headers":true,"verbose":false}}'
    writer.write(b"CONNECT " + login.encode() + b"\r\n")
    writer.write(b"PUB h.\xff\xfe 1\r\nx\r\n")
    headers = b"NATS/1.0\r\n\xff\xfe\x00: \xff\r\n\r\n"
    writer.write(b"HPUB h.y %d %d\r\n" % (len(headers), len(headers) + 1) + headers + b"x\r\n")
    writer.write(b"PUB h.ok 2\r\nok\r\n")
    await writer.drain()
    async with asyncio.timeout(5):
        while (await seen.get()).data != b"ok":
            pass
    writer.close()
    await nc.flush()


async def test_connecting_to_a_dead_port_or_with_a_wrong_password_fails_fast_and_says_why(
    nats_server: Server,
) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(ConnectFailed, match="no connection"):
            await Connection.connect("nats://127.0.0.1:1")
        with pytest.raises(ConnectFailed, match="credentials"):
            await Connection.connect(nats_server.url, user="workbench", password="wrong")


async def test_a_password_in_an_address_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConnectFailed) as caught:
        await Connection.connect("nats://me:hunter2@127.0.0.1:1")
    assert "hunter2" not in str(caught.value)


async def test_a_subscription_comes_back_when_the_server_does(nats_server: Server) -> None:
    states: asyncio.Queue[str] = asyncio.Queue()
    nc = await connect(nats_server, on_state=states.put_nowait)
    seen: asyncio.Queue[Message] = asyncio.Queue()
    await nc.subscribe("s", seen.put_nowait)
    await nc.flush()
    port = int(nats_server.url.rsplit(":", 1)[1])
    await nats_server.stop()
    again = await Server.start(port=port, credentials=(nats_server.user, nats_server.password))
    try:
        async with asyncio.timeout(15):
            while await states.get() != "reconnected":
                pass
        await nc.publish("s", b"back")
        async with asyncio.timeout(5):
            assert (await seen.get()).data == b"back"
    finally:
        await nc.close()
        await again.stop()


async def test_a_cancellation_that_meets_the_answer_is_not_lost(nc: Connection) -> None:
    answered = asyncio.Event()

    async def answer(message: Message) -> None:
        await message.respond(b"")
        answered.set()

    await nc.subscribe("ping", answer)

    async def forever() -> None:
        while True:
            await nc.request("ping", timeout_s=5)

    for turns in range(40):
        task = asyncio.create_task(forever())
        answered.clear()
        await answered.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _done, pending = await asyncio.wait([task], timeout=2)
        assert not pending, f"lost when cancelled {turns} turns after an answer"
        assert task.cancelled()


@pytest.mark.parametrize("subject", ["", "a b", "a..b", "a\r\nPUB b 0\r\n", "x" * 5000, "é" * 2100])
async def test_a_subject_that_would_end_the_connection_is_refused(
    nc: Connection, subject: str
) -> None:
    with pytest.raises(NatsError):
        await nc.publish(subject)
    with pytest.raises(NatsError):
        nc.publish_nowait(subject)
    with pytest.raises(NatsError):
        await nc.subscribe(subject, lambda message: None)
    with pytest.raises(NatsError):
        await nc.request(subject)
    await nc.subscribe("alive", lambda message: None)
    await nc.flush()
    assert nc.is_connected
