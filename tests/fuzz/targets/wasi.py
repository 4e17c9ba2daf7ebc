"""What guests say to WASI: paths in a directory, and what a user writes into an allow list."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.target import Target
from tests.unit.wasm.path_operations import ONE, TWO, outcome
from workbench.errors import UsageError
from workbench.wasm import MemoryDirectory, NetworkGrants, RealDirectory
from workbench.wasm.wasi.filesystem_memory import open_memory
from workbench.wasm.wasi.filesystem_real import open_real

OPERATIONS = sorted({**ONE, **TWO})
SECRET = b"outside"


def walk_paths(data: bytes) -> None:
    """Lines of an operation's number and its paths, done in memory and on a disk alike.

    Nothing may change, or be read, outside of the granted directory, and both answer alike.
    """
    with TemporaryDirectory() as above:
        Path(above, "secret").write_bytes(SECRET)
        Path(above, "granted").mkdir()
        disk = open_real(RealDirectory(Path(above, "granted"), writable=True))
        memory = open_memory(MemoryDirectory(limit_bytes=1 << 20, limit_entries=100))
        try:
            for line in data.split(b"\n")[:40]:
                operation = _operation(line)
                found = outcome(disk, operation)
                assert found != SECRET
                assert outcome(memory, operation) == found, operation
            assert sorted(os.listdir(above)) == ["granted", "secret"]
            assert Path(above, "secret").read_bytes() == SECRET
        finally:
            disk.close()
            memory.close()


def _operation(line: bytes) -> tuple[str, ...]:
    number, *paths = line.decode("utf-8", "replace").split("\t")
    name = OPERATIONS[sum(map(ord, number)) % len(OPERATIONS)]
    wanted = 2 if name in TWO else 1
    return (name, *(paths + ["a"] * wanted)[:wanted])


def _walks() -> Iterable[bytes]:
    def lines(*steps: tuple[str, ...]) -> bytes:
        return b"\n".join(
            "\t".join((chr(OPERATIONS.index(step[0])), *step[1:])).encode() for step in steps
        )

    yield lines(("make folder", "a"), ("write", "a/b"), ("read", "a/../a/b"))
    yield lines(("make link", "l", "../secret"), ("read", "l"), ("stat", "l/x"))
    yield lines(("make link", "up", ".."), ("read", "up/secret"), ("rename", "up", "up/secret"))
    yield lines(("make link", "l", "l"), ("read", "l"), ("write", "/x"), ("remove", "../secret"))


def allow(data: bytes) -> None:
    """Any text in an allow list."""
    text = data.decode("utf-8", "replace")
    NetworkGrants(tcp=[text])
    host, _, port = text.rpartition(":")
    NetworkGrants(udp_listen=[(host.strip("[]"), port)])


TARGETS = [
    # Each input makes a directory on the disk.
    Target("wasi-paths", walk_paths, _walks, allowed=(), memory_factor=65_536),
    Target(
        "wasi-allow-lists",
        allow,
        lambda: [b"127.0.0.1:80", b"[::1]:*", b"*.example.com:1-9"],
        allowed=(UsageError,),
    ),
]
