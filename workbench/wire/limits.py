"""The bounds that every decoder and parser keeps, in one place.

A length prefix is a promise by a stranger: it is checked against these before memory is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a decoder accepts at most.

    ``depth`` bounds the nesting of types and values, ``count`` the items of one list, map or
    channel, ``bytes`` one message or one assembled value, ``nodes`` the parts of one type when
    it is written out in full (types share parts, so a short text can describe a huge type),
    ``text`` the characters of one source text, ``channels`` the streams and futures of one
    decoded value: each takes a byte of its sender and a kilobyte of ours.
    """

    depth: int = 64
    count: int = 16_777_216
    bytes: int = 1 << 30
    nodes: int = 65_536
    text: int = 16_777_216
    channels: int = 4096


DEFAULT_LIMITS = Limits()
