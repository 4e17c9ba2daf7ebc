"""One invocation: its store, its resources, its exception, its deadline.

wasmtime-py keeps the exception of a failed callback in one place for the whole process. Here each
store has its own state, found by the address of its context, so that threads can't swap errors.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.errors import LimitHit, Trap, ValueMismatch
from workbench.wasm import capi
from workbench.wire.wit.types import ResourceType

if TYPE_CHECKING:
    from workbench.wasm.grants import Grants
    from workbench.wasm.instances import Instance
    from workbench.wasm.instantiator import Instantiator
    from workbench.wasm.limits import StoreLimits
    from workbench.wasm.values import Arena
    from workbench.wasm.workers import LoopPort, WorkerPool

__all__ = ["CallState", "GuestExit", "GuestResource", "HostFunctions"]

EPOCH_TICK_S = 0.01
EPOCH_SLICE = 2
"""Ticks between two looks at deadline and cancellation: at most 30 ms until a stop is seen."""

STDERR_LINES = 20

MAX_OBJECTS = 100_000
"""Objects of the host that one invocation may hold at a time."""

DEPTH: ContextVar[int] = ContextVar("wasm call depth", default=0)
"""How many guests wait, one for another, for what this task or thread does."""
MAX_DEPTH = 64
"""Each of them holds a worker thread."""

T = TypeVar("T")
_calls: dict[int, CallState] = {}


class GuestExit(Exception):
    """The guest called ``wasi:cli/exit``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class GuestResource:
    """A resource that the component itself implements, alive as long as its store."""

    __slots__ = ("_handle", "resource")

    def __init__(self, handle: int, resource: ResourceType) -> None:
        self._handle = handle
        self.resource = resource

    def __repr__(self) -> str:
        return f"<{self.resource.name or 'resource'} of the component>"


class CallState:
    """The state of one invocation; lives on one worker thread, `cancel` comes from others."""

    def __init__(
        self,
        instantiator: Instantiator,
        ctx: Any,
        limits: StoreLimits,
        port: LoopPort | None,
        pool: WorkerPool | None,
        timeout_s: float | None,
        grants: Grants,
    ) -> None:
        self.instantiator = instantiator
        self.ctx = ctx
        self.limits = limits
        self.grants = grants
        self.port = port
        self.pool = pool
        self.depth = DEPTH.get()
        self.timeout_s = limits.timeout_s if timeout_s is None else timeout_s
        self.deadline = float("inf")
        self.cancelled = ""
        self.exception: BaseException | None = None
        self.instance: Instance | None = None
        self.context = 0
        self.stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self.objects: dict[int, Any] = {}
        self._kinds: dict[int, int] = {}
        self._reps = itertools.count(1)
        self._services: dict[type, Any] = {}
        self._condition: threading.Condition | None = None
        self.wake: Callable[[], None] | None = None
        """Ends the ``sleep`` that `wait_until` was given; called on any thread."""
        self._posts: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.posts_at_end = False
        """Whether somebody on the loop calls `run_posts` when the invocation has ended."""
        self.host_tasks: set[Any] = set()
        self.ended = False
        """Whether the guest is through: what it still holds is let go in no order."""

    # -- store ---------------------------------------------------------------------------------

    def begin(self, instance: Instance) -> None:
        """The guest runs from here on, in this store. Everything after this is on this thread."""
        self.deadline = time.monotonic() + self.timeout_s
        self.instance = instance
        self.context = instance.context
        capi.set_epoch_deadline(self.context, EPOCH_SLICE)
        _calls[self.context] = self

    def end(self) -> None:
        """The guest runs no more: let go what it held, tell the services. The store stays."""
        if not self.posts_at_end:
            self.send_posts()
        self.ended = True
        _calls.pop(self.context, None)
        objects, self.objects = self.objects, {}
        for rep, value in objects.items():
            if isinstance(value, GuestResource):
                capi.resource_any_delete(value._handle)
            else:
                self._dropped(self._kinds.get(rep, 0), value)
        for service in self._services.values():
            service.close()

    def free(self) -> None:
        """Delete the store with everything in it; nobody has to wait for this."""
        if self.instance is not None:
            self.instance.delete()
            self.instance = None

    def service(self, kind: Callable[[CallState], T]) -> T:
        """The one object of ``kind`` in this invocation, made at first use."""
        found = self._services.get(kind)  # type: ignore[arg-type]
        if found is None:
            found = self._services[kind] = kind(self)  # type: ignore[index]
        return found

    # -- failing and stopping ------------------------------------------------------------------

    def fail(self, error: BaseException) -> int:
        """Remember why the guest is stopped; the error to return to wasmtime."""
        if self.exception is None:
            self.exception = error
        return capi.new_error()

    def cancel(self, why: str = "the caller went away") -> None:
        """Stop the guest soon, wherever it is. Any thread."""
        if not self.cancelled:
            self.cancelled = why
            self.notify()

    def check(self) -> None:
        """Raise if the guest must stop now."""
        if self.depth >= MAX_DEPTH:
            raise LimitHit(
                f"{MAX_DEPTH} components wait for each other in this call",
                hint="look for a component that calls itself through its imports without end",
                reason="too many calls in calls", limit="depth", backtrace=[], stderr=[],
            )  # fmt: skip
        if self.cancelled:
            raise LimitHit(
                f"stopped: {self.cancelled}", reason="cancelled", limit="cancelled",
                backtrace=[], stderr=list(self.stderr),
            )  # fmt: skip
        if time.monotonic() >= self.deadline:
            raise LimitHit(
                f"stopped after {self.timeout_s:g} s, the limit on execution time",
                hint="raise timeout_s for this call, or look for an endless loop",
                reason="deadline", limit="time", backtrace=[], stderr=list(self.stderr),
            )  # fmt: skip

    # -- waiting -------------------------------------------------------------------------------

    def notify(self) -> None:
        """Something that the worker may wait for has changed. Any thread."""
        condition = self._condition
        if condition is not None:
            with condition:
                condition.notify_all()
        if self.wake is not None:
            self.wake()

    def wait_until(
        self,
        ready: Callable[[], Any],
        until: float = float("inf"),
        sleep: Callable[[float | None], None] | None = None,
    ) -> bool:
        """Block this worker until ``ready()``; False when the time ``until`` came first.

        ``sleep`` waits for at most so many seconds for something that `notify` does not tell of;
        it must end when `wake` is called. Raises when the invocation is cancelled or out of time.
        """
        if ready():
            return True
        self.send_posts()
        if self._condition is None:
            # Made before the next look at ready(): a notifier that still saw None has already
            # changed what that look will see.
            self._condition = threading.Condition()
        if self.pool is not None:
            self.pool.block()
        try:
            if sleep is not None:
                return self._wait(ready, until, sleep)
            with self._condition:
                return self._wait(ready, until, self._condition.wait)
        finally:
            if self.pool is not None:
                self.pool.unblock()

    def _wait(
        self, ready: Callable[[], Any], until: float, sleep: Callable[[float | None], Any]
    ) -> bool:
        while not ready():
            self.check()
            now = time.monotonic()
            if now >= until:
                return False
            left = min(until, self.deadline) - now
            sleep(None if left == float("inf") else max(left, 0.0))
        return True

    def post(self, callback: Callable[..., Any], *args: Any) -> None:
        """Have ``callback(*args)`` called on the loop soon, in one wake-up with what follows.

        A guest mostly sets its response, writes a body and ends within a millisecond, and each
        wake-up of the loop makes this thread wait for the interpreter. So these go out together:
        when the guest waits, when it ends, at the latest with the next look at its deadline.
        """
        self._posts.append((callback, args))

    def send_posts(self) -> None:
        """Send what `post` holds back."""
        if self._posts:
            posts, self._posts = self._posts, []
            assert self.port is not None
            for callback, args in posts:
                self.port.post(callback, *args)

    def run_posts(self) -> None:
        """Call what `post` still holds back. On the loop, after the end."""
        posts, self._posts = self._posts, []
        for callback, args in posts:
            callback(*args)

    # -- resources -----------------------------------------------------------------------------

    def lower_resource(self, value: Any, resource: ResourceType, owned: bool, arena: Arena) -> int:
        """A handle for wasmtime: a new one for a host object, the guest's own for a guest one."""
        if isinstance(value, GuestResource):
            handle = capi.resource_any_clone(value._handle)
            arena.anys.append(handle)
            return handle
        kind = self.instantiator.resource_kinds.get(resource)
        if kind is None:
            raise ValueMismatch(
                f"expected a {resource.name} made by the component, got {value!r:.80}",
                path="", expected=resource.name, got=repr(value)[:80],
            )  # fmt: skip
        if len(self.objects) >= MAX_OBJECTS:
            raise LimitHit(
                f"the component holds {MAX_OBJECTS} resources of the host",
                hint="look for a resource that is taken again and again and never dropped",
                reason="too many resources", limit="resources",
                backtrace=[], stderr=list(self.stderr),
            )  # fmt: skip
        rep = next(self._reps)
        self.objects[rep] = value
        if owned:
            self._kinds[rep] = kind
        else:
            arena.loans.append(rep)
        host = capi.resource_host_new(owned, rep, kind)
        out = (ctypes.c_uint64 * 1)()
        error = capi.resource_host_to_any(self.context, host, ctypes.addressof(out))
        capi.resource_host_delete(host)
        if error:
            raise Trap(capi.take_error(error).reason, reason="resource", backtrace=[], stderr=[])
        arena.anys.append(out[0])
        return out[0]

    def lift_resource(self, handle: int, resource: ResourceType) -> Any:
        """The Python object behind a handle. Converts it exactly once, which also ends a borrow."""
        owned = capi.resource_any_owned(handle)
        if resource not in self.instantiator.resource_kinds:
            return self._lift_guest(handle, resource, owned)
        out = (ctypes.c_uint64 * 1)()
        error = capi.resource_any_to_host(self.context, handle, ctypes.addressof(out))
        if error:
            raise Trap(capi.take_error(error).reason, reason="resource", backtrace=[], stderr=[])
        rep = capi.resource_host_rep(out[0])
        capi.resource_host_delete(out[0])
        try:
            if not owned:
                return self.objects[rep]
            self._kinds.pop(rep, None)
            return self.objects.pop(rep)
        except KeyError:
            raise Trap(
                f"the guest used a {resource.name} that is gone",
                reason="unknown handle", backtrace=[], stderr=list(self.stderr),
            ) from None  # fmt: skip

    def _lift_guest(self, handle: int, resource: ResourceType, owned: bool) -> GuestResource:
        found = GuestResource(capi.resource_any_clone(handle), resource)
        if owned:
            self.objects[next(self._reps)] = found
        return found

    def delete_handles(self, handles: list[int]) -> None:
        for handle in handles:
            capi.resource_any_delete(handle)
        handles.clear()

    def drop_rep(self, rep: int) -> None:
        """The guest dropped its last handle of a host object."""
        value = self.objects.pop(rep, None)
        if value is not None:
            self._dropped(self._kinds.pop(rep, 0), value)

    def _dropped(self, kind: int, value: Any) -> None:
        dropped = getattr(value, "wasm_dropped", None)
        if dropped is not None:
            dropped(self)
        elif kind:
            self.instantiator.resource_dropped(self, kind, value)


class HostFunctions:
    """Python functions that a linker calls, held while the linker lives.

    wasmtime gives a number back to us with each call; one table for all linkers maps it to the
    function. A function takes ``(state, address of arguments, address of results)``.
    """

    _table: dict[int, Callable[[CallState, int, int], None]] = {}  # noqa: RUF012 - shared on purpose
    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self._mine: list[int] = []

    def add(self, function: Callable[[CallState, int, int], None]) -> int:
        number = next(self._numbers)
        self._table[number] = function
        self._mine.append(number)
        return number

    def close(self) -> None:
        for number in self._mine:
            self._table.pop(number, None)
        self._mine.clear()


_functions = HostFunctions._table


def _not_called() -> int:
    """For start code that is run ahead of any call (`instances.py`)."""
    return capi.new_error(b"no call has been made yet")


@capi.HostFunction
def _host_function(
    number: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int
) -> int:
    state = _calls.get(context)
    if state is None:
        return _not_called()
    try:
        _functions[number](state, args, results)
    except BaseException as error:  # nothing may unwind into wasmtime; `fail` carries it
        return state.fail(error)
    return 0


@capi.ResourceDestructor
def _resource_dropped(_number: int, context: int, rep: int) -> int:
    state = _calls.get(context)
    if state is None:
        return 0
    try:
        state.drop_rep(rep)
    except BaseException as error:  # as above
        return state.fail(error)
    return 0


@capi.EpochDeadline
def _epoch_reached(context: int, _data: int, delta: int, kind: int) -> int:
    state = _calls.get(context)
    if state is None:
        return _not_called()
    try:
        state.check()
        state.send_posts()
    except BaseException as error:  # as above
        return state.fail(error)
    ctypes.c_uint64.from_address(delta).value = EPOCH_SLICE
    ctypes.c_uint8.from_address(kind).value = 0
    return 0


def _address(callback: Any) -> int:
    return ctypes.cast(callback, ctypes.c_void_p).value or 0


HOST_FUNCTION = _address(_host_function)
RESOURCE_DESTRUCTOR = _address(_resource_dropped)
EPOCH_CALLBACK = _address(_epoch_reached)
