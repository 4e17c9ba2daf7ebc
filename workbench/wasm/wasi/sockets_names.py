"""Looking names up, for guests that may; each lookup has a thread, as it can't be cancelled."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

from workbench.wasm.network_grants import IpAddress
from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import Parent, Pollable
from workbench.wasm.wasi.sockets_addresses import SocketFailure, ip_value
from workbench.wasm.wasi.sockets_open import OpenSockets
from workbench.wire.wit.values import Case

__all__ = ["Addresses", "look_up"]

_AT_ONCE = 8
"""Lookups that one invocation may have under way."""
_MOST_ADDRESSES = 64
_CODES = {
    socket.EAI_NONAME: "name-unresolvable",
    socket.EAI_AGAIN: "temporary-resolver-failure",
    socket.EAI_FAIL: "permanent-resolver-failure",
    getattr(socket, "EAI_NODATA", socket.EAI_NONAME): "name-unresolvable",
}


class Addresses(Parent):
    """``resolve-address-stream``: the addresses of one name, once they are known."""

    noun = "a resolve-address-stream"

    def __init__(self, call: CallState, name: str) -> None:
        self._call = call
        self._name = name
        self._found: list[IpAddress] = []
        self._next = 0
        self._code = ""
        self.done = False

    def finish(self, found: list[IpAddress], code: str = "") -> None:
        """Any thread."""
        self._found, self._code = found, code
        self.done = True
        self._call.notify()

    def next(self) -> Case | None:
        if not self.done:
            raise SocketFailure("would-block")
        if self._code:
            raise SocketFailure(self._code)
        if self._next >= len(self._found):
            return None
        address = self._found[self._next]
        self._next += 1
        self._call.service(OpenSockets).names.setdefault(address, set()).add(self._name)
        return ip_value(address)

    def pollable(self) -> Pollable:
        pollable = Pollable(lambda: self.done)
        self.adopt(pollable)
        return pollable


class _Lookups:
    """The lookups of one invocation."""

    def __init__(self, call: CallState) -> None:
        self._under_way: list[Addresses] = []

    def add(self, addresses: Addresses) -> None:
        self._under_way = [each for each in self._under_way if not each.done]
        if len(self._under_way) >= _AT_ONCE:
            raise SocketFailure("temporary-resolver-failure")
        self._under_way.append(addresses)

    def close(self) -> None:
        """Their threads end by themselves and find nobody."""


def look_up(call: CallState, name: str) -> Addresses:
    """Start a lookup. Raises `SocketFailure` for no name, or one that is not granted."""
    literal = _literal(name)
    ascii_name = name if literal else _ascii(name)
    grants = call.grants.network
    if grants.nothing if literal else not grants.permits_name(ascii_name):
        raise SocketFailure("permanent-resolver-failure")
    addresses = Addresses(call, ascii_name)
    if literal:
        addresses.finish([literal])
        return addresses
    call.service(_Lookups).add(addresses)
    threading.Thread(
        target=lambda: addresses.finish(*_resolve(ascii_name)),
        name="wasm-name-lookup", daemon=True,
    ).start()  # fmt: skip
    return addresses


def _resolve(name: str) -> tuple[list[IpAddress], str]:
    try:
        answers: list[Any] = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return [], _CODES.get(error.errno or 0, "unknown")
    except (OSError, UnicodeError):
        return [], "temporary-resolver-failure"
    hosts = dict.fromkeys(answer[4][0].partition("%")[0] for answer in answers)
    return [ipaddress.ip_address(host) for host in list(hosts)[:_MOST_ADDRESSES]], ""


def _literal(name: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _ascii(name: str) -> str:
    # The length first: the codec's time grows with its square.
    if not 0 < len(name) <= 253 or "\0" in name:
        raise SocketFailure("invalid-argument")
    try:
        found = name.encode("idna").decode()
    except UnicodeError:
        raise SocketFailure("invalid-argument") from None
    if not all(
        part.replace("-", "").replace("_", "").isalnum() for part in found.rstrip(".").split(".")
    ):
        raise SocketFailure("invalid-argument")
    return found
