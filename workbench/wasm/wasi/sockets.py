"""``wasi:sockets``: sockets can be made; which addresses they reach is granted (interfaces.md §1.2).

Without a grant every address is refused with ``access-denied``, as on a real host.
"""

from __future__ import annotations

import socket
from typing import Any

from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import IoError, Pollable
from workbench.wasm.wasi.sockets_addresses import Address
from workbench.wasm.wasi.sockets_names import Addresses, look_up
from workbench.wasm.wasi.sockets_open import Network, OpenSocket, answered, methods
from workbench.wasm.wasi.sockets_tcp import IDLE, TcpSocket
from workbench.wasm.wasi.sockets_udp import Incoming, Outgoing, UdpSocket
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Case, Err, Ok

__all__ = [
    "InstanceNetwork",
    "IpNameLookup",
    "NetworkInterface",
    "Tcp",
    "TcpCreateSocket",
    "Udp",
    "UdpCreateSocket",
]

_RECEIVE, _SEND = socket.SO_RCVBUF, socket.SO_SNDBUF


class InstanceNetwork(WasiInterface):
    id = "wasi:sockets/instance-network"

    @function("instance-network")
    @staticmethod
    def instance_network(call: CallState) -> Network:
        return Network()


class NetworkInterface(WasiInterface):
    id = "wasi:sockets/network"

    @function("network-error-code")
    @staticmethod
    def network_error_code(call: CallState, error: IoError) -> str | None:
        return error.network_code


class IpNameLookup(WasiInterface):
    id = "wasi:sockets/ip-name-lookup"

    @function("resolve-addresses")
    @staticmethod
    def resolve_addresses(call: CallState, network: Network, name: str) -> Ok | Err:
        return answered(lambda: look_up(call, name))(call)

    @function("[method]resolve-address-stream.subscribe")
    @staticmethod
    def subscribe(call: CallState, addresses: Addresses) -> Pollable:
        return addresses.pollable()


IpNameLookup.functions |= methods(
    "resolve-address-stream", {"resolve-next-address": Addresses.next}
)


class TcpCreateSocket(WasiInterface):
    id = "wasi:sockets/tcp-create-socket"

    @function("create-tcp-socket")
    @staticmethod
    def create(call: CallState, family: str) -> Ok | Err:
        return answered(lambda: TcpSocket.make(call, family, socket.SOCK_STREAM))(call)


class UdpCreateSocket(WasiInterface):
    id = "wasi:sockets/udp-create-socket"

    @function("create-udp-socket")
    @staticmethod
    def create(call: CallState, family: str) -> Ok | Err:
        return answered(lambda: UdpSocket.make(call, family, socket.SOCK_DGRAM))(call)


def _subscribe(call: CallState, resource: Any) -> Pollable:
    return resource.pollable()


def _address_family(call: CallState, at: OpenSocket) -> str:
    return "ipv4" if at.family == socket.AF_INET else "ipv6"


class Tcp(WasiInterface):
    id = "wasi:sockets/tcp"
    subscribe = function("[method]tcp-socket.subscribe")(_subscribe)
    address_family = function("[method]tcp-socket.address-family")(_address_family)

    @function("[method]tcp-socket.is-listening")
    @staticmethod
    def is_listening(call: CallState, at: TcpSocket) -> bool:
        return at.state == "listening"


def _bind_tcp(at: TcpSocket, network: Network, local: Case) -> None:
    address = Address.of(local)
    address.demand_unicast()
    at.start_bind("tcp", address)


def _bind_udp(at: UdpSocket, network: Network, local: Case) -> None:
    at.start_bind("udp", Address.of(local))


def _connect(at: TcpSocket, network: Network, remote: Case) -> None:
    at.start_connect(Address.of(remote))


_BUFFERS = {
    "receive-buffer-size": lambda at: at.buffer_size(_RECEIVE),
    "set-receive-buffer-size": lambda at, value: at.set_buffer_size(_RECEIVE, value),
    "send-buffer-size": lambda at: at.buffer_size(_SEND),
    "set-send-buffer-size": lambda at, value: at.set_buffer_size(_SEND, value),
}

Tcp.functions |= methods(
    "tcp-socket",
    {
        "start-bind": _bind_tcp,
        "finish-bind": TcpSocket.finish_bind,
        "start-connect": _connect,
        "finish-connect": TcpSocket.finish_connect,
        "start-listen": TcpSocket.start_listen,
        "finish-listen": TcpSocket.finish_listen,
        "accept": TcpSocket.accept,
        "local-address": TcpSocket.local_address,
        "remote-address": TcpSocket.remote_address,
        "set-listen-backlog-size": TcpSocket.set_backlog,
        "keep-alive-enabled": TcpSocket.keep_alive,
        "set-keep-alive-enabled": TcpSocket.set_keep_alive,
        "keep-alive-idle-time": lambda at: at.seconds(IDLE),
        "set-keep-alive-idle-time": lambda at, value: at.set_seconds(IDLE, value),
        "keep-alive-interval": lambda at: at.seconds(socket.TCP_KEEPINTVL),
        "set-keep-alive-interval": lambda at, value: at.set_seconds(socket.TCP_KEEPINTVL, value),
        "keep-alive-count": TcpSocket.probes,
        "set-keep-alive-count": TcpSocket.set_probes,
        "hop-limit": TcpSocket.hop_limit,
        "set-hop-limit": TcpSocket.set_hop_limit,
        "shutdown": TcpSocket.shutdown,
        **_BUFFERS,
    },
)


class Udp(WasiInterface):
    id = "wasi:sockets/udp"
    subscribe = function("[method]udp-socket.subscribe")(_subscribe)
    subscribe_incoming = function("[method]incoming-datagram-stream.subscribe")(_subscribe)
    subscribe_outgoing = function("[method]outgoing-datagram-stream.subscribe")(_subscribe)
    address_family = function("[method]udp-socket.address-family")(_address_family)


Udp.functions |= methods(
    "udp-socket",
    {
        "start-bind": _bind_udp,
        "finish-bind": UdpSocket.finish_bind,
        "stream": UdpSocket.stream,
        "local-address": UdpSocket.local_address,
        "remote-address": UdpSocket.remote_address,
        "unicast-hop-limit": UdpSocket.hop_limit,
        "set-unicast-hop-limit": UdpSocket.set_hop_limit,
        **_BUFFERS,
    },
)
Udp.functions |= methods("incoming-datagram-stream", {"receive": Incoming.receive})
Udp.functions |= methods(
    "outgoing-datagram-stream", {"check-send": Outgoing.check_send, "send": Outgoing.send}
)
