"""What stands for `stream<T>` and `future<T>` while a value is decoded (wrpc.md §6.3, §6.4).

A decoder asks an `AsyncValues` for the object that goes into the decoded value: the skin hands
out its live streams there, and `PendingValues` plain data, for tests, traces and vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from workbench.wire.wit.types import Future, Stream

__all__ = ["AsyncType", "AsyncValues", "Path", "Pending", "PendingValues", "Ready"]

Path: TypeAlias = tuple[int, ...]
AsyncType: TypeAlias = Stream | Future


class AsyncValues(Protocol):
    """Makes the objects that stand for streams and futures; each path is asked for once."""

    def pending(self, path: Path, type: AsyncType) -> Any:
        """The value comes later, on the channel at ``path``."""
        ...

    def ready(self, path: Path, type: AsyncType, value: Any) -> Any:
        """The value was inline: all items of a stream, or the value of a future."""
        ...


@dataclass(frozen=True, slots=True)
class Pending:
    """A stream or future whose content travels on the channel at ``path``."""

    path: Path
    type: AsyncType

    def __repr__(self) -> str:
        return f"<{self.type}>"


@dataclass(frozen=True, slots=True)
class Ready:
    """A stream or future that arrived inline, complete."""

    type: AsyncType
    value: Any


class PendingValues:
    """The `AsyncValues` of plain data."""

    def pending(self, path: Path, type: AsyncType) -> Pending:
        return Pending(path, type)

    def ready(self, path: Path, type: AsyncType, value: Any) -> Ready:
        return Ready(type, value)
