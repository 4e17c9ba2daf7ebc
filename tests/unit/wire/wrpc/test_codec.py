"""The tables of wrpc.md §10 byte for byte, and what hostile bytes do."""

from __future__ import annotations

import math
import random
import time
from typing import Any

import pytest

from tests.unit.wire.wrpc.known import function
from workbench.errors import DecodeError, LimitExceeded, UsageError, ValueMismatch
from workbench.wire.limits import Limits
from workbench.wire.wit.scalars import INTEGER_RANGES
from workbench.wire.wit.types import (
    BOOL,
    CHAR,
    F32,
    F64,
    S8,
    S16,
    S32,
    S64,
    STRING,
    U8,
    U16,
    U32,
    U64,
    Borrow,
    Enum,
    ErrorContext,
    Flags,
    Function,
    Future,
    List,
    Option,
    Own,
    Prim,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)  # fmt: skip
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class
from workbench.wire.wrpc import Decoder, Pending, Ready, function_codec
from workbench.wire.wrpc.codec import decoder, encode_params, encode_value, encoder
from workbench.wire.wrpc.decode import Row

PERSON = Record("person", (("name", STRING), ("age", U32), ("tags", List(STRING))))
OTHER = Variant("v", (("a", None), ("b", U8), ("other", STRING)))
WIDE = Enum("wide", tuple(f"c{i}" for i in range(300)))


def flags(count: int) -> Flags:
    return Flags("f", tuple(f"f{i}" for i in range(count)))


VECTORS: list[tuple[Type, object, str]] = [
    (BOOL, True, "01"),
    (BOOL, False, "00"),
    (U8, 200, "c8"),
    (S8, -2, "fe"),
    (S8, -128, "80"),
    (U16, 127, "7f"),
    (U16, 128, "80 01"),
    (U16, 300, "ac 02"),
    (U16, 65535, "ff ff 03"),
    (U32, 624485, "e5 8e 26"),
    (U32, 4294967295, "ff ff ff ff 0f"),
    (U64, 2**64 - 1, "ff ff ff ff ff ff ff ff ff 01"),
    (S16, -1, "7f"),
    (S32, 63, "3f"),
    (S32, 64, "c0 00"),
    (S32, -64, "40"),
    (S32, -65, "bf 7f"),
    (S32, 8192, "80 c0 00"),
    (S32, -8192, "80 40"),
    (S16, -8192, "80 40"),
    (S16, -8193, "ff bf 03"),
    (S16, -32768, "80 80 02"),
    (S16, 32767, "ff ff 01"),
    (S32, -134217729, "ff ff ff bf 0f"),
    (S32, -2147483648, "80 80 80 80 08"),
    (S64, -(2**62) - 1, "ff ff ff ff ff ff ff ff bf 01"),
    (S64, -(2**63), "80 80 80 80 80 80 80 80 80 01"),
    (S64, 2**63 - 1, "ff ff ff ff ff ff ff ff ff 00"),
    (F32, 1.5, "00 00 c0 3f"),
    (F64, -0.25, "00 00 00 00 00 00 d0 bf"),
    (CHAR, "A", "41"),
    (CHAR, "é", "c3 a9"),
    (CHAR, "€", "e2 82 ac"),
    (CHAR, "\U0001f600", "f0 9f 98 80"),
    (STRING, "héllo", "06 68 c3 a9 6c 6c 6f"),
    (STRING, "", "00"),
    (List(U8), bytes.fromhex("deadbeef"), "04 de ad be ef"),
    (List(U32), [1, 300], "02 01 ac 02"),
    (List(STRING), ["a", "bc"], "02 01 61 02 62 63"),
    (List(STRING), [], "00"),
    (List(F32), [1.5, 1.5], "02 00 00 c0 3f 00 00 c0 3f"),
    (Option(U32), None, "00"),
    (Option(U32), 7, "01 07"),
    (Option(Option(U32)), Some(None), "01 00"),
    (Option(Option(U32)), Some(7), "01 01 07"),
    (Option(Option(U32)), None, "00"),
    (Result(U32, STRING), Ok(5), "00 05"),
    (Result(U32, STRING), Err("no"), "01 02 6e 6f"),
    (Result(None, STRING), Ok(), "00"),
    (Result(U32), Err(), "01"),
    (OTHER, Case("other", "x"), "02 01 78"),
    (OTHER, Case("a"), "00"),
    (Enum("e", ("a", "b")), "b", "01"),
    (WIDE, "c200", "c8 01"),
    (PERSON, record_class(PERSON)("bob", 42, ["x"]), "03 62 6f 62 2a 01 01 78"),
    (
        Tuple((BOOL, U8, STRING, U32, Result(BOOL))),
        (True, 0xFE, "test", 0x42, Ok(True)),
        "01 fe 04 74 65 73 74 42 00 01",
    ),
    (flags(3), frozenset({"f0", "f2"}), "05"),
    (flags(10), frozenset({"f0", "f9"}), "01 02"),
    (flags(20), frozenset({"f0", "f19"}), "01 00 08"),
    (Own(ResourceType("r")), Handle(bytes(range(16))), "10 " + bytes(range(16)).hex()),
    (Borrow(ResourceType("r")), Handle(b""), "00"),
]


@pytest.mark.parametrize(("type", "value", "hexed"), VECTORS)
def test_each_vector_encodes_and_decodes(type: Type, value: object, hexed: str) -> None:
    wire = bytes.fromhex(hexed)
    out = bytearray()
    encoder(type)(value, out, [], (0,))
    assert bytes(out) == wire
    whole = decoder(type)()
    assert whole.feed(wire)
    assert whole.values == (value,)
    assert whole.trailing == 0


@pytest.mark.parametrize(("type", "value", "hexed"), VECTORS)
def test_each_vector_decodes_byte_by_byte(type: Type, value: object, hexed: str) -> None:
    wire = bytes.fromhex(hexed)
    bytewise = decoder(type)()
    ready = [bytewise.feed(wire[i : i + 1]) for i in range(len(wire))]
    assert ready == [False] * (len(wire) - 1) + [True]
    assert bytewise.values == (value,)


@pytest.mark.parametrize(
    ("type", "hexed", "value"),
    [
        (S16, "ff bf 7f", -8193),
        (S16, "80 80 7e", -32768),
        (S32, "ff ff ff bf 7f", -134217729),
        (S32, "80 80 80 80 78", -2147483648),
        (S64, "ff ff ff ff ff ff ff ff bf 7f", -(2**62) - 1),
        (S64, "80 80 80 80 80 80 80 80 80 7f", -(2**63)),
        (U16, "ff 00", 127),
        (S16, "ff 80 00", 127),
        (S16, "ff ff 7f", -1),
    ],
)
def test_canonical_and_over_long_numbers_are_accepted(type: Type, hexed: str, value: int) -> None:
    wire = bytes.fromhex(hexed)
    for whole, data, expected in (
        (type, wire, value),
        (List(type), b"\x03" + wire + b"\x05" + wire, [value, 5, value]),
        (Tuple((type, U8)), wire + b"\x05", (value, 5)),
    ):
        made = decoder(whole)()
        assert made.feed(data) and made.values == (expected,)
        bytewise = decoder(whole)()
        assert [bytewise.feed(bytes((byte,))) for byte in data][-1]
        assert bytewise.values == (expected,)


@pytest.mark.parametrize("size", [126, 127, 128, 129, 255, 256, 300, 16_383, 16_384])
def test_strings_and_lists_on_both_sides_of_a_longer_length(size: int) -> None:
    text, many = "x" * size, Tuple((STRING, List(STRING), List(BOOL), List(U8), Option(STRING)))
    value = (text, [text, ""], [True] * size, b"y" * size, text)
    out = bytearray()
    encoder(many)(value, out, [], ())
    for pieces in ([bytes(out)], [bytes(out[:size]), bytes(out[size:])]):
        made = decoder(many)()
        assert [made.feed(piece) for piece in pieces][-1] and made.values == (value,)


def test_streams_are_announced_once_also_when_a_value_had_to_be_coerced() -> None:
    f = Function("f", (("body", Stream(U8)), ("who", PERSON), ("rest", Future(U8))))
    data, deferred = encode_params(f, [b"x", {"name": "a", "age": 1, "tags": []}, 5])
    assert data.hex() == "00" + "01610100" + "00"
    assert [d.path for d in deferred] == [(0,), (2,)]


def test_a_stream_in_a_list_has_the_path_of_its_place() -> None:
    type = List(Tuple((U8, Option(List(Stream(U8))))))
    value = [(1, None), (2, [b"a", b"b"])]
    out = bytearray()
    deferred: list[Any] = []
    encoder(type)(value, out, deferred, (4,))
    paths = [(4, 1, 1, 0), (4, 1, 1, 1)]
    assert [d.path for d in deferred] == paths
    made = decoder(type)()
    assert made.feed(bytes(out)) and made.values is not None
    assert [p.path for p in made.values[0][1][1]] == [(0, *path[1:]) for path in paths]


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_signed_numbers_survive_the_round_trip(bits: int) -> None:
    type = {16: S16, 32: S32, 64: S64}[bits]
    half = 1 << (bits - 1)
    rng = random.Random(bits)
    edges = [s * (1 << k) + d for k in range(bits - 1) for s in (1, -1) for d in (-1, 0, 1)]
    for value in [*edges, -half, half - 1, *(rng.randrange(-half, half) for _ in range(500))]:
        out = bytearray()
        encoder(type)(value, out, [], ())
        made = decoder(type)()
        assert made.feed(bytes(out)) and made.values == (value,)


@pytest.mark.parametrize(
    ("type", "hexed"),
    [
        (BOOL, "02"),
        (U16, "ff ff 04"),
        (U32, "ff ff ff ff 1f"),
        (S16, "80 80 20"),
        (CHAR, "ff ff ff ff"),
        (CHAR, "ed a0 80"),
        (CHAR, "80"),
        (CHAR, "c0"),
        (CHAR, "c1 bf"),
        (CHAR, "f5"),
        (CHAR, "f4 90 80 80"),
        (CHAR, "e2 28 a1"),
        (List(CHAR), "01 80"),
        (List(STRING), "01 01 ff"),
        (List(U16), "01 ff ff 04"),
        (List(U32), "02 00 ff ff ff ff 1f"),
        (List(U64), "01 ff ff ff ff ff ff ff ff ff 02"),
        (List(S16), "01 80 80 20"),
        (List(S32), "01 80 80 80 80 10"),
        (List(S64), "01 80 80 80 80 80 80 80 80 80 80"),
        (S64, "80 80 80 80 80 80 80 80 80 02"),
        (List(BOOL), "01 02"),
        (STRING, "02 ff fe"),
        (Option(U8), "02"),
        (Result(U8), "02"),
        (Result(U8), "80 00 00"),
        (Option(U8), "80 00 00"),
        (OTHER, "03"),
        (Enum("e", ("a",)), "01"),
        (flags(3), "08"),
        (Future(U8), "02"),
    ],
)
def test_bytes_that_fit_no_value_are_refused(type: Type, hexed: str) -> None:
    wire = bytes.fromhex(hexed)
    with pytest.raises(DecodeError):
        decoder(type)().feed(wire)
    bytewise = decoder(type)()
    with pytest.raises(DecodeError):
        for byte in wire:
            bytewise.feed(bytes((byte,)))


@pytest.mark.parametrize("type", [STRING, List(U8), List(U32), List(F64), List(STRING), List(List(BOOL)),
                                  Own(ResourceType("r")), Stream(U32)])  # fmt: skip
@pytest.mark.parametrize("length", ["80 80 80 80 10", "ff ff ff ff 0f"])
def test_a_hostile_length_fails_at_once(type: Type, length: str) -> None:
    began = time.thread_time()
    with pytest.raises(DecodeError):
        decoder(type, Limits(bytes=1 << 20))().feed(bytes.fromhex(length))
    assert time.thread_time() - began < 0.05


@pytest.mark.parametrize("empty", [Tuple(()), Record("r", ()), Flags("f", ()), Enum("e", ()), Variant("v", ())])  # fmt: skip
def test_types_without_members_are_refused(empty: Type) -> None:
    for type in (empty, List(empty), Record("r", (("a", Stream(empty)),))):
        with pytest.raises(UsageError, match="no member"):
            function_codec(Function("f", (), type))
        with pytest.raises(UsageError, match="no member"):
            decoder(type)


def test_a_value_over_the_byte_limit_is_refused_while_it_arrives() -> None:
    made = decoder(List(STRING), Limits(bytes=1000))()
    made.feed(b"\xff\x0f")
    with pytest.raises(LimitExceeded):
        for _ in range(20):
            made.feed(b"\x00" * 100)


def test_types_that_are_too_deep_are_refused() -> None:
    type: Type = U8
    for _ in range(100):
        type = Option(type)
    with pytest.raises(LimitExceeded):
        function_codec(Function("f", (("a", type),)))


def test_error_context_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UsageError, match="error-context"):
        function_codec(Function("f", (("a", ErrorContext()),)))


def test_a_value_of_another_shape_is_coerced() -> None:
    out = bytearray()
    encode_value(PERSON, {"name": "bob", "age": 42, "tags": ["x"]}, out, [], (0,))
    assert out.hex() == "03626f622a010178"


def test_a_wrong_argument_is_named() -> None:
    add = function("demo:greet/greeter@0.1.0", "describe")
    with pytest.raises(ValueMismatch) as caught:
        encode_params(add, [{"name": "Ada", "age": 300, "tags": []}])
    assert caught.value.path.startswith("p")
    with pytest.raises(UsageError, match="takes 1 arguments"):
        encode_params(add, [])


@pytest.mark.parametrize("type", [U8, U16, U32, U64, S8, S16, S32, S64], ids=str)
@pytest.mark.parametrize("wrap", [lambda t: t, List, Option, lambda t: Tuple((t, t))])
def test_numbers_out_of_range_never_reach_the_wire(type: Prim, wrap: Any) -> None:
    low, high = INTEGER_RANGES[type.name]
    whole = wrap(type)
    for number in (low - 1, high + 1, 1 << 70, 1.5, "1", [], object()):
        value = {List: [low, number], Tuple: (high, number)}.get(whole.__class__, number)
        out = bytearray(b"before")
        with pytest.raises(ValueMismatch):
            encode_value(whole, value, out, [], ())
        assert out == b"before"


@pytest.mark.parametrize(
    ("type", "value"),
    [
        (BOOL, 1), (CHAR, ""), (CHAR, "ab"), (CHAR, "\ud800"), (STRING, b"x"), (STRING, "\ud800"),
        (F32, "1"), (F64, None), (List(U8), "x"), (List(F64), [1, "x"]), (List(F32), "ab"),
        (Option(Option(U8)), 5), (Result(U8), 5), (Result(None, U8), Ok(5)),
        (OTHER, Case("nope")), (OTHER, Case("a", 1)), (OTHER, Case("b")), (WIDE, "c300"),
        (Flags("f", ("a",)), {"b"}), (Tuple((U8, U8)), (1,)), (Own(ResourceType("r")), 5),
        (PERSON, {"name": "x", "age": 1}), (PERSON, Case("a")),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_named_and_never_sent(type: Type, value: object) -> None:
    out = bytearray()
    with pytest.raises(ValueMismatch) as caught:
        encode_value(Tuple((U8, type)), (7, value), out, [], (), "arg")
    assert not out
    assert caught.value.path.startswith("arg")


def test_streams_are_always_sent_pending() -> None:
    f = Function("f", (("a", Stream(U8)), ("b", Tuple((U8, Future(STRING))))))
    data, deferred = encode_params(f, [b"body", (7, "later")])
    assert data.hex() == "000700"
    assert [(d.path, d.type) for d in deferred] == [((0,), Stream(U8)), ((1, 1), Future(STRING))]


def test_streams_and_futures_decode_pending_and_inline() -> None:
    types = (Stream(U8), Stream(U8), Future(U32), Future(U32), Result(Stream(STRING)))
    made = Decoder(Row(types))
    assert made.feed(bytes.fromhex("00 02 68 69 00 01 05 00 00"))
    assert made.values == (
        Pending((0,), Stream(U8)),
        Ready(Stream(U8), b"hi"),
        Pending((2,), Future(U32)),
        Ready(Future(U32), 5),
        Ok(Pending((4,), Stream(STRING))),
    )


def test_nan_and_infinity_survive() -> None:
    made = decoder(List(F64))()
    out = bytearray()
    encoder(List(F64))([math.inf, -math.inf, math.nan], out, [], ())
    assert made.feed(bytes(out))
    (values,) = made.values or ([],)
    assert values[:2] == [math.inf, -math.inf] and math.isnan(values[2])


BIG: list[tuple[Type, object]] = [
    (List(U8), bytes(2_500_000)),
    (List(STRING), ["x" * 20] * 40_000),
    (List(List(U32)), [[1, 300, 70_000]] * 80_000),
    (Tuple((STRING, List(PERSON))), ("t", [record_class(PERSON)("n" * 10, 1, ["a"])] * 40_000)),
]


@pytest.mark.parametrize(("type", "value"), BIG)
def test_a_big_value_in_small_pieces_costs_about_as_much_as_in_one(
    type: Type, value: object
) -> None:
    out = bytearray()
    encoder(type)(value, out, [], ())
    wire = bytes(out)
    began = time.thread_time()
    whole = decoder(type)()
    assert whole.feed(wire)
    in_one = time.thread_time() - began
    began = time.thread_time()
    pieces = decoder(type)()
    done = [pieces.feed(wire[i : i + 4096]) for i in range(0, len(wire), 4096)]
    in_pieces = time.thread_time() - began
    assert done[-1] and not any(done[:-1])
    assert pieces.values == whole.values == (value,)
    # 600 pieces: decoding from scratch each time would take hundreds of times as long.
    assert in_pieces < 20 * in_one + 0.5


def test_random_bytes_decode_or_raise_decode_error() -> None:
    rng = random.Random(17)
    types: list[Any] = [type for type, _, _ in VECTORS] + [
        Stream(STRING), Future(Option(List(U8))), function("demo:greet/greeter@0.1.0", "describe").result,
    ]  # fmt: skip
    for round_ in range(4000):
        type = types[round_ % len(types)]
        data = rng.randbytes(rng.randrange(1, 40))
        made = decoder(type, Limits(bytes=4096, count=4096))()
        try:
            split = rng.randrange(len(data) + 1)
            made.feed(data[:split])
            made.feed(data[split:])
        except DecodeError:
            continue


def test_one_codec_is_made_for_one_function() -> None:
    f = Function("f", (("a", U8),), U8)
    assert function_codec(f) is function_codec(f)


def test_names_of_a_type_are_never_compiled() -> None:
    evil = "x\n'\"); raise SystemExit  # {x} \\"
    cases = (evil, evil + "2")
    type = Record(
        evil,
        ((evil, Enum(evil, cases)), (evil + "b", Flags(evil, cases)), (evil + "c", List(U8)),
         (evil + "d", Variant(evil, ((evil, Option(Result(BOOL, STRING))),)))),
    )  # fmt: skip
    value = record_class(type)(evil, frozenset({evil + "2"}), b"x", Case(evil, Ok(True)))
    data, _ = encode_params(Function(evil, ((evil, type),), type), [value])
    assert data.hex() == "00" + "02" + "0178" + "00" + "01" + "00" + "01"
    for size in (1, len(data)):
        made = decoder(type)()
        assert [made.feed(data[i : i + size]) for i in range(0, len(data), size)][-1]
        assert made.values == (value,)
