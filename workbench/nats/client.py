"""What this room changes about nats-py's client, and the message that everybody else sees."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from workbench.nats.commands import parse_headers
from workbench.nats.parser import QuickParser

if TYPE_CHECKING:
    from workbench.nats.connection import Connection

__all__ = ["Message", "Subscription", "TolerantClient", "status_of"]

log = logging.getLogger(__name__)


# Not frozen: setting the fields of a frozen one costs more than the rest of a delivery.
@dataclass(slots=True, eq=False)
class Message:
    """A message as it arrived; shared by its readers, who don't change it.

    ``status`` is the number of a status line (503, 404, 408, 100).
    """

    subject: str
    data: bytes
    reply: str = ""
    headers: Mapping[str, str] | None = None
    status: int | None = None
    connection: Connection | None = None

    async def respond(self, data: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Publish to the reply subject, with these headers only (nats-py would echo its own)."""
        if self.reply and self.connection is not None:
            await self.connection.publish(self.reply, data, headers=headers)


class TolerantClient(Client):
    """nats-py's client, whose read loop ends silently when a subject or header is not UTF-8.

    ``direct`` holds plain callbacks by subscription id: they get their messages from the read
    loop itself, without the queue and the task that nats-py puts between.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ps = QuickParser(self)
        self.direct: dict[int, Callable[[Message], None]] = {}
        self.connection: Connection | None = None

    async def _process_msg(self, sid, subject, reply, data, headers):  # type: ignore[override]
        callback = self.direct.get(sid)
        if callback is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        parsed = None
        if headers:
            parsed = parse_headers(bytes(headers)) or await self._process_headers(headers)
        self.count(1, len(data))
        self.call(callback, bytes(subject), bytes(reply or b""), bytes(data), parsed)

    def count(self, messages: int, size: int) -> None:
        """Messages that went past nats-py's own counting."""
        self.stats["in_msgs"] += messages
        self.stats["in_bytes"] += size

    def call(
        self,
        callback: Callable[[Message], None],
        subject: bytes,
        reply: bytes,
        data: bytes,
        headers: Mapping[str, str] | None,
    ) -> None:
        """Hand a message to a plain callback."""
        message = Message(
            subject.decode("utf-8", "replace"),
            data,
            reply.decode("utf-8", "replace") if reply else "",
            headers,
            status_of(headers) if headers else None,
            self.connection,
        )
        try:
            callback(message)
        except Exception:
            log.exception("a subscriber of %s failed on a message", message.subject)

    def _build_message(self, sid, subject, reply, data, headers):  # type: ignore[override]
        return Msg(
            subject=bytes(subject).decode("utf-8", "replace"),
            reply=bytes(reply).decode("utf-8", "replace"),
            data=bytes(data),
            headers=headers,
            _client=self,
            _sid=sid,
        )

    async def _process_headers(self, headers):  # type: ignore[override]
        try:
            return await super()._process_headers(headers)
        except Exception:
            log.warning("a message arrived with headers that do not parse: %r", headers[:80])
            return {}


class Subscription:
    """A running subscription; ``unsubscribe()`` ends it, `Connection.drain` without loss."""

    def __init__(self, raw: NatsSubscription, client: TolerantClient) -> None:
        self._raw = raw
        self._client = client

    @property
    def sid(self) -> int:
        """The number that the server knows it by."""
        return self._raw._id

    @property
    def subject(self) -> str:
        return self._raw.subject

    async def announce_end(self) -> None:
        """Tell the server to send no more, and go on delivering; `Connection.drain` uses it."""
        if self.sid in self._client._subs:
            await self._client._send_unsubscribe(self.sid)

    async def delivered(self) -> None:
        """Until what has arrived was given to the callback."""
        queue = self._raw._pending_queue
        if queue is not None and self.sid not in self._client.direct:
            await queue.join()

    async def unsubscribe(self) -> None:
        """Stop; harmless when the connection is gone already."""
        self._client.direct.pop(self.sid, None)
        try:
            await self._raw.unsubscribe()
        except (nats.errors.Error, OSError) as error:
            log.debug("unsubscribe %s: %s", self._raw.subject, error)


def status_of(headers: Mapping[str, str]) -> int | None:
    """The number of a status line, which nats-py shows as a header."""
    text = headers.get("Status", "")
    return int(text) if text.isascii() and text.isdigit() else None
