"""A fresh store with one instance in it, and a few of them made ahead while the machine idles.

An instance of a Python component takes about a millisecond of processor time. A call that finds
one ready does not wait for that. A ready instance is as fresh as any other: it is used once, by
one call, and nothing but the component's own start code has run in it. Start code that calls the
host is never run ahead, because the host would see a call that nobody made.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque

from workbench.wasm import capi
from workbench.wasm.layout import SIZE
from workbench.wasm.limits import StoreLimits

__all__ = ["FUNC_AT", "READY", "READY_IN_PROCESS", "RESULT_AT", "Instance", "ReadyInstances"]

FUNC_AT = ctypes.sizeof(capi.ffi.wasmtime_component_instance_t) + 7 & ~7
RESULT_AT = FUNC_AT + ctypes.sizeof(capi.ffi.wasmtime_component_func_t) + 7 & ~7
_SCRATCH = RESULT_AT + SIZE

READY = 2
"""How many instances of one component are kept ready."""
READY_IN_PROCESS = 16
"""And of all components together: each holds the pages that its start code wrote."""
WORTH_NS = 200_000
"""What makes instances worth keeping: processor time to make one."""
START_TICKS = 10
"""Epoch ticks that start code may take when it is run ahead of its call."""
_FAILURES = 3
_ALL_FUEL = 2**63

_spare: list[ctypes.Array[ctypes.c_char]] = []


class Instance:
    """A store and, once `make` has been called, the instance in it."""

    __slots__ = ("_scratch", "address", "context", "store")

    def __init__(
        self, engine: int, limits: StoreLimits, epoch_callback: int, *, metered: bool = False
    ) -> None:
        self.store = capi.store_new(engine, None, None)
        self.context = capi.store_context(self.store)
        capi.store_limiter(
            self.store,
            limits.memory_bytes,
            limits.table_elements,
            limits.instances,
            limits.tables,
            limits.memories,
        )
        capi.epoch_callback(self.store, epoch_callback, None, None)
        capi.set_epoch_deadline(self.context, START_TICKS)
        if metered:
            capi.set_fuel(self.context, _ALL_FUEL if limits.fuel is None else limits.fuel)
        try:
            self._scratch = _spare.pop()
        except IndexError:
            self._scratch = ctypes.create_string_buffer(_SCRATCH)
        self.address: int = ctypes.addressof(self._scratch)

    def make(self, linker: int, component: int) -> int:
        """Instantiate; wasmtime's error, 0 if there is none."""
        return capi.instantiate(linker, self.context, component, self.address)

    def empty_result(self) -> int:
        """Where a call writes its result: wasmtime frees what is there, so let that be a bool."""
        self._scratch[RESULT_AT] = b"\0"
        return self.address + RESULT_AT

    def delete(self) -> None:
        """Free the store with everything in it."""
        if self.store:
            capi.store_delete(self.store)
            self.store = 0
            _spare.append(self._scratch)


class ReadyInstances:
    """Instances of one component that wait for their call."""

    _count = 0
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._ready: deque[Instance] = deque()
        self._cost_ns = 0
        self._failures = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._ready)

    def take(self) -> Instance | None:
        """An instance for one call, if one is ready."""
        try:
            instance = self._ready.popleft()
        except IndexError:
            return None
        self._counted(-1)
        return instance

    def cost(self, since_ns: int) -> None:
        """Learn from an instance made for a call: thread time since ``since_ns``."""
        self._cost_ns = time.thread_time_ns() - since_ns

    @property
    def wanted(self) -> bool:
        """Whether one more is worth the memory."""
        return (
            self._cost_ns >= WORTH_NS
            and len(self._ready) < READY
            and self._failures < _FAILURES
            and ReadyInstances._count < READY_IN_PROCESS
            and not self._closed
        )

    def prepare(self, instance: Instance, linker: int, component: int) -> None:
        """Make ``instance`` and keep it; what goes wrong here goes wrong in a call, with words."""
        if error := instance.make(linker, component):
            capi.take_error(error)
            self._failures += 1
            instance.delete()
            return
        self._failures = 0
        with self._lock:
            # Another worker may have been as quick.
            if self.wanted:
                ReadyInstances._count += 1
                self._ready.append(instance)
                return
        instance.delete()

    def close(self) -> None:
        """Delete them all and keep no more."""
        with self._lock:
            self._closed = True
        while (instance := self.take()) is not None:
            instance.delete()

    def _counted(self, change: int) -> None:
        with self._lock:
            ReadyInstances._count += change
