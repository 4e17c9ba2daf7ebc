"""Blocking work of users, away from the loop, on threads that never hold up the process's end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, ParamSpec, TypeVar

__all__ = ["in_thread", "pulled"]

P = ParamSpec("P")
T = TypeVar("T")

# What one visit to an iterator's thread brings home, at most.
_BATCH = 256
_BATCH_BYTES = 256 * 1024
_BATCH_S = 0.01


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``function`` returns or raises, run on a daemon thread of its own.

    Not on the default executor: a function that blocks for ever would take a thread from everybody
    else there, and the interpreter would wait for it at its end. Cancelling does not stop it; its
    outcome is dropped then.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(value)
        elif isinstance(error, StopIteration):
            outcome.set_exception(RuntimeError(f"{function!r} raised StopIteration"))
        else:
            outcome.set_exception(error)

    def run() -> None:
        value, failure = None, None
        try:
            value = context.run(function, *args, **kwargs)
        except BaseException as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=run, daemon=True, name=f"workbench-{_name(function)}").start()
    return await outcome


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


async def pulled(iterator: Iterator[T]) -> AsyncIterator[list[T]]:
    """The items of a blocking iterator in batches, taken by threads; its error comes after them."""
    while True:
        items, ended, error = await in_thread(_batch, iterator)
        if items:
            yield items
        if error is not None:
            raise error
        if ended:
            return


def _batch(iterator: Iterator[T]) -> tuple[list[T], bool, Exception | None]:
    """Some items, whether these were the last, and what ended them."""
    items: list[T] = []
    size, until = 0, time.monotonic() + _BATCH_S
    try:
        for item in iterator:
            items.append(item)
            size += len(item) if isinstance(item, bytes | bytearray) else 0
            if len(items) == _BATCH or size >= _BATCH_BYTES or time.monotonic() > until:
                return items, False, None
    except Exception as error:
        return items, True, error
    return items, True, None
