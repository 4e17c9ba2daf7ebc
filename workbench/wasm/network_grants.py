"""Which addresses and names a component may use; by default none."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from workbench.errors import UsageError

__all__ = ["IpAddress", "NetworkGrants", "Where"]

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Where = str | tuple[str, int | str | tuple[int, int]]
"""``("127.0.0.1", 80)``, ``("10.0.0.0/8", (8000, 8999))``, ``("example.com", 443)``,
``("*", "*")``, or as text: ``"127.0.0.1:80"``, ``"[::1]:*"``, ``"10.0.0.0/8:8000-8999"``."""

_TEXT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^\[\]:]+)):(?P<port>\*|\d+|\d+-\d+)")
_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A network or a name, with ports. Without either, any address."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    name: str | None
    first_port: int
    last_port: int

    def covers(self, address: IpAddress, port: int, names: Collection[str]) -> bool:
        if not self.first_port <= port <= self.last_port:
            return False
        if self.name is not None:
            return any(_fits(self.name, name) for name in names)
        return self.network is None or address in self.network


@dataclass(frozen=True, slots=True)
class NetworkGrants:
    """Allow lists. ``tcp`` and ``udp`` are addresses that the component may reach.

    An address that is given by name is reachable once the component has looked the name up.
    ``names`` may be looked up beside those: ``"example.com"``, ``"*.example.com"``, ``"*"``.
    ``tcp_listen`` and ``udp_listen`` are local addresses that it may be reached at; port 0 there
    means a port that the system picks. Raises `UsageError` for what is no address.
    """

    tcp: Sequence[Where] = ()
    udp: Sequence[Where] = ()
    names: Sequence[str] = ()
    tcp_listen: Sequence[Where] = ()
    udp_listen: Sequence[Where] = ()
    _rules: dict[str, tuple[_Rule, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lists = ("tcp", "udp", "tcp_listen", "udp_listen")
        for name in (*lists, "names"):
            if isinstance(given := getattr(self, name), str):
                raise UsageError(f"{name}={given!r} is one text", hint=f"write {name}=[{given!r}]")
        rules = {name: tuple(map(_rule, getattr(self, name))) for name in lists}
        object.__setattr__(self, "_rules", rules)
        for name in self.names:
            if name != "*" and not _NAME.fullmatch(name):
                raise _no_address(name)

    def permits(
        self, kind: str, address: IpAddress, port: int, names: Collection[str] = ()
    ) -> bool:
        """Whether the list ``kind`` has the address, or a name that it was looked up under."""
        return any(rule.covers(address, port, names) for rule in self._rules[kind])

    def permits_name(self, name: str) -> bool:
        reachable = (rule.name for kind in ("tcp", "udp") for rule in self._rules[kind])
        return any(_fits(pattern, name) for pattern in (*self.names, *filter(None, reachable)))

    @property
    def nothing(self) -> bool:
        """Whether no address and no name is granted at all."""
        return not self.names and not any(self._rules.values())


def _fits(pattern: str, name: str) -> bool:
    pattern, name = pattern.rstrip(".").lower(), name.rstrip(".").lower()
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern in ("*", name)


def _rule(where: Where) -> _Rule:
    if isinstance(where, str):
        match = _TEXT.fullmatch(where)
        if match is None:
            raise _no_address(where)
        host, port = match["six"] or match["host"], match["port"]
    else:
        host, port = where
    first, last = _ports(port, where)
    if host == "*":
        return _Rule(None, None, first, last)
    try:
        return _Rule(ipaddress.ip_network(host, strict=False), None, first, last)
    except ValueError:
        if not _NAME.fullmatch(host) or host.replace(".", "").isdigit():
            raise _no_address(where) from None
    return _Rule(None, host, first, last)


def _ports(port: int | str | tuple[int, int], where: Where) -> tuple[int, int]:
    if port == "*":
        return 0, 65535
    if isinstance(port, str):
        first, _, last = port.partition("-")
        if not (first + last).isdigit():
            raise _no_address(where)
        port = (int(first), int(last or first))
    first, last = (port, port) if isinstance(port, int) else port
    if not 0 <= first <= last <= 65535:
        raise _no_address(where)
    return first, last


def _no_address(where: object) -> UsageError:
    return UsageError(
        f"{where!r} is no address that can be granted",
        hint="give ('127.0.0.1', 80), ('10.0.0.0/8', '*'), 'example.com:443' or '[::1]:8000-8999'",
    )
