"""Bytes that travel as text: they arrive as they were, and nobody can tell the difference."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies_wit import values
from tests.unit.wasm.conftest import TINY_API, wat
from tests.unit.wasm.generated import LIBC, OPTIONS, echo_component, plain, relay_component
from tests.unit.wasm.hostile import guests
from workbench.errors import InvalidComponent, Trap, ValueMismatch
from workbench.wasm import Engine, ImportsBase, ObjectImports, wat_to_bytes
from workbench.wasm.binary import HEADER, section
from workbench.wasm.carrier import rewritten
from workbench.wire.wit.types import (
    F64,
    STRING,
    U8,
    U32,
    Function,
    Interface,
    List,
    Option,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Err, Ok, record_class

BYTES = List(U8)
CARRIED = [
    BYTES,
    Option(BYTES),
    Option(Option(BYTES)),
    Result(BYTES, STRING),
    Result(None, BYTES),
    Tuple((STRING, BYTES, U32, Option(STRING))),
    List(Tuple((STRING, BYTES))),
    Record("t1", (("name", STRING), ("data", BYTES))),
    Tuple((Record("t1", (("name", STRING), ("data", BYTES))), BYTES, List(F64))),
    Tuple((Variant("t1", (("a", BYTES), ("b", STRING), ("c", None))), Option(BYTES))),
]
NOT_CARRIED = [
    Tuple((Tuple((STRING,)), BYTES)),
    Tuple((List(STRING),)),
]


class Echo(ImportsBase):
    def provides(self, instance: str, name: str) -> bool:
        return True

    def is_sync(self, instance: str) -> bool:
        return True

    def call_sync(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        return args[0]


@pytest.mark.parametrize("type", CARRIED + NOT_CARRIED, ids=str)
def test_whatever_holds_bytes_comes_back_as_it_was(engine: Engine, type: Type) -> None:
    made = []
    for text, name in ((echo_component(type), "echo"), (relay_component(type), "relay")):
        component = engine.load_blocking(wat_to_bytes(text))
        params = component.functions["", name].function.params
        # An import at the root of a world loses the names of its types.
        assert repr(params).replace("'t1'", "''") == repr((("v", List(type)),)).replace(
            "'t1'", "''"
        )
        assert bool(component.found.carried) == (type in CARRIED)
        made.append((component.instantiator(Echo()), name))

    @settings(max_examples=25, deadline=None)
    @given(st.lists(values(type), max_size=4))
    def comes_back(sent: Any) -> None:
        for instantiator, name in made:
            assert plain(instantiator.call_inline("", name, (sent,))) == plain(sent)

    comes_back()
    for instantiator, _ in made:
        instantiator.close_blocking()


def test_every_byte_and_every_length_comes_back(engine: Engine) -> None:
    seeded = random.Random(5)
    tiny = engine.load_blocking(wat("tiny")).instantiator()
    assert list(tiny.component.found.carried) == [(TINY_API, "echo")]
    for size in (0, 1, 2, 3, 255, 256, 4095, 65_537):
        for data in (bytes(size), seeded.randbytes(size), b"\xff" * size):
            assert tiny.call_inline(TINY_API, "echo", (data,)) == data
    large = os.urandom(12_000_000)  # three times what wasmtime moves as a list
    assert tiny.call_inline(TINY_API, "echo", (large,)) == large
    with pytest.raises(ValueMismatch):
        tiny.call_inline(TINY_API, "echo", ("text",))


SOURCE = """(import "test:a/source@1.0.0" (instance $source
    (type $bytes (list u8)) (type $maybe (option $bytes))
    (export "get" (func (param "key" string) (result $maybe)))
    (export "put" (func (param "key" string) (param "value" $bytes)))))"""
COMPOSED = f"""(component
  {SOURCE}
  (component $inner
    {SOURCE}
    {LIBC}
    (core func $get (canon lower (func $source "get") {OPTIONS}))
    (core func $put (canon lower (func $source "put") {OPTIONS}))
    (core module $m
      (import "libc" "mem" (memory 1))
      (import "h" "get" (func $get (param i32 i32 i32)))
      (import "h" "put" (func $put (param i32 i32 i32 i32)))
      (func (export "copy") (param i32 i32 i32 i32)
        (call $get (local.get 0) (local.get 1) (i32.const 16))
        (if (i32.load8_u (i32.const 16)) (then
          (call $put (local.get 2) (local.get 3)
            (i32.load (i32.const 20)) (i32.load (i32.const 24)))))))
    (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "h" (instance
      (export "get" (func $get)) (export "put" (func $put))))))
    (func (export "copy") (param "from" string) (param "to" string)
      (canon lift (core func $i "copy") {OPTIONS})))
  (instance $made (instantiate $inner (with "test:a/source@1.0.0" (instance $source))))
  (export "copy" (func $made "copy")))"""
"""A component in a component, which reads and writes through an import of the outer one."""


class Store(ImportsBase):
    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = content

    def provides(self, instance: str, name: str) -> bool:
        return instance == "test:a/source@1.0.0"

    def is_sync(self, instance: str) -> bool:
        return True

    def call_sync(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        if function.name == "get":
            return self.content.get(args[0])
        self.content[args[0]] = args[1]
        return None


def test_imports_of_a_component_in_a_component_carry_bytes_and_texts(engine: Engine) -> None:
    component = engine.load_blocking(wat_to_bytes(COMPOSED))
    assert {name for _, name in component.found.carried} == {"get", "put"}
    store = Store({"schlüssel": bytes(range(256)) * 20})
    instantiator = component.instantiator(store)
    instantiator.call_inline("", "copy", ("schlüssel", "日本"))
    assert store.content["日本"] == store.content["schlüssel"]
    instantiator.call_inline("", "copy", ("absent", "x"))
    assert "x" not in store.content


MESSAGING = f"""(component
  (import "test:m/types@1.0.0" (instance $types
    (type $body (list u8)) (export "body" (type $body' (eq $body)))
    (type $r (record (field "subject" string) (field "body" $body') (field "reply" (option string))))
    (export "message" (type (eq $r)))))
  (alias export $types "message" (type $message))
  (import "test:m/consumer@1.0.0" (instance $consumer
    (alias outer 1 $message (type $m)) (export "message" (type $m' (eq $m)))
    (export "publish" (func (param "m" $m') (result (result (error string)))))))
  {LIBC}
  (core func $publish (canon lower (func $consumer "publish") {OPTIONS}))
  (core module $m
    (import "libc" "mem" (memory 1))
    (import "h" "publish" (func $publish (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
      (call $publish (local.get 0) (local.get 1) (local.get 2) (local.get 3)
        (local.get 4) (local.get 5) (local.get 6) (i32.const 16))
      (i32.const 16)))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "h" (instance
    (export "publish" (func $publish))))))
  (func (export "handle") (param "m" $message) (result (result (error string)))
    (canon lift (core func $i "handle") {OPTIONS})))"""
"""As a component of wasmcloud:messaging: a record with bytes that three interfaces share."""


def test_a_record_with_bytes_that_interfaces_share_is_carried(engine: Engine) -> None:
    component = engine.load_blocking(wat_to_bytes(MESSAGING))
    assert {name for _, name in component.found.carried} == {"publish", "handle"}
    message = component.functions["", "handle"].function.params[0][1]
    assert message == Record(
        "message", (("subject", STRING), ("body", BYTES), ("reply", Option(STRING)))
    )
    types = component.imports["test:m/types@1.0.0"]
    assert isinstance(types, Interface) and types.types["message"] == message

    def publish(message: Any) -> Any:
        published.append(message)
        return Err("größer") if message.subject == "nö" else Ok()

    published: list[Any] = []
    instantiator = component.instantiator(ObjectImports({"test:m/consumer": {"publish": publish}}))
    sent = record_class(message)("α", bytes(range(256)) * 50, "ü")
    assert instantiator.call_inline("", "handle", (sent,)) == Ok()
    assert published == [sent]
    refused = record_class(message)("nö", b"", None)
    assert instantiator.call_inline("", "handle", (refused,)) == Err("größer")


def test_of_wasi_only_what_a_guest_sends_is_carried(engine: Engine) -> None:
    """Adapters of older toolchains give exactly the room that the bytes they read need."""
    writes = engine.load_blocking(wat_to_bytes(guests.WRITES)).found.carried
    assert [name for _, name in writes] == ["[method]output-stream.blocking-write-and-flush"]
    both = engine.load_blocking(wat("http")).found.carried
    assert both and not any("input-stream" in name for _, name in both)


def test_what_a_guest_writes_arrives(engine: Engine) -> None:
    lines: list[str] = []
    guest = engine.load_blocking(wat_to_bytes(guests.WRITES)).instantiator(
        on_log=lambda stream, line, ctx: lines.append(line)
    )
    guest.call_inline("", "write", (2, 0xE9))
    assert "".join(lines) == "\ufffd" * 8192


BAD_TEXT = f"""(component {LIBC}
  (core module $m
    (import "libc" "mem" (memory 1))
    (func (export "f") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (i32.const 32))
      (i32.store (i32.const 20) (LENGTH))
      (i32.store (i32.const 32) (i32.const 0xfffefdfc))
      (i32.const 16)))
  (core instance $i (instantiate $m (with "libc" (instance $libc))))
  (func (export "f") (param "v" (list u8)) (result string)
    (canon lift (core func $i "f") {OPTIONS})))"""


@pytest.mark.parametrize("length", ["i32.const 4", "i32.const 0x80000002", "i32.const 0x7fffffff"])
def test_a_broken_string_is_a_trap_as_ever(engine: Engine, length: str) -> None:
    component = engine.load_blocking(wat_to_bytes(BAD_TEXT.replace("LENGTH", length)))
    assert component.found.carried
    with pytest.raises(Trap):
        component.instantiator().call_inline("", "f", (b"abc",))


def test_what_is_not_understood_is_left_alone() -> None:
    data = wat("tiny")
    assert rewritten(wat("imports")) is None  # no bytes in it
    assert rewritten(data) is not None
    seeded = random.Random(3)
    for _ in range(300):
        bad = bytearray(data)
        bad[seeded.randrange(8, len(bad))] = seeded.randrange(256)
        rewritten(bytes(bad))
        rewritten(data[: seeded.randrange(len(data))])


def test_components_in_components_without_end_are_left_alone() -> None:
    def nested(depth: int) -> bytes:
        data = wat("tiny")
        for _ in range(depth):
            data = HEADER + section(4, data)
        return data

    assert rewritten(nested(3)) is not None
    assert rewritten(nested(200)) is None


def test_a_component_that_does_not_stand_it_is_compiled_as_it_is(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = echo_component(Tuple((BYTES, BYTES, F64)))
    monkeypatch.setattr("workbench.wasm.carrier.rewritten", lambda data: data[:-20])
    component = engine.load_blocking(wat_to_bytes(text))
    assert not component.found.carried
    sent = [(b"a", b"\xff", 0.5)]
    assert component.instantiator().call_inline("", "echo", (sent,)) == sent
    with pytest.raises(InvalidComponent):
        engine.load_blocking(wat_to_bytes(text)[:-30])


def test_python_objects_get_and_give_bytes(engine: Engine) -> None:
    instantiator = engine.load_blocking(wat_to_bytes(relay_component(BYTES))).instantiator(
        ObjectImports({"host": lambda items: [bytes(reversed(item)) for item in items]})
    )
    assert instantiator.call_inline("", "relay", ([b"\xffab", b""],)) == [b"ba\xff", b""]
