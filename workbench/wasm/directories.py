"""Directories that a component may be given: one in memory, or a real one."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["Directory", "MemoryDirectory", "RealDirectory"]


@dataclass(frozen=True, slots=True)
class RealDirectory:
    """A directory of this machine. What its links point to outside of it is out of reach."""

    path: str | os.PathLike[str]
    writable: bool = False


class MemoryDirectory:
    """A directory that exists in this process only."""


Directory = MemoryDirectory | RealDirectory
