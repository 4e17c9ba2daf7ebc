"""Runs a component: one fresh store and instance for each invocation (interfaces.md §6)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound, NotRunning, Trap, UsageError
from workbench.wasm import capi
from workbench.wasm.compiled import CompiledComponent, ExportIndex
from workbench.wasm.grants import NOTHING, Grants
from workbench.wasm.imports import Imports
from workbench.wasm.instances import FUNC_AT, Instance, ReadyInstances
from workbench.wasm.layout import SIZE
from workbench.wasm.limits import StoreLimits
from workbench.wasm.linking import Linked
from workbench.wasm.quick import NotQuick, QuickCalls, QuickState, RefusingLinked
from workbench.wasm.store import DEPTH, EPOCH_CALLBACK, MAX_DEPTH, CallState, GuestExit
from workbench.wasm.traps import explain
from workbench.wasm.values import Arena, Lift, Lower, lift_of, lower_all, lower_of
from workbench.wasm.wasi.http_exchange import HttpExchange
from workbench.wire.http import HttpRequest, HttpResponse
from workbench.wire.wit.values import Err, Ok

if TYPE_CHECKING:
    from workbench.wasm.workers import LoopPort

__all__ = ["Instantiator", "OnLog"]

OnLog = Callable[[str, str, Any], None]
"""``(stream, line, ctx)``: a line on ``stdout`` or ``stderr``; called on the worker thread."""

INLINE_DEPTH = 8
"""Guests on one thread's stack: each may take half a megabyte of it."""


class _Export:
    """An exported function, ready to be called: where it is, how its values convert."""

    __slots__ = ("index", "lift", "lowers", "name", "params", "quick", "results")

    def __init__(self, export: ExportIndex, component_bytes: int) -> None:
        function = export.function
        self.index = export
        self.name = repr(export)
        self.params = function.params
        self.lowers: tuple[Lower, ...] = tuple(lower_of(t) for _, t in function.params)
        self.lift: Lift | None = None if function.result is None else lift_of(function.result)
        self.results = 0 if self.lift is None else 1
        self.quick = QuickCalls(function, component_bytes)


class Instantiator:
    """Calls exports of one component with one set of imports.

    Every call gets a store of its own; nothing survives it. Safe to use from several loops.
    """

    def __init__(
        self,
        component: CompiledComponent,
        provide: Imports | None,
        *,
        name: str,
        limits: StoreLimits,
        on_log: OnLog | None,
        grants: Grants = NOTHING,
    ) -> None:
        self.component = component
        self.engine = component.engine
        if limits.fuel is not None and not self.engine.metered:
            raise UsageError(
                "a limit on fuel needs an engine that counts it",
                hint="make it with Engine(metered=True)",
            )
        self.imports = provide
        self.name = name
        self.limits = limits
        self.on_log = on_log
        self.grants = grants
        self._linked = Linked(self.engine.pointer, component.found, provide)
        self._refusing: RefusingLinked | None = None
        self.resource_kinds = self._linked.resource_kinds
        self._exports: dict[tuple[str, str], _Export] = {}
        self._active: set[_Job] = set()
        self._inline = 0
        self._ready = ReadyInstances()
        self._preparing = 0
        self._lock = threading.Lock()
        self._http = next((k for k in component.functions if _is_http_handler(*k)), None)
        self.closed = False

    def __repr__(self) -> str:
        return f"<Instantiator {self.name or self.component!r}, {self.active} active>"

    @property
    def active(self) -> int:
        """Invocations that are queued or running."""
        return len(self._active) + self._inline

    @property
    def functions(self) -> dict[tuple[str, str], Any]:
        """What can be called: (instance, function name) to its WIT function."""
        return {key: export.function for key, export in self.component.functions.items()}

    @property
    def handles_http(self) -> bool:
        return self._http is not None

    # -- calling -------------------------------------------------------------------------------

    async def call(
        self,
        export_instance: str,
        function_name: str,
        args: Sequence[Any],
        *,
        ctx: Any = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Call an export with canonical values; ``Ok`` and ``Err`` come back as they are.

        Raises `NotFound`, `ValueMismatch`, `Trap`, `LimitHit`, or what an import raised.
        Cancelling this stops the guest before the cancellation goes on.
        """
        export = self._export(export_instance, function_name)
        port = self.engine.port(asyncio.get_running_loop())
        if export.quick.fits(args, port):
            try:
                return self._try(export, args, port, ctx, timeout_s)
            except NotQuick:
                pass  # it has had no effect: a worker makes the call
        state = self._state(ctx, port, timeout_s)
        job = _Job(self, state, partial(self._execute, state, export, args, self._linked))
        return await job.outcome()

    def _try(
        self,
        export: _Export,
        args: Sequence[Any],
        port: LoopPort,
        ctx: Any,
        timeout_s: float | None,
    ) -> Any:
        """Make a call here, on the loop. Raises `NotQuick` where that can't be."""
        if self.closed:
            raise NotRunning(f"{self.name or 'the component'} is closed")
        if self._refusing is None:
            self._refusing = RefusingLinked(self.engine.pointer, self.component.found, self.imports)
        state = QuickState(self, ctx, self.limits, port, None, timeout_s, self.grants)
        began_ns = time.thread_time_ns()
        self._inline += 1
        try:
            return self._execute(state, export, args, self._refusing)
        except NotQuick as error:
            # A function that calls the host will do so again.
            if error.fields["reason"] == "host call":
                export.quick.possible = False
            raise
        finally:
            state.free()
            self._inline -= 1
            export.quick.took(began_ns, port)
            if self.closed:
                self._free()

    def call_inline(
        self,
        export_instance: str,
        function_name: str,
        args: Sequence[Any],
        *,
        ctx: Any = None,
        timeout_s: float | None = None,
    ) -> Any:
        """`call` on the calling thread, for callers without a loop."""
        export = self._export(export_instance, function_name)
        state = self._state(ctx, None, timeout_s)
        self._inline += 1
        # A call in a call is on the same stack, which is deep enough for few guests.
        depth = DEPTH.set(state.depth + MAX_DEPTH // INLINE_DEPTH)
        try:
            return self._execute(state, export, args, self._linked)
        finally:
            DEPTH.reset(depth)
            state.free()
            self._inline -= 1

    async def handle_http(
        self,
        request: HttpRequest,
        *,
        ctx: Any = None,
        timeout_s: float | None = None,
        on_end: Callable[[BaseException | None], None] | None = None,
    ) -> HttpResponse:
        """Hand a request to ``wasi:http/incoming-handler``.

        Returns when the guest sets the response; the guest may run on while the body streams.
        Raises `HttpError` where the guest answers with an error code. Whoever gets the response
        reads its body to the end or closes it. ``on_end`` is called on the loop when the guest is
        through, with what it failed with.
        """
        if self._http is None:
            raise NotFound(f"{self.name or 'the component'} does not export an HTTP handler")
        export = self._export(*self._http)
        port = self.engine.port(asyncio.get_running_loop())
        state = self._state(ctx, port, timeout_s)
        exchange = HttpExchange(state, request, on_end)
        job = _Job(
            self, state, partial(self._execute, state, export, exchange.arguments, self._linked)
        )
        return await exchange.response(job)

    def _export(self, instance: str, name: str) -> _Export:
        export = self._exports.get((instance, name))
        if export is None:
            index = self.component.functions.get((instance, name))
            if index is None:
                raise _no_such_export(self.component, instance, name)
            export = self._exports[instance, name] = _Export(index, self.component.size)
        return export

    def _state(self, ctx: Any, port: LoopPort | None, timeout_s: float | None) -> CallState:
        if self.closed:
            raise NotRunning(f"{self.name or 'the component'} is closed")
        pool = None if port is None else self.engine.pool
        return CallState(self, ctx, self.limits, port, pool, timeout_s, self.grants)

    # -- on the worker thread ------------------------------------------------------------------

    def _execute(
        self, state: CallState, export: _Export, args: Sequence[Any], linked: Linked
    ) -> Any:
        """Make the call. The store lives until `CallState.free`, whatever comes of it."""
        state.check()
        engine = self.engine
        engine.entered()
        try:
            self._instantiate(state, linked)
            return self._call(state, export, args)
        except GuestExit as exit:
            return _exit_value(export, exit)
        finally:
            state.end()
            engine.left()

    def _instantiate(self, state: CallState, linked: Linked) -> None:
        if linked is self._linked and (ready := self._ready.take()) is not None:
            state.begin(ready)
            return
        began_ns = time.thread_time_ns()
        instance = self._new_instance()
        state.begin(instance)
        if error := instance.make(linked.pointer, self.component.pointer):
            raise explain(state, capi.take_error(error), f"starting {self.name or 'it'}")
        self._ready.cost(began_ns)

    def _new_instance(self) -> Instance:
        engine = self.engine
        return Instance(engine.pointer, self.limits, EPOCH_CALLBACK, metered=engine.metered)

    def _call(self, state: CallState, export: _Export, args: Sequence[Any]) -> Any:
        instance, context = state.instance, state.context
        assert instance is not None
        arena = Arena(state)
        try:
            function = instance.address + FUNC_AT
            if not capi.instance_get_func(
                instance.address, context, export.index.pointer, function
            ):
                raise Trap(f"{export.name} is gone", reason="no export", backtrace=[], stderr=[])
            image = lower_all(export.params, export.lowers, args, arena)
            address, result = capi.address_of_bytes(image), instance.empty_result()
            error = capi.func_call(
                function, context, address, len(export.lowers), result, export.results
            )
            if error:
                raise explain(state, capi.take_error(error), export.name)
            if export.lift is None:
                return None
            try:
                return export.lift(capi.read(result, SIZE), 0, state)
            finally:
                capi.val_delete(result)
        finally:
            arena.close()

    def prepare(self) -> None:
        """Make an instance ahead, if that is worth it and the machine has nothing else to do."""
        if not self._ready.wanted or self.engine.pool.waiting:
            return
        with self._lock:
            if self.closed:
                return
            self._preparing += 1
        self.engine.entered()
        try:
            instance = self._new_instance()
            self._ready.prepare(instance, self._linked.pointer, self.component.pointer)
        finally:
            self.engine.left()
            with self._lock:
                self._preparing -= 1
            if self.closed:
                self._free()

    def resource_dropped(self, state: CallState, kind: int, value: Any) -> None:
        """A resource that came from the imports is no longer held by the guest."""
        drop = getattr(self.imports, "drop", None)
        if drop is not None:
            resource = self._linked.resources[kind]
            drop(state.ctx, resource.interface, resource.name, value)

    # -- ending --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stop what runs, wait for it, free the linker."""
        self._shut()
        loop = asyncio.get_running_loop()
        jobs = [job for job in self._active if job.loop is loop]
        for job in list(self._active):
            job.state.cancel("the component was stopped")
        for job in jobs:
            await job.settled()
        self._free()

    def close_blocking(self) -> None:
        """`close` where every call was inline."""
        self._shut()
        self._free()

    def _shut(self) -> None:
        with self._lock:
            self.closed = True
        self._ready.close()

    def _free(self) -> None:
        with self._lock:
            if self.active or self._preparing:
                return  # whoever is last comes here again
            self._linked.close()
            if self._refusing is not None:
                self._refusing.close()

    def job_started(self, job: _Job) -> None:
        self._active.add(job)

    def job_ended(self, job: _Job) -> None:
        self._active.discard(job)
        if self.closed:
            self._free()


class _Job:
    """One invocation between the loop that wants it and the worker that runs it."""

    def __init__(self, owner: Instantiator, state: CallState, work: Callable[[], Any]) -> None:
        assert state.port is not None
        self.owner = owner
        self.state = state
        self.loop = state.port.loop
        self._work = work
        self._future: asyncio.Future[Any] = self.loop.create_future()
        self._settled: asyncio.Future[None] | None = None
        self._over = False
        owner.job_started(self)
        owner.engine.pool.submit(self._run)

    def _run(self) -> None:
        value, error = None, None
        try:
            value = self._work()
        except BaseException as raised:  # belongs to the awaiting caller
            error = raised
        assert self.state.port is not None
        self.state.port.post(self._finish, value, error)
        # Nobody has to wait for what follows.
        self.state.free()
        self.owner.prepare()

    def _finish(self, value: Any, error: BaseException | None) -> None:
        self._over = True
        self.owner.job_ended(self)
        for task in self.state.host_tasks:
            task.cancel()
        if not self._future.done():
            if error is None:
                self._future.set_result(value)
            else:
                self._future.set_exception(error)
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def on_end(self, callback: Callable[[asyncio.Future[Any]], None]) -> None:
        """Call back on the loop with the outcome; the callback takes over its exception."""
        self._future.add_done_callback(callback)

    async def outcome(self) -> Any:
        """The result; cancelling the awaiting task stops the guest first."""
        try:
            return await self._future
        except asyncio.CancelledError:
            self.state.cancel()
            await self.settled()
            raise
        finally:
            if self.state.host_tasks:
                await asyncio.gather(*self.state.host_tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until the worker is done with it, however it ends."""
        if not self._over:
            if self._settled is None:
                self._settled = self.loop.create_future()
            await asyncio.shield(self._settled)
        if self.state.host_tasks:
            await asyncio.gather(*self.state.host_tasks, return_exceptions=True)


def _is_http_handler(instance: str, function: str) -> bool:
    return function == "handle" and instance.startswith("wasi:http/incoming-handler@0.2")


def _exit_value(export: _Export, exit: GuestExit) -> Any:
    if export.index.function.name == "run" and export.index.instance.startswith("wasi:cli/run@"):
        return Ok() if exit.code == 0 else Err()
    raise Trap(
        f"{export.name} ended its process with exit code {exit.code}",
        reason=f"exit {exit.code}", backtrace=[], stderr=[], exit_code=exit.code,
    )  # fmt: skip


def _no_such_export(component: CompiledComponent, instance: str, name: str) -> NotFound:
    wanted = f"{instance}.{name}" if instance else name
    known = [repr(export) for export in component.functions.values()]
    shown = ", ".join(known[:8]) + (" …" if len(known) > 8 else "")
    return NotFound(
        f"{component.name or 'the component'} exports no {wanted}",
        hint=f"it exports {shown}" if known else "it exports no functions",
        matches=known,
    )
