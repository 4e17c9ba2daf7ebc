"""Limits, and that a stranger's bytes cost neither time nor memory out of proportion."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from workbench.errors import DecodeError, LimitExceeded, UsageError
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.types import (
    BOOL,
    CHAR,
    F64,
    PRIMITIVES,
    S16,
    STRING,
    U8,
    U16,
    U32,
    U64,
    Enum,
    Flags,
    Function,
    Future,
    List,
    Option,
    Own,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wrpc import StreamDecoder
from workbench.wire.wrpc.codec import FunctionCodec, decoder

SMALL = Record("small", (("a", U8), ("b", Option(U32))))
HUGE = "ff ff ff ff 0f"
ALL_LISTS: list[Type] = [
    STRING, Own(ResourceType("r")), *(List(p) for p in PRIMITIVES.values()), List(STRING),
    List(List(BOOL)), List(SMALL), List(Option(U8)), List(Result()), List(Enum("e", ("a",))),
    List(Flags("f", ("a",))), List(Tuple((U8, U8))), List(Variant("v", (("a", None),))),
    List(Stream(U8)), List(List(List(U32))), Stream(U32), Stream(SMALL),
]  # fmt: skip


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that ``work`` takes at most, on its second run: what is made once is there by then."""
    work()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("type", ALL_LISTS, ids=str)
@pytest.mark.parametrize("limits", [DEFAULT_LIMITS, Limits(bytes=1 << 20, count=1 << 10)])
def test_a_length_of_four_thousand_million_fails_at_once(type: Type, limits: Limits) -> None:
    make = decoder(type, limits)

    def attempt() -> None:
        with pytest.raises(LimitExceeded):
            make().feed(bytes.fromhex(HUGE))

    began = time.thread_time()
    peak = peak_of(attempt)
    assert time.thread_time() - began < 0.2
    assert peak < 100_000


@pytest.mark.parametrize("type", ALL_LISTS, ids=str)
def test_a_length_within_the_limit_takes_no_memory_before_its_items(type: Type) -> None:
    make = decoder(type)

    def attempt() -> None:
        made = make()
        # 16 million items, or bytes, of which a few come.
        assert not made.feed(bytes.fromhex("ff ff ff 07") + b"\x00" * 9)
        assert not made.feed(b"\x00" * 9)

    assert peak_of(attempt) < 100_000


BOMBS: list[tuple[str, Type, bytes]] = [
    ("none", List(Option(U8)), b"\x00"),
    ("empty lists", List(List(U32)), b"\x00"),
    ("empty lists of lists", List(List(List(U32))), b"\x00"),
    ("lists of one", List(List(List(U8))), b"\x01\x00"),
    ("empty strings", List(STRING), b"\x00"),
    ("records", List(SMALL), b"\x00\x00"),
    ("results", List(Result()), b"\x01"),
    ("enums", List(Enum("e", ("a", "b"))), b"\x01"),
    ("flags", List(Flags("f", tuple(f"f{i}" for i in range(8)))), b"\xff"),
    ("variants", List(Variant("v", (("a", None), ("b", U8)))), b"\x00"),
    ("variants with payload", List(Variant("v", (("a", None), ("b", U8)))), b"\x01\x00"),
    ("deep options", List(Option(Option(Option(Option(U8))))), b"\x01\x01\x01\x00"),
    ("deep tuples", List(Tuple((Tuple((Tuple((Tuple((U8,)),)),)),))), b"\x00"),
    ("numbers", List(U64), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    ("over-long numbers", List(U16), b"\x80\x00"),
    ("chars", List(CHAR), b"a"),
    ("inline streams", List(Stream(U8)), b"\x01\x00"),
]


@pytest.mark.parametrize(("name", "type", "item"), BOMBS, ids=[name for name, _, _ in BOMBS])
def test_memory_stays_under_a_small_multiple_of_the_input(
    name: str, type: Type, item: bytes
) -> None:
    wire = bytes.fromhex("88 27") + item * 5000
    make = decoder(type)
    whole = peak_of(lambda: make().feed(wire))
    # An object for each item is the price of Python: some 50 bytes for each level of the type.
    assert whole < 400 * len(wire)

    def in_pieces() -> None:
        made = make()
        for start in range(0, len(wire), 512):
            made.feed(wire[start : start + 512])
        assert made.values is not None

    assert peak_of(in_pieces) < 400 * len(wire)


def test_items_of_a_bare_stream_are_bounded_in_each_message() -> None:
    made = StreamDecoder(Stream(), (0,))
    assert made.feed(b"\x80\x80\x04") == [None] * 65_536
    assert made.feed(b"\x02\x03") == [None] * 5
    for hexed in ("81 80 04", "ff ff 03 ff ff 03", HUGE):
        with pytest.raises(LimitExceeded):
            StreamDecoder(Stream(), (0,)).feed(bytes.fromhex(hexed))


def test_a_chunk_with_a_hostile_count_fails_at_once() -> None:
    for item in (U32, STRING, SMALL, Option(U8)):
        with pytest.raises(LimitExceeded):
            StreamDecoder(Stream(item), (0,)).feed(bytes.fromhex(HUGE))


def test_an_item_of_a_stream_has_a_limit() -> None:
    made = StreamDecoder(Stream(STRING), (0,), limits=Limits(bytes=1000))
    made.feed(b"\x02\xe7\x07")
    with pytest.raises(LimitExceeded):
        made.feed(b"\x00" * 900)
        made.feed(b"\x00" * 2000)


def test_an_item_that_is_read_as_it_comes_has_the_same_limit() -> None:
    made = StreamDecoder(Stream(List(STRING)), (0,), limits=Limits(bytes=1000))
    assert made.feed(b"\x05" + b"\x01" + b"\x63" + b"x" * 99) == [["x" * 99]]
    with pytest.raises(LimitExceeded):
        made.feed(b"\xff\xff\x03")
        for _ in range(12):
            assert made.feed(b"\x63" + b"x" * 99) == []
    long = StreamDecoder(Stream(List(STRING)), (0,), limits=Limits(bytes=1000))
    long.feed(b"\x64")
    assert sum(len(long.feed(b"\x01\x63" + b"x" * 99)) for _ in range(100)) == 100


def test_the_count_limit_is_what_the_caller_says() -> None:
    for type in (List(U32), List(F64), List(STRING), List(S16), List(SMALL)):
        make = decoder(type, Limits(count=3))
        assert not make().feed(b"\x03")
        for pieces in ([b"\x04"], [b"\x84", b"\x00"]):
            with pytest.raises(LimitExceeded) as caught:
                made = make()
                for piece in pieces:
                    made.feed(piece)
            assert caught.value.limit == "count"


def test_the_byte_limit_is_what_the_caller_says() -> None:
    for type in (STRING, List(U8), Own(ResourceType("r"))):
        make = decoder(type, Limits(bytes=10))
        assert make().feed(b"\x09" + b"a" * 9)
        with pytest.raises(LimitExceeded) as caught:
            make().feed(b"\x0b")
        assert caught.value.limit == "bytes"
    many = decoder(List(STRING), Limits(bytes=10))()
    assert not many.feed(b"\x06" + b"\x01a" * 4)
    with pytest.raises(LimitExceeded):
        many.feed(b"\x01a")


@pytest.mark.parametrize("item", [Stream(U8), Future(U8)], ids=str)
def test_the_channels_of_a_value_have_a_limit(item: Type) -> None:
    make = decoder(List(item))
    assert make().feed(bytes.fromhex("80 20") + bytes(4096))
    with pytest.raises(LimitExceeded) as caught:
        make().feed(bytes.fromhex("81 20") + bytes(4097))
    assert caught.value.limit == "channels"
    small = decoder(Tuple((item, List(item))), Limits(channels=2))
    assert small().feed(b"\x00\x01\x00")
    with pytest.raises(LimitExceeded):
        small().feed(b"\x00\x02\x00\x00")


def test_the_depth_and_the_parts_of_a_type_have_limits() -> None:
    nested: Type = U8
    for _ in range(5):
        nested = Option(nested)
    wide = Tuple((U8,) * 20)
    FunctionCodec(Function("f", (("a", nested), ("b", wide))))
    for type, limits, name in (
        (nested, Limits(depth=5), "depth"),
        (wide, Limits(nodes=20), "nodes"),
    ):
        with pytest.raises(LimitExceeded) as caught:
            FunctionCodec(Function("f", (), type), limits)
        assert caught.value.limit == name
        with pytest.raises(LimitExceeded):
            decoder(type, limits)


def test_the_deepest_type_that_is_allowed_decodes_in_one_and_in_pieces() -> None:
    for wrap in (Option, List, lambda t: Tuple((t,)), lambda t: Record("r", (("a", t),)), Result,
                 lambda t: Variant("v", (("a", t),)), Stream):  # fmt: skip
        type: Type = U8
        for _ in range(DEFAULT_LIMITS.depth - 1):
            type = wrap(type)
        wire = b"\x01" * DEFAULT_LIMITS.depth
        make = decoder(type)
        try:
            assert make().feed(wire)
            made = make()
            ready = [made.feed(bytes((byte,))) for byte in wire]
            assert any(ready)
        except DecodeError:
            assert wrap is not Option


def test_types_that_share_parts_are_counted_in_full() -> None:
    type: Type = U8
    for _ in range(30):
        type = Tuple((type, type))
    began = time.thread_time()
    with pytest.raises(LimitExceeded):
        decoder(type)
    assert time.thread_time() - began < 1


def test_a_type_without_members_says_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        FunctionCodec(Function("f", (), List(Record("nothing", ()))))
    assert "nothing" in caught.value.message and caught.value.hint
