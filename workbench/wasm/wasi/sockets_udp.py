"""UDP sockets of a guest and their datagram streams: default → binding → bound, connected."""

from __future__ import annotations

import selectors
from typing import Any

from workbench.errors import Trap
from workbench.wasm.wasi.io import Parent, Pollable
from workbench.wasm.wasi.readiness import is_ready
from workbench.wasm.wasi.sockets_addresses import Address, SocketFailure, address_of
from workbench.wasm.wasi.sockets_open import OpenSocket
from workbench.wire.wit.values import Case

__all__ = ["Incoming", "Outgoing", "UdpSocket"]

_DATAGRAM = 65_536
_AT_ONCE = 32
"""Datagrams in one call, in either direction."""


class UdpSocket(OpenSocket):
    """Its association with one remote address is kept here and not by the system.

    Python can't undo a ``connect`` of a datagram socket, which WASI asks for.
    """

    noun = "a udp-socket"
    remote: Address | None = None

    def stream(self, remote: Case | None) -> tuple[Incoming, Outgoing]:
        if self.state not in ("bound", "connected"):
            busy = self.state == "binding"
            raise SocketFailure("concurrency-conflict" if busy else "invalid-state")
        chosen = None if remote is None else Address.of(remote)
        if chosen is not None:
            self.demand_destination(chosen)
        self.remote = chosen
        self.state = "bound" if chosen is None else "connected"
        streams = (Incoming(self), Outgoing(self))
        for stream in streams:
            self.adopt(stream)
        return streams

    def demand_destination(self, remote: Address) -> None:
        """Raise unless the guest may send there."""
        remote.demand_family(self.family)
        remote.demand_remote()
        self.demand_reachable("udp", remote)

    def remote_address(self) -> Case:
        if self.remote is None:
            raise SocketFailure("invalid-state")
        return self.remote.lowered()

    def pollable(self) -> Pollable:
        """Binding is done at once: there is never anything to wait for."""
        pollable = Pollable(lambda: True)
        self.adopt(pollable)
        return pollable


class _Datagrams(Parent):
    noun = "a datagram stream"
    _events = 0

    def __init__(self, owner: UdpSocket) -> None:
        self._socket = owner

    def _is_ready(self) -> bool:
        return is_ready(self._socket.native.fileno(), self._events)

    def pollable(self) -> Pollable:
        pollable = Pollable(self._is_ready, (self._socket.native.fileno(), self._events))
        self.adopt(pollable)
        return pollable


class Incoming(_Datagrams):
    _events = selectors.EVENT_READ

    def receive(self, most: int) -> list[tuple[bytes, Case]]:
        """What has arrived from whom the guest may hear; the rest is thrown away."""
        found: list[tuple[bytes, Case]] = []
        for _ in range(min(most, _AT_ONCE)):
            try:
                data, native = self._socket.native.recvfrom(_DATAGRAM)
            except BlockingIOError:
                break
            sender = address_of(native)
            if self._may_hear(sender):
                found.append((data, sender.lowered()))
        return found

    def _may_hear(self, sender: Address) -> bool:
        owner = self._socket
        if owner.remote is not None:
            return (sender.ip, sender.port) == (owner.remote.ip, owner.remote.port)
        if owner.may_listen:
            return True
        try:
            owner.demand_reachable("udp", sender)
        except SocketFailure:
            return False
        return True


class Outgoing(_Datagrams):
    _events = selectors.EVENT_WRITE
    _permitted = 0

    def check_send(self) -> int:
        self._permitted = _AT_ONCE if self._is_ready() else 0
        return self._permitted

    def send(self, datagrams: list[Any]) -> int:
        """Send until one fails; that error is told if it was the first."""
        if len(datagrams) > self._permitted:
            raise Trap(
                f"the component sent {len(datagrams)} datagrams where check-send allowed "
                f"{self._permitted}",
                reason="send beyond check-send", backtrace=[], stderr=[],
            )  # fmt: skip
        self._permitted -= len(datagrams)
        sent = 0
        for data, remote in datagrams:
            try:
                self._socket.native.sendto(data, self._destination(remote).native)
            except (SocketFailure, OSError):
                if not sent:
                    raise
                break
            sent += 1
        return sent

    def _destination(self, remote: Case | None) -> Address:
        fixed = self._socket.remote
        if remote is None:
            if fixed is None:
                raise SocketFailure("invalid-argument")
            return fixed
        wanted = Address.of(remote)
        if fixed is not None and wanted != fixed:
            raise SocketFailure("invalid-argument")
        self._socket.demand_destination(wanted)
        return wanted
