"""``wasi:io``: errors, pollables and streams, and the base classes of everything that streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.errors import Trap
from workbench.wasm.store import CallState
from workbench.wasm.wasi.readiness import Readiness
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Case, Err, Ok

__all__ = [
    "InputStream",
    "IoError",
    "OutputStream",
    "Parent",
    "Pollable",
    "StreamClosed",
    "StreamFailed",
    "Timer",
]

_MAX_READ = 64 * 1024
"""A read returns at most so much, however much the guest asks for."""
_MAX_BLOCKING = 4096
"""What WIT lets a guest write at once where it does not ask first; a real host traps too."""
_LONGEST_WAIT_S = 1e9


class IoError:
    """``wasi:io/error.error``, with the code of the interface that knows more about it."""

    def __init__(
        self,
        message: str,
        http_code: Case | None = None,
        *,
        file_code: str | None = None,
        network_code: str | None = None,
    ) -> None:
        self.message = message
        self.http_code = http_code
        self.file_code = file_code
        self.network_code = network_code


class StreamClosed(Exception):
    """The stream has come to its end."""


class StreamFailed(Exception):
    """The stream broke; the guest sees ``last-operation-failed``."""

    def __init__(self, error: IoError) -> None:
        super().__init__(error.message)
        self.error = error


class Parent:
    """A resource that others are made from, which must be dropped before it.

    A real host traps where they are not, so a component must not get used to it here.
    """

    noun = "a resource"
    children = 0
    parent: Parent | None = None

    def adopt(self, child: Pollable | Parent) -> None:
        self.children += 1
        child.parent = self

    def wasm_dropped(self, call: CallState) -> None:
        if self.children and not call.ended:
            raise Trap(
                f"the component dropped {self.noun} before what was made from it",
                hint="drop the pollables of a stream before the stream, and the streams of a "
                "socket before the socket",
                reason="resource has children", backtrace=[], stderr=list(call.stderr),
            )  # fmt: skip
        _leave(self)


def _leave(child: Pollable | Parent) -> None:
    if child.parent is not None:
        child.parent.children -= 1
        child.parent = None


class Pollable:
    """Something that becomes ready.

    ``due`` is when at the latest, on the monotonic clock. ``watch`` is a file descriptor with the
    ``selectors`` events that make it ready, where nothing of ours tells of it.
    """

    due: float = float("inf")
    parent: Parent | None = None

    def __init__(self, ready: Callable[[], Any], watch: tuple[int, int] | None = None) -> None:
        self.ready = ready
        self._watch = watch

    def watch(self) -> tuple[int, int] | None:
        return self._watch

    def wasm_dropped(self, call: CallState) -> None:
        _leave(self)


class Timer(Pollable):
    """Ready from a moment on."""

    def __init__(self, due: float) -> None:
        # Nobody can wait for the end of the clock: the system refuses such a time.
        self.due = min(due, time.monotonic() + _LONGEST_WAIT_S)
        super().__init__(lambda: time.monotonic() >= due)


class InputStream(Parent):
    """A stream that the guest reads."""

    noun = "an input-stream"
    failed = False
    """Whether it has reported a failure: it is closed from then on."""

    def ready(self) -> bool:
        """Whether `read` would return bytes, or raise."""
        return True

    def pollable(self) -> Pollable:
        return Pollable(self.ready)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes that are there now; raises at the end or on failure."""
        raise NotImplementedError


class OutputStream(Parent):
    """A stream that the guest writes. Writes are taken at once; ``room`` says how much."""

    noun = "an output-stream"
    failed = False
    """As of `InputStream`."""

    def room(self) -> int:
        """How many bytes may be written now; raises when the stream is closed or broken."""
        return _MAX_READ

    def has_room(self) -> bool:
        """Whether a write would do something, or fail."""
        try:
            return self.room() > 0
        except (StreamClosed, StreamFailed):
            return True

    def pollable(self) -> Pollable:
        return Pollable(self.has_room)

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def flushed(self) -> bool:
        """Whether everything written has gone on; must not raise."""
        return True

    def flushing(self) -> Pollable:
        """Ready when it is `flushed`."""
        return Pollable(self.flushed)


def _stream_result(stream: InputStream | OutputStream, work: Callable[[], Any]) -> Ok | Err:
    if stream.failed:
        return Err(Case("closed"))
    try:
        return Ok(work())
    except StreamClosed:
        return Err(Case("closed"))
    except StreamFailed as failed:
        stream.failed = True
        return Err(Case("last-operation-failed", failed.error))


class Error(WasiInterface):
    id = "wasi:io/error"

    @function("[method]error.to-debug-string")
    @staticmethod
    def to_debug_string(call: CallState, error: IoError) -> str:
        return error.message


class Poll(WasiInterface):
    id = "wasi:io/poll"

    @function("[method]pollable.ready")
    @staticmethod
    def ready(call: CallState, pollable: Pollable) -> bool:
        return bool(pollable.ready())

    @function("[method]pollable.block")
    @staticmethod
    def block(call: CallState, pollable: Pollable) -> None:
        _wait_for(call, [pollable])

    @function("poll")
    @staticmethod
    def poll(call: CallState, pollables: list[Pollable]) -> list[int]:
        if not pollables:
            raise Trap("poll needs at least one pollable", reason="empty poll", backtrace=[], stderr=[])  # fmt: skip
        _wait_for(call, pollables)
        return [i for i, pollable in enumerate(pollables) if pollable.ready()]


def _wait_for(call: CallState, pollables: list[Pollable]) -> None:
    due = min(pollable.due for pollable in pollables)
    watches = [watch for pollable in pollables if (watch := pollable.watch()) is not None]
    sleep = partial(call.service(Readiness).sleep, watches) if watches else None
    # A timer's due time ends the wait; the clock may be a hair behind it, so ask again.
    while not call.wait_until(lambda: any(p.ready() for p in pollables), due, sleep):
        if time.monotonic() >= due:
            return


def _child(stream: InputStream | OutputStream) -> Pollable:
    pollable = stream.pollable()
    stream.adopt(pollable)
    return pollable


class Streams(WasiInterface):
    id = "wasi:io/streams"

    @function("[method]input-stream.read")
    @staticmethod
    def read(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(stream, lambda: _read(stream, size))

    @function("[method]input-stream.blocking-read")
    @staticmethod
    def blocking_read(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(stream, lambda: _blocking_read(call, stream, size))

    @function("[method]input-stream.skip")
    @staticmethod
    def skip(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(stream, lambda: len(_read(stream, size)))

    @function("[method]input-stream.blocking-skip")
    @staticmethod
    def blocking_skip(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(stream, lambda: len(_blocking_read(call, stream, size)))

    @function("[method]input-stream.subscribe")
    @staticmethod
    def subscribe_input(call: CallState, stream: InputStream) -> Pollable:
        return _child(stream)

    @function("[method]output-stream.check-write")
    @staticmethod
    def check_write(call: CallState, stream: OutputStream) -> Any:
        return _stream_result(stream, stream.room)

    @function("[method]output-stream.write")
    @staticmethod
    def write(call: CallState, stream: OutputStream, data: bytes) -> Any:
        return _stream_result(stream, lambda: _write(stream, data))

    @function("[method]output-stream.blocking-write-and-flush")
    @staticmethod
    def blocking_write(call: CallState, stream: OutputStream, data: bytes) -> Any:
        if len(data) > _MAX_BLOCKING:
            raise _too_much(len(data), _MAX_BLOCKING)
        return _stream_result(stream, lambda: _blocking_write(call, stream, data))

    @function("[method]output-stream.flush")
    @staticmethod
    def flush(call: CallState, stream: OutputStream) -> Any:
        return _stream_result(stream, lambda: _nothing(stream.room()))

    @function("[method]output-stream.blocking-flush")
    @staticmethod
    def blocking_flush(call: CallState, stream: OutputStream) -> Any:
        return _stream_result(stream, lambda: _blocking_flush(call, stream))

    @function("[method]output-stream.subscribe")
    @staticmethod
    def subscribe_output(call: CallState, stream: OutputStream) -> Pollable:
        return _child(stream)

    @function("[method]output-stream.write-zeroes")
    @staticmethod
    def write_zeroes(call: CallState, stream: OutputStream, size: int) -> Any:
        return _stream_result(stream, lambda: _write_zeroes(stream, size))

    @function("[method]output-stream.blocking-write-zeroes-and-flush")
    @staticmethod
    def blocking_zeroes(call: CallState, stream: OutputStream, size: int) -> Any:
        if size > _MAX_BLOCKING:
            raise _too_much(size, _MAX_BLOCKING)
        return _stream_result(stream, lambda: _blocking_write(call, stream, bytes(size)))

    @function("[method]output-stream.splice")
    @staticmethod
    def splice(
        call: CallState,
        stream: OutputStream,
        source: InputStream,
        size: int,
    ) -> Any:
        return _stream_result(stream, lambda: _splice(stream, source, size))

    @function("[method]output-stream.blocking-splice")
    @staticmethod
    def blocking_splice(
        call: CallState,
        stream: OutputStream,
        source: InputStream,
        size: int,
    ) -> Any:
        def work() -> int:
            if not size:
                return 0
            _wait_for(call, [stream.pollable()])
            stream.room()
            _wait_for(call, [source.pollable()])
            return _splice(stream, source, size)

        return _stream_result(stream, work)


def _read(stream: InputStream, size: int) -> bytes:
    return stream.read(min(size, _MAX_READ))


def _blocking_read(call: CallState, stream: InputStream, size: int) -> bytes:
    if size == 0:
        return b""
    if not stream.ready():
        _wait_for(call, [stream.pollable()])
    return stream.read(min(size, _MAX_READ))


def _write(stream: OutputStream, data: bytes) -> None:
    room = stream.room()
    if len(data) > room:
        raise _too_much(len(data), room)
    if data:
        stream.write(data)


def _write_zeroes(stream: OutputStream, size: int) -> None:
    if size > stream.room():
        raise _too_much(size, stream.room())
    _write(stream, bytes(size))


def _blocking_write(call: CallState, stream: OutputStream, data: bytes) -> None:
    at = 0
    while at < len(data):
        if not stream.has_room():
            _wait_for(call, [stream.pollable()])
        part = data[at : at + stream.room()]
        stream.write(part)
        at += len(part)
    _blocking_flush(call, stream)


def _blocking_flush(call: CallState, stream: OutputStream) -> None:
    stream.room()
    if not stream.flushed():
        _wait_for(call, [stream.flushing()])
    stream.room()


def _splice(stream: OutputStream, source: InputStream, size: int) -> int:
    room = stream.room()
    if not room or not size:
        return 0
    data = source.read(min(size, room, _MAX_READ))
    if data:
        stream.write(data)
    return len(data)


def _nothing(_: Any) -> None:
    return None


def _too_much(size: int, room: int) -> Trap:
    return Trap(
        f"the component wrote {size} bytes where check-write allowed {room}",
        reason="write beyond check-write", backtrace=[], stderr=[],
    )  # fmt: skip
