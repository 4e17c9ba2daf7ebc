"""Waiting for a decision, without asking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

WAIT_S = 15.0


class Watched(Protocol):
    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]: ...


async def until(watched: Watched, enough: Callable[[], object]) -> None:
    """Until a manager or service has decided something that makes this true."""
    changed = asyncio.Event()
    unsubscribe = watched.subscribe(changed.set)
    async with asyncio.timeout(WAIT_S):
        while not enough():
            changed.clear()
            await changed.wait()
    unsubscribe()
