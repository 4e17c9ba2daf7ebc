"""The engine: compiles components off the loop, caches the code, keeps time for all stores."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ctypes
import hashlib
import importlib.metadata
import logging
import os
import pickle
import platform
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.errors import InvalidComponent, NotRunning
from workbench.wasm import capi
from workbench.wasm import introspect as introspection
from workbench.wasm.cache import CompiledCache, default_directory
from workbench.wasm.capi import wasmtime
from workbench.wasm.compiled import CompiledComponent
from workbench.wasm.introspect import Introspection, introspect
from workbench.wasm.limits import StoreLimits
from workbench.wasm.store import EPOCH_TICK_S
from workbench.wasm.workers import LoopPort, WorkerPool
from workbench.wire.wit import types as wit_types

__all__ = ["Engine", "Progress"]

log = logging.getLogger(__name__)

Progress = Callable[[str], None]

_VERSION = importlib.metadata.version("wasmtime")
_PROGRESS_EVERY_S = 0.25
_IDLE_TICKS = 50
_HASH_ON_LOOP_BYTES = 256 * 1024
_CONFIGURATION = "epoch,no-concurrency"
"""Names the engine's settings in the cache key; change it with them."""


def _version_of(*modules: ModuleType) -> bytes:
    """Changes with the source of these modules; where there is none, with every start."""
    try:
        sources = [Path(module.__file__ or "").read_bytes() for module in modules]
    except OSError:
        return os.urandom(32)
    return hashlib.sha256(b"".join(sources)).digest()


_DESCRIBED_BY = _version_of(introspection, wit_types)
"""Tells what an older or newer version of this code described."""


class Engine:
    """Compiles and runs components; one per process is enough.

    ``cache_dir`` is made private (0700) or not used. ``workers`` is how many threads run wasm at
    the same time. ``metered`` makes code that counts fuel, about one for each wasm instruction, at
    some cost in speed: then `StoreLimits.fuel` stops a guest at the same place on every machine.
    Needs no event loop; every loop that calls gets its answers on itself.
    """

    def __init__(
        self,
        *,
        cache_dir: Path | None = None,
        workers: int | None = None,
        limits: StoreLimits | None = None,
        metered: bool = False,
    ) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.consume_fuel = self.metered = metered
        # Nothing here runs component-model async, and with it wasmtime 50.0 traps as soon as one
        # host call gets a second borrow ("deferred host scope has no call context").
        capi.config_concurrency(capi.pointer_of(config), False)
        self.limits = limits or StoreLimits()
        self.native = wasmtime.Engine(config)
        self.pointer = capi.pointer_of(self.native)
        self.pool = WorkerPool(workers or max(2, _processors()))
        self.cache = CompiledCache(cache_dir or default_directory(), _cache_tag(metered))
        self._ports: dict[asyncio.AbstractEventLoop, LoopPort] = {}
        self._loaded: weakref.WeakValueDictionary[str, CompiledComponent] = (
            weakref.WeakValueDictionary()
        )
        self._loading: dict[str, concurrent.futures.Future[CompiledComponent]] = {}
        self._lock = threading.Lock()
        self._clock = _EpochClock(self.native, self.pool)
        self.closed = False
        # An engine that is dropped, or still open when the interpreter ends, stops its threads.
        weakref.finalize(self, _stop, self.pool, self._clock)

    def __repr__(self) -> str:
        return f"<Engine wasmtime {_VERSION}, {self.pool.size} workers>"

    # -- loading -------------------------------------------------------------------------------

    async def load(
        self, data: bytes, *, name: str = "", progress: Progress | None = None
    ) -> CompiledComponent:
        """Compile a component, or read its compiled code from the cache.

        ``progress`` gets a line about what is being done, on the loop, some times a second.
        Raises `InvalidComponent`.
        """
        stage = ["checking"]
        self._check_open()
        _check(data, self.limits)
        digest = await self._digest(data)
        shared = self._start_load(data, digest, name, lambda text: stage.__setitem__(0, text))
        future = asyncio.wrap_future(shared)
        begun = time.monotonic()
        while progress is not None and not future.done():
            elapsed = time.monotonic() - begun
            progress(f"{stage[0]} ({elapsed:.1f} s, {len(data) / 1e6:.1f} MB)")
            await asyncio.wait([future], timeout=_PROGRESS_EVERY_S)
        component = await future
        if progress is not None:
            progress("ready")
        return component

    def load_blocking(
        self, data: bytes, *, name: str = "", progress: Progress | None = None
    ) -> CompiledComponent:
        """`load` in the calling thread; ``progress`` is called there at each stage."""
        self._check_open()
        _check(data, self.limits)
        digest = hashlib.sha256(data).hexdigest()
        known = self._loaded.get(digest)
        return known or self._load(data, digest, name, progress or (lambda _: None))

    async def _digest(self, data: bytes) -> str:
        """The content hash; 18 MB take 14 ms, which the loop does not have."""
        if len(data) < _HASH_ON_LOOP_BYTES:
            return hashlib.sha256(data).hexdigest()
        hashed: concurrent.futures.Future[str] = concurrent.futures.Future()
        self.pool.submit(lambda: hashed.set_result(hashlib.sha256(data).hexdigest()))
        return await asyncio.shield(asyncio.wrap_future(hashed))

    def _start_load(
        self, data: bytes, digest: str, name: str, stage: Progress
    ) -> concurrent.futures.Future[CompiledComponent]:
        with self._lock:
            running = self._loading.get(digest)
            if running is not None:
                return running
            future: concurrent.futures.Future[CompiledComponent] = concurrent.futures.Future()
            future.set_running_or_notify_cancel()
            known = self._loaded.get(digest)
            if known is not None:
                future.set_result(known)
                return future
            self._loading[digest] = future
        self.pool.submit(lambda: self._load_job(future, data, digest, name, stage))
        return future

    def _load_job(
        self,
        future: concurrent.futures.Future[CompiledComponent],
        data: bytes,
        digest: str,
        name: str,
        stage: Progress,
    ) -> None:
        # Compiling takes seconds: invocations get another thread meanwhile.
        self.pool.block()
        try:
            component = self._load(data, digest, name, stage)
        except BaseException as error:  # belongs to those who wait for the future
            with self._lock:
                self._loading.pop(digest, None)
            future.set_exception(error)
        else:
            with self._lock:
                self._loading.pop(digest, None)
            future.set_result(component)
        finally:
            self.pool.unblock()

    def _load(self, data: bytes, digest: str, name: str, stage: Progress) -> CompiledComponent:
        begun = time.monotonic()
        found_there = self._from_cache(digest, stage)
        if found_there is not None:
            native, found = found_there
        else:
            stage("compiling")
            native, found = self._compile_and_read(data, name)
            stage("writing compiled code")
            if not self.cache.why_off:
                self.cache.store(digest, native.serialize(), _described(found))
        component = CompiledComponent(
            self,
            native,
            found,
            name=name,
            digest=digest,
            size=len(data),
            cached=found_there is not None,
            load_seconds=time.monotonic() - begun,
        )
        self._loaded[digest] = component
        return component

    def _from_cache(self, digest: str, stage: Progress) -> tuple[Any, Introspection] | None:
        cached = self.cache.find(digest)
        if cached is None:
            return None
        stage("reading compiled code")
        try:
            native = wasmtime.component.Component.deserialize_file(self.native, str(cached.path))
        except wasmtime.WasmtimeError as error:
            log.warning("cached code %s is not used: %s", cached.path.name, error)
            self.cache.discard(digest)
            return None
        return native, _description(cached.about) or introspect(native, self.native)

    def _compile_and_read(self, data: bytes, name: str) -> tuple[Any, Introspection]:
        native = self._compile(data, name)
        return native, introspect(native, self.native)

    def _compile(self, data: bytes, name: str) -> Any:
        out = ctypes.POINTER(capi.ffi.wasmtime_component_t)()
        error = capi.component_new(
            self.pointer, capi.address_of_bytes(data), len(data), ctypes.addressof(out)
        )
        if error:
            reason = capi.take_error(error)
            raise InvalidComponent(
                f"{name or 'the file'} is not a valid component: {reason.reason}",
                hint="build it again; the bytes may be cut short or damaged",
                reason=reason.text,
            )
        return wasmtime.component.Component._from_ptr(out)

    # -- running -------------------------------------------------------------------------------

    def port(self, loop: asyncio.AbstractEventLoop) -> LoopPort:
        """The way back to ``loop`` for worker threads."""
        port = self._ports.get(loop)
        if port is None:
            live = {known: p for known, p in self._ports.items() if not known.is_closed()}
            port = live[loop] = LoopPort(loop)
            self._ports = live
        return port

    def entered(self) -> None:
        """A store is about to run: time must pass for it."""
        self._clock.enter()

    def left(self) -> None:
        self._clock.leave()

    def _check_open(self) -> None:
        if self.closed:
            raise NotRunning("the wasm engine is closed")

    async def close(self) -> None:
        """Stop the threads. Instantiators must be closed before."""
        loop = asyncio.get_running_loop()
        port, done = LoopPort(loop), loop.create_future()

        def close() -> None:
            self.close_blocking()
            port.post(done.set_result, None)

        # Not the loop's executor: its threads would stay behind.
        thread = threading.Thread(target=close, name="wasm-close")
        thread.start()
        await done
        thread.join()

    def close_blocking(self) -> None:
        """`close` for callers without a loop."""
        if self.closed:
            return
        self.closed = True
        _stop(self.pool, self._clock)


class _EpochClock:
    """Ticks the engine's epoch while stores run, and sleeps when none does."""

    def __init__(self, native: Any, pool: WorkerPool) -> None:
        self._native = native
        self._pointer = capi.pointer_of(native)
        self._pool = pool
        self._running = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def enter(self) -> None:
        with self._lock:
            self._running += 1
        if not self._wake.is_set():
            self._start()

    def leave(self) -> None:
        with self._lock:
            self._running -= 1

    def _start(self) -> None:
        with self._lock:
            self._wake.set()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._tick, name="wasm-epoch", daemon=True)
                self._thread.start()

    def _tick(self) -> None:
        idle = 0
        while not self._closed:
            time.sleep(EPOCH_TICK_S)
            capi.increment_epoch(self._pointer)
            self._pool.relieve()
            idle = 0 if self._running or self._pool.waiting else idle + 1
            if idle >= _IDLE_TICKS:
                self._wake.clear()
                # A store that entered before the flag fell has not woken us: look again.
                if not self._running:
                    self._wake.wait()
                idle = 0

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(1.0)


def _processors() -> int:
    """How many this process may use; a container or ``taskset`` gives fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _stop(pool: WorkerPool, clock: _EpochClock) -> None:
    pool.close()
    clock.close()


def _cache_tag(metered: bool) -> str:
    configuration = _CONFIGURATION + (",fuel" if metered else "")
    return f"wasmtime {_VERSION} {platform.system()} {platform.machine()} {configuration}"


def _described(found: Introspection) -> bytes:
    """The interfaces of a component for the cache: reading them out of it takes 30 ms."""
    return _DESCRIBED_BY + pickle.dumps(found)


def _description(about: bytes) -> Introspection | None:
    """What `_described` wrote, if this same code wrote it. The cache vouches for the bytes."""
    if about[: len(_DESCRIBED_BY)] != _DESCRIBED_BY:
        return None
    return pickle.loads(about[len(_DESCRIBED_BY) :])


def _check(data: bytes, limits: StoreLimits) -> None:
    """Refuse what can't be a component before any work."""
    if not isinstance(data, bytes):
        raise InvalidComponent(f"a component is bytes, not {type(data).__name__}")
    if len(data) > limits.component_bytes:
        raise InvalidComponent(
            f"the component has {len(data)} bytes, the limit is {limits.component_bytes}",
            hint="raise component_bytes in the limits",
            limit="component_bytes",
        )
    if data[:4] != b"\0asm":
        text = data.lstrip()[:1] == b"("
        raise InvalidComponent(
            "the bytes are no WebAssembly"
            + (" binary but look like its text format" if text else ""),
            hint="build the text first: workbench.authoring.wat"
            if text
            else "a component's file begins with \\0asm: is this the right file, and whole?",
        )
    if data[4:8] == b"\x01\0\0\0":
        raise InvalidComponent(
            "this is a core WebAssembly module, not a component",
            hint="a component carries its interfaces with it; make one from the module with "
            "`wasm-tools component new`, or build with a component toolchain",
        )
