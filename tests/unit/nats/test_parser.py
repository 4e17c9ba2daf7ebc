"""The short cut through the server's messages finds what nats-py finds."""

from __future__ import annotations

import random
from typing import Any

import pytest
from nats.protocol.parser import Parser

from workbench.errors import NatsError
from workbench.nats.client import Message, TolerantClient
from workbench.nats.parser import QuickParser

HEADERS = b"NATS/1.0\r\nsource-id: a\r\n\r\n"


class Heard(TolerantClient):
    """Keeps what the parser hands on."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    async def _process_msg(self, sid, subject, reply, data, headers):  # type: ignore[override]
        self.heard.append((sid, bytes(subject), bytes(reply or b""), bytes(data), headers or b""))

    async def _process_ping(self) -> None:
        self.heard.append("ping")


STREAM = b"".join(
    [
        b"MSG a.b 1 0\r\n\r\n",
        b"MSG a.b 1 reply.to 5\r\nhello\r\n",
        b"PING\r\n",
        b"HMSG a 2 %d %d\r\n%sbody\r\n" % (len(HEADERS), len(HEADERS) + 4, HEADERS),
        b"HMSG a 2 r %d %d\r\n%s\r\n" % (len(HEADERS), len(HEADERS), HEADERS),
        b"+OK\r\n",
        b"MSG\tx  3   7\r\nMSG 1\r\n\r\n",
        b"MSG big 4 9000\r\n" + b"x" * 9000 + b"\r\n",
        b"MSG last 1 1\r\nz\r\n",
    ]
)


async def parsed(parser: Any, client: Heard, pieces: list[bytes]) -> list[Any]:
    client._ps = parser
    for piece in pieces:
        await parser.parse(piece)
    assert not parser.buf
    return client.heard


async def test_any_cut_of_the_stream_gives_the_same_messages() -> None:
    plain = Heard()
    expected = await parsed(Parser(plain), plain, [STREAM])
    assert len(expected) == 8
    seeded = random.Random(7)
    for _ in range(300):
        cuts = sorted(seeded.sample(range(len(STREAM)), seeded.randint(0, 12)))
        pieces = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]
        quick = Heard()
        assert await parsed(QuickParser(quick), quick, pieces) == expected


async def test_a_plain_callback_hears_at_once_and_its_failure_stops_nothing() -> None:
    client = TolerantClient()
    heard: list[Message] = []

    def first(message: Message) -> None:
        heard.append(message)
        raise NatsError("one")

    client.direct[1] = client.direct[2] = first
    await client._ps.parse(STREAM[: STREAM.index(b"PING")])
    await client._ps.parse(STREAM[STREAM.index(b"HMSG") : STREAM.index(b"+OK")])
    assert [(m.subject, m.reply, m.data) for m in heard] == [
        ("a.b", "", b""), ("a.b", "reply.to", b"hello"), ("a", "", b"body"), ("a", "r", b""),
    ]  # fmt: skip
    assert heard[2].headers == {"source-id": "a"}
    assert client.stats["in_msgs"] == 4


@pytest.mark.parametrize("line", [b"MSG a b c d e f 1", b"MSG a x 1", b"HMSG a 1 9 1", b"MSG"])
async def test_what_looks_unusual_is_left_to_the_client(line: bytes) -> None:
    quick, plain = Heard(), Heard()
    data = line + b"\r\nz\r\n"
    outcomes = []
    for client, parser in ((quick, QuickParser(quick)), (plain, Parser(plain))):
        try:
            await parser.parse(data)
            outcomes.append(client.heard)
        except Exception as error:
            outcomes.append(repr(error))
    assert outcomes[0] == outcomes[1]


async def test_bytes_of_a_lost_connection_are_dropped() -> None:
    client = Heard()
    parser = client._ps

    async def lost(*_: Any) -> None:
        parser.reset()
        client.heard.append("lost")

    client._process_msg = lost  # type: ignore[method-assign]
    await parser.parse(STREAM)
    assert client.heard == ["lost"] and not parser.buf
