"""``wasi:sockets``: sockets can be made, but no address is permitted (interfaces.md §1.2)."""

from __future__ import annotations

from typing import Any

from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import Pollable
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Err, Ok

__all__ = [
    "InstanceNetwork",
    "IpNameLookup",
    "Network",
    "Socket",
    "Tcp",
    "TcpCreateSocket",
    "Udp",
    "UdpCreateSocket",
]


class NetworkHandle:
    """The one network; nothing can be reached through it."""


class Socket:
    """A socket that is bound to nothing and never will be."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.hop_limit = 64


class InstanceNetwork(WasiInterface):
    id = "wasi:sockets/instance-network"

    @function("instance-network")
    @staticmethod
    def instance_network(call: CallState) -> NetworkHandle:
        return NetworkHandle()


class Network(WasiInterface):
    id = "wasi:sockets/network"

    @function("network-error-code")
    @staticmethod
    def network_error_code(call: CallState, error: Any) -> None:
        return None


class IpNameLookup(WasiInterface):
    id = "wasi:sockets/ip-name-lookup"

    @function("resolve-addresses")
    @staticmethod
    def resolve_addresses(call: CallState, network: NetworkHandle, name: str) -> Any:
        return Err("permanent-resolver-failure")


def _create(call: CallState, family: str) -> Any:
    return Ok(Socket(family))


class TcpCreateSocket(WasiInterface):
    id = "wasi:sockets/tcp-create-socket"
    create = function("create-tcp-socket")(_create)


class UdpCreateSocket(WasiInterface):
    id = "wasi:sockets/udp-create-socket"
    create = function("create-udp-socket")(_create)


class _Common:
    """What TCP and UDP sockets answer alike."""

    @staticmethod
    def denied(call: CallState, socket: Socket, *_: Any) -> Err:
        return Err("access-denied")

    @staticmethod
    def idle(call: CallState, socket: Socket, *_: Any) -> Err:
        return Err("not-in-progress")

    @staticmethod
    def unbound(call: CallState, socket: Socket, *_: Any) -> Err:
        return Err("invalid-state")

    @staticmethod
    def accepted(call: CallState, socket: Socket, *_: Any) -> Ok:
        return Ok()

    @staticmethod
    def subscribe(call: CallState, socket: Socket) -> Pollable:
        return Pollable(lambda: True)

    @staticmethod
    def family(call: CallState, socket: Socket) -> str:
        return socket.family

    @staticmethod
    def hop_limit(call: CallState, socket: Socket) -> Ok:
        return Ok(socket.hop_limit)

    @staticmethod
    def set_hop_limit(call: CallState, socket: Socket, value: int) -> Any:
        if value == 0:
            return Err("invalid-argument")
        socket.hop_limit = value
        return Ok()


class Tcp(WasiInterface):
    id = "wasi:sockets/tcp"

    @function("[method]tcp-socket.is-listening")
    @staticmethod
    def is_listening(call: CallState, socket: Socket) -> bool:
        return False


class Udp(WasiInterface):
    id = "wasi:sockets/udp"


def _methods(resource: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {
        f"[method]{resource}.{name}": body
        for names, body in answers.items()
        for name in names.split()
    }


Tcp.functions |= _methods(
    "tcp-socket",
    {
        "start-bind start-connect": _Common.denied,
        "finish-bind finish-connect finish-listen": _Common.idle,
        "start-listen accept local-address remote-address shutdown": _Common.unbound,
        "set-listen-backlog-size set-keep-alive-enabled set-keep-alive-idle-time "
        "set-keep-alive-interval set-keep-alive-count set-receive-buffer-size "
        "set-send-buffer-size": _Common.accepted,
        "keep-alive-enabled keep-alive-idle-time keep-alive-interval keep-alive-count "
        "receive-buffer-size send-buffer-size": _Common.unbound,
        "address-family": _Common.family,
        "hop-limit": _Common.hop_limit,
        "set-hop-limit": _Common.set_hop_limit,
        "subscribe": _Common.subscribe,
    },
)
Udp.functions |= _methods(
    "udp-socket",
    {
        "start-bind": _Common.denied,
        "finish-bind": _Common.idle,
        "stream local-address remote-address": _Common.unbound,
        "set-receive-buffer-size set-send-buffer-size": _Common.accepted,
        "receive-buffer-size send-buffer-size": _Common.unbound,
        "address-family": _Common.family,
        "unicast-hop-limit": _Common.hop_limit,
        "set-unicast-hop-limit": _Common.set_hop_limit,
        "subscribe": _Common.subscribe,
    },
)
# No datagram stream exists while no socket can be bound.
Udp.functions |= _methods("incoming-datagram-stream", {"receive": _Common.unbound})
Udp.functions |= _methods("outgoing-datagram-stream", {"check-send send": _Common.unbound})
Udp.functions |= {
    f"[method]{kind}-datagram-stream.subscribe": _Common.subscribe
    for kind in ("incoming", "outgoing")
}
