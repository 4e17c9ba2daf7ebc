"""Requests and their replies over the connection's inbox.

nats-py's own `request` rests on `asyncio.wait_for`, which in Python 3.11 loses a cancellation
that meets the answer, and its publish swallows one as well. Here nothing is awaited but the
reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.errors import NatsError

if TYPE_CHECKING:
    from workbench.nats.connection import Connection, Message

__all__ = ["Replies"]


class Replies:
    """The requests in flight of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: set[asyncio.Future[Message]] = set()

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Message:
        """The first message that comes back, a status line included. Raises `TimeoutError`."""
        inbox = self._connection.inbox
        if not inbox.is_open:
            await inbox.open()
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def receive(tail: str, message: Message) -> None:
            if not tail and not reply.done():
                reply.set_result(message)

        token = inbox.new_token()
        self._waiting.add(reply)
        try:
            own = inbox.add(token, receive)
            self._connection.publish_nowait(subject, data, reply=own, headers=headers)
            async with asyncio.timeout(timeout_s):
                return await reply
        finally:
            inbox.receivers.pop(token, None)
            self._waiting.discard(reply)

    def fail(self) -> None:
        """The connection is closed: nobody will answer any more."""
        for reply in self._waiting:
            if not reply.done():
                reply.set_exception(
                    NatsError("the NATS connection was closed", hint="connect again")
                )
