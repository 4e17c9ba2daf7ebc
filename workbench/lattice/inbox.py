"""Tokens for inboxes below one wildcard subscription (wrpc.md §4)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

__all__ = ["TOKEN_LENGTH", "Tokens"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_LENGTH = 22


class Tokens:
    """Unique inbox tokens of 22 base-62 characters: a random start, then counted (wrpc.md §4)."""

    def __init__(self) -> None:
        prefix = "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_LENGTH - 8))
        self._tokens = self._count(prefix)

    @staticmethod
    def _count(prefix: str) -> Iterator[str]:
        number = secrets.randbelow(62**7)
        while True:
            number += 1
            digits, rest = [], number
            for _ in range(8):
                rest, digit = divmod(rest, 62)
                digits.append(_ALPHABET[digit])
            yield prefix + "".join(digits)

    def __call__(self) -> str:
        return next(self._tokens)
