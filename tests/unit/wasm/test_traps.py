"""Why a guest stopped: its own words, its frames, what counts as evidence for a limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import Trap
from workbench.wasm import Component, Engine, wat_to_bytes
from workbench.wasm.backtrace import frames_of, telling_frames
from workbench.wasm.capi import WasmError
from workbench.wasm.last_words import LastWords, last_words
from workbench.wasm.traps import _largest_linear_memory, explain

_MAPS = """\
7f00c4000000-7f00c6000000 ---p 00000000 00:00 0
7f00c6000000-7f00c6600000 rw-p 00000000 00:01 7 /memfd:wasm-memory-image (deleted)
7f00c6600000-7f00c6800000 rw-p 00000000 00:00 0
7f00c6800000-7f01c8000000 ---p 00000000 00:00 0
7f01c8000000-7f01f8000000 rw-p 00000000 00:00 0
7f01f8000000-7f01fc000000 ---p 00000000 00:00 0
7f01fd000000-7f02fd000000 rw-p 00000000 00:00 0
"""


def test_only_a_memory_between_guard_and_reservation_counts(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(_MAPS)
    assert _largest_linear_memory(maps) == 8 << 20
    assert _largest_linear_memory(tmp_path / "none") == 0


_RUST = """error while executing at wasm backtrace:
    0:   0x63b0 - cmd.wasm!abort
    1:   0x2985 - cmd.wasm!__rustc[b7974e8690430dd9]::rust_panic
    2:   0x1dfa - cmd.wasm!std[d123b7a1a2ed1472]::panicking::panic_with_hook
    3:    0xf48 - cmd.wasm!cmd::inner::Thing<T>::check::he1be9a0633fc6c24
    4:    0xd2d - <unknown>!<wasm function 7>
    5:    0xcdc - cmd.wasm!_start

Caused by:
    wasm trap: wasm `unreachable` instruction executed
"""


def test_frames_are_demangled_and_the_runtimes_own_are_left_out() -> None:
    error = WasmError("", _RUST, ("mangled",) * 6)
    frames = frames_of(error)
    assert frames[1] == "__rustc::rust_panic in cmd.wasm @ 0x2985" and len(frames) == 6
    assert telling_frames(frames) == [
        "cmd::inner::Thing<T>::check in cmd.wasm @ 0xf48",
        "function 7 @ 0xd2d",
    ]
    assert telling_frames(frames[:2]) == frames[:2]


def test_a_text_without_frames_leaves_those_of_the_interface() -> None:
    assert frames_of(WasmError("x", "something else", ("f @ 0x1",))) == ["f @ 0x1"]


def test_what_a_guest_reports_is_told_apart_from_what_else_it_wrote() -> None:
    python = ["note", "Traceback (most recent call last):", '  File "/0/app.py", line 4, in f',
              "KeyError: 'x'", "thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1:2:",
              "Python function threw an unexpected exception"]  # fmt: skip
    words = last_words(python)
    assert words == LastWords("raised KeyError: 'x'", (python[2],), ("note",))
    script = ["x is undefined", "Stack:", "  f@a.js:4:33", "  g@/t/initializer.js:2:1", "after"]
    assert last_words(script) == LastWords("threw x is undefined", ("  f@a.js:4:33",), ("after",))
    rust = ["thread 'main' panicked at src/a.rs:1:2:", "boom", "note: run with `RUST_BACKTRACE=1`"]
    assert last_words(rust) == LastWords("panicked at src/a.rs:1:2: boom", (), ())
    for lines in ([], ["Stack:"], ["Traceback (most recent call last):"], ["plain"]):
        assert last_words(lines) is None


def test_a_trap_names_the_call_the_reason_and_the_frames(engine: Engine) -> None:
    text = """(component (core module $m
        (func $checked_div (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_u)
        (func (export "f") (param i32) (result i32) i32.const 1 local.get 0 call $checked_div))
      (core instance $i (instantiate $m))
      (func (export "f") (param "n" u32) (result u32) (canon lift (core func $i "f"))))"""
    with pytest.raises(Trap, match=r"^f trapped: integer divide by zero") as caught:
        Component.open(wat_to_bytes(text), engine=engine).run("f", 0)
    error = caught.value
    assert error.function == "f" and error.reason == "integer divide by zero"
    assert error.backtrace[0].startswith("checked_div in m @ 0x") and error.stderr == []
    assert "at checked_div" in error.hint


def test_an_error_that_was_only_logged_is_not_taken_for_the_reason_of_another_trap() -> None:
    class State:
        exception = None
        stderr = ("Traceback (most recent call last):", '  File "a.py", line 1', "KeyError: 1")

    def message(reason: str) -> str:
        return str(explain(State(), WasmError(reason, "", ()), "f")).splitlines()[0]  # type: ignore[arg-type] # what it reads of a state

    assert message("integer divide by zero") == "f trapped: integer divide by zero"
    assert message("wasm `unreachable` instruction executed") == "f raised KeyError: 1"
