"""Every background task of a host has one owner, which cancels and awaits it and logs its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

__all__ = ["TaskOwner"]

_log = logging.getLogger(__name__)


class TaskOwner:
    """Starts tasks, keeps them alive, and ends all of them in `close`.

    A task that ends with an exception is logged under the owner's name: nobody awaits it, so
    nobody else would ever see it.
    """

    __slots__ = ("_closed", "_name", "_tasks")

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str = "") -> asyncio.Task[Any] | None:
        """Run ``work`` in the background; after `close` it is dropped unrun."""
        if self._closed:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed: %s", task.get_name(), error, exc_info=error)

    async def settle(self, timeout_s: float) -> None:
        """Wait until the tasks of this moment have ended by themselves, at most ``timeout_s``."""
        current = asyncio.current_task()
        if pending := [task for task in self._tasks if task is not current]:
            await asyncio.wait(pending, timeout=timeout_s)

    async def close(self) -> None:
        """Cancel every task and wait for its end. The calling task, if it is one, is left alone."""
        self._closed = True
        current = asyncio.current_task()
        pending = [task for task in self._tasks if task is not current]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.gather(*pending, return_exceptions=True)
