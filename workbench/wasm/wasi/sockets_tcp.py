"""TCP sockets of a guest and their streams.

default → binding → bound → opening → listening
default, bound → connecting → connected, or closed where that fails
"""

from __future__ import annotations

import selectors
import socket

from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import (
    InputStream,
    IoError,
    OutputStream,
    Pollable,
    StreamClosed,
    StreamFailed,
)
from workbench.wasm.wasi.readiness import is_ready
from workbench.wasm.wasi.sockets_addresses import Address, SocketFailure, address_of
from workbench.wasm.wasi.sockets_errors import network_code
from workbench.wasm.wasi.sockets_open import OpenSocket, OpenSockets, demand_positive
from workbench.wire.wit.values import Case

__all__ = ["IDLE", "TcpInput", "TcpOutput", "TcpSocket"]

_NS = 1_000_000_000
_BACKLOG = 128
_LONGEST_S = 2**15 - 1
_MOST_PROBES = 127
_ROOM = 64 * 1024
IDLE = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", 0)
"""The option for the idle time, which macOS calls by another name."""

_WATCHED = {"connecting": selectors.EVENT_WRITE, "listening": selectors.EVENT_READ}


class TcpSocket(OpenSocket):
    noun = "a tcp-socket"

    def __init__(
        self, call: CallState, family: socket.AddressFamily, native: socket.socket
    ) -> None:
        super().__init__(call, family, native)
        self._backlog = _BACKLOG
        self._streams: tuple[TcpInput, TcpOutput] | None = None

    # -- connecting ----------------------------------------------------------------------------

    def start_connect(self, remote: Address) -> None:
        self._demand_idle(("default", "bound"))
        remote.demand_family(self.family)
        remote.demand_unicast()
        remote.demand_remote()
        self.demand_reachable("tcp", remote)
        self.state = "connecting"
        try:
            self.native.connect(remote.native)
        except BlockingIOError:
            pass
        except OSError:
            self.state = "closed"
            raise

    def finish_connect(self) -> tuple[TcpInput, TcpOutput]:
        if self.state != "connecting":
            raise SocketFailure("not-in-progress")
        if not is_ready(self.native.fileno(), selectors.EVENT_WRITE):
            raise SocketFailure("would-block")
        number = self.native.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self.state = "closed"
            raise OSError(number, "connect")
        return self._connected()

    def _connected(self) -> tuple[TcpInput, TcpOutput]:
        self.state = "connected"
        streams = self._streams = (TcpInput(self.native), TcpOutput(self.native))
        for stream in streams:
            self.adopt(stream)
        return streams

    def remote_address(self) -> Case:
        if self.state != "connected":
            busy = self.state == "connecting"
            raise SocketFailure("concurrency-conflict" if busy else "invalid-state")
        return address_of(self.native.getpeername()).lowered()

    def shutdown(self, how: str) -> None:
        if self.state != "connected" or self._streams is None:
            raise SocketFailure("invalid-state")
        reader, writer = self._streams
        if how in ("receive", "both"):
            reader.shut()
        if how in ("send", "both"):
            writer.shut()

    # -- listening -----------------------------------------------------------------------------

    def start_listen(self) -> None:
        self._demand_idle(("bound",))
        if not self.may_listen:
            raise SocketFailure("access-denied")
        self.native.listen(self._backlog)
        self.state = "opening"

    def finish_listen(self) -> None:
        if self.state != "opening":
            raise SocketFailure("not-in-progress")
        self.state = "listening"

    def accept(self) -> tuple[TcpSocket, TcpInput, TcpOutput]:
        if self.state != "listening":
            raise SocketFailure("invalid-state")
        sockets = self.call.service(OpenSockets)
        sockets.demand_room()
        native, _ = self.native.accept()
        accepted = TcpSocket(self.call, self.family, sockets.add(native))
        return (accepted, *accepted._connected())

    def set_backlog(self, value: int) -> None:
        demand_positive(value)
        if self.state not in ("default", "bound", "listening"):
            raise SocketFailure("invalid-state")
        self._backlog = min(value, _BACKLOG)
        if self.state == "listening":
            self.native.listen(self._backlog)

    def _demand_idle(self, allowed: tuple[str, ...]) -> None:
        if self.state in ("binding", "opening", "connecting"):
            raise SocketFailure("concurrency-conflict")
        if self.state not in allowed:
            raise SocketFailure("invalid-state")

    # -- options -------------------------------------------------------------------------------

    def keep_alive(self) -> bool:
        return bool(self.native.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def set_keep_alive(self, value: bool) -> None:
        self.native.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, value)

    def seconds(self, option: int) -> int:
        """A duration in nanoseconds; the system keeps whole seconds."""
        return self.native.getsockopt(socket.IPPROTO_TCP, option) * _NS

    def set_seconds(self, option: int, duration_ns: int) -> None:
        demand_positive(duration_ns)
        seconds = min(-(-duration_ns // _NS), _LONGEST_S)
        self.native.setsockopt(socket.IPPROTO_TCP, option, seconds)

    def probes(self) -> int:
        return self.native.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)

    def set_probes(self, value: int) -> None:
        demand_positive(value)
        self.native.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, min(value, _MOST_PROBES))

    def pollable(self) -> Pollable:
        """Ready when the operation in progress, or the next `accept`, has something to say."""
        pollable = _SocketPollable(self)
        self.adopt(pollable)
        return pollable


class _SocketPollable(Pollable):
    """What it waits for follows the state of its socket."""

    def __init__(self, owner: TcpSocket) -> None:
        self._owner = owner
        super().__init__(self._is_ready)

    def watch(self) -> tuple[int, int] | None:
        events = _WATCHED.get(self._owner.state)
        return None if events is None else (self._owner.native.fileno(), events)

    def _is_ready(self) -> bool:
        watch = self.watch()
        return watch is None or is_ready(*watch)


class TcpInput(InputStream):
    """What arrives on a connection."""

    def __init__(self, native: socket.socket) -> None:
        self._native = native
        self._ended = False

    def ready(self) -> bool:
        return self._ended or is_ready(self._native.fileno(), selectors.EVENT_READ)

    def pollable(self) -> Pollable:
        return Pollable(self.ready, (self._native.fileno(), selectors.EVENT_READ))

    def read(self, size: int) -> bytes:
        if self._ended:
            raise StreamClosed
        if not size:
            return b""
        try:
            data = self._native.recv(size)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise _failed(error) from error
        if not data:
            self._ended = True
            raise StreamClosed
        return data

    def shut(self) -> None:
        self._ended = True
        _shut(self._native, socket.SHUT_RD)


class TcpOutput(OutputStream):
    """What is sent on a connection; what the system does not take at once waits here."""

    def __init__(self, native: socket.socket) -> None:
        self._native = native
        self._pending = memoryview(b"")
        self._error: OSError | None = None
        self._ended = False

    def room(self) -> int:
        self._send()
        if self._error is not None:
            raise _failed(self._error)
        if self._ended:
            raise StreamClosed
        writable = not self._pending and is_ready(self._native.fileno(), selectors.EVENT_WRITE)
        return _ROOM if writable else 0

    def pollable(self) -> Pollable:
        return Pollable(self.has_room, (self._native.fileno(), selectors.EVENT_WRITE))

    def write(self, data: bytes) -> None:
        self._pending = memoryview(data)
        self._send()

    def flushed(self) -> bool:
        self._send()
        return not self._pending

    def flushing(self) -> Pollable:
        return Pollable(self.flushed, (self._native.fileno(), selectors.EVENT_WRITE))

    def shut(self) -> None:
        """End what is sent, once all of it is out."""
        self._ended = True
        self._send()
        if not self._pending:
            _shut(self._native, socket.SHUT_WR)

    def _send(self) -> None:
        while self._pending and self._error is None:
            try:
                self._pending = self._pending[self._native.send(self._pending) :]
            except BlockingIOError:
                return
            except OSError as error:
                self._error, self._pending = error, memoryview(b"")
                return
            if self._ended and not self._pending:
                _shut(self._native, socket.SHUT_WR)


def _shut(native: socket.socket, how: int) -> None:
    try:
        native.shutdown(how)
    except OSError:
        return  # the peer was faster: it is shut


def _failed(error: OSError) -> StreamFailed:
    return StreamFailed(IoError(error.strerror or str(error), network_code=network_code(error)))
