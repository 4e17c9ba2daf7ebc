"""Tokens for inboxes below one wildcard subscription (wrpc.md §4)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

__all__ = ["TOKEN_LENGTH", "Tokens"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_LENGTH = 22


class Tokens:
    """Unique inbox tokens of 22 base-62 characters: a random start, then counted."""

    def __init__(self) -> None:
        self._tokens = _count()

    def __call__(self) -> str:
        return next(self._tokens)


def _count() -> Iterator[str]:
    pairs = [a + b for a in _ALPHABET for b in _ALPHABET]
    while True:
        prefix = "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_LENGTH - 4))
        for high in pairs:
            base = prefix + high
            for low in pairs:
                yield base + low
