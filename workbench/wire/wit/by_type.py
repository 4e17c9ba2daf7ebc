"""What was compiled for a type, kept by identity first and by equality second.

Looking up by identity costs one probe; comparing two equal types costs a walk over both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["ByType"]

T = TypeVar("T")

# A stranger's component may bring any number of types; what is dropped is compiled again.
_CACHE_SIZE = 4096


class ByType(Generic[T]):
    """A function of a type that is computed once for equal types."""

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._by_identity: dict[int, tuple[Any, T]] = {}
        self._by_value: dict[Any, T] = {}

    def __call__(self, type: Any) -> T:
        entry = self._by_identity.get(id(type))
        # The entry holds the type itself, so its identity can't be taken by another object.
        if entry is not None:
            return entry[1]
        compiled = self._by_value.get(type)
        if compiled is None:
            compiled = self._build(type)
            if len(self._by_value) >= _CACHE_SIZE:
                self._by_value.clear()
            self._by_value[type] = compiled
        if len(self._by_identity) >= _CACHE_SIZE:
            self._by_identity.clear()
        self._by_identity[id(type)] = (type, compiled)
        return compiled
