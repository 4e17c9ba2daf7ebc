"""Beside wasmtime-py's own path: what it does that ours must not do.

These tests fail on the stock path by construction: they run it and see it fail. When a new
wasmtime-py no longer does, they say so, and `workbench.wasm` can be simpler.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import wasmtime
import wasmtime.component

from workbench.wasm import Engine, ImportsBase, wat_to_bytes
from workbench.wire.wit.types import Function

RAISES = """(component
  (import "fail" (func $fail))
  (core func $fail' (canon lower (func $fail)))
  (core module $m (import "h" "fail" (func $fail)) (func (export "run") (call $fail)))
  (core instance $i (instantiate $m (with "h" (instance (export "fail" (func $fail'))))))
  (func (export "run") (canon lift (core func $i "run"))))"""
THREADS, ROUNDS = 4, 50


@pytest.fixture
def busy_threads() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _swaps(run: Callable[[str], None]) -> int:
    """How often a thread saw another's exception, where each raises its own name in an import."""
    wrong = 0

    def call(name: str) -> None:
        nonlocal wrong
        for _ in range(ROUNDS):
            try:
                run(name)
            except LookupError as error:
                wrong += error.args != (name,)
            except wasmtime.WasmtimeError:
                wrong += 1  # somebody else took it

    threads = [threading.Thread(target=call, args=(str(n),)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


class _Meeting:
    """Lets every thread raise at the same moment."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(THREADS)

    def fail(self, name: str) -> None:
        self._barrier.wait(20)
        raise LookupError(name)


def _stock_swaps() -> int:
    meeting, engine, names = _Meeting(), wasmtime.Engine(), threading.local()
    component = wasmtime.component.Component(engine, wat_to_bytes(RAISES))
    linker = wasmtime.component.Linker(engine)
    with linker.root() as root:
        root.add_func("fail", lambda store: meeting.fail(names.name))

    def run(name: str) -> None:
        names.name = name
        store = wasmtime.Store(engine)
        function = linker.instantiate(store, component).get_func(store, "run")
        assert function is not None
        function(store)

    return _swaps(run)


def _our_swaps(engine: Engine) -> int:
    meeting = _Meeting()

    class Failing(ImportsBase):
        def provides(self, instance: str, name: str) -> bool:
            return True

        def is_sync(self, instance: str) -> bool:
            return True

        def call_sync(
            self, ctx: Any, instance: str, function: Function, args: Sequence[Any]
        ) -> Any:
            meeting.fail(ctx)

    instantiator = engine.load_blocking(wat_to_bytes(RAISES)).instantiator(Failing())
    try:
        return _swaps(lambda name: instantiator.call_inline("", "run", (), ctx=name))
    finally:
        instantiator.close_blocking()


@pytest.mark.usefixtures("busy_threads")
def test_threads_swap_exceptions_on_the_stock_path_and_not_on_ours(engine: Engine) -> None:
    assert _stock_swaps() > 0
    assert _our_swaps(engine) == 0


_FALLEN_BACK = """
import sys, warnings
from pathlib import Path

from workbench.wasm import layout
layout._matches = lambda: False  # as if wasmtime had changed
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from tests.unit.wasm.generated import echo_component
    from workbench.wasm import Engine, wat_to_bytes
    from workbench.wire.wit.types import F64, S16, STRING, U8, U64, Tuple
    engine = Engine(cache_dir=Path(sys.argv[1]), workers=1)
    for type, items in (
        (U8, bytes(range(256))), (S16, [-5, 0, 32767]), (U64, [2**64 - 1]), (F64, [0.5]),
        (STRING, ["", "ß"]), (Tuple((U8, STRING)), [(1, "x")]),
    ):
        instantiator = engine.load_blocking(wat_to_bytes(echo_component(type))).instantiator()
        assert instantiator.call_inline("", "echo", (items,)) == items, type
    engine.close_blocking()
print([str(warning.message) for warning in caught])
"""


def test_a_layout_that_is_not_known_costs_one_warning_and_no_value(tmp_path: Any) -> None:
    """In a process of its own: the check is made once."""
    done = subprocess.run(
        [sys.executable, "-c", _FALLEN_BACK, str(tmp_path / "c")],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("item by item") == 1 and done.stdout.count("', '") == 0
