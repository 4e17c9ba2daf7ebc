"""Socket addresses between WIT and Python, and what makes one unusable."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any

from workbench.wasm.network_grants import IpAddress
from workbench.wire.wit.values import Case

__all__ = ["Address", "SocketFailure", "address_of", "ip_value"]


class SocketFailure(Exception):
    """A socket operation failed; ``code`` is the error code of ``wasi:sockets``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address with its port."""

    ip: IpAddress
    port: int
    flow: int = 0
    scope: int = 0

    @classmethod
    def of(cls, value: Case) -> Address:
        """From the WIT value."""
        if value.name == "ipv4":
            port, parts = value.payload
            return cls(ipaddress.IPv4Address(bytes(parts)), port)
        port, flow, parts, scope = value.payload
        packed = b"".join(part.to_bytes(2, "big") for part in parts)
        return cls(ipaddress.IPv6Address(packed), port, flow, scope)

    def lowered(self) -> Case:
        parts = _parts(self.ip)
        if self.ip.version == 4:
            return Case("ipv4", (self.port, parts))
        return Case("ipv6", (self.port, self.flow, parts, self.scope))

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET if self.ip.version == 4 else socket.AF_INET6

    @property
    def native(self) -> tuple[Any, ...]:
        """What the `socket` module takes."""
        if self.ip.version == 4:
            return (str(self.ip), self.port)
        return (str(self.ip), self.port, self.flow & 0xFFFFF, self.scope)

    def demand_family(self, family: socket.AddressFamily) -> None:
        """Dual-stack sockets don't exist in WASI: an address is of one family."""
        mapped = isinstance(self.ip, ipaddress.IPv6Address) and self.ip.ipv4_mapped is not None
        if self.family != family or mapped:
            raise SocketFailure("invalid-argument")

    def demand_unicast(self) -> None:
        broadcast = self.ip.version == 4 and int(self.ip) == 0xFFFFFFFF
        if self.ip.is_multicast or broadcast:
            raise SocketFailure("invalid-argument")

    def demand_remote(self) -> None:
        if self.ip.is_unspecified or not self.port:
            raise SocketFailure("invalid-argument")


def address_of(native: tuple[Any, ...]) -> Address:
    """From what the `socket` module gives."""
    host, port, *rest = native
    return Address(ipaddress.ip_address(host.partition("%")[0]), port, *rest)


def ip_value(ip: IpAddress) -> Case:
    """The WIT value ``ip-address``."""
    return Case("ipv4" if ip.version == 4 else "ipv6", _parts(ip))


def _parts(ip: IpAddress) -> tuple[int, ...]:
    packed = ip.packed
    if ip.version == 4:
        return tuple(packed)
    return tuple(int.from_bytes(packed[at : at + 2], "big") for at in range(0, 16, 2))
