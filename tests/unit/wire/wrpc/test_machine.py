"""Both machines against the recordings of the real programs, and against hostile peers."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tests.unit.wire.wrpc.known import Exchange, exchanges, function
from workbench.errors import (
    CallError,
    CallTimeout,
    DecodeError,
    HandshakeTimeout,
    IncompleteResults,
    NoResponders,
    RemoteError,
)  # fmt: skip
from workbench.wire import subjects
from workbench.wire.wit.types import (
    S32,
    STRING,
    U8,
    Function,
    Future,
    List,
    Option,
    Record,
    Result,
    Stream,
    Tuple,
)  # fmt: skip
from workbench.wire.wit.values import Case, Ok, RecordValue, record_class
from workbench.wire.wrpc import Pending, function_codec
from workbench.wire.wrpc.calls import (
    Answered,
    CallName,
    Closed,
    Failed,
    FirstByte,
    Handshaken,
    Items,
    Params,
    Publish,
    SendChannel,
)  # fmt: skip
from workbench.wire.wrpc.channel import encode_chunk, encode_item
from workbench.wire.wrpc.leb128 import read_u32
from workbench.wire.wrpc.machine import CalleeMachine, CallerMachine, Waiting

NAME = CallName("t", "a:b/c", "f")


def caller(f: Function, args: list[Any], **changed: Any) -> Any:
    options: dict[str, Any] = {
        "name": NAME, "subject": "default.t.wrpc.0.0.1.a:b/c.f", "inbox": "R", "headers": None,
        "max_payload": 1 << 20,
    }  # fmt: skip
    return CallerMachine(function_codec(f), args, **(options | changed))


def callee(f: Function, **changed: Any) -> Any:
    options: dict[str, Any] = {"name": NAME, "inbox": "S", "reply": "R", "max_payload": 1 << 20}
    return CalleeMachine(function_codec(f), **(options | changed))


def of(outputs: list[Any], kind: type) -> list[Any]:
    return [out for out in outputs if isinstance(out, kind)]


# ---- the recordings


def exchange_id(exchange: Exchange) -> str:
    return f"{exchange.file}-{exchange.step}-{exchange.n}"


@pytest.mark.parametrize("exchange", exchanges(), ids=exchange_id)
def test_a_recorded_call_is_served_and_called_with_the_same_bytes(exchange: Exchange) -> None:
    parts = subjects.parse_invocation(exchange.subject)
    assert parts is not None
    f = function(parts.instance, parts.function)
    assert (
        subjects.invocation(parts.lattice, parts.target, parts.instance, f.name) == exchange.subject
    )
    serving, args = _serve(exchange, f, parts)
    outputs = _call(exchange, f, parts, args)
    for answer in of(outputs, Answered):
        _answer(exchange, serving, answer.value)


def _serve(
    exchange: Exchange, f: Function, parts: subjects.Invocation
) -> tuple[CalleeMachine, tuple[Any, ...]]:
    """The callee machine gets what the recorded caller sent; returns the decoded parameters."""
    name = CallName(parts.target, parts.instance, parts.function)
    machine = callee(f, name=name, inbox=exchange.peer or "S", reply=exchange.reply)
    outputs = machine.start(exchange.payload)
    assert outputs[0] == Publish(exchange.reply, b"", exchange.peer or "S")
    for way, tail, data in exchange.messages:
        if way == ">":
            outputs += machine.receive(tail, data)
    assert not of(outputs, Failed)
    (params,) = of(outputs, Params)
    channels = exchange.channels(">", ".params")
    assert _content(outputs) == {
        p: _plain(f, p, data, False) for p, data in channels.items() if any(data)
    }
    return machine, params.args


def _answer(exchange: Exchange, serving: CalleeMachine, value: Any) -> None:
    """The callee machine answers with the recorded messages, cut at the same places."""
    outputs = serving.finish(value)
    recorded = [d for way, t, d in exchange.messages if (way, t) == ("<", ".results")]
    sent = [out for out in outputs if isinstance(out, Publish)]
    assert [out.data for out in sent] == recorded
    assert {out.subject for out in sent} == {f"{exchange.reply}.results"}
    # Beside the channels, real peers end the nodes between them, which carry nothing.
    channels = {p for p, data in exchange.channels("<", ".results").items() if any(data)}
    assert {out.path for out in outputs if isinstance(out, SendChannel)} == channels


def _content(outputs: list[Any]) -> dict[tuple[int, ...], Any]:
    """What arrived on each channel; each must be closed, cleanly."""
    content: dict[tuple[int, ...], Any] = {}
    for out in outputs:
        if isinstance(out, Items):
            content[out.path] = content[out.path] + out.items if out.path in content else out.items
        elif isinstance(out, Closed):
            assert out.clean and out.error is None
            content.setdefault(out.path, b"")
    return content


def _plain(f: Function, path: tuple[int, ...], messages: list[bytes], results: bool) -> Any:
    """The channel's content, decoded by hand for the types that the recordings hold."""
    codec = function_codec(f)
    type = (codec.result_channels if results else codec.param_channels)[path]
    wire = b"".join(messages)
    if isinstance(type, Future):
        return [_FUTURES[wire]]
    content, position = b"", 0
    items: list[str] = []
    while wire[position]:
        size, position = read_u32(wire, position)
        if type.item == U8:
            content, position = content + wire[position : position + size], position + size
        else:
            for _ in range(size):
                start, position = position + 1, position + 1 + wire[position]
                items.append(wire[start:position].decode())
    return content if type.item == U8 else items


class _Futures(dict[bytes, Any]):
    def __missing__(self, wire: bytes) -> Any:
        raise AssertionError(f"unknown future {wire.hex()}")


_FUTURES = _Futures({b"\x00": None})


def _call(
    exchange: Exchange, f: Function, parts: subjects.Invocation, args: tuple[Any, ...]
) -> list[Any]:
    """The caller machine makes the same request and reads the recorded answer."""
    name = CallName(parts.target, parts.instance, parts.function)
    machine = caller(
        f, list(args), name=name, subject=exchange.subject, inbox=exchange.reply,
        headers=exchange.headers,
    )  # fmt: skip
    request = machine.start()
    assert request == [
        Publish(exchange.subject, exchange.payload, exchange.reply, exchange.headers)
    ]
    outputs: list[Any] = []
    for way, tail, data in exchange.messages:
        if way == "<":
            outputs += machine.receive(tail, data, reply=exchange.peer if not tail else "")
    sent = [out.data for out in of(outputs, Publish)]
    recorded = [d for way, t, d in exchange.messages if (way, t) == (">", ".params")]
    if recorded and not recorded[-1]:
        assert sent == recorded
    _check_answer(exchange, f, machine, outputs)
    return outputs


def _check_answer(
    exchange: Exchange, f: Function, machine: CallerMachine, outputs: list[Any]
) -> None:
    wire = exchange.root("<", ".results")
    if not exchange.peer:
        return
    ended = any((way, t, d) == ("<", ".results", b"") for way, t, d in exchange.messages)
    if not wire and f.result is not None:
        failures = of(outputs, Failed)
        assert [type(f.error) for f in failures] == ([IncompleteResults] if ended else [])
        return
    (answer,) = of(outputs, Answered)
    again, _ = function_codec(f).encode_result(answer.value)
    assert again == wire
    channels = exchange.channels("<", ".results")
    content = {p: _results_content(f, p, d) for p, d in channels.items() if any(d)}
    assert _results_of(outputs) == content
    assert machine.finished


def _results_of(outputs: list[Any]) -> dict[tuple[int, ...], Any]:
    return {
        path: [None if v in (None, Ok()) else v for v in value]
        if isinstance(value, list)
        else value
        for path, value in _content(outputs).items()
    }


def _results_content(f: Function, path: tuple[int, ...], messages: list[bytes]) -> Any:
    return _plain(f, path, messages, True)


def test_the_recordings_hold_every_kind_of_call() -> None:
    steps = {exchange.step for exchange in exchanges()}
    assert {"greet", "numbers", "nested", "bytes-2500000", "boom", "nothing", "blob", "kv-default",
            "http-post", "call-trap"} <= steps  # fmt: skip
    # All of them, recording by recording: the real programs made 92 calls.
    assert Counter(exchange.file for exchange in exchanges()) == {
        "artifacts": 1, "control": 4, "hosts": 8, "http": 2, "invoke": 60, "policy": 4,
        "secrets": 12, "wadm": 1,
    }  # fmt: skip


# ---- transcripts of wrpc.md §11


def test_a_request_over_max_payload_is_cut_as_in_the_transcript() -> None:
    put = Function("put", (("data", List(U8)), ("note", Option(STRING))), Result(U8, STRING))
    machine = caller(
        put, [bytes(10_000), None], inbox="R" * 52, max_payload=4096,
        headers={"source-id": "caller", "link-name": "default"},
    )  # fmt: skip
    (request,) = machine.start()
    assert len(request.data) == 3993
    outputs = machine.receive("", b"", reply="S")
    assert outputs[0] == Handshaken("S")
    assert [len(out.data) for out in outputs[1:]] == [4096, 1914, 0]
    assert {out.subject for out in outputs[1:]} == {"S.params"}


def test_a_function_without_parameters_runs_at_once_and_still_sends_its_end_marker() -> None:
    hello = Function("hello", (), STRING)
    assert of(callee(hello).start(b""), Params) == [Params((), 0)]
    assert caller(hello, []).receive("", b"", reply="S") == [Handshaken("S"), Publish("S.params")]


def test_a_function_without_result_is_answered_by_the_end_marker() -> None:
    nothing = Function("nothing")
    machine = callee(nothing)
    machine.start(b"")
    assert machine.finish(None) == [Publish("R.results")]
    calling = caller(nothing, [])
    calling.receive("", b"", reply="S")
    assert not calling.finished
    assert calling.receive(".results", b"") == [Answered(None, 0)]
    assert calling.finished


TAIL = Function("tail", (("name", STRING),), Result(Stream(U8), STRING))


def test_a_result_stream_reads_as_in_the_transcript() -> None:
    machine = caller(TAIL, ["sys"])
    assert machine.start()[0].data.hex() == "03737973"
    machine.receive("", b"", reply="S")
    outputs = machine.receive(".results", bytes.fromhex("0000"))
    assert outputs == [FirstByte(), Answered(Ok(Pending((0,), Stream(U8))), 2)]
    machine.receive(".results", b"")
    assert machine.receive(".results.0", b"\x02ab") == [Items((0,), b"ab")]
    assert machine.receive(".results.0", b"\x03cde") == [Items((0,), b"cde")]
    assert not machine.finished
    assert machine.receive(".results.0", b"\x00") == [Closed((0,), True)]
    assert machine.finished
    assert machine.receive(".results.0", b"") == []


def test_stream_data_that_comes_before_the_root_is_kept() -> None:
    machine = caller(TAIL, ["sys"])
    assert machine.receive(".results.0", b"\x02ab\x00") == []
    outputs = machine.receive(".results", b"\x00\x00")
    assert outputs[2:] == [Items((0,), b"ab"), Closed((0,), True)]
    assert not machine.finished, "the handshake is still to come, and with it the end marker"
    assert machine.receive("", b"", reply="S")[-1] == Publish("S.params")
    assert machine.finished


def test_a_stream_that_ends_without_terminator_is_not_clean() -> None:
    machine = caller(TAIL, ["sys"])
    machine.receive("", b"", reply="S")
    machine.receive(".results", b"\x00\x00")
    assert machine.receive(".results.0", b"") == [Closed((0,), False)]


def test_an_empty_message_of_an_intermediate_node_ends_nothing() -> None:
    pair = Function("f", (), Result(Tuple((Stream(U8), Future(Option(STRING))))))
    machine = caller(pair, [])
    machine.receive("", b"", reply="S")
    machine.receive(".results.0", b"")
    machine.receive(".results", b"\x00\x00\x00")
    machine.receive(".results.0", b"")
    assert machine.receive(".results.0.0", b"\x01x\x00") == [
        Items((0, 0), b"x"),
        Closed((0, 0), True),
    ]
    machine.receive(".results.0", b"")
    assert machine.receive(".results.0.1", b"\x01\x01y") == [
        Items((0, 1), ["y"]), Closed((0, 1), True),
    ]  # fmt: skip


def test_an_answer_before_the_handshake_and_before_the_parameters_is_taken() -> None:
    add = Function("add", (("a", List(U8)),), S32)
    machine = caller(add, [bytes(9000)], max_payload=4096)
    machine.start()
    assert machine.receive(".results", b"\x05") == [FirstByte(), Answered(5, 1)]
    rest = machine.receive("", b"", reply="S")
    assert [len(p.data) for p in of(rest, Publish)][-1] == 0


def test_streams_in_parameters_are_sent_after_the_handshake() -> None:
    f = Function("f", (("id", STRING), ("data", Stream(U8))))
    machine = caller(f, ["x", b"body"])
    machine.start()
    outputs = machine.receive("", b"", reply="S")
    assert outputs == [
        Handshaken("S"), Publish("S.params"), SendChannel("S.params.1", (1,), Stream(U8), b"body"),
    ]  # fmt: skip


def test_streams_inside_lists_find_their_channels() -> None:
    f = Function("f", (("bodies", List(Stream(U8))),))
    machine = callee(f)
    outputs = machine.start(b"\x02\x00\x00")
    assert of(outputs, Params)[0].args == (
        [Pending((0, 0), Stream(U8)), Pending((0, 1), Stream(U8))],
    )
    assert machine.receive(".params.0.1", b"\x01z\x00") == [
        Items((0, 1), b"z"),
        Closed((0, 1), True),
    ]


def test_a_future_within_a_future_keeps_the_path() -> None:
    machine = caller(Function("f", (), Future(Result(Stream(U8)))), [])
    machine.receive("", b"", reply="S")
    machine.receive(".results", b"\x00")
    outputs = machine.receive(".results.0", b"\x00\x00")
    assert outputs[0] == Items((0,), [Ok(Pending((0,), Stream(U8)))])


def test_a_chunk_and_a_future_encode_as_recorded() -> None:
    assert encode_chunk(Stream(U8), b"payload")[0] == b"\x07payload"
    assert encode_chunk(Stream(STRING), ["o1"])[0].hex() == "01026f31"
    assert encode_chunk(Stream(U8), b"")[0] == b"\x00"
    assert encode_item(Future(Result(None, STRING)), Ok())[0] == b"\x00"


# ---- failures


@pytest.mark.parametrize(
    ("status", "kind"),
    [(503, NoResponders), (408, HandshakeTimeout), (409, IncompleteResults), (500, CallError)],
)
def test_a_status_message_fails_the_call(status: int, kind: type[CallError]) -> None:
    (failed,) = caller(TAIL, ["x"]).receive("", b"", status=status, description="why")
    assert isinstance(failed.error, kind)
    assert failed.error.fields["target"] == "t" and failed.error.fields["function"] == "f"
    assert failed.error.hint


def test_a_handshake_without_inbox_fails_the_call() -> None:
    (failed,) = caller(TAIL, ["x"]).receive("", b"")
    assert isinstance(failed.error, CallError)


def test_an_end_marker_without_answer_means_that_the_callee_failed() -> None:
    machine = caller(Function("f", (), STRING), [])
    machine.receive("", b"", reply="S")
    machine.receive(".results", b"\x05he")
    (failed,) = machine.receive(".results", b"")
    assert isinstance(failed.error, IncompleteResults) and failed.error.received == 3


def test_surplus_bytes_tell_that_the_wit_differs() -> None:
    machine = caller(Function("f", (), U8), [])
    outputs = machine.receive(".results", b"\x01\x02")
    assert isinstance(of(outputs, Failed)[0].error, DecodeError)
    outputs = callee(Function("f", (("a", U8),))).start(b"\x01\x02")
    assert outputs[1] == Publish("R.results")


def test_timeouts_say_what_was_waited_for() -> None:
    machine = caller(TAIL, ["x"])
    (failed,) = machine.timeout(Waiting.HANDSHAKE, 3)
    assert isinstance(failed.error, HandshakeTimeout)
    assert machine.receive("", b"", reply="S") == [Publish("S.params")], "a late handshake"
    machine = caller(TAIL, ["x"])
    machine.receive("", b"", reply="S")
    assert machine.timeout(Waiting.HANDSHAKE, 3) == []
    (failed,) = machine.timeout(Waiting.ANSWER, 10)
    assert isinstance(failed.error, CallTimeout)


def test_a_cancelled_call_ends_its_parameters_when_it_is_taken_up() -> None:
    machine = caller(Function("f", (("a", List(U8)),)), [bytes(9000)], max_payload=4096)
    machine.start()
    assert machine.cancel() == []
    assert machine.receive("", b"", reply="S") == [Publish("S.params")]
    assert machine.finished
    assert machine.receive(".results", b"") == []


def test_parameters_that_end_early_fail_the_call_at_the_callee() -> None:
    machine = callee(Function("f", (("a", STRING),)))
    assert machine.start(b"\x05he") == [Publish("R", b"", "S")]
    outputs = machine.receive(".params", b"")
    assert outputs[0] == Publish("R.results")
    assert isinstance(of(outputs, Failed)[0].error, DecodeError)
    assert machine.finish(None) == []


def test_a_result_is_cut_into_slices() -> None:
    machine = callee(Function("f", (), List(U8)), max_payload=4096)
    machine.start(b"")
    assert [len(out.data) for out in machine.finish(bytes(9000))] == [4096, 4096, 810, 0]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_arrives_a_machine_fails_only_by_its_own_events(seed: int) -> None:
    rng = random.Random(seed)
    tails = ["", ".results", ".results.0", ".results.0.0", ".results.0.1", ".results.x", ".params",
             ".params.0", ".params.0.0", ".params.9999999999", ".other", ".results.", ".params.0..1"]  # fmt: skip
    handle = function("wrpc:http/incoming-handler@0.1.0", "handle")
    for _ in range(200):
        calling, serving = caller(handle, [_request()]), callee(handle)
        outputs = [*calling.start(), *serving.start(rng.randbytes(rng.randrange(30)))]
        for _ in range(12):
            tail = rng.choice(tails)
            data = rng.randbytes(rng.randrange(12)) if rng.random() < 0.7 else b""
            outputs += calling.receive(tail, data, reply=rng.choice(["", "S"]))
            outputs += serving.receive(tail, data)
        for failed in of(outputs, Failed):
            assert isinstance(failed.error, RemoteError | CallError)


def _request() -> RecordValue:
    handle = function("wrpc:http/incoming-handler@0.1.0", "handle")
    record = handle.params[0][1]
    assert isinstance(record, Record)
    return record_class(record)(b"", None, Case("get"), "/", Case("HTTP"), "a", [])
