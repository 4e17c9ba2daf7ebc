"""The one inbox of a connection: many short-lived reply subjects below one subscription.

A message finds whoever waits for it by the token that follows the base; what comes after the
token (``.results``, say) is the receiver's own business.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from workbench.nats.client import Message, Subscription
    from workbench.nats.connection import Connection

__all__ = ["Inbox", "Receiver"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# As long as the tokens of the Rust peers (wrpc.md §4).
_TOKEN_LENGTH = 22

Receiver: TypeAlias = "Callable[[str, Message], None]"
"""Called from the read loop with the rest of the subject and the message."""


class Inbox:
    """Reply subjects ``<base>.<token>``. Made by `Connection.inbox`; belongs to its loop.

    ``receivers`` are those that wait for messages, by token.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.base = connection.new_inbox()
        self._start = len(self.base) + 1
        self._stop = self._start + _TOKEN_LENGTH
        self._tokens = _count()
        self.receivers: dict[str, Receiver] = {}
        self._subscription: Subscription | None = None
        self._opening = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        return self._subscription is not None

    async def open(self) -> None:
        """Subscribe, once for the life of the connection."""
        async with self._opening:
            if self._subscription is None:
                self._subscription = await self._connection.subscribe_direct(
                    f"{self.base}.>", self._on_message
                )

    def new_token(self) -> str:
        """A token that nobody else has."""
        return next(self._tokens)

    def add(self, token: str, receiver: Receiver) -> str:
        """What comes for ``token`` goes to ``receiver`` from now on. Returns the subject."""
        self.receivers[token] = receiver
        return f"{self.base}.{token}"

    def _on_message(self, message: Message) -> None:
        subject = message.subject
        receiver = self.receivers.get(subject[self._start : self._stop])
        if receiver is not None:
            receiver(subject[self._stop :], message)


def _count() -> Iterator[str]:
    """Unique tokens of base-62 characters: a random start, then counted."""
    pairs = [a + b for a in _ALPHABET for b in _ALPHABET]
    while True:
        prefix = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH - 4))
        for high in pairs:
            base = prefix + high
            for low in pairs:
                yield base + low
