"""The recorded vectors of wrpc.md §17 and the transcripts of §11, value by value."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.unit.wire.wrpc.known import exchanges, function
from workbench.wire.http_wrpc import HANDLE
from workbench.wire.wit.types import (
    STRING,
    U8,
    U32,
    Flags,
    Function,
    Future,
    List,
    Option,
    Record,
    Result,
    Stream,
    Type,
)
from workbench.wire.wit.values import Case, Err, Ok, Some
from workbench.wire.wrpc import (
    FutureDecoder,
    Pending,
    StreamDecoder,
    decoder,
    encode_chunk,
    encode_item,
    function_codec,
)

GREETER = "demo:greet/greeter@0.1.0"
STORE = "wrpc:keyvalue/store@0.2.0-draft"
ATOMICS = "wrpc:keyvalue/atomics@0.2.0-draft"
BATCH = "wrpc:keyvalue/batch@0.2.0-draft"
BLOBS = "wrpc:blobstore/blobstore@0.2.0"
CONSUMER = "wasmcloud:messaging/consumer@0.2.0"
HANDLER = "wasmcloud:messaging/handler@0.2.0"

D = "0764656661756c74"  # the bucket "default"
NUMBERS = (200, -2, 65535, -300, 2**32 - 1, -70000, 2**64 - 1, -(2**40), 1.5, -0.25, True, "€")
NUMBERS_HEX = (
    "c8 fe ffff03 d47d ffffffff0f 90dd7b ffffffffffffffffff01 808080808060 0000c03f"
    " 000000000000d0bf 01 e282ac"
)
NESTED: list[Any] = [None, Ok(7), Err("no")]
NESTED_HEX = "03 00 01 00 07 01 01 026e6f"
OBJECT = {"container": "box", "object": "o1"}
O1 = "03626f78 026f31"
NO_STORE = "No NATS Kv store found for bucket id (link name): lab"
INBOX = "_INBOX." + "x" * 45

# Instance, function, arguments, P, result, R.
CALLS: list[tuple[str, str, tuple[Any, ...], str, Any, str]] = [
    (GREETER, "describe",
     ({"name": "Ada", "age": 36, "tags": ["x", "yy"], "email": None},),
     "03416461 24 02 0178 027979 00",
     Ok({"text": "Ada (36) -", "initials": ["A"], "color": "green",
         "perms": {"read", "exec"}, "shape": Case("rect", (3, 4)), "score": -36}),
     "00 0a4164612028333629202d 01 41 01 05 02 03 04 5c"),
    (GREETER, "describe",
     ({"name": "Methuselah", "age": 200, "tags": [], "email": "m@x"},),
     "0a4d6574687573656c6168 c8 00 01 036d4078",
     Err("Methuselah is too old"),
     "01 154d6574687573656c616820697320746f6f206f6c64"),
    (GREETER, "numbers", NUMBERS, NUMBERS_HEX, NUMBERS, NUMBERS_HEX),
    (GREETER, "nested", (NESTED,), NESTED_HEX, NESTED, NESTED_HEX),
    (GREETER, "add", (2, -70000), "02 90dd7b", -69998, "92dd7b"),
    (GREETER, "add", (2, 3), "02 03", 5, "05"),
    (GREETER, "echo-bytes", (bytes(100),), "64" + "00" * 100, bytes(100), "64" + "00" * 100),
    (GREETER, "nothing", (), "", None, ""),
    ("lab:tiny/api@0.1.0", "hello", (), "", "hello", "05 68656c6c6f"),
    (STORE, "set", ("default", "k", b"v1"), f"{D} 016b 027631", Ok(), "00"),
    (STORE, "get", ("default", "k"), f"{D} 016b", Ok(b"v1"), "00 01 027631"),
    (ATOMICS, "increment", ("default", "n", 5), f"{D} 016e 05", Ok(5), "00 05"),
    (STORE, "exists", ("default", "nope"), f"{D} 046e6f7065", Ok(False), "00 00"),
    (STORE, "list-keys", ("default", None), f"{D} 00",
     Ok({"keys": ["k", "n"], "cursor": None}), "00 02 016b 016e 00"),
    (STORE, "delete", ("default", "k"), f"{D} 016b", Ok(), "00"),
    (BATCH, "set-many", ("default", [("a", b"1"), ("b", b"2")]),
     f"{D} 02 0161 0131 0162 0132", Ok(), "00"),
    (BATCH, "get-many", ("default", ["a", "zz"]), f"{D} 02 0161 027a7a",
     Ok([("a", b"1"), None]), "00 02 01 0161 0131 00"),
    (BATCH, "delete-many", ("default", ["a", "b"]), f"{D} 02 0161 0162", Ok(), "00"),
    (STORE, "set", ("lab", "k", b"v1"), "036c6162 016b 027631",
     Err(Case("other", NO_STORE)), "01 02 35" + NO_STORE.encode().hex()),
    (BLOBS, "container-exists", ("box",), "03626f78", Ok(False), "00 00"),
    (BLOBS, "create-container", ("box",), "03626f78", Ok(), "00"),
    (BLOBS, "write-container-data", (OBJECT, b"blob-bytes"), f"{O1} 00",
     Ok(Pending((0,), Future(Result(None, STRING)))), "00 00"),
    (BLOBS, "get-container-data", (OBJECT, 0, 100), f"{O1} 00 64",
     Ok((Pending((0, 0), Stream(U8)), Pending((0, 1), Future(Result(None, STRING))))), "00 00 00"),
    (BLOBS, "get-object-info", (OBJECT,), O1,
     Ok({"created-at": 1795603244, "size": 10}), "00 acf69ad806 0a"),
    (BLOBS, "list-container-objects", ("box", None, None), "03626f78 00 00",
     Ok((Pending((0, 0), Stream(STRING)), Pending((0, 1), Future(Result(None, STRING))))),
     "00 00 00"),
    (BLOBS, "delete-objects", ("box", ["o1"]), "03626f78 01 026f31", Ok(), "00"),
    (CONSUMER, "publish", ({"subject": "lab.out", "body": b"hi", "reply-to": None},),
     "076c61622e6f7574 026869 00", Ok(), "00"),
    (CONSUMER, "request", ("lab.echo", b"ping", 2000), "086c61622e6563686f 0470696e67 d00f",
     Ok({"subject": INBOX, "body": b"pong:ping", "reply-to": None}),
     f"00 34 {INBOX.encode().hex()} 09706f6e673a70696e67 00"),
    (HANDLER, "handle-message", ({"subject": "lab.in", "body": b"to-sink", "reply-to": None},),
     "066c61622e696e 07746f2d73696e6b 00", Ok(), "00"),
    (HANDLER, "handle-message", ({"subject": "lab.in", "body": b"q", "reply-to": INBOX},),
     f"066c61622e696e 0171 01 34 {INBOX.encode().hex()}", Ok(), "00"),
]  # fmt: skip


def round_trip(f: Function, args: tuple[Any, ...], p: str, result: Any, r: str) -> None:
    codec = function_codec(f)
    wire, _ = codec.encode_params(args)
    assert wire == bytes.fromhex(p)
    answer, _ = codec.encode_result(result)
    assert answer == bytes.fromhex(r)
    for made, data, encode in (
        (codec.params_decoder(), wire, codec.encode_params),
        (codec.result_decoder(), answer, lambda v: codec.encode_result(v[0] if v else None)),
    ):
        assert made.feed(data) or not data
        assert made.values is not None and made.trailing == 0
        assert encode(made.values)[0] == data


@pytest.mark.parametrize(
    ("instance", "name", "args", "p", "result", "r"),
    CALLS,
    ids=[f"{n}-{call[1]}" for n, call in enumerate(CALLS)],
)
def test_a_recorded_call_has_these_bytes(
    instance: str, name: str, args: tuple[Any, ...], p: str, result: Any, r: str
) -> None:
    round_trip(function(instance, name), args, p, result, r)


def test_boom_ends_without_a_byte() -> None:
    made = function_codec(function(GREETER, "boom")).result_decoder()
    assert made.values is None


REQUEST_TAIL = (
    "02 01 042f74776f 01 00 01 0f3132372e302e302e313a3532323137 06 04686f7374 01"
    " 0f3132372e302e302e313a3532323137 0a757365722d6167656e74 01 0b6375726c2f372e38382e31"
    " 06616363657074 01 032a2f2a 06782d74657374 01 0131 0e636f6e74656e742d6c656e677468 01 0137"
    " 0c636f6e74656e742d74797065 01"
    " 216170706c69636174696f6e2f782d7777772d666f726d2d75726c656e636f646564"
)
HTTP = {
    "get": (
        "00 00 00 01 082f6f6e653f783d31 01 00 01 0f3132372e302e302e313a3532323137 03 04686f7374 01"
        " 0f3132372e302e302e313a3532323137 0a757365722d6167656e74 01 0b6375726c2f372e38382e31"
        " 06616363657074 01 032a2f2a",
        "00 00 00 c801 02 0c636f6e74656e742d74797065 01 0a746578742f706c61696e 05782d6c6162 01 0131",
    ),
    "post": (
        f"00 00 {REQUEST_TAIL}",
        "00 00 00 c801 02 0c636f6e74656e742d74797065 01 0a746578742f706c61696e 05782d6c6162 01 0131",
    ),
    "wash": (
        "00 00 00 01 012f 01 00 01 066c61623a3830 00",
        "00 00 00 f403 01 0c636f6e74656e742d74797065 01 0a746578742f706c61696e",
    ),
    "failed": ("00 00 00 01 012f 01 00 01 066c61623a3830 00", "01 26 01 04626f6f6d"),
    "refused": ("00 00 00 01 012f 01 00 01 066c61623a3830 00", "01 06"),
}


@pytest.mark.parametrize("name", HTTP)
def test_a_recorded_http_exchange_survives(name: str) -> None:
    codec = function_codec(HANDLE)
    p, r = (bytes.fromhex(text) for text in HTTP[name])
    params, result = codec.params_decoder(), codec.result_decoder()
    assert params.feed(p) and params.values is not None
    assert codec.encode_params(params.values)[0] == p
    assert result.feed(r) and result.values is not None
    assert codec.encode_result(result.values[0])[0] == r


def test_http_values_are_those_of_the_page() -> None:
    codec = function_codec(HANDLE)
    params, result, error = codec.params_decoder(), codec.result_decoder(), codec.result_decoder()
    params.feed(bytes.fromhex(HTTP["post"][0]))
    assert params.values is not None
    request = params.values[0]
    assert request.method == Case("post") and request.path_with_query == "/two"
    assert dict(request.headers)["content-length"] == [b"7"]
    result.feed(bytes.fromhex(HTTP["wash"][1]))
    assert result.values is not None and result.values[0].value.status == 500
    error.feed(bytes.fromhex(HTTP["failed"][1]))
    assert error.values == (Err(Case("internal-error", "boom")),)


CHANNELS: list[tuple[Type, str, Any]] = [
    (Stream(U8), "07 7061796c6f6164 00", b"payload"),
    (Stream(U8), "0a626c6f622d6279746573 00", b"blob-bytes"),
    (Stream(U8), "00", b""),
    (Stream(STRING), "01 026f31 00", ["o1"]),
]


@pytest.mark.parametrize(("type", "hexed", "content"), CHANNELS)
def test_a_recorded_stream_has_this_content(type: Stream, hexed: str, content: Any) -> None:
    wire = bytes.fromhex(hexed)
    made = StreamDecoder(type, (0,))
    assert made.feed(wire) == content
    assert made.done and made.clean
    chunk = encode_chunk(type, content)[0] if content else b""
    assert chunk + encode_chunk(type, b"")[0] == wire


def test_a_recorded_future_has_this_content() -> None:
    outcome = Future(Result(None, STRING))
    made = FutureDecoder(outcome, (0,))
    assert made.feed(b"\x00") and made.value == Ok()
    assert encode_item(outcome, Ok())[0] == b"\x00"
    trailers = FutureDecoder(Future(Option(List(U8))), (0, 1))
    assert trailers.feed(b"\x00") and trailers.value is None


TRANSCRIPTS: list[tuple[Function, tuple[Any, ...], str, Any, str]] = [
    (Function("hello", (), STRING), (), "", "hello from Rust", "0f68656c6c6f2066726f6d2052757374"),
    (Function("put", (("data", List(U8)), ("note", Option(STRING))), Result(U32, STRING)),
     (bytes.fromhex("deadbeef"), "abc"), "04deadbeef 0103616263", Ok(4), "00 04"),
    (Function("put", (("data", List(U8)), ("note", Option(STRING))), Result(U32, STRING)),
     (bytes(10_000), None), "904e" + "00" * 10_001, Err("bad"), "01 03626164"),
    (Function("put", (("data", List(U8)), ("note", Option(STRING))), Result(U32, STRING)),
     (b"", None), "00 00", Ok(10_000), "00 904e"),
    (Function("tail", (("name", STRING),), Result(Stream(U8), STRING)), ("sys",), "03737973",
     Ok(Pending((0,), Stream(U8))), "00 00"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "args", "p", "result", "r"), TRANSCRIPTS)
def test_a_transcript_has_these_bytes(
    f: Function, args: tuple[Any, ...], p: str, result: Any, r: str
) -> None:
    round_trip(f, args, p, result, r)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 20, 24, 25, 31, 32, 33, 56, 64, 65, 120])
def test_flags_take_a_byte_for_eight_names(count: int) -> None:
    names = tuple(f"f{i}" for i in range(count))
    type = Record("r", (("f", Flags("f", names)), ("after", U8)))
    f = Function("f", (("r", type),), type)
    size = (count + 7) // 8
    for chosen in ({names[0], names[-1]}, set(), set(names)):
        bits = sum(1 << names.index(name) for name in chosen)
        wire = bytes(bits.to_bytes(size, "little")) + b"\x07"
        assert function_codec(f).encode_params([{"f": chosen, "after": 7}])[0] == wire
        made = function_codec(f).params_decoder()
        assert made.feed(wire) and made.values is not None
        assert made.values[0].f == chosen and made.values[0].after == 7


def test_options_of_options_are_told_apart() -> None:
    type = Option(Option(Option(U8)))
    f = Function("f", (("a", type),), type)
    for value, hexed in ((None, "00"), (Some(None), "0100"), (Some(Some(None)), "010100"),
                         (Some(Some(5)), "01010105")):  # fmt: skip
        round_trip(f, (value,), hexed, value, hexed)


def test_every_recorded_channel_re_encodes_to_its_bytes() -> None:
    seen: Counter[str] = Counter()
    for exchange in exchanges():
        instance, _, name = exchange.subject.partition(".wrpc.0.0.1.")[2].rpartition(".")
        codec = function_codec(function(instance, name))
        for way, base, types in ((">", ".params", codec.param_channels),
                                 ("<", ".results", codec.result_channels)):  # fmt: skip
            for path, messages in exchange.channels(way, base).items():
                wire = b"".join(messages)
                type = types.get(path)
                assert (type is None) == (not wire), "only intermediate nodes carry nothing"
                if type is not None:
                    seen[str(type)] += 1
                    assert re_encoded(type, wire) == wire
    # Bodies of requests and responses, objects and their names, trailers and outcomes.
    assert seen == {
        "stream<u8>": 60, "future<option<list<tuple<string, list<list<u8>>>>>>": 58,
        "stream<string>": 1, "future<result<_, string>>": 3,
    }  # fmt: skip


def re_encoded(type: Stream | Future, wire: bytes) -> bytes:
    if isinstance(type, Future):
        assert type.item is not None
        value, rest = first_of(type.item, wire)
        assert not rest
        return encode_item(type, value)[0]
    assert type.item is not None
    chunks = b""
    while wire:
        items, wire = first_of(List(type.item), wire)
        chunks += encode_chunk(type, items)[0]
    return chunks


def first_of(type: Type, wire: bytes) -> tuple[Any, bytes]:
    made = decoder(type)()
    assert made.feed(wire) and made.values is not None
    return made.values[0], wire[len(wire) - made.trailing :]
