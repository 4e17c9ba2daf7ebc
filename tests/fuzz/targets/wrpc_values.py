"""The value codec: any bytes of any type, whole and in pieces, and what comes on channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fuzz.drawn_types import read_type, type_bytes
from tests.fuzz.target import Target
from tests.unit.wire.wrpc.known import exchanges, function
from tests.unit.wire.wrpc.test_codec import VECTORS
from workbench.errors import RemoteError
from workbench.wire.limits import Limits
from workbench.wire.wit.types import Stream, Tuple, Type
from workbench.wire.wrpc import Decoder, StreamDecoder, decoder, encoder

__all__ = ["TARGETS"]

LIMITS = Limits(bytes=1 << 20, count=1 << 20)


def _encoded(type: Type, value: Any) -> bytes:
    out = bytearray()
    encoder(type)(value, out, [], (0,))
    return bytes(out)


def _decode(data: bytes) -> None:
    type, wire = read_type(data)
    made = decoder(type, LIMITS)()
    if not made.feed(wire):
        return
    assert made.values is not None
    (value,) = made.values
    # Numbers may have come over-long and streams inline: what we write is the short form.
    again = _encoded(type, value)
    assert len(again) <= len(wire) - made.trailing
    second = decoder(type, LIMITS)()
    assert second.feed(again), "what was encoded is not complete"
    assert second.trailing == 0
    assert second.values is not None
    assert _encoded(type, second.values[0]) == again


def _outcome(pieces: Iterator[bytes], made: Decoder) -> str:
    try:
        for piece in pieces:
            made.feed(piece)
    except RemoteError as error:
        return type(error).__name__
    return f"{made.values!r} {made.trailing}"


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def _in_pieces(data: bytes) -> None:
    size = 1 + (data[0] if data else 0) % 19
    type, wire = read_type(data[1:])
    make = decoder(type, LIMITS)
    whole = _outcome(iter([wire]), make())
    assert _outcome(_pieces(wire, size), make()) == whole


def _channel(data: bytes) -> None:
    size = 1 + (data[0] if data else 0) % 19
    item, wire = read_type(data[1:])
    decoders = [StreamDecoder(Stream(item), (0,), limits=LIMITS) for _ in range(2)]
    seen = []
    for made, pieces in zip(decoders, ([wire], list(_pieces(wire, size))), strict=True):
        got: list[Any] = []
        try:
            for piece in pieces:
                got.extend(made.feed(piece))
        except RemoteError as error:
            seen.append(type(error).__name__)
        else:
            seen.append(f"{got!r} {made.done}")
    assert seen[0] == seen[1]


def _recorded() -> Iterator[tuple[Type, bytes]]:
    for exchange in exchanges():
        instance, _, name = exchange.subject.partition(".wrpc.0.0.1.")[2].rpartition(".")
        known = function(instance, name)
        wire = exchange.root(">", ".params")
        if known.params and len(wire) < 1000:
            yield Tuple(tuple(type for _, type in known.params)), wire
        result = exchange.root("<", ".results")
        if known.result is not None and 0 < len(result) < 1000:
            yield known.result, result


def _seeds() -> Iterator[bytes]:
    for type, _, hexed in VECTORS:
        yield type_bytes(type) + bytes.fromhex(hexed)
    for type, wire in dict.fromkeys(_recorded()):
        yield type_bytes(type) + wire


def _cut_seeds() -> Iterator[bytes]:
    return (bytes((index % 19,)) + data for index, data in enumerate(_seeds()))


def _channel_seeds() -> Iterator[bytes]:
    for index, (type, _, hexed) in enumerate(VECTORS):
        item = bytes.fromhex(hexed)
        yield (
            bytes((index % 19,)) + type_bytes(type) + b"\x01" + item + b"\x02" + item * 2 + b"\x00"
        )


TARGETS = [
    Target("wrpc-decode", _decode, _seeds),
    Target("wrpc-pieces", _in_pieces, _cut_seeds),
    Target("wrpc-channel", _channel, _channel_seeds),
]
