"""Random types and values: what is encoded decodes to the same, in whatever pieces it comes."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies_wit as wit
from workbench.wire.wit.types import (
    F32,
    F64,
    S16,
    S32,
    S64,
    U16,
    U32,
    U64,
    Function,
    Future,
    List,
    Option,
    Prim,
    Record,
    Stream,
    Tuple,
    Type,
)
from workbench.wire.wit.values import record_class
from workbench.wire.wrpc import Decoder, Pending, StreamDecoder, encode_chunk, function_codec
from workbench.wire.wrpc.codec import decoder, encoder


def encoded(type: Type, value: Any) -> bytes:
    out = bytearray()
    encoder(type)(value, out, [], (0,))
    return bytes(out)


def decoded(made: Decoder, pieces: list[bytes]) -> Any:
    ready = [made.feed(piece) for piece in pieces]
    assert ready == [False] * (len(pieces) - 1) + [True]
    assert made.trailing == 0 and made.values is not None
    return made.values[0]


@given(wit.typed_values(handles=True))
@settings(max_examples=150)
def test_a_value_of_any_type_survives(typed: tuple[Type, Any]) -> None:
    type, value = typed
    wire = encoded(type, value)
    assert decoded(decoder(type)(), [wire]) == value


@given(wit.typed_values(handles=True))
@settings(max_examples=150)
def test_every_cut_of_the_bytes_gives_the_same_value(typed: tuple[Type, Any]) -> None:
    type, value = typed
    wire = encoded(type, value)
    make = decoder(type)
    for cut in range(1, len(wire)):
        assert decoded(make(), [wire[:cut], wire[cut:]]) == value
    assert decoded(make(), [wire[i : i + 1] for i in range(len(wire))]) == value


@given(wit.typed_values(), st.data())
@settings(max_examples=150)
def test_what_follows_a_value_is_counted_not_read(
    typed: tuple[Type, Any], data: st.DataObject
) -> None:
    type, value = typed
    wire = encoded(type, value)
    extra = data.draw(st.binary(min_size=1, max_size=9))
    made = decoder(type)()
    assert made.feed(wire + extra) and made.values == (value,)
    assert made.trailing == len(extra)


@given(st.lists(wit.typed_values(max_leaves=3), min_size=1, max_size=4), st.integers(1, 20))
@settings(max_examples=100)
def test_the_values_of_a_stream_survive_in_any_pieces(
    typed: list[tuple[Type, Any]], size: int
) -> None:
    for type, value in typed:
        stream = Stream(type)
        items = bytes((5, 6)) if type == Prim("u8") else [value, value]
        wire = encode_chunk(stream, items)[0] * 2 + encode_chunk(stream, b"")[0]
        made = StreamDecoder(stream, (0,))
        got: list[Any] = []
        for start in range(0, len(wire), size):
            got.extend(made.feed(wire[start : start + size]))
        assert made.done and made.clean
        assert got == list(items) * 2


@given(wit.typed_values(max_leaves=4))
@settings(max_examples=100)
def test_streams_and_futures_stand_where_they_are_in_any_pieces(typed: tuple[Type, Any]) -> None:
    type, value = typed
    whole = Record("r", (("before", type), ("body", Stream(type)),
                         ("rest", Tuple((Future(type), Option(Stream()), type)))))  # fmt: skip
    given_ = record_class(whole)(value, [], (None, [], value))
    out, deferred = function_codec(Function("f", (), whole)).encode_result(given_)
    paths = [((0, 1), Stream(type)), ((0, 2, 0), Future(type)), ((0, 2, 1), Stream())]
    assert [(d.path, d.type) for d in deferred] == paths
    body, future, bare = (Pending(path, kind) for path, kind in paths)
    expected = record_class(whole)(value, body, (future, bare, value))
    for size in (1, 3, len(out)):
        pieces = [out[i : i + size] for i in range(0, len(out), size)]
        assert decoded(decoder(whole)(), pieces) == expected


INTEGERS = {16: (U16, S16), 32: (U32, S32), 64: (U64, S64)}


@pytest.mark.parametrize("bits", INTEGERS)
def test_a_list_of_integers_is_encoded_as_its_numbers_one_by_one(bits: int) -> None:
    unsigned, signed = INTEGERS[bits]
    half = 1 << (bits - 1)

    @given(st.lists(st.integers(0, 2 * half - 1) | st.integers(0, 200), max_size=40))
    @settings(max_examples=100)
    def check_unsigned(values: list[int]) -> None:
        _check_list(unsigned, values)

    @given(st.lists(st.integers(-half, half - 1) | st.integers(-70, 70), max_size=40))
    @settings(max_examples=100)
    def check_signed(values: list[int]) -> None:
        _check_list(signed, values)

    check_unsigned()
    check_signed()
    _check_list(unsigned, [(1 << k) + d for k in range(bits - 1) for d in (-1, 0, 1)])
    _check_list(
        signed, [s * (1 << k) + d for k in range(bits - 1) for s in (1, -1) for d in (-1, 0)]
    )


def _check_list(item: Type, values: list[int]) -> None:
    wire = encoded(List(item), values)
    assert wire == encoded(Prim("u32"), len(values)) + b"".join(encoded(item, v) for v in values)
    make = decoder(List(item))
    assert decoded(make(), [wire]) == values
    for size in (1, 2, 3, 7):
        assert decoded(make(), [wire[i : i + size] for i in range(0, len(wire), size)]) == values


@pytest.mark.parametrize(
    "bits", [0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_0001, 0x7FFF_FFFF_FFFF_FFFF]
)
def test_the_bits_of_a_nan_survive(bits: int) -> None:
    wire = bits.to_bytes(8, "little")
    (value,) = struct.unpack("<d", wire)
    for type, given_, expected in (
        (F64, value, wire), (List(F64), [value, value], b"\x02" + wire * 2),
    ):  # fmt: skip
        assert encoded(type, given_) == expected
        assert encoded(type, decoded(decoder(type)(), [expected])) == expected


def test_the_bits_of_a_short_nan_survive() -> None:
    wire = bytes.fromhex("0102c07f")
    value = decoded(decoder(F32)(), [wire])
    assert math.isnan(value) and encoded(F32, value) == wire
