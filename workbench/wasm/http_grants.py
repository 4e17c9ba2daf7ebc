"""Which hosts a component may send HTTP requests to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.errors import UsageError

__all__ = ["checked_hosts", "permits"]

_HOST = re.compile(
    r"(?P<name>\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}|\*))?"
)
_PORTS = {"http": "80", "https": "443"}


def checked_hosts(hosts: Sequence[str]) -> None:
    """Raises `UsageError` for what is no host."""
    if isinstance(hosts, str):
        raise UsageError(
            f"http={hosts!r} is one text", hint=f"pass a list of hosts: http=[{hosts!r}]"
        )
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(
                f"{host!r} is no host that HTTP requests could go to",
                hint='a host without scheme and path: "example.com", "127.0.0.1:8080", '
                '"*.example.com", "*"',
            )


def permits(hosts: Sequence[str], authority: str, scheme: str | None) -> bool:
    """Whether one of the hosts covers this one. Without a port a host stands for all of them."""
    wanted = _HOST.fullmatch(authority)
    if wanted is None or "*" in authority:
        return False
    name = wanted["name"].lower()
    port = wanted["port"] or _PORTS.get(scheme or "https", "")
    return any(_covers(host, name, port) for host in hosts)


def _covers(host: str, name: str, port: str) -> bool:
    granted = _HOST.fullmatch(host)
    if granted is None or granted["port"] not in (None, "*", port):
        return False
    pattern = granted["name"].lower()
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern in ("*", name)
