"""Host functions: what runs when a guest calls an import.

A sync import runs on the guest's own thread. An async one is started as a task on the loop that
the invocation came from, while the thread waits; the invocation owns that task.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from workbench.errors import Trap
from workbench.wasm import capi
from workbench.wasm.imports import Imports
from workbench.wasm.layout import SIZE
from workbench.wasm.store import DEPTH, CallState
from workbench.wasm.values import Arena, NotCanonical, lift_of, lower_of, mismatch
from workbench.wire.wit.types import Function

__all__ = ["LoopCall", "Target", "call_on_loop", "host_function", "imported", "trapping"]

Target = Callable[..., Any]


def host_function(
    function: Function, target: Target, where: str
) -> Callable[[CallState, int, int], None]:
    """What wasmtime calls: lift the arguments, call ``target(state, *args)``, lower the result."""
    lifts = tuple((i * SIZE, lift_of(t)) for i, (_, t) in enumerate(function.params))
    size = len(lifts) * SIZE
    lower = lower_of(function.result) if function.result is not None else None

    def call(state: CallState, args: int, results: int) -> None:
        block = capi.read(args, size) if size else b""
        value = target(state, *[lift(block, at, state) for at, lift in lifts])
        if lower is None:
            return
        arena = Arena(state)
        try:
            image = lower(value, arena)
            # wasmtime frees the result with its own allocator: give it a deep copy.
            capi.val_clone(capi.address_of_bytes(image), results)
        except NotCanonical:
            assert function.result is not None
            raise mismatch(function.result, value, f"the result of {where}") from None
        finally:
            arena.close()

    return call


def imported(imports: Imports, instance: str, function: Function) -> Target:
    """The target for a function that ``imports`` provides."""
    if imports.is_sync(instance):

        def inline(state: CallState, *args: Any) -> Any:
            return imports.call_sync(state.ctx, instance, function, args)

        return inline

    def hop(state: CallState, *args: Any) -> Any:
        return call_on_loop(state, lambda: imports.call(state.ctx, instance, function, args))

    return hop


def trapping(where: str, why: str) -> Target:
    """A target for an import that is known but not available."""

    def trap(state: CallState, *_: Any) -> Any:
        raise Trap(
            f"the component called {where}, {why}",
            reason=f"import {where} is not available", backtrace=[], stderr=list(state.stderr),
        )  # fmt: skip

    return trap


def call_on_loop(state: CallState, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine on the invocation's loop and wait for it on this worker thread."""
    if state.port is None:
        return _run_alone(make)
    call = LoopCall(state, make)
    try:
        state.wait_until(call.is_done)
    finally:
        if not call.done:
            call.cancel()
    return call.result()


class LoopCall:
    """A coroutine that runs on the loop for a guest; started at once, asked for later."""

    __slots__ = ("_error", "_state", "_task", "_value", "done")

    def __init__(self, state: CallState, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        assert state.port is not None
        self._state = state
        self._task: asyncio.Task[Any] | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self.done = False
        state.port.post(self._start, make)

    def _start(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        if self._state.cancelled:
            self._finish(None, asyncio.CancelledError())
            return
        assert self._state.port is not None
        context = contextvars.copy_context()
        context.run(DEPTH.set, self._state.depth + 1)
        self._task = task = self._state.port.loop.create_task(make(), context=context)
        self._state.host_tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._state.host_tasks.discard(task)
        if task.cancelled():
            self._finish(None, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._finish(None, error)
        else:
            self._finish(task.result(), None)

    def _finish(self, value: Any, error: BaseException | None) -> None:
        self._value, self._error, self.done = value, error, True
        self._state.notify()

    def is_done(self) -> bool:
        return self.done

    def cancel(self) -> None:
        """Stop the coroutine; from any thread."""
        if self._state.port is not None:
            self._state.port.post(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def result(self) -> Any:
        if isinstance(self._error, asyncio.CancelledError):
            raise Trap(
                "the host gave up a call that the component was waiting for",
                reason="host call cancelled", backtrace=[], stderr=[],
            )  # fmt: skip
        if self._error is not None:
            raise self._error
        return self._value


def _run_alone(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Without a loop of its own the invocation lends one for the time of the call."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(make))
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((asyncio.run(_awaited(make)), None))
        except BaseException as error:  # carried over to the thread that waits
            outcome.append((None, error))

    thread = threading.Thread(target=run, name="wasm-host-call")
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


async def _awaited(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return await make()
