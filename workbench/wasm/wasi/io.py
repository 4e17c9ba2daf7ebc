"""``wasi:io``: errors, pollables and streams, and the base classes of everything that streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from workbench.errors import Trap
from workbench.wasm.store import CallState
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Case, Err, Ok

__all__ = [
    "EmptyInput",
    "InputStream",
    "IoError",
    "OutputStream",
    "Pollable",
    "StreamClosed",
    "StreamFailed",
    "Timer",
]

_MAX_READ = 64 * 1024
"""A read returns at most so much, however much the guest asks for."""


class IoError:
    """``wasi:io/error.error``. ``http_code`` is set where ``wasi:http`` knows more."""

    def __init__(self, message: str, http_code: Case | None = None) -> None:
        self.message = message
        self.http_code = http_code


class StreamClosed(Exception):
    """The stream has come to its end."""


class StreamFailed(Exception):
    """The stream broke; the guest sees ``last-operation-failed``."""

    def __init__(self, error: IoError) -> None:
        super().__init__(error.message)
        self.error = error


class Pollable:
    """Something that becomes ready. ``due`` is when at the latest, on the monotonic clock."""

    due: float = float("inf")

    def __init__(self, ready: Callable[[], Any]) -> None:
        self.ready = ready


class Timer(Pollable):
    """Ready from a moment on."""

    def __init__(self, due: float) -> None:
        self.due = due
        super().__init__(lambda: time.monotonic() >= due)


class InputStream:
    """A stream that the guest reads."""

    def ready(self) -> bool:
        """Whether `read` would return bytes, or raise."""
        return True

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes that are there now; raises at the end or on failure."""
        raise NotImplementedError


class EmptyInput(InputStream):
    """A stream that is at its end."""

    def read(self, size: int) -> bytes:
        raise StreamClosed


class OutputStream:
    """A stream that the guest writes. Writes are taken at once; ``room`` says how much."""

    def room(self) -> int:
        """How many bytes may be written now; raises when the stream is closed or broken."""
        return _MAX_READ

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def flushed(self) -> bool:
        """Whether everything written has gone on."""
        return True


def _stream_result(work: Callable[[], Any]) -> Ok | Err:
    try:
        return Ok(work())
    except StreamClosed:
        return Err(Case("closed"))
    except StreamFailed as failed:
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
    # A timer's due time ends the wait; the clock may be a hair behind it, so ask again.
    while not call.wait_until(lambda: any(p.ready() for p in pollables), due):
        if time.monotonic() >= due:
            return


class Streams(WasiInterface):
    id = "wasi:io/streams"

    @function("[method]input-stream.read")
    @staticmethod
    def read(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(lambda: _read(stream, size))

    @function("[method]input-stream.blocking-read")
    @staticmethod
    def blocking_read(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(lambda: _blocking_read(call, stream, size))

    @function("[method]input-stream.skip")
    @staticmethod
    def skip(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(lambda: len(_read(stream, size)))

    @function("[method]input-stream.blocking-skip")
    @staticmethod
    def blocking_skip(call: CallState, stream: InputStream, size: int) -> Any:
        return _stream_result(lambda: len(_blocking_read(call, stream, size)))

    @function("[method]input-stream.subscribe")
    @staticmethod
    def subscribe_input(call: CallState, stream: InputStream) -> Pollable:
        return Pollable(stream.ready)

    @function("[method]output-stream.check-write")
    @staticmethod
    def check_write(call: CallState, stream: OutputStream) -> Any:
        return _stream_result(stream.room)

    @function("[method]output-stream.write")
    @staticmethod
    def write(call: CallState, stream: OutputStream, data: bytes) -> Any:
        return _stream_result(lambda: _write(stream, data))

    @function("[method]output-stream.blocking-write-and-flush")
    @staticmethod
    def blocking_write(call: CallState, stream: OutputStream, data: bytes) -> Any:
        return _stream_result(lambda: _blocking_write(call, stream, data))

    @function("[method]output-stream.flush")
    @staticmethod
    def flush(call: CallState, stream: OutputStream) -> Any:
        return _stream_result(lambda: _nothing(stream.room()))

    @function("[method]output-stream.blocking-flush")
    @staticmethod
    def blocking_flush(call: CallState, stream: OutputStream) -> Any:
        return _stream_result(lambda: _blocking_flush(call, stream))

    @function("[method]output-stream.subscribe")
    @staticmethod
    def subscribe_output(call: CallState, stream: OutputStream) -> Pollable:
        return Pollable(lambda: _has_room(stream))

    @function("[method]output-stream.write-zeroes")
    @staticmethod
    def write_zeroes(call: CallState, stream: OutputStream, size: int) -> Any:
        return _stream_result(lambda: _write_zeroes(stream, size))

    @function("[method]output-stream.blocking-write-zeroes-and-flush")
    @staticmethod
    def blocking_zeroes(call: CallState, stream: OutputStream, size: int) -> Any:
        if size > 4096:
            raise _too_much(size, 4096)
        return _stream_result(lambda: _blocking_write(call, stream, bytes(size)))

    @function("[method]output-stream.splice")
    @staticmethod
    def splice(
        call: CallState,
        stream: OutputStream,
        source: InputStream,
        size: int,
    ) -> Any:
        return _stream_result(lambda: _splice(stream, source, size))

    @function("[method]output-stream.blocking-splice")
    @staticmethod
    def blocking_splice(
        call: CallState,
        stream: OutputStream,
        source: InputStream,
        size: int,
    ) -> Any:
        def work() -> int:
            call.wait_until(lambda: _has_room(stream))
            call.wait_until(source.ready)
            return _splice(stream, source, size)

        return _stream_result(work)


def _read(stream: InputStream, size: int) -> bytes:
    return stream.read(min(size, _MAX_READ))


def _blocking_read(call: CallState, stream: InputStream, size: int) -> bytes:
    if size == 0:
        return b""
    call.wait_until(stream.ready)
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
    # WIT allows 4096 bytes here; taking more costs nothing and some guests send more.
    at = 0
    while at < len(data):
        call.wait_until(lambda: _has_room(stream))
        part = data[at : at + stream.room()]
        stream.write(part)
        at += len(part)
    _blocking_flush(call, stream)


def _blocking_flush(call: CallState, stream: OutputStream) -> None:
    stream.room()
    call.wait_until(stream.flushed)


def _splice(stream: OutputStream, source: InputStream, size: int) -> int:
    room = stream.room()
    if not room or not size:
        return 0
    data = source.read(min(size, room, _MAX_READ))
    if data:
        stream.write(data)
    return len(data)


def _has_room(stream: OutputStream) -> bool:
    try:
        return stream.room() > 0
    except (StreamClosed, StreamFailed):
        return True


def _nothing(_: Any) -> None:
    return None


def _too_much(size: int, room: int) -> Trap:
    return Trap(
        f"the component wrote {size} bytes where check-write allowed {room}",
        reason="write beyond check-write", backtrace=[], stderr=[],
    )  # fmt: skip
