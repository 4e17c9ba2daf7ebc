"""What a component may see of this machine: by default nothing (interfaces.md §1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from workbench.errors import UsageError
from workbench.wasm.directories import Directory, MemoryDirectory, RealDirectory
from workbench.wasm.http_grants import checked_hosts, permits
from workbench.wasm.network_grants import NetworkGrants

__all__ = [
    "NOTHING",
    "Directory",
    "Grants",
    "MemoryDirectory",
    "NetworkGrants",
    "RealDirectory",
    "Stdin",
]

Stdin = bytes | Iterable[bytes] | Callable[[int], bytes]
"""All of it, its parts one after another, or ``read(size)``, where ``b""`` is the end.

Parts and ``read`` are asked on the invocation's worker thread, which waits for them. An OSError
from them is the failure of the guest's stream.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Grants:
    """What one invocation gets through WASI beside clocks and randomness.

    ``directories`` maps the path under which the guest finds a directory to the directory. An
    iterable ``stdin`` is used up by the first invocation that reads it. ``http`` are the hosts
    that it may send HTTP requests to: ``"example.com"``, ``"example.com:8080"``,
    ``"*.example.com"``, ``"*"``; on a lattice links decide instead. Raises `UsageError`.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    arguments: tuple[str, ...] = ("main.wasm",)
    working_directory: str | None = None
    stdin: Stdin = b""
    directories: Mapping[str, Directory] = field(default_factory=lambda: MappingProxyType({}))
    network: NetworkGrants = field(default_factory=NetworkGrants)
    http: Sequence[str] = ()

    def __post_init__(self) -> None:
        checked_hosts(self.http)
        if isinstance(self.stdin, str):
            raise UsageError("stdin is bytes, not text", hint="write stdin=text.encode()")
        if isinstance(self.arguments, str):
            raise UsageError(
                f"arguments={self.arguments!r} is one text", hint="pass a tuple of arguments"
            )
        for name, value in self.environment.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise UsageError(f"the variable {name!r} and its value must be texts")
        for path, directory in self.directories.items():
            if not isinstance(directory, Directory):
                raise UsageError(
                    f"what is granted as {path!r} is no directory but {directory!r:.80}",
                    hint="pass a RealDirectory(path), writable=True if need be, "
                    "or a MemoryDirectory",
                )

    def __repr__(self) -> str:
        # Values of variables are often secrets, and stdin may be anything.
        return (
            f"<Grants variables {list(self.environment)}, arguments {list(self.arguments)}, "
            f"directories {dict(self.directories)}, {self.network}, http {list(self.http)}>"
        )

    def permits_http(self, authority: str, scheme: str | None) -> bool:
        """Whether a request may be sent to a host, which may have a port."""
        return permits(self.http, authority, scheme)


NOTHING = Grants()
