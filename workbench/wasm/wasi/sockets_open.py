"""What TCP and UDP sockets have in common: the system's socket, its options, what is permitted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from workbench.wasm.network_grants import IpAddress
from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import Parent
from workbench.wasm.wasi.sockets_addresses import Address, SocketFailure, address_of
from workbench.wasm.wasi.sockets_errors import network_code
from workbench.wire.wit.values import Case, Err, Ok

__all__ = ["Network", "OpenSocket", "OpenSockets", "answered", "demand_positive", "methods"]

MAX_SOCKETS = 128
"""Sockets that one invocation may hold: each takes a file descriptor of the process."""
_LARGEST_BUFFER = 2**31 - 1
# Linux books twice what was asked for, and tells so.
_BOOKED = 2 if hasattr(socket, "SO_PEERCRED") else 1


class OpenSockets:
    """The sockets of one invocation, and the names that it has looked up."""

    def __init__(self, call: CallState) -> None:
        self._open: set[socket.socket] = set()
        self.names: dict[IpAddress, set[str]] = {}

    def demand_room(self) -> None:
        if len(self._open) >= MAX_SOCKETS:
            raise SocketFailure("new-socket-limit")

    def add(self, native: socket.socket) -> socket.socket:
        native.setblocking(False)
        self._open.add(native)
        return native

    def remove(self, native: socket.socket) -> None:
        self._open.discard(native)
        native.close()

    def close(self) -> None:
        while self._open:
            self._open.pop().close()


class Network:
    """The one network; what it reaches is what the grants say."""


class OpenSocket(Parent):
    """A socket of the guest; ``state`` is one of the names in the tables of `tcp` and `udp`."""

    def __init__(
        self, call: CallState, family: socket.AddressFamily, native: socket.socket
    ) -> None:
        self.call = call
        self.family = family
        self.native = native
        self.state = "default"
        self.may_listen = False

    @classmethod
    def make(cls, call: CallState, family_name: str, kind: socket.SocketKind) -> Any:
        family = socket.AF_INET if family_name == "ipv4" else socket.AF_INET6
        sockets = call.service(OpenSockets)
        sockets.demand_room()
        native = sockets.add(socket.socket(family, kind))
        if family == socket.AF_INET6:
            native.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return cls(call, family, native)

    def wasm_dropped(self, call: CallState) -> None:
        super().wasm_dropped(call)
        call.service(OpenSockets).remove(self.native)

    # -- binding -------------------------------------------------------------------------------

    def demand_reachable(self, kind: str, remote: Address) -> None:
        """Raise unless the grants let the guest reach this address."""
        names = self.call.service(OpenSockets).names.get(remote.ip, ())
        if not self.call.grants.network.permits(kind, remote.ip, remote.port, names):
            raise SocketFailure("access-denied")

    def start_bind(self, kind: str, local: Address) -> None:
        """Bind; a port that the system picks may be had by whoever may reach anything."""
        if self.state != "default":
            raise SocketFailure(
                "concurrency-conflict" if self.state == "binding" else "invalid-state"
            )
        local.demand_family(self.family)
        grants = self.call.grants.network
        self.may_listen = grants.permits(f"{kind}_listen", local.ip, local.port)
        outward = not local.port and bool(getattr(grants, kind))
        if not self.may_listen and not outward:
            raise SocketFailure("access-denied")
        self.native.bind(local.native)
        self.state = "binding"

    def finish_bind(self) -> None:
        if self.state != "binding":
            raise SocketFailure("not-in-progress")
        self.state = "bound"

    def local_address(self) -> Case:
        if self.state in ("default", "binding"):
            raise SocketFailure(
                "concurrency-conflict" if self.state == "binding" else "invalid-state"
            )
        return address_of(self.native.getsockname()).lowered()

    # -- options -------------------------------------------------------------------------------

    @property
    def _hop_option(self) -> tuple[int, int]:
        if self.family == socket.AF_INET:
            return socket.IPPROTO_IP, socket.IP_TTL
        return socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS

    def hop_limit(self) -> int:
        return self.native.getsockopt(*self._hop_option)

    def set_hop_limit(self, value: int) -> None:
        demand_positive(value)
        self.native.setsockopt(*self._hop_option, value)

    def buffer_size(self, option: int) -> int:
        return self.native.getsockopt(socket.SOL_SOCKET, option) // _BOOKED

    def set_buffer_size(self, option: int, value: int) -> None:
        """A wish: the system has limits of its own."""
        demand_positive(value)
        self.native.setsockopt(socket.SOL_SOCKET, option, min(value, _LARGEST_BUFFER // 2))


def demand_positive(value: int) -> None:
    """No option of a socket may be set to zero."""
    if not value:
        raise SocketFailure("invalid-argument")


def answered(body: Callable[..., Any]) -> Callable[..., Ok | Err]:
    """``body`` with its failures as error codes for the guest."""

    def answer(call: CallState, *args: Any) -> Ok | Err:
        try:
            return Ok(body(*args))
        except SocketFailure as failure:
            return Err(failure.code)
        except OSError as error:
            return Err(network_code(error))

    return answer


def methods(resource: str, bodies: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    """WIT methods that only need the resource and may fail, by their names."""
    return {f"[method]{resource}.{name}": answered(body) for name, body in bodies.items()}
