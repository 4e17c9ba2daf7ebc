"""Targets with a defect each, to see that the engines find them."""

from __future__ import annotations

from tests.fuzz.target import Target

__all__ = ["TARGETS"]


def _crash(data: bytes) -> None:
    if b"{" in data:
        raise KeyError("planted")


def _loop(data: bytes) -> None:
    while b"{" in data:
        try:
            data = bytes(data)
        except Exception:
            continue


def _bomb(data: bytes) -> list[list[int]]:
    return [[0] * 10_000 for _ in range(3000)] if b"{" in data else []


TARGETS = [
    Target("planted-crash", _crash, lambda: [b"a"]),
    Target("planted-loop", _loop, lambda: [b"a"], cpu_s=0.3),
    Target("planted-bomb", _bomb, lambda: [b"a"]),
    Target("planted-nothing", len, lambda: [b"a"]),
]
