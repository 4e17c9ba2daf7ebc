"""The machines of a call, whatever the other side sends; and HTTP in the values of a call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fuzz.target import Target
from tests.unit.wire.wrpc.known import exchanges, function
from workbench.errors import RemoteError, WorkbenchError
from workbench.wire import http_wrpc
from workbench.wire.http import HttpError
from workbench.wire.limits import Limits
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
)
from workbench.wire.wit.values import Ok
from workbench.wire.wrpc import FunctionCodec
from workbench.wire.wrpc.calls import CallName, Failed, Params
from workbench.wire.wrpc.machine import CalleeMachine, CallerMachine, Waiting

__all__ = ["TARGETS"]

LIMITS = Limits(bytes=1 << 20, count=1 << 16)
_PAIR = Tuple((Stream(U8), Future(Result(None, STRING))))
_PART = Record("part", (("name", STRING), ("body", Stream(STRING)), ("end", Future(Stream(U8)))))
FUNCTIONS = [
    FunctionCodec(f, LIMITS)
    for f in (
        Function("add", (("a", S32), ("b", S32)), S32),
        Function("nothing"),
        Function("get", (("name", STRING),), Result(_PAIR, STRING)),
        Function("put", (("name", STRING), ("data", Stream(U8))), Result(Future(STRING))),
        Function("many", (("all", List(Stream(U8))),), List(Future(Option(Stream(List(U8)))))),
        Function("parts", (("a", _PART), ("units", Stream())), Tuple((_PART, Stream(_PART)))),
    )
]
ARGS: list[list[Any]] = [
    [1, 2], [], ["x"], ["x", b"body"], [[b"a", b"b"]],
    [{"name": "n", "body": ["s"], "end": b"e"}, [None]],
]  # fmt: skip
NAME = CallName("target", "ns:pkg/iface", "f")
PATHS = ["", ".0", ".1", ".0.0", ".0.1", ".0.2", ".1.0", ".0.0.1", ".9", ".x", ".4294967296"]


def _script(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Two choices and a payload each: a byte for either, a length, the payload."""
    position = 0
    while position + 2 < len(data):
        size = data[position + 2]
        start = position + 3
        yield data[position], data[position + 1], data[start : start + size]
        position = start + size


def _caller(data: bytes) -> None:
    choice = (data[0] if data else 0) % len(FUNCTIONS)
    machine = CallerMachine(
        FUNCTIONS[choice], ARGS[choice], name=NAME, subject="s", inbox="R", headers=None,
        max_payload=4096,
    )  # fmt: skip
    machine.start()
    outputs: list[Any] = []
    for kind, where, payload in _script(data[1:]):
        path = PATHS[where % len(PATHS)]
        match kind % 8:
            case 0:
                outputs += machine.receive("", payload, reply="S")
            case 1:
                outputs += machine.receive("", payload, status=400 + where, description="d")
            case 2 | 3 | 4 | 5:
                outputs += machine.receive(f".results{path}", payload)
            case 6:
                outputs += machine.timeout(list(Waiting)[where % 2], 1.0)
            case _:
                outputs += machine.receive(payload.decode("latin-1"), payload)
    outputs += machine.cancel() if len(data) % 2 else machine.abort(WorkbenchError("closed"))
    _only_our_errors(outputs)


def _callee(data: bytes) -> None:
    choice = (data[0] if data else 0) % len(FUNCTIONS)
    machine = CalleeMachine(FUNCTIONS[choice], name=NAME, inbox="S", reply="R", max_payload=4096)
    outputs: list[Any] = []
    for number, (kind, where, payload) in enumerate(_script(data[1:])):
        path = PATHS[where % len(PATHS)]
        if number == 0:
            outputs += machine.start(payload)
        elif kind % 8 == 7:
            outputs += machine.timeout(1.0)
        else:
            outputs += machine.receive(f".params{path}", payload)
    if any(isinstance(out, Params) for out in outputs) and choice == 0:
        outputs += machine.finish(5)
    outputs += machine.close_channels()
    _only_our_errors(outputs)


def _only_our_errors(outputs: list[Any]) -> None:
    for out in outputs:
        error = getattr(out, "error", None)
        assert error is None or isinstance(error, WorkbenchError)
        assert not isinstance(out, Failed) or error is not None


def _http(data: bytes) -> None:
    as_request = not data or data[0] % 2 == 0
    codec = _HTTP
    made = codec.params_decoder() if as_request else codec.result_decoder()
    if not made.feed(data[1:]) or made.values is None:
        return
    if as_request:
        request = http_wrpc.request_from_wrpc(made.values[0])
        codec.encode_params([http_wrpc.request_to_wrpc(request)])
    else:
        response = http_wrpc.result_from_wrpc(made.values[0])
        codec.encode_result(Ok(http_wrpc.response_to_wrpc(response)))


_HTTP = FunctionCodec(http_wrpc.HANDLE, LIMITS)


def _step(kind: int, path: str, payload: bytes) -> bytes:
    return bytes((kind, PATHS.index(path), min(len(payload), 255))) + payload[:255]


def _caller_seeds() -> Iterator[bytes]:
    answers = [b"\x05", b"", b"\x00\x00\x00", b"\x00\x00", b"\x01\x00", b"\x01n\x00\x00\x00"]
    for choice, answer in enumerate(answers):
        stream = _step(2, ".0.0", b"\x02ab\x00") + _step(2, ".0.1", b"\x00")
        yield (
            bytes((choice,)) + _step(0, "", b"") + _step(2, "", answer) + stream + _step(2, "", b"")
        )
        yield bytes((choice,)) + stream + _step(2, "", answer) + _step(6, ".0", b"")


def _callee_seeds() -> Iterator[bytes]:
    requests = [b"\x01\x02", b"", b"\x01x", b"\x01x\x00", b"\x02\x00\x00", b"\x01n\x00\x00\x00"]
    for choice, request in enumerate(requests):
        yield (bytes((choice,)) + _step(0, "", request) + _step(2, "", b"")
               + _step(2, ".1", b"\x02ab\x00") + _step(2, ".0.1", b"\x01\x01c"))  # fmt: skip


def _http_seeds() -> Iterator[bytes]:
    for exchange in exchanges():
        if "wrpc:http" in exchange.subject:
            assert function("wrpc:http/incoming-handler@0.1.0", "handle") is http_wrpc.HANDLE
            yield b"\x00" + exchange.root(">", ".params")
            yield b"\x01" + exchange.root("<", ".results")


TARGETS = [
    Target("wrpc-caller", _caller, _caller_seeds, allowed=()),
    Target("wrpc-callee", _callee, _callee_seeds, allowed=()),
    Target("wrpc-http", _http, _http_seeds, allowed=(RemoteError, HttpError)),
]
