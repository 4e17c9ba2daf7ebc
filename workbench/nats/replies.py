"""Requests and their replies over one inbox subscription.

nats-py's own `request` rests on `asyncio.wait_for`, which in Python 3.11 loses a cancellation
that meets the answer, and its publish swallows one as well. Here nothing is awaited but the
reply.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.errors import NatsError

if TYPE_CHECKING:
    from workbench.nats.connection import Connection, Message, Subscription

__all__ = ["Replies"]


class Replies:
    """The requests in flight of one connection, by the last token of their reply subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._base = connection.new_inbox()
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._subscription: Subscription | None = None
        self._starting = asyncio.Lock()

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Message:
        """The first message that comes back, a status line included. Raises `TimeoutError`."""
        if self._subscription is None:
            await self._start()
        token = str(next(self._numbers))
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[token] = reply
        try:
            self._connection.publish_nowait(
                subject, data, reply=f"{self._base}.{token}", headers=headers
            )
            async with asyncio.timeout(timeout_s):
                return await reply
        finally:
            del self._waiting[token]

    async def _start(self) -> None:
        async with self._starting:
            if self._subscription is None:
                self._subscription = await self._connection.subscribe_direct(
                    f"{self._base}.*", self._on_reply
                )

    def _on_reply(self, message: Message) -> None:
        reply = self._waiting.get(message.subject.rpartition(".")[2])
        if reply is not None and not reply.done():
            reply.set_result(message)

    def fail(self) -> None:
        """The connection is closed: nobody will answer any more."""
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(
                    NatsError("the NATS connection was closed", hint="connect again")
                )
