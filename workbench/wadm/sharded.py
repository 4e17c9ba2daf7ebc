"""A map that is never changed: each change gives a new one, which shares almost everything.

The fold over events makes a new state each time. Copying a whole dict for one link of ten
thousand would make the growth of a lattice quadratic.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

__all__ = ["Sharded"]

K = TypeVar("K", str, tuple[str, ...])
V = TypeVar("V")

_SHARDS = 128


def _shard(key: str | tuple[str, ...]) -> int:
    """Not ``hash``: the order of iteration is the same in every process."""
    text = key if isinstance(key, str) else "\0".join(key)
    return zlib.crc32(text.encode()) % _SHARDS


class Sharded(Mapping[K, V]):
    """Keys are text, or tuples of text."""

    __slots__ = ("_shards", "_size")

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        fresh: list[dict[K, V] | None] = [None] * _SHARDS
        for key, value in dict(items).items():
            index = _shard(key)
            shard = fresh[index]
            if shard is None:
                shard = fresh[index] = {}
            shard[key] = value
        self._shards: tuple[dict[K, V] | None, ...] = tuple(fresh)
        self._size = sum(len(shard) for shard in fresh if shard)

    def having(self, key: K, value: V) -> Sharded[K, V]:
        """The same with one more, or another, value."""
        index = _shard(key)
        shard = self._shards[index] or {}
        return self._with(index, {**shard, key: value}, self._size + (key not in shard))

    def lacking(self, key: K) -> Sharded[K, V]:
        """The same without a key, whether or not it is there."""
        index = _shard(key)
        shard = self._shards[index]
        if not shard or key not in shard:
            return self
        left = {k: v for k, v in shard.items() if k != key}
        return self._with(index, left or None, self._size - 1)

    def _with(self, index: int, shard: dict[K, V] | None, size: int) -> Sharded[K, V]:
        changed: Sharded[K, V] = Sharded.__new__(Sharded)
        changed._shards = (*self._shards[:index], shard, *self._shards[index + 1 :])
        changed._size = size
        return changed

    def __getitem__(self, key: K) -> V:
        shard = self._shards[_shard(key)]
        if shard is None:
            raise KeyError(key)
        return shard[key]

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str | tuple):
            return False
        shard = self._shards[_shard(key)]
        return shard is not None and key in shard

    def __iter__(self) -> Iterator[K]:
        for shard in self._shards:
            if shard is not None:
                yield from shard

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return repr(dict(self))
