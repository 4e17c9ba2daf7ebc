"""Which addresses and names a component may use."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NetworkGrants"]


@dataclass(frozen=True, slots=True)
class NetworkGrants:
    """Allow lists, all empty by default."""
