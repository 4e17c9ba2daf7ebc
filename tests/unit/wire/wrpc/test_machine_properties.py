"""A caller and a callee machine with a network in between that does what it likes.

Order holds within one subject and nowhere else (wrpc.md §5.3). A perfect network, however it
mixes the subjects, gives the value; one that loses, repeats or cuts gives the value or an error.
It never gives both, and with time running out it always gives one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import CallError, RemoteError, ValueMismatch
from workbench.wire.wit.types import (
    S32,
    STRING,
    U8,
    U32,
    Function,
    Future,
    List,
    Result,
    Stream,
    Tuple,
)
from workbench.wire.wit.values import Err, Ok
from workbench.wire.wrpc import Pending, function_codec
from workbench.wire.wrpc.calls import (
    Answered,
    CallName,
    Closed,
    Failed,
    Items,
    Output,
    Params,
    Publish,
    SendChannel,
)  # fmt: skip
from workbench.wire.wrpc.channel import STREAM_END, encode_chunk, encode_item
from workbench.wire.wrpc.inbound import EARLY_BYTES
from workbench.wire.wrpc.machine import CalleeMachine, CallerMachine, Waiting

NAME = CallName("t", "a:b/c", "f")
CLOSED = object()

# A function, its arguments and what it answers with; streams as lists of their items.
CALLS: list[tuple[Function, list[Any], Any]] = [
    (Function("add", (("a", S32), ("b", S32)), S32), [1, -70000], -69999),
    (Function("nothing"), [], None),
    (Function("echo", (("data", List(U8)),), List(U8)), [bytes(range(250))], bytes(300)),
    (Function("may", (("x", STRING),), Result(U32, STRING)), ["x" * 200], Err("no")),
    (Function("up", (("body", Stream(U8)), ("n", U32)), U32), [b"abc" * 50, 7], 150),
    (Function("down", (), Result(Tuple((Stream(U8), Future(Result(None, STRING)))))), [],
     Ok((b"hello" * 30, Err("late")))),
    (Function("pipe", (("in", Stream(STRING)),), Stream(U32)), [["a", "bc", ""]], [1, 2, 3]),
    (Function("many", (("parts", List(Stream(U8))),), Future(U32)), [[b"x", b"", b"yz"]], 4),
]  # fmt: skip


def messages_of(out: SendChannel, size: int) -> list[Publish]:
    """What a sender of a stream or future publishes, in slices of any size."""
    if isinstance(out.type, Stream):
        wire = b""
        for start in range(0, len(out.value), 7):
            wire += encode_chunk(out.type, out.value[start : start + 7])[0]
        wire += STREAM_END
    else:
        wire = encode_item(out.type, out.value)[0]
    parts = [Publish(out.subject, wire[i : i + size]) for i in range(0, len(wire), size)]
    return [*parts, Publish(out.subject)]


@dataclass
class Side:
    """One machine, and what it has told."""

    machine: Any
    told: list[Output] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        return [out for out in self.told if isinstance(out, kind)]

    def content(self) -> dict[tuple[int, ...], Any]:
        found: dict[tuple[int, ...], Any] = {}
        for out in self.of(Items):
            found[out.path] = found[out.path] + out.items if out.path in found else out.items
        return found


class Network:
    """Two machines; messages wait in a queue for each subject until one is chosen."""

    def __init__(self, call: tuple[Function, list[Any], Any], size: int) -> None:
        function, args, self.answer = call
        codec = function_codec(function)
        self.size = size
        self.queues: dict[str, deque[Publish]] = {}
        self.caller = Side(
            CallerMachine(codec, args, name=NAME, subject="t", inbox="R", headers=None,
                          max_payload=size)
        )  # fmt: skip
        self.callee = Side(CalleeMachine(codec, name=NAME, inbox="S", reply="R", max_payload=size))
        self.carry_out(self.caller, self.caller.machine.start())

    def carry_out(self, side: Side, outputs: list[Output]) -> None:
        side.told += outputs
        for out in outputs:
            if isinstance(out, Publish):
                self.queues.setdefault(out.subject, deque()).append(out)
            elif isinstance(out, SendChannel):
                self.queues.setdefault(out.subject, deque()).extend(messages_of(out, self.size))
            elif isinstance(out, Params):
                self.carry_out(side, side.machine.finish(self.answer))

    @property
    def subjects(self) -> list[str]:
        return sorted(subject for subject, queue in self.queues.items() if queue)

    def take(self, subject: str) -> Publish:
        return self.queues[subject].popleft()

    def deliver(self, message: Publish) -> None:
        subject, data = message.subject, message.data
        if subject == "t":
            self.carry_out(self.callee, self.callee.machine.start(data))
        elif subject[0] == "R":
            outputs = self.caller.machine.receive(subject[1:], data, reply=message.reply)
            self.carry_out(self.caller, outputs)
        else:
            self.carry_out(self.callee, self.callee.machine.receive(subject[1:], data))

    def time_runs_out(self) -> None:
        """What the clocks of both skins do, one after another."""
        self.carry_out(self.caller, self.caller.machine.timeout(Waiting.HANDSHAKE, 1.0))
        self.carry_out(self.caller, self.caller.machine.timeout(Waiting.ANSWER, 1.0))
        self.carry_out(self.callee, self.callee.machine.timeout(1.0))
        self.carry_out(self.caller, self.caller.machine.abort(CallError("the stream is idle")))
        self.carry_out(self.callee, self.callee.machine.close_channels())


def plain(value: Any, content: dict[tuple[int, ...], Any]) -> Any:
    """The value with what came on its channels in place of the pending ones."""
    if isinstance(value, Pending):
        found = content.get(value.path, b"" if value.type == Stream(U8) else [])
        return found[0] if isinstance(value.type, Future) else found
    if isinstance(value, Ok | Err):
        return type(value)(plain(value.value, content))
    if isinstance(value, list | tuple):
        return type(value)(plain(item, content) for item in value)
    return value


calls = st.sampled_from(CALLS)
sizes = st.sampled_from([1, 2, 3, 8, 64, 4096])


@given(calls, sizes.map(lambda size: size + 2), st.data())
def test_any_order_between_the_subjects_gives_the_value(
    call: tuple[Function, list[Any], Any], size: int, data: st.DataObject
) -> None:
    network = Network(call, size)
    while subjects := network.subjects:
        network.deliver(network.take(data.draw(st.sampled_from(subjects))))
    (params,) = network.callee.of(Params)
    assert list(plain(params.args, network.callee.content())) == call[1]
    (answer,) = network.caller.of(Answered)
    assert plain(answer.value, network.caller.content()) == call[2]
    assert network.caller.machine.finished and network.callee.machine.finished
    assert not network.caller.of(Failed) and not network.callee.of(Failed)
    assert all(closed.error is None for closed in network.caller.of(Closed))


FATES = ("deliver", "deliver", "deliver", "lose", "repeat", "cut", "garbage", "delay")


@given(calls, sizes.map(lambda size: size + 2), st.data())
def test_a_network_that_loses_repeats_and_cuts_ends_in_a_value_or_an_error(
    call: tuple[Function, list[Any], Any], size: int, data: st.DataObject
) -> None:
    network = Network(call, size)
    for _ in range(200):
        subjects = network.subjects
        if not subjects:
            break
        message = network.take(data.draw(st.sampled_from(subjects)))
        match data.draw(st.sampled_from(FATES)):
            case "deliver":
                network.deliver(message)
            case "repeat":
                network.deliver(message)
                network.deliver(message)
            case "cut":
                network.deliver(message._replace(data=message.data[: len(message.data) // 2]))
            case "garbage":
                network.deliver(message._replace(data=data.draw(st.binary(max_size=8))))
            case "delay":
                network.queues[message.subject].append(message)
            case _:
                pass
    network.time_runs_out()
    caller, callee = network.caller, network.callee
    assert len(caller.of(Answered)) + len(caller.of(Failed)) == 1
    assert len(callee.of(Params)) <= 2, "a request that comes twice is two calls"
    assert caller.machine.finished
    for out in [*caller.told, *callee.told]:
        if isinstance(out, Failed | Closed) and out.error is not None:
            assert isinstance(out.error, RemoteError | CallError), out
    # Whatever comes now is nobody's business any more.
    told = len(caller.told)
    for tail in ("", ".results", ".results.0", ".results.0.1"):
        network.carry_out(caller, caller.machine.receive(tail, b"\x01", reply="S"))
    assert len(caller.told) == told


@given(calls, st.integers(min_value=0, max_value=30), st.data())
def test_a_caller_that_gives_up_still_ends_its_parameters_and_then_hears_nothing(
    call: tuple[Function, list[Any], Any], steps: int, data: st.DataObject
) -> None:
    network = Network(call, 10)
    for _ in range(steps):
        if subjects := network.subjects:
            network.deliver(network.take(data.draw(st.sampled_from(subjects))))
    had = len(network.caller.of(Answered))
    network.carry_out(network.caller, network.caller.machine.cancel())
    while subjects := network.subjects:
        network.deliver(network.take(data.draw(st.sampled_from(subjects))))
    assert len(network.caller.of(Answered)) == had
    ends = [out for out in network.caller.of(Publish) if out == Publish("S.params")]
    assert len(ends) == 1, "no callee may wait for the rest of the parameters"
    assert network.caller.machine.finished


def test_what_comes_before_its_announcement_is_kept_within_bounds_and_then_let_go() -> None:
    machine = CallerMachine(
        function_codec(CALLS[5][0]), [], name=NAME, subject="t", inbox="R", headers=None,
        max_payload=1 << 20,
    )  # fmt: skip
    machine.start()
    part, accepted = bytes(1 << 20), 0
    while not (outputs := machine.receive(".results.0.0", part)):
        accepted += len(part)
        assert accepted <= EARLY_BYTES
    (failed,) = (out for out in outputs if isinstance(out, Failed))
    assert isinstance(failed.error, RemoteError)
    inbound = machine._results.inbound
    assert inbound is not None and not inbound._early
    for _ in range(3):
        assert machine.receive(".results.0.0", part) == []
    assert not inbound._early


def test_a_callee_that_failed_keeps_nothing_of_what_still_comes() -> None:
    machine = CalleeMachine(
        function_codec(CALLS[4][0]), name=NAME, inbox="S", reply="R", max_payload=1 << 20
    )
    machine.start(b"")
    machine.timeout(1.0)
    machine.receive(".params.0", bytes(1000))
    inbound = machine._params.inbound
    assert inbound is not None and not inbound._early


def test_a_function_that_returns_what_does_not_fit_has_not_answered_yet() -> None:
    network = Network(CALLS[0], 100)
    network.answer = "no number"
    with pytest.raises(ValueMismatch):
        network.deliver(network.take("t"))
    outputs = network.callee.machine.fail(CallError("that did not fit"))
    assert outputs[0] == Publish("R.results")
