"""`workbench.Component`: a component file without any lattice."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.wasm.conftest import GOLDEN, TINY, wat
from tests.unit.wasm.generated import relay_component
from tests.unit.wasm.test_instantiator import COUNTERS
from workbench.errors import (
    AmbiguousName,
    ArtifactError,
    InvalidComponent,
    LimitHit,
    MissingImport,
    NotFound,
    Trap,
    WitError,
)
from workbench.wasm import Component, Engine, StoreLimits, wat_to_bytes
from workbench.wasm.output import Printed
from workbench.wire.http import HttpRequest
from workbench.wire.http_reply import HttpReply
from workbench.wire.wit.parse import parse_package
from workbench.wire.wit.types import STRING, U32, Result
from workbench.wire.wit.values import Err


def test_a_text_file_opens_and_runs_under_every_short_name(engine: Engine) -> None:
    tiny = Component.open(TINY, engine=engine)
    assert tiny.name == "tiny" and "lab:tiny/api@0.1.0" in repr(tiny)
    for name in ("lab:tiny/api@0.1.0.add", "lab:tiny/api.add", "api.add", "add"):
        assert tiny.run(name, 1, 2) == 3
    assert tiny.run("add", a=1, b=2) == 3
    assert tiny.run("echo", [1, 2, 255]) == b"\x01\x02\xff"


async def test_it_runs_on_a_loop_too(engine: Engine) -> None:
    assert await Component.open(TINY, engine=engine).arun("add", 1, 2) == 3


async def test_a_blocking_run_with_an_async_import_works_inside_a_running_loop(
    engine: Engine,
) -> None:
    async def twice(n: int) -> int:
        return 2 * n

    component = Component.open(wat("imports"), engine=engine)
    assert component.run("twice-of", 4, imports={**COUNTERS, "twice": twice}) == 8


def test_the_error_side_is_raised(engine: Engine) -> None:
    type = Result(U32, STRING)
    relay = Component.open(wat_to_bytes(relay_component(type)), engine=engine)
    assert relay.run("relay", [Err("no")], imports={"host": lambda v: v}) == [Err("no")]
    with pytest.raises(WitError):
        raise WitError("kept importable")


def test_names_that_fit_nothing_or_too_much_are_errors(engine: Engine) -> None:
    tiny = Component.open(TINY, engine=engine)
    with pytest.raises(NotFound, match="called 'subtract'") as caught:
        tiny.run("subtract")
    assert "lab:tiny/api.add" in caught.value.matches
    twin = """(component (core module $m (func (export "f")))
      (core instance $i (instantiate $m)) (func $f (canon lift (core func $i "f")))
      (instance $x (export "f" (func $f)))
      (export "a:b/one" (instance $x)) (export "a:b/two" (instance $x)))"""
    with pytest.raises(AmbiguousName, match="2 functions"):
        Component.open(wat_to_bytes(twin), engine=engine).run("f")


def test_a_missing_import_is_named_before_the_call_with_what_would_provide_it(
    engine: Engine,
) -> None:
    component = Component.open(wat("imports"), engine=engine)
    with pytest.raises(
        MissingImport, match=r"test:host/counters@1.0.0 \(.*take\), twice"
    ) as caught:
        component.run("count", 1)
    assert "twice" in component.missing({}) and "twice" in caught.value.imports
    assert "imports={'test:host/counters': …}, an object with counter" in caught.value.hint
    assert "imports={'twice': …}" in caught.value.hint


def test_an_import_that_was_meant_is_told_from_one_that_was_not_given(engine: Engine) -> None:
    component = Component.open(wat("imports"), engine=engine)

    def hint(**changes: Any) -> str:
        counters = {**COUNTERS["test:host/counters"], **changes}
        given = {"twice": abs, "test:host/counters": {k: v for k, v in counters.items() if v}}
        with pytest.raises(MissingImport) as caught:
            component.run("count", 1, imports=given)
        return caught.value.hint

    assert "gives has no take (did you mean that by taken?)" in hint(take=None, taken=abs)

    class Counter:
        def __init__(self, start: int) -> None: ...

    assert "gives has no counter.add" in hint(counter=Counter)
    with pytest.raises(MissingImport) as caught:
        component.run("count", 1, imports={"twice": abs, "test:host/countres": {}})
    assert "('test:host/countres' was given)" in caught.value.hint


def test_a_core_module_is_refused_with_an_explanation(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "core.wasm"
    path.write_bytes(wat_to_bytes("(module)"))
    with pytest.raises(InvalidComponent, match="core WebAssembly module") as caught:
        Component.open(path, engine=engine)
    assert "component" in caught.value.hint


def test_its_wit_reads_back(engine: Engine) -> None:
    for name in ("tiny", "http", "imports"):
        text = Component.open(wat(name), engine=engine).wit
        parse_package(text)
        assert "world root" in text
    assert "incoming-handler" in Component.open(wat("http"), engine=engine).wit


async def test_http_is_answered_without_a_lattice(engine: Engine) -> None:
    component = Component.open(wat("http"), engine=engine)
    response = await component.ahttp(HttpRequest("GET", "/long/path"))
    assert (response.status, response.body) == (200, b"hello /long/path")


def test_http_is_asked_without_a_loop_and_inside_one(engine: Engine) -> None:
    component = Component.open(wat("http"), engine=engine)
    assert component.http("get", "long/path").text == "hello /long/path"

    async def in_a_cell_of_jupyter() -> HttpReply:
        return component.http("GET", "/long/path")

    reply = asyncio.run(in_a_cell_of_jupyter())
    assert (reply.status, reply.body) == (200, b"hello /long/path")


async def test_trailers_are_there_when_an_answer_is(engine: Engine) -> None:
    response = await Component.open(wat("http"), engine=engine).ahttp(HttpRequest("GET", "/traile"))
    assert response.trailers is not None
    assert await response.trailers == await response.trailers == [("x-last", b"value")]


def test_a_text_that_begins_with_a_comment_is_text(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "x.wat"
    path.write_text(";; mine\n(component)")
    assert Component.open(path, engine=engine).name == "x"


def test_the_same_bytes_keep_the_name_they_were_opened_with(engine: Engine) -> None:
    one = Component.open(wat("tiny"), name="one", engine=engine)
    other = Component.open(wat("tiny"), name="other", engine=engine)
    assert (one.name, other.name) == ("one", "other")


def test_claims_are_those_of_the_signature(engine: Engine) -> None:
    signed = Component.open(GOLDEN / "tiny-signed.wasm", engine=engine)
    assert signed.claims is not None and signed.claims.subject.startswith("M")
    assert signed.claims.problem(time.time()) == ""
    assert Component.open(TINY, engine=engine).claims is None


def test_exports_read_as_signatures(engine: Engine) -> None:
    tiny = Component.open(TINY, engine=engine)
    assert "lab:tiny/api@0.1.0\n" in repr(tiny.exports)
    assert "  add: func(a: u32, b: u32) -> u32;" in repr(tiny.exports).split("\n")
    assert repr(tiny.imports) == "nothing" and "lab:tiny/api.add" in tiny.functions


def test_a_file_that_is_not_there_says_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nope.wasm can't be read: No such file") as caught:
        Component.open(tmp_path / "nope.wasm")
    assert "paths start at" in caught.value.hint


def test_what_a_guest_writes_is_printed_and_a_trap_keeps_its_last_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = Printed()
    for number in range(25):
        printed("stderr", f"line {number}", None)
    printed("stdout", "out\x1b[2J", None)
    assert capsys.readouterr() == ("out\\x1b[2J\n", "".join(f"line {n}\n" for n in range(5)))
    printed.close(trapped=True)
    assert capsys.readouterr().err == ""
    printed("stderr", "the end", None)
    printed.close(trapped=False)
    assert capsys.readouterr().err == "the end\n"


def test_limits_of_a_component_hold_for_its_calls(engine: Engine) -> None:
    component = Component.open(wat("limits"), engine=engine, limits=StoreLimits(timeout_s=0.05))
    with pytest.raises(LimitHit) as caught:
        component.run("loop")
    assert caught.value.limit == "time" and caught.value.backtrace


def test_an_interrupt_stops_a_guest_that_never_ends(engine: Engine) -> None:
    component = Component.open(wat("limits"), engine=engine, limits=StoreLimits(timeout_s=30))
    main = threading.main_thread().ident
    assert main is not None
    # The guest calls nobody, so nothing tells that it has begun; early is as good as late.
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            component.run("loop")
    finally:
        timer.join()
    with pytest.raises(Trap, match="divide"):
        component.run("divide", 1, 0)
