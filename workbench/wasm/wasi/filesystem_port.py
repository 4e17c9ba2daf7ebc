"""What ``wasi:filesystem`` needs of a file system: two kinds of open nodes.

Names are single parts of a path, never ``.`` or ``..``, and are never followed if they are links:
paths are walked in one place only (`filesystem_paths.py`). What goes wrong is an OSError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["OpenFile", "OpenFolder", "OpenHow", "OpenNode", "Stat"]


@dataclass(frozen=True, slots=True)
class Stat:
    """Facts about a node; times are nanoseconds since 1970."""

    kind: str
    links: int
    size: int
    accessed_ns: int
    modified_ns: int
    changed_ns: int
    identity: tuple[int, int]


@dataclass(frozen=True, slots=True)
class OpenHow:
    """How `OpenFolder.open` opens."""

    read: bool = True
    write: bool = False
    create: bool = False
    exclusive: bool = False
    truncate: bool = False
    directory: bool = False


class OpenNode(Protocol):
    """An open file or folder."""

    kind: str
    writable: bool
    """Whether the directory that it comes from was granted for writing."""

    def stat(self) -> Stat: ...

    def set_times(self, accessed_ns: int | None, modified_ns: int | None) -> None:
        """None leaves a time as it is."""
        ...

    def sync(self, data_only: bool) -> None: ...

    def close(self) -> None: ...


class OpenFile(OpenNode, Protocol):
    """A file, or anything else that is no folder."""

    def read(self, size: int, offset: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        ...

    def write(self, data: bytes, offset: int) -> int: ...

    def append(self, data: bytes) -> int: ...

    def set_size(self, size: int) -> None: ...

    def advise(self, offset: int, length: int, advice: str) -> None: ...


class OpenFolder(OpenNode, Protocol):
    def again(self) -> OpenFolder:
        """The same folder, opened once more."""
        ...

    def enter(self, name: str) -> OpenFolder:
        """The folder ``name``; ENOTDIR or ELOOP for anything else, links too."""
        ...

    def open(self, name: str, how: OpenHow) -> OpenNode: ...

    def entries(self) -> Iterator[tuple[str, str]]:
        """(kind, name) of what is in it now; once for each time that it was opened."""
        ...

    def stat_at(self, name: str) -> Stat: ...

    def set_times_at(self, name: str, accessed_ns: int | None, modified_ns: int | None) -> None: ...

    def read_link(self, name: str) -> str:
        """EINVAL for what is no link."""
        ...

    def make_folder(self, name: str) -> None: ...

    def make_link(self, name: str, target: str) -> None:
        """A symbolic link."""
        ...

    def remove_folder(self, name: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def link(self, name: str, to: OpenFolder, new_name: str) -> None:
        """A hard link; EXDEV to another file system."""
        ...

    def rename(self, name: str, to: OpenFolder, new_name: str) -> None: ...
