"""What a NATS server, or somebody in its place, may send: our short cut against nats-py itself."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from typing import Any

from nats.protocol.parser import Parser

from tests.fuzz.target import Target
from tests.unit.nats.test_parser import HEADERS, STREAM, Heard
from workbench.nats.commands import parse_headers
from workbench.nats.parser import QuickParser

__all__ = ["TARGETS"]


class _Refused(Exception):
    """nats-py refuses these bytes, and so do we."""


async def _heard(make: Any, pieces: list[bytes]) -> tuple[list[Any], str]:
    client = Heard()
    client._ps = parser = make(client)
    try:
        for piece in pieces:
            await parser.parse(piece)
    except Exception as error:
        return client.heard, type(error).__name__
    return client.heard, ""


def _parser(data: bytes) -> None:
    size = 1 + (data[0] if data else 0)
    stream = data[1:]
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    ours, our_end = _LOOP.run_until_complete(_heard(QuickParser, pieces))
    theirs, their_end = _LOOP.run_until_complete(_heard(Parser, pieces))
    if their_end or not _is_protocol(stream):
        # nats-py reads such bytes across the ends of lines; we may not, but end in no other way.
        assert our_end in ("", "ProtocolError", their_end)
        raise _Refused
    assert (ours, our_end) == (theirs, "")


_MESSAGE = re.compile(
    rb"MSG[ \t]+\S+[ \t]+\d+([ \t]+\S+)?[ \t]+\d+|HMSG[ \t]+\S+[ \t]+\d+([ \t]+\S+)?[ \t]+\d+[ \t]+\d+"
)
_LONE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def _is_protocol(stream: bytes) -> bool:
    """Whether every line that may be a message is one, and headers follow where they must."""
    if _LONE_END.search(stream):
        return False
    lines = stream.split(b"\r\n")
    for line, after in itertools.pairwise([*lines, b""]):
        if line.startswith((b"MSG", b"HMSG")):
            if _MESSAGE.fullmatch(line) is None:
                return False
            if line.startswith(b"H") and not after.startswith(b"NATS/1.0"):
                return False
    return True


_LOOP = asyncio.new_event_loop()


def _headers(data: bytes) -> None:
    parsed = parse_headers(data)
    if parsed is None:
        raise _Refused
    assert all(isinstance(k, str) and isinstance(v, str) for k, v in parsed.items())


def _streams() -> Iterator[bytes]:
    for size in (255, 0, 12):
        yield bytes((size,)) + STREAM[:400]
    yield b"\x20MSG a 1 2\r\nhi\r\nMSG a 1 r 2\r\nhi\r\nHMSG a 3 r 18 20\r\nNATS/1.0\r\na: b\r\n\r\nhi\r\nPING\r\n"
    yield b"\x40" + b"INFO {}\r\nPING\r\nPONG\r\n+OK\r\nMSG a 1 2\r\nhi\r\n-ERR 'x'\r\n"


TARGETS = [
    Target("nats-parser", _parser, _streams, allowed=(_Refused,), max_bytes=2048),
    Target("nats-headers", _headers, lambda: [HEADERS, b"NATS/1.0\r\na: b\r\nc:d\r\n\r\n"],
           allowed=(_Refused,)),
]  # fmt: skip
